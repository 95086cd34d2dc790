//! Descriptions as Nix writes them, and as it should not.

use super::*;

const DESCRIPTION: &str = r#"{
  "args": ["-a", "b"], "builder": "/nix/store/00bgd045z0d4icpbc2yyz4gx48ak44la-b.wasm",
  "env": {"name": "x", "out": "/nix/store/10bgd045z0d4icpbc2yyz4gx48ak44la-x"},
  "inputPaths": ["/nix/store/00bgd045z0d4icpbc2yyz4gx48ak44la-b.wasm"],
  "outputs": {"out": "/nix/store/10bgd045z0d4icpbc2yyz4gx48ak44la-x"},
  "realStoreDir": "/r/nix/store", "storeDir": "/nix/store", "system": "wasm32-wasi",
  "tmpDir": "/tmp/t/build", "tmpDirInSandbox": "/build", "topTmpDir": "/tmp/t", "version": 1,
  "later": null
}"#;

#[test]
fn a_description_is_read() {
    let description = Description::parse(DESCRIPTION.as_bytes()).expect("a description");
    assert_eq!(description.name(), "x");
    assert_eq!(description.arguments, ["-a", "b"]);
    let inputs = description.inputs();
    let place = inputs.get("00bgd045z0d4icpbc2yyz4gx48ak44la-b.wasm");
    assert_eq!(
        place.expect("an input"),
        Path::new("/r/nix/store/00bgd045z0d4icpbc2yyz4gx48ak44la-b.wasm")
    );
}

#[test]
fn attributes_in_files_count_as_attributes() {
    let text = DESCRIPTION.replacen(
        r#""name": "x""#,
        r#""name": "x", "passAsFile": "buildCommand other", "buildCommandPath": "/build/.attr-1""#,
        1,
    );
    let description = Description::parse(text.as_bytes()).expect("a description");
    let files = BTreeMap::from([(".attr-1".into(), "touch $out".into())]);
    let environment = description.as_derivation(&files).environment;
    let command = environment.get(bstr::BStr::new("buildCommand"));
    assert_eq!(command, Some(&"touch $out".into()));
    assert_eq!(environment.get(bstr::BStr::new("other")), None);
}

#[test]
fn what_is_wrong_is_named() {
    for (from, to, expected) in [
        (r#""version": 1"#, r#""version": 2"#, "version 2; only 1"),
        (r#""version": 1"#, r#""versio": 1"#, "version null"),
        (
            r#""/build""#,
            r#""/tmp""#,
            "'tmpDirInSandbox': expected '/build'",
        ),
        (
            r#""storeDir": "/nix/store""#,
            r#""storeDir": "/gnu/store""#,
            "'storeDir'",
        ),
        (r#"["-a", "b"]"#, r#"["-a", 1]"#, "'args'"),
        (r#"["-a", "b"]"#, r#""-a""#, "'args': it is not a list"),
        (
            r#""tmpDir": "/tmp"#,
            r#""tmpDir": "tmp"#,
            "'tmpDir': it is not an absolute path",
        ),
        (
            r#"{"out": "/nix/store/10bgd045z0d4icpbc2yyz4gx48ak44la-x"},
  "real"#,
            r#"{},
  "real"#,
            "'outputs': there are none",
        ),
        (r#"["/nix/store/00"#, r#"["/etc/00"#, "'inputPaths'"),
        (r#""system": "wasm32-wasi","#, "", "'system': it is missing"),
        ("{", "", "not JSON"),
    ] {
        let text = DESCRIPTION.replacen(from, to, 1);
        assert_ne!(text, DESCRIPTION, "{from} is not there");
        let error = Description::parse(text.as_bytes())
            .expect_err(&text)
            .to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

proptest::proptest! {
    #[test]
    fn half_a_description_is_refused(cut in 0..DESCRIPTION.len()) {
        let half = DESCRIPTION.as_bytes().get(..cut).expect("a part");
        proptest::prop_assert!(Description::parse(half).is_err());
    }
}
