//! The module `gawk`: see `builder_applets::gawk`.

fn main() {
    builder_applets::gawk()
}
