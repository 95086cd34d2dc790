//! The symlink-tree builder that also reads the executable bit, through the host's extension.

use builder_symlink_tree::{build, source};
use std::process::ExitCode;

fn main() -> ExitCode {
    wasibuild_guest::run("symlink-tree", |attributes| {
        build(
            attributes,
            source::Modes::Known(wasibuild_guest::mode::is_executable),
        )
    })
}
