//! Names that Nix takes and refuses, and the order of paths.

use super::*;
use proptest::prelude::*;

const DIGEST: &str = "00bgd045z0d4icpbc2yyz4gx48ak44la";

fn path(name: &str) -> Result<StorePath, StorePathError> {
    StorePath::from_basename(format!("{DIGEST}-{name}").as_bytes())
}

#[test]
fn accepts_and_refuses_names_as_nix_does() {
    for good in ["a", ".a", ".gitignore", "..a", "...", "a?b=c+d_e.f-g", "-"] {
        assert!(path(good).is_ok(), "{good} was refused");
    }
    assert!(path(&"x".repeat(211)).is_ok());
    for bad in [
        "", ".", "..", ".-a", "..-a", "a/b", "a b", "ü", "a\0", "a\n",
    ] {
        assert!(path(bad).is_err(), "{bad:?} was accepted");
    }
    assert!(matches!(
        path(&"x".repeat(212)),
        Err(StorePathError::BadName {
            problem: NameProblem::TooLong(212),
            ..
        })
    ));
}

#[test]
fn refuses_other_texts() {
    for bad in [
        &b""[..],
        b"00bgd045z0d4icpbc2yyz4gx48ak44la",
        b"00bgd045z0d4icpbc2yyz4gx48ak44laxname",
        b"e0bgd045z0d4icpbc2yyz4gx48ak44la-name",
        b"\xff0bgd045z0d4icpbc2yyz4gx48ak44la-name",
    ] {
        assert!(
            StorePath::from_basename(bad).is_err(),
            "{bad:?} was accepted"
        );
    }
    for bad in ["/nix/store", "/nix/store/", "/tmp/x", "nix/store/x"] {
        assert!(StorePath::from_absolute_path(bad.as_bytes()).is_err());
    }
    let inside = format!("/nix/store/{DIGEST}-n/bin/sh");
    assert!(matches!(
        StorePath::from_absolute_path(inside.as_bytes()),
        Err(StorePathError::InsideObject(_))
    ));
    let (object, rest) = StorePath::split_absolute_path(inside.as_bytes()).unwrap();
    assert_eq!((object.name(), rest), ("n", &b"/bin/sh"[..]));
}

#[test]
fn parts_and_order() {
    let parsed = path("hello-1.0.drv").unwrap();
    assert_eq!(parsed.hash_part(), DIGEST);
    assert_eq!(parsed.derivation_name(), Some("hello-1.0"));
    assert_eq!(
        StorePath::from_digest(&parsed.digest(), parsed.name()),
        Ok(parsed)
    );
    // The text decides: “1…” is after “0z…”, whatever the bytes are.
    let low = StorePath::from_basename(format!("0{}-a", "z".repeat(31)).as_bytes()).unwrap();
    let high = StorePath::from_basename(format!("1{}-a", "0".repeat(31)).as_bytes()).unwrap();
    assert!(low < high && low.digest() > high.digest());
}

proptest! {
    #[test]
    fn digest_and_name_round_trip(digest: [u8; 20], name in "[a-zA-Z0-9+_?=][a-zA-Z0-9+._?=-]{0,210}") {
        let path = StorePath::from_digest(&digest, &name).unwrap();
        prop_assert_eq!(path.digest(), digest);
        prop_assert_eq!(path.name(), name);
        prop_assert_eq!(StorePath::from_absolute_path(path.to_absolute_path().as_bytes()), Ok(path));
    }

    #[test]
    fn any_bytes_are_answered(bytes: Vec<u8>) {
        if let Ok(path) = StorePath::from_basename(&bytes) {
            prop_assert_eq!(path.basename().as_bytes(), &bytes[..]);
        }
    }
}
