//! The shell as a program; all of it is in the library.

fn main() {
    builder_shell::main()
}
