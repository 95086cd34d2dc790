//! The module `text-executable`: imports the host's extension for the executable bit.

fn main() -> std::process::ExitCode {
    builder_text::main("text-executable", wasibuild_guest::mode::extension())
}
