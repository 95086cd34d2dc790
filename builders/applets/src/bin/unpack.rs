//! The module `unpack`: see `builder_applets::unpack`.

fn main() {
    builder_applets::unpack()
}
