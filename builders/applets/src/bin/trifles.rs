//! The module `trifles`: see `builder_applets::trifles`.

fn main() {
    builder_applets::trifles()
}
