//! The one error type of all builders, and with it the style of their messages.
//!
//! A message names the attribute or the file, says what was found and what was expected, and, where
//! there is a choice, what to do. [`crate::run`] puts the builder's and the derivation's name before
//! it.

use std::io;
use std::path::{Path, PathBuf};

/// What a builder returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a builder refused its derivation or could not write its outputs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The derivation has `args`; no builder takes any.
    #[error("the derivation passes `args`, but this builder takes no arguments; remove them")]
    Arguments,
    /// A required attribute is not there.
    #[error("attribute `{name}` is missing; expected {expected}")]
    Missing {
        /// The attribute.
        name: String,
        /// What it must be, for instance "a string".
        expected: &'static str,
    },
    /// An attribute is of the wrong type.
    #[error("attribute `{name}`: expected {expected}, found {found}")]
    Type {
        /// The attribute, with a path into it where that helps (`entries[2].target`).
        name: String,
        /// What it must be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// An attribute has the right type and a value that cannot be used.
    #[error("attribute `{name}`: {problem}")]
    Value {
        /// The attribute, with a path into it where that helps.
        name: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// Two attributes exclude each other.
    #[error("attributes `{first}` and `{second}` contradict each other: {problem}")]
    Contradiction {
        /// One of them.
        first: String,
        /// The other.
        second: String,
        /// Why, and which to remove.
        problem: String,
    },
    /// Attributes that this builder does not know.
    #[error("unknown attribute{} {}; this builder knows {}", plural(.names), quoted(.names), quoted(.known))]
    Unknown {
        /// What was not asked for, sorted.
        names: Vec<String>,
        /// What the builder asks for, sorted.
        known: Vec<String>,
    },
    /// `.attrs.json` is not what Nix writes.
    #[error("{}: not a JSON object of attributes: {problem}", .path.display())]
    AttributesFile {
        /// The file that `NIX_ATTRS_JSON_FILE` names.
        path: PathBuf,
        /// What the JSON reader said.
        problem: String,
    },
    /// The environment names no place for an output.
    #[error("the derivation has no output `{name}`; it has {}", quoted(.known))]
    NoOutput {
        /// The output that the builder writes.
        name: String,
        /// The outputs there are.
        known: Vec<String>,
    },
    /// A file could not be read or written.
    #[error("{}: cannot {action}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried: "read", "create the directory", ….
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// What the inputs ask for cannot be built (collisions, duplicates, a missing pattern).
    #[error("{0}")]
    Refused(String),
}

impl Error {
    /// An [`Error::Value`].
    pub fn value(name: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Value {
            name: name.into(),
            problem: problem.into(),
        }
    }

    /// An [`Error::Type`].
    pub fn wrong_type(
        name: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::Type {
            name: name.into(),
            expected: expected.into(),
            found: found.into(),
        }
    }

    /// Makes an [`Error::File`] of an I/O error: `.map_err(Error::file(path, "read"))`.
    pub fn file(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::File {
            path,
            action,
            source,
        }
    }
}

fn plural(names: &[String]) -> &'static str {
    if names.len() == 1 { "" } else { "s" }
}

fn quoted(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
