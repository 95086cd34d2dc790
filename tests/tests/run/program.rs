//! The program under test: the same `main` as `wasibuild`, built together with the tests, so that
//! they never run a stale one.

fn main() -> std::process::ExitCode {
    wasibuild::commands::main()
}
