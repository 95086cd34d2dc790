//! The symlink-tree builder.

fn main() {}
