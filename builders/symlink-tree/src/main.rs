//! The symlink-tree builder for every host of WASI preview 1.
//!
//! It cannot see whether a file is executable, and refuses the one case that depends on it: two
//! colliding files of `buildEnv` with the same contents.

use builder_symlink_tree::{build, source};
use std::process::ExitCode;

fn main() -> ExitCode {
    wasibuild_guest::run("symlink-tree", |attributes| {
        build(attributes, source::Modes::Unknown)
    })
}
