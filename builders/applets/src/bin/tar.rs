//! The module `tar`: see `builder_applets::tar`.

fn main() {
    builder_applets::tar()
}
