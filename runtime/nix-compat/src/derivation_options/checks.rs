//! What an output may refer to and how large it may be.
//!
//! Contract: [`OutputChecks::check`] refuses what Nix refuses after a build.
//! Counterpart: `checkOutputs` in `src/libstore/unix/build/derivation-check.cc`.

use crate::store_path::StorePath;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// A store object in a list of references.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reference {
    /// Given by its path.
    Path(StorePath),
    /// An output of the derivation itself.
    Output(String),
}

/// What one output must satisfy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutputChecks {
    /// The largest size of its NAR, in bytes.
    pub max_size: Option<u64>,
    /// The largest size of its closure's NARs, in bytes.
    pub max_closure_size: Option<u64>,
    /// If given, the only objects that it may refer to.
    pub allowed_references: Option<BTreeSet<Reference>>,
    /// If given, the only objects that may be in its closure.
    pub allowed_requisites: Option<BTreeSet<Reference>>,
    /// Objects that it must not refer to.
    pub disallowed_references: BTreeSet<Reference>,
    /// Objects that must not be in its closure.
    pub disallowed_requisites: BTreeSet<Reference>,
    /// Whether it may be in its own closure whatever the requisites say (true without structured
    /// attributes).
    pub ignore_self_refs: bool,
}

/// What was built.
#[derive(Debug, Clone, Copy)]
pub struct OutputFacts<'a> {
    /// The output's path.
    pub path: &'a StorePath,
    /// Its NAR's size in bytes.
    pub nar_size: u64,
    /// What it refers to.
    pub references: &'a BTreeSet<StorePath>,
    /// Everything that it needs, itself included, with the sizes of the NARs.
    pub closure: &'a BTreeMap<StorePath, u64>,
    /// The paths of all outputs of the derivation.
    pub outputs: &'a BTreeMap<String, StorePath>,
}

/// Why an output is refused. The caller adds the derivation's name and the output's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OutputCheckError {
    /// Its NAR is too large.
    #[error("its size is {found} bytes; maxSize allows {limit}")]
    TooLarge {
        /// The limit.
        limit: u64,
        /// The size.
        found: u64,
    },
    /// Its closure is too large.
    #[error("the size of its closure is {found} bytes; maxClosureSize allows {limit}")]
    ClosureTooLarge {
        /// The limit.
        limit: u64,
        /// The size.
        found: u64,
    },
    /// It refers to what it may not.
    #[error("it {} {}, which {attribute} does not allow",
        if *recursive { "needs" } else { "refers to" },
        paths.iter().map(StorePath::to_absolute_path).collect::<Vec<_>>().join(", "))]
    References {
        /// The attribute that was not satisfied.
        attribute: &'static str,
        /// Whether the closure is meant.
        recursive: bool,
        /// What must not be there.
        paths: BTreeSet<StorePath>,
    },
}

impl OutputChecks {
    /// Whether [`OutputFacts::closure`] is looked at; if not, it may be empty.
    pub fn needs_closure(&self) -> bool {
        self.max_closure_size.is_some()
            || self.allowed_requisites.is_some()
            || !self.disallowed_requisites.is_empty()
    }

    /// Checks one output.
    pub fn check(&self, output: OutputFacts<'_>) -> Result<(), OutputCheckError> {
        if let Some(limit) = self.max_size.filter(|limit| output.nar_size > *limit) {
            return Err(OutputCheckError::TooLarge {
                limit,
                found: output.nar_size,
            });
        }
        let found = output
            .closure
            .values()
            .fold(0, |sum: u64, size| sum.saturating_add(*size));
        if let Some(limit) = self.max_closure_size.filter(|limit| found > *limit) {
            return Err(OutputCheckError::ClosureTooLarge { limit, found });
        }
        let requisites: BTreeSet<StorePath> = output
            .closure
            .keys()
            .filter(|path| !(self.ignore_self_refs && *path == output.path))
            .cloned()
            .collect();
        let checks = [
            (
                "allowedReferences",
                false,
                true,
                self.allowed_references.as_ref(),
            ),
            (
                "allowedRequisites",
                true,
                true,
                self.allowed_requisites.as_ref(),
            ),
            (
                "disallowedReferences",
                false,
                false,
                Some(&self.disallowed_references),
            ),
            (
                "disallowedRequisites",
                true,
                false,
                Some(&self.disallowed_requisites),
            ),
        ];
        for (attribute, recursive, listed_is_allowed, listed) in checks {
            let Some(listed) = listed else { continue };
            let listed = resolve(listed, output.outputs);
            let used = if recursive {
                &requisites
            } else {
                output.references
            };
            let paths: BTreeSet<StorePath> = used
                .iter()
                .filter(|path| listed.contains(path) != listed_is_allowed)
                .cloned()
                .collect();
            if !paths.is_empty() {
                return Err(OutputCheckError::References {
                    attribute,
                    recursive,
                    paths,
                });
            }
        }
        Ok(())
    }
}

fn resolve<'a>(
    listed: &'a BTreeSet<Reference>,
    outputs: &'a BTreeMap<String, StorePath>,
) -> BTreeSet<&'a StorePath> {
    listed
        .iter()
        .filter_map(|reference| match reference {
            Reference::Path(path) => Some(path),
            Reference::Output(name) => outputs.get(name),
        })
        .collect()
}
