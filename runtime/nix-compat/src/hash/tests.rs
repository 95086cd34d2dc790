//! Notations of hashes: known values, round trips, and what must be refused.

use super::*;
use proptest::prelude::*;

#[test]
fn known_notations_of_the_empty_string() {
    let hash = NixHash::sha256(sha256(b""));
    assert_eq!(
        hash.to_hex(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert_eq!(
        hash.to_nix32(),
        "sha256:0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73"
    );
    assert_eq!(
        hash.to_sri(),
        "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    );
}

#[test]
fn refuses_wrong_texts() {
    let expected = Some(HashAlgo::Sha256);
    for text in [
        "",
        "sha256:",
        "sha3:00",
        "sha256-0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73",
        "sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85g",
    ] {
        assert!(
            NixHash::from_str(text, expected).is_err(),
            "{text} was accepted"
        );
    }
    assert!(matches!(
        NixHash::from_str("0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73", None),
        Err(HashError::MissingAlgorithm(_))
    ));
}

fn any_hash() -> impl Strategy<Value = NixHash> {
    prop::sample::select(HashAlgo::ALL.to_vec()).prop_flat_map(|algo| {
        prop::collection::vec(any::<u8>(), algo.digest_len())
            .prop_map(move |digest| NixHash { algo, digest })
    })
}

proptest! {
    #[test]
    fn every_notation_round_trips(hash in any_hash()) {
        let expected = Some(hash.algo());
        for text in [hash.to_nix32(), hash.to_sri(), hash.to_hex_prefixed()] {
            prop_assert_eq!(NixHash::from_str(&text, None), Ok(hash.clone()));
            prop_assert_eq!(NixHash::from_str(&text, expected), Ok(hash.clone()));
        }
        for text in [hash.digest_nix32(), hash.to_hex(), BASE64.encode(hash.digest())] {
            prop_assert_eq!(NixHash::from_str(&text, expected), Ok(hash.clone()));
        }
    }

    #[test]
    fn never_panics(text: String) {
        let _ = NixHash::from_str(&text, None);
        let _ = NixHash::from_str(&text, Some(HashAlgo::Md5));
    }
}
