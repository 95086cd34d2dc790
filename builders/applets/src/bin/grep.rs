//! The module `grep`: see `builder_applets::grep`.

fn main() {
    builder_applets::grep()
}
