//! The `wasibuild` program. Everything is in the library, so that it can be tested and documented.

fn main() -> std::process::ExitCode {
    wasibuild::commands::main()
}
