//! The module `findutils`: see `builder_applets::findutils`.

fn main() {
    builder_applets::findutils()
}
