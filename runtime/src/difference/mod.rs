//! How two trees differ, for people.
//!
//! Contract: compares what a NAR records and nothing else; two trees without a difference here have
//! the same NAR hash. Reads contents in blocks, does not recurse, and stops counting details after
//! [`MAX_SHOWN`]. `--check` prints the result; Nix has `diff-hook` for this.

mod contents;

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use bstr::{BStr, BString, ByteSlice};
use wasibuild_nix_compat::file_system_object::FileSystemObject;

use crate::printable;
pub use contents::Contents;

/// How many differences are described; the others are only counted.
pub const MAX_SHOWN: usize = 20;

/// All differences between two trees.
#[derive(Debug, Default)]
pub struct Differences {
    /// The first of them, sorted by path.
    pub shown: Vec<Difference>,
    /// How many there are in all.
    pub total: usize,
}

/// One difference.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    /// The path below the tree's root: empty, or beginning with a slash.
    pub path: BString,
    /// What differs there.
    pub kind: Kind,
}

/// What differs at a path.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    /// Another type of file.
    Type {
        /// What was there.
        old: &'static str,
        /// What is there now.
        new: &'static str,
    },
    /// Only the old tree has it.
    Gone(&'static str),
    /// Only the new tree has it.
    New(&'static str),
    /// The executable bit.
    Executable {
        /// Whether the new file has it.
        now: bool,
    },
    /// Where a symbolic link points.
    Target {
        /// Before.
        old: BString,
        /// Now.
        new: BString,
    },
    /// A file's bytes.
    Contents(Contents),
}

/// Compares two trees.
///
/// # Errors
/// When contents that were spilled to disk cannot be read.
pub fn compare(old: &FileSystemObject, new: &FileSystemObject) -> io::Result<Differences> {
    let mut found = Differences::default();
    let mut todo = vec![(BString::default(), old, new)];
    while let Some((path, old, new)) = todo.pop() {
        match (old, new) {
            (
                FileSystemObject::Directory { entries: old },
                FileSystemObject::Directory { entries: new },
            ) => {
                compare_entries(path.as_bstr(), old, new, &mut todo, &mut found);
            }
            (
                FileSystemObject::Symlink { target: old },
                FileSystemObject::Symlink { target: new },
            ) => {
                if old != new {
                    found.add(
                        path,
                        Kind::Target {
                            old: old.clone(),
                            new: new.clone(),
                        },
                    );
                }
            }
            (
                FileSystemObject::File {
                    executable: old_bit,
                    contents: old,
                },
                FileSystemObject::File {
                    executable: new_bit,
                    contents: new,
                },
            ) => {
                if old_bit != new_bit {
                    found.add(path.clone(), Kind::Executable { now: *new_bit });
                }
                if let Some(difference) = contents::compare(old, new)? {
                    found.add(path, Kind::Contents(difference));
                }
            }
            (old, new) => found.add(
                path,
                Kind::Type {
                    old: type_name(old),
                    new: type_name(new),
                },
            ),
        }
    }
    found.shown.sort_by(|a, b| a.path.cmp(&b.path));
    found.shown.truncate(MAX_SHOWN);
    Ok(found)
}

fn compare_entries<'a>(
    path: &BStr,
    old: &'a BTreeMap<BString, FileSystemObject>,
    new: &'a BTreeMap<BString, FileSystemObject>,
    todo: &mut Vec<(BString, &'a FileSystemObject, &'a FileSystemObject)>,
    found: &mut Differences,
) {
    let below = |name: &BString| {
        let mut path = BString::from(path);
        path.push(b'/');
        path.extend_from_slice(name);
        path
    };
    for (name, object) in new {
        if !old.contains_key(name) {
            found.add(below(name), Kind::New(type_name(object)));
        }
    }
    // Pushed in reverse, so that the first name is compared first.
    for (name, object) in old.iter().rev() {
        match new.get(name) {
            Some(other) => todo.push((below(name), object, other)),
            None => found.add(below(name), Kind::Gone(type_name(object))),
        }
    }
}

fn type_name(object: &FileSystemObject) -> &'static str {
    match object {
        FileSystemObject::File {
            executable: false, ..
        } => "file",
        FileSystemObject::File {
            executable: true, ..
        } => "executable file",
        FileSystemObject::Symlink { .. } => "symbolic link",
        FileSystemObject::Directory { .. } => "directory",
    }
}

impl Differences {
    /// Whether the trees are the same.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    fn add(&mut self, path: BString, kind: Kind) {
        self.total += 1;
        self.shown.push(Difference { path, kind });
        // Kept short while walking, so that a tree of a million differences takes no memory.
        if self.shown.len() >= 16 * MAX_SHOWN {
            self.shown.sort_by(|a, b| a.path.cmp(&b.path));
            self.shown.truncate(MAX_SHOWN);
        }
    }
}

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for difference in &self.shown {
            writeln!(f, "  {difference}")?;
        }
        let more = self.total - self.shown.len();
        if more > 0 {
            writeln!(f, "  and {more} more")?;
        }
        Ok(())
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            write!(f, "the output itself: ")?;
        } else {
            write!(f, "{}: ", printable::name(&self.path))?;
        }
        match &self.kind {
            Kind::Type { old, new } => write!(f, "was a {old}, now is a {new}"),
            Kind::Gone(kind) => write!(f, "the {kind} is gone"),
            Kind::New(kind) => write!(f, "the {kind} is new"),
            Kind::Executable { now: true } => write!(f, "was not executable, now is"),
            Kind::Executable { now: false } => write!(f, "was executable, now is not"),
            Kind::Target { old, new } => {
                let (old, new) = (
                    printable::name(old.as_bytes()),
                    printable::name(new.as_bytes()),
                );
                write!(f, "pointed to '{old}', now points to '{new}'")
            }
            Kind::Contents(contents) => contents.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
