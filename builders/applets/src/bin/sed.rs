//! The module `sed`: see `builder_applets::sed`.

fn main() {
    builder_applets::sed()
}
