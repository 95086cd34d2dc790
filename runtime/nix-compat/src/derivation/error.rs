//! What can be wrong with the text of a `.drv` file.

use crate::{hash::HashError, store_path::StorePathError};
use bstr::BString;
use thiserror::Error;

/// Why bytes are not a derivation. The caller adds which file it was.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseError {
    /// Something else stands where a token must.
    #[error("the derivation is malformed at byte {offset}: expected `{expected}`")]
    Expected {
        /// Where.
        offset: usize,
        /// What must stand there.
        expected: &'static str,
    },
    /// The text ends within a string.
    #[error("the derivation is cut off: the string that begins at byte {offset} does not end")]
    UnterminatedString {
        /// Where the string begins.
        offset: usize,
    },
    /// Bytes follow the last parenthesis.
    #[error("bytes follow the end of the derivation at byte {offset}")]
    TrailingBytes {
        /// Where the derivation ends.
        offset: usize,
    },
    /// It begins with `DrvWithVersion(`.
    #[error(
        "the derivation is of an experimental version of the format (dynamic derivations), which is not supported"
    )]
    UnsupportedVersion,
    /// A path in it is not a store path.
    #[error("the derivation has a wrong path at byte {offset}")]
    Path {
        /// Where the string begins.
        offset: usize,
        /// What is wrong.
        #[source]
        source: StorePathError,
    },
    /// An input derivation's path does not end in `.drv`.
    #[error(
        "the derivation has an input derivation at byte {offset} whose path does not end in .drv"
    )]
    NotADerivationPath {
        /// Where the string begins.
        offset: usize,
    },
    /// An output's name could not stand in a store path.
    #[error(
        "the derivation has an output with the wrong name “{name}” at byte {offset}; letters, digits and + - . _ ? = are allowed"
    )]
    OutputName {
        /// Where the string begins.
        offset: usize,
        /// The name.
        name: BString,
    },
    /// An output's hash or algorithm is wrong.
    #[error("output “{output}” of the derivation has a wrong hash")]
    OutputHash {
        /// The output.
        output: String,
        /// What is wrong.
        #[source]
        source: HashError,
    },
    /// An output's three fields contradict each other.
    #[error("output “{output}” of the derivation has {problem}")]
    OutputFields {
        /// The output.
        output: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// It can be read, but Nix would write it differently (order, duplicates, escapes).
    #[error(
        "the derivation is not in the form that Nix writes; the first difference is at byte {offset}"
    )]
    NotCanonical {
        /// The first byte that would be different.
        offset: usize,
    },
}
