//! The `wasibuild` program.

fn main() {}
