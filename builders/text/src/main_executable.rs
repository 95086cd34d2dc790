//! The module `text-executable`: imports the host's extensions for the executable bit and for
//! programs.

fn main() -> std::process::ExitCode {
    builder_text::main(
        "text-executable",
        wasibuild_guest::mode::extension(),
        Some(wasibuild_guest::host::run),
    )
}
