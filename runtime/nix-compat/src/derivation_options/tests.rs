//! Options from both kinds of attributes, what is refused, and the checks of outputs.

use super::*;
use crate::derivation::{Derivation, Output};

fn path(digest: u8) -> StorePath {
    StorePath::from_digest(&[digest; 20], "x").unwrap()
}

fn derivation(environment: &[(&str, &str)]) -> Derivation {
    let output = |digest| Output::InputAddressed { path: path(digest) };
    Derivation {
        outputs: BTreeMap::from([("dev".into(), output(1)), ("out".into(), output(2))]),
        input_derivations: BTreeMap::new(),
        input_sources: BTreeSet::new(),
        system: "wasm32-wasip1".into(),
        builder: "/b".into(),
        arguments: Vec::new(),
        environment: environment
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect(),
    }
}

fn options(environment: &[(&str, &str)]) -> Result<DerivationOptions, OptionsError> {
    DerivationOptions::of(&derivation(environment))
}

#[test]
fn from_the_environment() {
    let dependency = path(3).to_absolute_path();
    let graph = format!("a {dependency}  _b.c-1\n{dependency}/sub");
    let read = options(&[
        ("allowedReferences", &format!("{dependency}\tout")),
        ("disallowedRequisites", ""),
        ("exportReferencesGraph", &graph),
        ("passAsFile", " one two "),
        ("requiredSystemFeatures", "kvm big-parallel"),
        ("preferLocalBuild", "1"),
        ("allowSubstitutes", ""),
        ("__noChroot", "true"),
    ])
    .unwrap();
    let checks = &read.output_checks["dev"];
    assert_eq!(
        checks.allowed_references,
        Some(BTreeSet::from([
            Reference::Path(path(3)),
            Reference::Output("out".into())
        ]))
    );
    assert!(checks.ignore_self_refs && checks.allowed_requisites.is_none());
    assert_eq!(read.output_checks.len(), 2);
    let paths = BTreeSet::from([path(3)]);
    assert_eq!(
        read.export_references_graph,
        BTreeMap::from([("_b.c-1".into(), paths.clone()), ("a".into(), paths)])
    );
    assert_eq!(
        read.pass_as_file,
        BTreeSet::from(["one".into(), "two".into()])
    );
    assert_eq!(read.required_system_features.len(), 2);
    assert!(read.prefer_local_build && !read.allow_substitutes && !read.no_chroot);
}

#[test]
fn from_structured_attributes() {
    let dependency = path(3).to_absolute_path();
    let json = format!(
        r#"{{"outputChecks":{{"out":{{"maxSize":10,"maxClosureSize":20,"disallowedReferences":["dev"]}}}},
        "unsafeDiscardReferences":{{"out":true,"dev":false}},"exportReferencesGraph":{{"g":["{dependency}",["{dependency}"]],"h":"{dependency}"}},
        "passAsFile":["x"],"allowedReferences":[],"preferLocalBuild":true,"requiredSystemFeatures":["kvm"]}}"#
    );
    let read = options(&[
        ("__json", &json),
        ("preferLocalBuild", ""),
        ("passAsFile", "y"),
    ])
    .unwrap();
    let checks = &read.output_checks["out"];
    assert_eq!(
        (checks.max_size, checks.max_closure_size),
        (Some(10), Some(20))
    );
    assert_eq!(
        checks.disallowed_references,
        BTreeSet::from([Reference::Output("dev".into())])
    );
    assert!(!checks.ignore_self_refs && !read.output_checks.contains_key("dev"));
    assert_eq!(
        read.unsafe_discard_references,
        BTreeSet::from(["out".into()])
    );
    assert_eq!(read.export_references_graph.len(), 2);
    assert!(read.pass_as_file.is_empty() && read.prefer_local_build && read.allow_substitutes);
    assert_eq!(
        read.ignored_attributes,
        BTreeSet::from(["allowedReferences", "passAsFile"])
    );
}

#[test]
fn refuses_wrong_attributes() {
    for (name, value, expected) in [
        (
            "allowedReferences",
            "lib",
            "neither a store path nor the name of an output",
        ),
        ("exportReferencesGraph", "a", "1 words"),
        ("exportReferencesGraph", "a /x", "wrong path"),
        ("exportReferencesGraph", "a/b /x", "wrong file name “a/b”"),
        ("__json", "[]", "not a JSON object"),
        (
            "__json",
            r#"{"preferLocalBuild":"1"}"#,
            "must be true or false",
        ),
        (
            "__json",
            r#"{"requiredSystemFeatures":"kvm"}"#,
            "must be a list of strings",
        ),
        (
            "__json",
            r#"{"outputChecks":{"out":{"maxSize":-1}}}"#,
            "outputChecks.out.maxSize",
        ),
        ("__json", r#"{"outputChecks":{"lib":{}}}"#, "does not have"),
        (
            "__json",
            r#"{"outputChecks":{"out":{"allowedReferences":[1]}}}"#,
            "list of strings",
        ),
        (
            "__json",
            r#"{"unsafeDiscardReferences":true}"#,
            "attribute set",
        ),
        (
            "__json",
            r#"{"exportReferencesGraph":{"g":[1]}}"#,
            "a store path or a list",
        ),
    ] {
        let error = options(&[(name, value)]).expect_err(value).to_string();
        assert!(error.contains(expected), "{value}: {error}");
    }
}

#[test]
fn outputs_are_checked() {
    let reference = |digest| Reference::Path(path(digest));
    let outputs = BTreeMap::from([("out".to_owned(), path(2))]);
    let references = BTreeSet::from([path(2), path(3)]);
    let closure = BTreeMap::from([(path(2), 100), (path(3), 50), (path(4), 50)]);
    let verdict = |checks: OutputChecks| {
        let facts = OutputFacts {
            path: &path(2),
            nar_size: 100,
            references: &references,
            closure: &closure,
            outputs: &outputs,
        };
        checks.check(facts).map_err(|error| error.to_string())
    };
    let none = OutputChecks::default();
    assert_eq!(verdict(none.clone()), Ok(()));
    let own = Reference::Output("out".to_owned());
    let refused = [
        (
            OutputChecks {
                max_size: Some(99),
                ..none.clone()
            },
            "maxSize allows 99",
        ),
        (
            OutputChecks {
                max_closure_size: Some(199),
                ..none.clone()
            },
            "200 bytes; maxClosureSize",
        ),
        (
            OutputChecks {
                allowed_references: Some(BTreeSet::from([reference(3)])),
                ignore_self_refs: true,
                ..none.clone()
            },
            "allowedReferences",
        ),
        (
            OutputChecks {
                allowed_requisites: Some(BTreeSet::from([reference(3), reference(4)])),
                ..none.clone()
            },
            "allowedRequisites",
        ),
        (
            OutputChecks {
                disallowed_references: BTreeSet::from([reference(3)]),
                ..none.clone()
            },
            "refers to /nix/store",
        ),
        (
            OutputChecks {
                disallowed_requisites: BTreeSet::from([reference(4)]),
                ..none.clone()
            },
            "disallowedRequisites",
        ),
        (
            OutputChecks {
                disallowed_requisites: BTreeSet::from([own.clone()]),
                ..none.clone()
            },
            "needs /nix/store",
        ),
    ];
    for (checks, expected) in refused {
        let error = verdict(checks).expect_err(expected);
        assert!(error.contains(expected), "{expected}: {error}");
    }
    let allowed = [
        OutputChecks {
            max_size: Some(100),
            max_closure_size: Some(200),
            ..none.clone()
        },
        OutputChecks {
            allowed_references: Some(BTreeSet::from([reference(3), own])),
            ..none.clone()
        },
        OutputChecks {
            allowed_requisites: Some(BTreeSet::from([reference(3), reference(4)])),
            ignore_self_refs: true,
            ..none.clone()
        },
        OutputChecks {
            disallowed_references: BTreeSet::from([reference(4)]),
            ..none
        },
    ];
    for checks in allowed {
        assert_eq!(verdict(checks), Ok(()));
    }
}

#[test]
fn registration_text() {
    let mut first = PathInfo::new(path(1), [0; 32], 1);
    first.references = BTreeSet::from([path(1), path(2)]);
    first.deriver = Some(path(9));
    let second = PathInfo::new(path(2), [0; 32], 1);
    let (one, two) = (path(1).to_absolute_path(), path(2).to_absolute_path());
    assert_eq!(
        registration([&second, &first]),
        format!("{one}\n\n2\n{one}\n{two}\n{two}\n\n0\n")
    );
}
