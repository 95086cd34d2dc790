//! The etc-tree builder.

fn main() {}
