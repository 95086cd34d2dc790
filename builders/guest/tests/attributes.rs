//! Attributes as Nix hands them over, from both sources: types, what is left alone, what is refused.

use bstr::BString;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use wasibuild_guest::{Attributes, Error, Result};

fn variables<const N: usize>(pairs: [(&str, &[u8]); N]) -> BTreeMap<BString, BString> {
    let all = [("out", b"/nix/store/x-out".as_slice()), ("name", b"x")];
    (all.into_iter().chain(pairs))
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

fn plain<const N: usize>(pairs: [(&str, &[u8]); N]) -> Attributes {
    Attributes::from_environment(variables(pairs)).unwrap()
}

fn from_text(text: &[u8]) -> Result<Attributes> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(".attrs.json");
    std::fs::write(&file, text).unwrap();
    let place = file.to_str().unwrap().as_bytes();
    let environment = [("NIX_ATTRS_JSON_FILE".into(), place.into())];
    Attributes::from_environment(environment.into())
}

fn structured(mut value: Value) -> Attributes {
    value["outputs"] = json!({"out": "/nix/store/x-out"});
    from_text(value.to_string().as_bytes()).unwrap()
}

fn message<T: std::fmt::Debug>(result: Result<T>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn both_sources_give_the_same_values() {
    let json = structured(json!({
        "name": "x", "text": "é", "yes": true, "no": false, "nothing": null, "words": ["a", "b"],
        "shape": {"a": [1]},
    }));
    let environment = plain([
        ("text", "é".as_bytes()),
        ("yes", b"1"),
        ("no", b""),
        ("words", b" a\n b "),
        ("shape", br#"{"a": [1]}"#),
    ]);
    for mut attributes in [json, environment] {
        assert_eq!(attributes.derivation_name(), "x");
        assert_eq!(
            attributes.output("out").unwrap(),
            Path::new("/nix/store/x-out")
        );
        assert_eq!(attributes.utf8("text").unwrap().as_deref(), Some("é"));
        assert!(attributes.boolean("yes").unwrap());
        assert!(!attributes.boolean("no").unwrap());
        assert!(!attributes.has("nothing"));
        assert_eq!(attributes.string("nothing").unwrap(), None);
        assert_eq!(attributes.strings("words").unwrap(), ["a", "b"]);
        assert_eq!(attributes.value("shape").unwrap(), Some(json!({"a": [1]})));
        assert!(!attributes.boolean("absent").unwrap());
        assert_eq!(
            attributes.strings("absent").unwrap(),
            <[BString; 0]>::default()
        );
        attributes.finish().unwrap();
    }
}

#[test]
fn environment_values_are_bytes() {
    let mut attributes = plain([("text", b"\xffx\n")]);
    let text = attributes.required_string("text").unwrap();
    assert_eq!(text, b"\xffx\n".as_slice());
    let mut attributes = plain([("text", b"\xff")]);
    assert_eq!(
        message(attributes.utf8("text")),
        "attribute `text`: is not UTF-8"
    );
}

#[test]
fn what_was_not_taken_is_refused_by_name() {
    let mut attributes = structured(json!({"name": "x", "txet": "", "b": null, "text": ""}));
    attributes.string("text").unwrap();
    assert_eq!(
        message(attributes.finish()),
        "unknown attributes `b`, `txet`; this builder knows `text`"
    );
    let attributes = plain([("extra", b"")]);
    assert_eq!(
        message(attributes.finish()),
        "unknown attribute `extra`; this builder knows none"
    );
    let attributes = plain([("extra", b""), ("other", b"")]);
    let allowed = ["extra".to_owned(), "other".to_owned()].into();
    attributes.finish_but(&allowed).unwrap();
}

#[test]
fn what_speaks_to_nix_is_left_alone() {
    let attributes = structured(json!({
        "name": "x", "system": "wasm32-wasi", "builder": "/b", "__structuredAttrs": true,
        "allowedReferences": [], "outputChecks": {"out": {}}, "preferLocalBuild": true,
        "exportReferencesGraph": {"closure": ["/nix/store/x"]},
        // What Nix adds because of it.
        "closure": [{"path": "/nix/store/x"}],
    }));
    attributes.finish().unwrap();
    let attributes = plain([
        ("system", b"wasm32-wasi"),
        ("PATH", b"/path-not-set"),
        ("HOME", b"/homeless-shelter"),
        ("NIX_BUILD_TOP", b"/build"),
        ("TMPDIR", b"/build"),
        ("outputHashMode", b"flat"),
    ]);
    attributes.finish().unwrap();
}

#[test]
fn wrong_types_are_named_with_what_was_found() {
    for (value, expected) in [
        (
            json!(3),
            "attribute `a`: expected a string, found the number 3",
        ),
        (json!([]), "attribute `a`: expected a string, found a list"),
        (json!(true), "attribute `a`: expected a string, found true"),
        (
            json!({}),
            "attribute `a`: expected a string, found an attribute set",
        ),
    ] {
        assert_eq!(
            message(structured(json!({"a": value})).string("a")),
            expected
        );
    }
    let long = "ä".repeat(41);
    let cut = format!("found the string {:?}…", "ä".repeat(40));
    assert!(message(structured(json!({"a": long})).boolean("a")).ends_with(&cut));
    assert_eq!(
        message(structured(json!({"a": ["x", 1]})).strings("a")),
        "attribute `a[1]`: expected a string, found the number 1"
    );
    assert_eq!(
        message(plain([("a", b"true")]).boolean("a")),
        "attribute `a`: expected true (`1`) or false (empty), found the string \"true\""
    );
    let text = message(plain([("a", b"{")]).value("a"));
    assert!(
        text.starts_with("attribute `a`: expected JSON text, found "),
        "{text}"
    );
    let parsed = structured(json!({"a": 1})).parsed::<Vec<String>>("a", "a list of names");
    let text = message(parsed);
    assert!(
        text.starts_with("attribute `a`: expected a list of names, found "),
        "{text}"
    );
}

#[test]
fn pass_as_file_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("text");
    std::fs::write(&file, b"from \xff the file").unwrap();
    let place = file.to_str().unwrap().as_bytes();
    let mut attributes = plain([("passAsFile", b"text"), ("textPath", place)]);
    assert_eq!(
        attributes.required_string("text").unwrap(),
        b"from \xff the file".as_slice()
    );
    attributes.finish().unwrap();

    let missing = Attributes::from_environment(variables([("passAsFile", b"text")]));
    assert_eq!(
        message(missing),
        "attribute `textPath` is missing; expected the file that Nix makes for `passAsFile`"
    );
    let unread = variables([("passAsFile", b"text"), ("textPath", b"/does/not/exist")]);
    let text = message(Attributes::from_environment(unread));
    assert!(text.starts_with("/does/not/exist: cannot read: "), "{text}");
}

#[test]
fn outputs_are_those_of_the_derivation() {
    let one = plain([]);
    assert_eq!(
        one.only_output().unwrap(),
        PathBuf::from("/nix/store/x-out")
    );
    let two = plain([("outputs", b"out dev"), ("dev", b"/nix/store/x-dev")]);
    assert_eq!(two.outputs().len(), 2);
    assert_eq!(
        message(two.only_output()),
        "attribute `outputs`: this builder writes `out` alone; remove `dev`"
    );
    assert_eq!(
        message(two.output("man")),
        "the derivation has no output `man`; it has `dev`, `out`"
    );
    let unset = Attributes::from_environment(variables([("outputs", b"out dev")]));
    assert!(matches!(unset, Err(Error::Missing { name, .. }) if name == "dev"));
}

#[test]
fn a_file_of_attributes_that_nix_did_not_write_is_refused() {
    for (text, expected) in [
        (b"{}".as_slice(), "`outputs` is missing"),
        (b"[]", "invalid type"),
        (b"{\"outputs\": 1}", "`outputs`: invalid type"),
        (b"{\"outputs\": {}", "EOF"),
        (b"{\"a\": \"\xff\"}", "it is not UTF-8 (byte 7)"),
    ] {
        let text = message(from_text(text));
        assert!(
            text.contains(".attrs.json: not a JSON object of attributes: "),
            "{text}"
        );
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn variables_are_spelled_as_nix_spells_them() {
    let attributes = structured(json!({
        "name": "x", "yes": true, "no": false, "nothing": null, "number": -3, "list": ["a", 1, true],
        "set": {}, "sets": [{}],
    }));
    let found = attributes.as_variables();
    let expected = [
        ("list", "a 1 1"),
        ("name", "x"),
        ("no", ""),
        ("nothing", ""),
        ("number", "-3"),
        ("out", "/nix/store/x-out"),
        ("outputs", "out"),
        ("yes", "1"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), BString::from(value)));
    assert_eq!(found, BTreeMap::from(expected));
}
