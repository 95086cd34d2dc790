//! The module `substitute-executable`: imports the host's extension for the executable bit.

fn main() -> std::process::ExitCode {
    builder_substitute::main("substitute-executable", wasibuild_guest::mode::extension())
}
