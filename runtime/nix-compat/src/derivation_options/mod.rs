//! The attributes by which a derivation tells Nix how to build and check it.
//!
//! Contract: [`DerivationOptions::of`] reads them from the environment or, when there are structured
//! attributes, from those alone, with Nix's rules for each. Nothing is looked up: references are
//! parsed paths and names. Counterpart: `src/libstore/derivation-options.cc`.

mod checks;
mod read;

pub use checks::{OutputCheckError, OutputChecks, OutputFacts, Reference};

use crate::{
    hash::sha256,
    nixbase32,
    path_info::PathInfo,
    store_path::{StorePath, StorePathError},
    structured_attrs::StructuredAttrsError,
};
use bstr::BString;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// Why the attributes cannot be used.
#[derive(Debug, Error)]
pub enum OptionsError {
    /// The structured attributes are not readable.
    #[error(transparent)]
    Structured(#[from] StructuredAttrsError),
    /// An attribute has another type than it must.
    #[error("attribute {attribute} of the derivation must be {expected}")]
    Type {
        /// The attribute, with its place.
        attribute: String,
        /// What it must be.
        expected: &'static str,
    },
    /// `exportReferencesGraph` is not pairs.
    #[error(
        "attribute exportReferencesGraph of the derivation must be pairs of a file name and a store path, but has {0} words"
    )]
    OddGraph(usize),
    /// A file name in `exportReferencesGraph` is not allowed.
    #[error(
        "attribute exportReferencesGraph of the derivation has the wrong file name “{0}”; expected a letter or _, then letters, digits, _ . -"
    )]
    GraphFileName(BString),
    /// A path in `exportReferencesGraph` is none.
    #[error("attribute exportReferencesGraph of the derivation has a wrong path")]
    GraphPath(#[source] StorePathError),
    /// A reference in one of the checks is neither a store path nor an output.
    #[error(
        "attribute {attribute} of the derivation has “{found}”, which is neither a store path nor the name of an output"
    )]
    Reference {
        /// The attribute.
        attribute: String,
        /// The word.
        found: BString,
    },
    /// An output is named that the derivation has not.
    #[error(
        "attribute {attribute} of the derivation names output “{output}”, which the derivation does not have"
    )]
    UnknownOutput {
        /// The attribute.
        attribute: &'static str,
        /// The name.
        output: String,
    },
}

/// What a derivation asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DerivationOptions {
    /// What each output must satisfy; an output that is not here, nothing.
    pub output_checks: BTreeMap<String, OutputChecks>,
    /// Outputs whose references are not to be scanned for.
    pub unsafe_discard_references: BTreeSet<String>,
    /// Environment variables to pass as a file (see [`pass_as_file_name`]).
    pub pass_as_file: BTreeSet<BString>,
    /// File or attribute name → the paths whose closure it shall describe. Without structured
    /// attributes the file has the form of [`registration`]; with them, see
    /// [`crate::structured_attrs::StructuredAttrs::files`].
    pub export_references_graph: BTreeMap<BString, BTreeSet<StorePath>>,
    /// Features that the builder's machine must have, such as `kvm`.
    pub required_system_features: BTreeSet<BString>,
    /// Whether to build rather than delegate (`preferLocalBuild`).
    pub prefer_local_build: bool,
    /// Whether the outputs may be substituted (`allowSubstitutes`, by default true).
    pub allow_substitutes: bool,
    /// Whether the derivation wants to be built outside the sandbox (`__noChroot`).
    pub no_chroot: bool,
    /// Variables to take over from the caller's environment; only fixed outputs may have them.
    pub impure_env_vars: BTreeSet<BString>,
    /// Attributes that are there but have no effect beside structured attributes, to warn about.
    pub ignored_attributes: BTreeSet<&'static str>,
}

/// The name of the file in the build directory that holds the variable; the variable `NAMEPath` has
/// the file's path.
pub fn pass_as_file_name(variable: &[u8]) -> String {
    format!(".attr-{}", nixbase32::encode(&sha256(variable)))
}

/// The text of an `exportReferencesGraph` file without structured attributes (Nix's
/// `makeValidityRegistration`): for each path, sorted, itself, its deriver (left empty here, as Nix
/// does), the number of its references, and these, each on a line.
pub fn registration<'a>(closure: impl IntoIterator<Item = &'a PathInfo>) -> String {
    let by_path: BTreeMap<&StorePath, &PathInfo> =
        closure.into_iter().map(|info| (&info.path, info)).collect();
    let mut text = String::new();
    for (path, info) in by_path {
        text.push_str(&format!(
            "{}\n\n{}\n",
            path.to_absolute_path(),
            info.references.len()
        ));
        for reference in &info.references {
            text.push_str(&reference.to_absolute_path());
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests;
