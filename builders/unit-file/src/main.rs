//! The unit-file builder.

fn main() {}
