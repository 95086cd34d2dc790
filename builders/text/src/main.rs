//! The module `text`: imports only WASI.

fn main() -> std::process::ExitCode {
    builder_text::main("text", wasibuild_guest::mode::plain(), None)
}
