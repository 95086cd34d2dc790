//! The module `etc-tree`: imports only WASI. It writes no executable files.

fn main() -> std::process::ExitCode {
    builder_etc_tree::main("etc-tree")
}
