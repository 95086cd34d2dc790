//! The module `substitute`: imports only WASI.

fn main() -> std::process::ExitCode {
    builder_substitute::main("substitute", wasibuild_guest::mode::plain())
}
