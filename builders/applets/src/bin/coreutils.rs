//! The module `coreutils`: see `builder_applets::coreutils`.

fn main() {
    builder_applets::coreutils()
}
