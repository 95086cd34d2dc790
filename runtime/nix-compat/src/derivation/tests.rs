//! ATerm: round trips of generated derivations, and what is refused.

use super::*;
use proptest::prelude::*;

fn any_path(suffix: &'static str) -> impl Strategy<Value = StorePath> {
    (any::<[u8; 20]>(), "[a-z][a-z0-9.-]{0,8}").prop_map(move |(digest, name)| {
        StorePath::from_digest(&digest, &format!("{name}{suffix}")).unwrap()
    })
}

fn any_bytes() -> impl Strategy<Value = BString> {
    prop::collection::vec(
        prop_oneof![any::<u8>(), prop::sample::select(b"\"\\\n\r\tnrt".to_vec())],
        0..12,
    )
    .prop_map(BString::from)
}

fn any_output() -> impl Strategy<Value = Output> {
    let method = prop::sample::select(vec![CaMethod::Flat, CaMethod::Recursive, CaMethod::Text]);
    let algo = prop::sample::select(HashAlgo::ALL.to_vec());
    prop_oneof![
        any_path("").prop_map(|path| Output::InputAddressed { path }),
        Just(Output::Deferred),
        (method.clone(), algo.clone()).prop_map(|(method, algo)| Output::Floating { method, algo }),
        (method.clone(), algo).prop_map(|(method, algo)| Output::Impure { method, algo }),
        (any_path(""), method, any::<[u8; 32]>()).prop_map(|(path, method, digest)| {
            Output::Fixed {
                path,
                ca: ContentAddress {
                    method,
                    hash: crate::hash::NixHash::sha256(digest),
                },
            }
        }),
    ]
}

/// Any derivation whose form is right; its paths are not.
pub(super) fn any_derivation() -> impl Strategy<Value = Derivation> {
    let names = || prop::collection::btree_set("[a-z]{1,4}", 0..3);
    (
        prop::collection::btree_map("[a-z]{1,5}", any_output(), 0..4),
        prop::collection::btree_map(any_path(".drv"), names(), 0..4),
        prop::collection::btree_set(any_path(""), 0..4),
        "[a-z0-9_-]{0,12}",
        any_bytes(),
        prop::collection::vec(any_bytes(), 0..4),
        prop::collection::btree_map(any_bytes(), any_bytes(), 0..6),
    )
        .prop_map(
            |(outputs, inputs, sources, system, builder, arguments, environment)| Derivation {
                outputs,
                input_derivations: inputs,
                input_sources: sources,
                system: system.into(),
                builder,
                arguments,
                environment,
            },
        )
}

proptest! {
    #[test]
    fn written_derivations_are_read_back(derivation in any_derivation()) {
        let bytes = derivation.to_aterm_bytes();
        prop_assert_eq!(Derivation::from_aterm_bytes(&bytes), Ok(derivation));
    }

    #[test]
    fn a_changed_byte_is_refused_or_kept(
        derivation in any_derivation(), place: prop::sample::Index, byte: u8,
    ) {
        let mut bytes = derivation.to_aterm_bytes();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Ok(read) = Derivation::from_aterm_bytes(&bytes) {
            prop_assert_eq!(read.to_aterm_bytes(), bytes);
        }
    }

    #[test]
    fn every_prefix_is_refused(derivation in any_derivation(), end: prop::sample::Index) {
        let bytes = derivation.to_aterm_bytes();
        prop_assert!(Derivation::from_aterm_bytes(&bytes[..end.index(bytes.len())]).is_err());
    }
}

const EMPTY: &str = r#"Derive([],[],[],"x","b",[],[])"#;

#[test]
fn refuses_what_nix_would_not_write() {
    assert!(Derivation::from_aterm_bytes(EMPTY.as_bytes()).is_ok());
    for (text, expected) in [
        (r#"Derive([],[],[],"x","b",[],[]) "#, "bytes follow the end"),
        (
            r#"Derive([],[],[],"x","b",[],[("b",""),("a","")])"#,
            "not in the form",
        ),
        (
            r#"Derive([],[],[],"x","b",[],[("a",""),("a","")])"#,
            "not in the form",
        ),
        (r#"Derive([],[],[],"x","\b",[],[])"#, "not in the form"),
        ("Derive([],[],[],\"x\",\"\n\",[],[])", "not in the form"),
        (r#"Derive([],[],[],"x\n","b",[],[])"#, "not in the form"),
        (r#"Derive([],[],[],"x","b",[,],[])"#, "expected `\"`"),
        (r#"Derive([],[],[],"x","b",["a",],[])"#, "expected `\"`"),
        (r#"Derive([],[],[],"x","b",["a" "b"],[])"#, "expected `]`"),
        (
            r#"Derive([],[],["/nix/store/x"],"x","b",[],[])"#,
            "wrong path at byte 14",
        ),
        (
            r#"Derive([("out","","","00")],[],[],"x","b",[],[])"#,
            "without an algorithm",
        ),
        (
            r#"Derive([("out","","sha3","00")],[],[],"x","b",[],[])"#,
            "no path",
        ),
        (
            r#"Derive([("o/t","","","")],[],[],"x","b",[],[])"#,
            "wrong name",
        ),
        (r#"DrvWithVersion("xp-dyn-drv",[])"#, "experimental version"),
        (r#"Derive([],[],[],"x","b"#, "does not end"),
        ("", "expected `Derive(`"),
    ] {
        let error = Derivation::from_aterm_bytes(text.as_bytes())
            .expect_err(text)
            .to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}
