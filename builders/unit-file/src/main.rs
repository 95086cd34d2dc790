//! The unit-file builder. It needs nothing but WASI: units are never executable.

use std::process::ExitCode;

fn main() -> ExitCode {
    wasibuild_guest::run("unit-file", builder_unit_file::build)
}
