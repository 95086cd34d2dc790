//! What can be wrong with a NAR, said with the place in it.

use super::{MAX_DEPTH, MAX_NAME_LEN, MAX_TARGET_LEN};
use bstr::BString;
use std::io;
use thiserror::Error;

/// Why a NAR cannot be read or written.
#[derive(Debug, Error)]
pub enum NarError {
    /// The stream below failed.
    #[error("cannot read or write the NAR at byte {offset}")]
    Io {
        /// How many bytes went well before.
        offset: u64,
        /// The failure.
        #[source]
        source: io::Error,
    },
    /// The stream ended in the middle.
    #[error("the NAR ends at byte {offset}, in the middle of {what}")]
    Truncated {
        /// Its length.
        offset: u64,
        /// What was being read.
        what: &'static str,
    },
    /// Something other than a NAR's next token stands there.
    #[error("the NAR is malformed near byte {offset}: expected {expected}, found “{found}”")]
    Unexpected {
        /// Where the token begins.
        offset: u64,
        /// What may stand there.
        expected: &'static str,
        /// What stands there (its first bytes).
        found: BString,
    },
    /// A token, a name or a link target announces more bytes than it may have.
    #[error(
        "the NAR is malformed near byte {offset}: {what} announces {length} bytes; at most {limit} are allowed"
    )]
    TooLong {
        /// Where it begins.
        offset: u64,
        /// What it is.
        what: &'static str,
        /// The announced length.
        length: u64,
        /// The bound.
        limit: u64,
    },
    /// Padding that is not zero.
    #[error("the NAR is malformed near byte {offset}: padding bytes are not zero")]
    Padding {
        /// Where the padding begins.
        offset: u64,
    },
    /// A name that no directory entry can have.
    #[error("directory entry “{name}” in the NAR: {problem}")]
    Name {
        /// The name.
        name: BString,
        /// What is wrong.
        problem: NameProblem,
    },
    /// Entries out of order, or twice.
    #[error(
        "directory entry “{name}” in the NAR does not come after “{previous}”; entries must be sorted and unique"
    )]
    Order {
        /// The entry.
        name: BString,
        /// The one before.
        previous: BString,
    },
    /// A link target that is empty, has a NUL, or is longer than [`MAX_TARGET_LEN`].
    #[error(
        "symbolic link in the NAR has target “{0}”; expected 1 to {MAX_TARGET_LEN} bytes without NUL"
    )]
    Target(BString),
    /// Directories nest deeper than [`MAX_DEPTH`].
    #[error("directories in the NAR are nested more than {MAX_DEPTH} deep")]
    TooDeep,
    /// Bytes follow the end.
    #[error("bytes follow the end of the NAR at byte {offset}")]
    TrailingBytes {
        /// The NAR's length.
        offset: u64,
    },
    /// A file gave fewer bytes than its size said.
    #[error("a file of {expected} bytes gave only {found}; it changed while it was read")]
    ShortFile {
        /// The size given.
        expected: u64,
        /// The bytes read.
        found: u64,
    },
    /// The writer's methods were called in an order that makes no NAR.
    #[error("NAR writer: {0}")]
    Misuse(&'static str),
}

/// Why a name is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NameProblem {
    /// No bytes.
    #[error("the name is empty")]
    Empty,
    /// `.` or `..`.
    #[error("“.” and “..” are not names")]
    Dots,
    /// Has a slash.
    #[error("the name contains a slash")]
    Slash,
    /// Has a NUL.
    #[error("the name contains a NUL byte")]
    Nul,
    /// More than [`MAX_NAME_LEN`] bytes.
    #[error("the name has {0} bytes; at most {MAX_NAME_LEN} are allowed")]
    TooLong(usize),
}
