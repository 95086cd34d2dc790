//! The module `patch`: see `builder_applets::patch`.

fn main() {
    builder_applets::patch()
}
