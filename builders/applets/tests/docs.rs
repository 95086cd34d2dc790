//! docs/applets.md shows the tables that the applets read. `UPDATE=1` writes it anew.

#[test]
fn the_documentation_lists_every_option() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/applets.md");
    let text = std::fs::read_to_string(path).expect("docs/applets.md");
    let (start, end) = ("<!-- options -->\n", "<!-- end of options -->");
    let (head, rest) = text.split_once(start).expect("the table's start");
    let (_, tail) = rest.split_once(end).expect("the table's end");
    let wanted = format!("{head}{start}{}{end}{tail}", builder_applets::markdown());
    #[allow(clippy::disallowed_methods)] // A test, not a builder.
    let update = std::env::var_os("UPDATE").is_some();
    if update {
        std::fs::write(path, &wanted).expect("docs/applets.md is written");
        return;
    }
    assert!(
        text == wanted,
        "docs/applets.md is old: run this test with UPDATE=1"
    );
}
