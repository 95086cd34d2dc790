//! Why a tree cannot be planned.
//!
//! The texts of collisions are nixpkgs' own, so that a search for the message finds its
//! documentation; the program's name and the derivation's are put before them by the caller.

use bstr::BString;
use std::io;

/// The result of a plan.
pub type Result<T, E = Problem> = std::result::Result<T, E>;

/// What stands in the way of a plan.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// An input could not be read.
    #[error("{path}: cannot {action}: {source}")]
    Read {
        /// The file or directory.
        path: BString,
        /// What was tried: "read", "list the directory", ….
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// What the original refuses, in its words.
    #[error("{0}")]
    Refused(BString),
    /// Two files with equal contents collide, and their modes cannot be compared.
    #[error(
        "`{first}' and `{second}' collide with the same contents; whether both are executable can \
         only be seen by the `symlink-tree-executable` module: use that one, or set \
         checkCollisionContents = false"
    )]
    ModesUnknown {
        /// The file that came first.
        first: BString,
        /// The one that collides with it.
        second: BString,
    },
    /// Nothing would be made.
    #[error(
        "none of pathsToLink names a place, so there would be no output; give at least one \
         absolute path such as `/`"
    )]
    NoOutput,
}

impl Problem {
    /// Makes a [`Problem::Read`] of an I/O error: `.map_err(Problem::read(path, "read"))`.
    pub fn read(path: &[u8], action: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = BString::from(path);
        move |source| Self::Read {
            path,
            action,
            source,
        }
    }

    /// A [`Problem::Refused`] from its words.
    pub fn refused(words: impl Into<Vec<u8>>) -> Self {
        Self::Refused(BString::from(words.into()))
    }
}

/// A file name in quotes, as nixpkgs' script writes it: `` `name' ``.
pub fn quoted(path: &[u8]) -> BString {
    words(&[b"`", path, b"'"])
}

/// A message from pieces that are bytes: a file name need not be UTF-8.
pub fn words(pieces: &[&[u8]]) -> BString {
    BString::from(pieces.concat())
}
