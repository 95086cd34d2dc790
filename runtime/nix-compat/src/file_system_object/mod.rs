//! File system objects: a file, a link or a tree, as a store object's contents and as a builder's
//! output before it is written.
//!
//! Contract: only what a NAR records exists here: contents, one executable bit, link targets, names.
//! Small contents are in memory, large ones in unlinked temporary files that the owner of the disk
//! supplies. [`FileSystemObject::write_nar`] refuses what is no valid tree (bad names, nesting beyond
//! [`crate::nar::MAX_DEPTH`]); a tree that came from [`FileSystemObject::from_nar`] is always valid.
//! Counterpart: "File System Object" in the Nix manual.

mod archive;
mod contents;

pub use archive::{FromNarError, Limits};
pub use contents::{Contents, ContentsReader};

use bstr::BString;
use std::collections::BTreeMap;

/// A file, a symbolic link or a directory.
#[derive(Debug, Clone)]
pub enum FileSystemObject {
    /// A regular file.
    File {
        /// Whether it may be executed (mode 555 in the store; else 444).
        executable: bool,
        /// Its bytes.
        contents: Contents,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points, uninterpreted.
        target: BString,
    },
    /// A directory.
    Directory {
        /// What is in it, by name, sorted as in a NAR.
        entries: BTreeMap<BString, FileSystemObject>,
    },
}

impl FileSystemObject {
    /// A regular file that is not executable.
    pub fn file(contents: impl Into<Contents>) -> Self {
        Self::File {
            executable: false,
            contents: contents.into(),
        }
    }

    /// An executable regular file.
    pub fn executable(contents: impl Into<Contents>) -> Self {
        Self::File {
            executable: true,
            contents: contents.into(),
        }
    }

    /// A symbolic link.
    pub fn symlink(target: impl Into<BString>) -> Self {
        Self::Symlink {
            target: target.into(),
        }
    }

    /// A directory.
    pub fn directory(entries: impl IntoIterator<Item = (BString, FileSystemObject)>) -> Self {
        Self::Directory {
            entries: entries.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests;
