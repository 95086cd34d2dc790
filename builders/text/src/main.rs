//! The text builder.

fn main() {}
