//! Placeholders: how a derivation names its own outputs before their paths are known.
//!
//! Contract: `builtins.placeholder "out"` gives [`placeholder`], and Nix replaces it by the output's
//! path in arguments, environment values, `passAsFile` files, `.attrs.json` and `.attrs.sh` when it
//! builds. [`Rewriter`] does the same. The builder's own path and the variables' names are not touched.
//! Counterpart: `hashPlaceholder` and `inputRewrites` in Nix.

use crate::{hash::sha256, nixbase32, store_path::StorePath};
use bstr::{BString, ByteSlice, Finder};
use std::collections::BTreeMap;

/// What stands for the path of this derivation's output of that name: a slash and 52 digits.
pub fn placeholder(output_name: &str) -> String {
    let clear_text = format!("nix-output:{output_name}");
    format!("/{}", nixbase32::encode(&sha256(clear_text.as_bytes())))
}

/// Replaces placeholders by paths.
#[derive(Debug, Clone)]
pub struct Rewriter {
    rewrites: Vec<(Finder<'static>, String)>,
}

impl Rewriter {
    /// For the outputs of one derivation.
    pub fn new(outputs: &BTreeMap<String, StorePath>) -> Self {
        let rewrites = outputs
            .iter()
            .map(|(name, path)| {
                let finder = Finder::new(&placeholder(name)).into_owned();
                (finder, path.to_absolute_path())
            })
            .collect();
        Self { rewrites }
    }

    /// The text with every placeholder replaced.
    pub fn rewrite(&self, text: impl Into<Vec<u8>>) -> BString {
        let mut text = text.into();
        for (placeholder, path) in &self.rewrites {
            if placeholder.find(&text).is_some() {
                text = text.replace(placeholder.needle(), path);
            }
        }
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_become_paths() {
        // From `nix-instantiate --eval -E 'builtins.placeholder "out"'`.
        let out = "/1rz4g4znpzjwh1xymhjpm42vipw92pr73vdgl6xs1hycac8kf2n9";
        assert_eq!(placeholder("out"), out);
        let path = StorePath::from_digest(&[0; 20], "x").unwrap();
        let rewriter = Rewriter::new(&BTreeMap::from([("out".to_owned(), path.clone())]));
        let expected = format!("\u{1}{0}/bin:{0}", path.to_absolute_path());
        assert_eq!(
            rewriter.rewrite(format!("\u{1}{out}/bin:{out}").as_bytes()),
            expected
        );
    }
}
