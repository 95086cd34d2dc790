//! The substitute builder.

fn main() {}
