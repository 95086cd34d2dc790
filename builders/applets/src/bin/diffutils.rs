//! The module `diffutils`: see `builder_applets::diffutils`.

fn main() {
    builder_applets::diffutils()
}
