//! The two files for a small derivation.

use super::*;
use crate::placeholder::placeholder;

#[test]
fn outputs_graphs_and_placeholders() {
    let path = |digest: u8, name| StorePath::from_digest(&[digest; 20], name).unwrap();
    let text = format!(
        r#"{{"z":"{}/bin","g":1,"exportReferencesGraph":{{"g":[]}}}}"#,
        placeholder("out")
    );
    let attributes = StructuredAttrs::parse(text.as_bytes()).unwrap();
    let outputs = BTreeMap::from([("out".to_owned(), path(1, "n"))]);
    let mut info = PathInfo::new(path(2, "dep"), [0; 32], 120);
    info.references.insert(path(2, "dep"));
    info.ca = "fixed:r:sha256:0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73"
        .parse()
        .ok();
    let graphs = BTreeMap::from([(
        BString::from("g"),
        vec![GraphNode {
            info,
            closure_size: 120,
        }],
    )]);
    let files = attributes.files(&outputs, &graphs);
    let (out, dep) = (
        path(1, "n").to_absolute_path(),
        path(2, "dep").to_absolute_path(),
    );
    let zeros = "0".repeat(52);
    assert_eq!(
        files.json,
        format!(
            r#"{{"exportReferencesGraph":{{"g":[]}},"g":[{{"ca":"fixed:r:sha256:0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73","closureSize":120,"narHash":"sha256:{zeros}","narSize":120,"path":"{dep}","references":["{dep}"],"valid":true}}],"outputs":{{"out":"{out}"}},"z":"{out}/bin"}}"#
        )
    );
    assert_eq!(
        files.shell,
        format!("declare -A outputs=(['out']='{out}' )\ndeclare z='{out}/bin'\n")
    );
}

#[test]
fn refuses_what_is_no_object() {
    for text in [&b""[..], b"1", b"[]", b"{", b"{\"a\":\"\xff\"}"] {
        assert!(
            StructuredAttrs::parse(text).is_err(),
            "{text:?} was accepted"
        );
    }
}
