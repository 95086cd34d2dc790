//! The module `jq`: see `builder_applets::jq`.

fn main() {
    builder_applets::jq()
}
