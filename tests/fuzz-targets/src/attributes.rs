//! Structured attributes: any value of `__json` is answered without a panic, and the JSON that comes
//! out, taken for `__json`, comes out the same.

use std::collections::{BTreeMap, BTreeSet};
use wasibuild_nix_compat::{
    derivation::Derivation, derivation_options::DerivationOptions,
    structured_attrs::StructuredAttrs,
};

/// Runs one input.
pub fn run(bytes: &[u8]) {
    let derivation = Derivation {
        outputs: BTreeMap::new(),
        input_derivations: BTreeMap::new(),
        input_sources: BTreeSet::new(),
        system: "x".into(),
        builder: "b".into(),
        arguments: Vec::new(),
        environment: BTreeMap::from([("__json".into(), bytes.into())]),
    };
    let _ = DerivationOptions::of(&derivation);
    let Ok(attributes) = StructuredAttrs::parse(bytes) else {
        return;
    };
    let files = attributes.files(&BTreeMap::new(), &BTreeMap::new());
    let again = StructuredAttrs::parse(&files.json).expect("what was written can be read");
    assert_eq!(again.files(&BTreeMap::new(), &BTreeMap::new()), files);
}
