//! Writing outputs: a planned tree, or one large file as a stream.
//!
//! A builder plans a [`Node`] without touching the disk and then writes it in one go. Entries are
//! written in the order of their names, so that the run of a builder is the same on every host.
//! Nothing here overwrites: an output does not exist before its builder ran.

use crate::error::{Error, Result};
use crate::mode::MarkExecutable;
use crate::{bytes, mode};
use bstr::{BStr, BString, ByteSlice};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

/// A file system object that a builder wants to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A regular file.
    File {
        /// Whether the NAR shall say `executable`.
        executable: bool,
        /// The bytes of the file.
        contents: BString,
    },
    /// A symlink with its target, byte for byte.
    Symlink(BString),
    /// A directory.
    Directory(BTreeMap<BString, Node>),
}

impl Node {
    /// A file that is not executable.
    pub fn file(contents: impl Into<BString>) -> Self {
        Self::File {
            executable: false,
            contents: contents.into(),
        }
    }

    /// A directory without entries.
    pub fn directory() -> Self {
        Self::Directory(BTreeMap::new())
    }

    /// Puts `node` at a relative path below this directory and makes the directories between.
    ///
    /// Returns what stands in the way: the path of a file or symlink that would have to be
    /// a directory, or of what is already there. The tree is unchanged then, but for directories.
    pub fn insert(&mut self, path: &[u8], node: Node) -> std::result::Result<(), BString> {
        let mut parts: Vec<&[u8]> = path
            .split_str("/")
            .filter(|part| !part.is_empty())
            .collect();
        let Some(last) = parts.pop() else {
            return Err(BString::from(path));
        };
        let mut here = self;
        let mut walked = BString::default();
        for part in parts {
            let Self::Directory(entries) = here else {
                return Err(walked);
            };
            push(&mut walked, part);
            here = entries
                .entry(BString::from(part))
                .or_insert_with(Self::directory);
        }
        let Self::Directory(entries) = here else {
            return Err(walked);
        };
        push(&mut walked, last);
        match entries.entry(BString::from(last)) {
            std::collections::btree_map::Entry::Occupied(_) => Err(walked),
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(node);
                Ok(())
            }
        }
    }

    /// What stands at a relative path below this node.
    pub fn get(&self, path: &[u8]) -> Option<&Node> {
        path.split_str("/")
            .filter(|part| !part.is_empty())
            .try_fold(self, |node, part| match node {
                Self::Directory(entries) => entries.get(BStr::new(part)),
                _ => None,
            })
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, path: &[u8]) -> Option<&mut Node> {
        path.split_str("/")
            .filter(|part| !part.is_empty())
            .try_fold(self, |node, part| match node {
                Self::Directory(entries) => entries.get_mut(BStr::new(part)),
                _ => None,
            })
    }

    /// Whether an executable file is in the tree.
    pub fn has_executable(&self) -> bool {
        let mut pending = vec![self];
        while let Some(node) = pending.pop() {
            match node {
                Self::File {
                    executable: true, ..
                } => return true,
                Self::Directory(entries) => pending.extend(entries.values()),
                _ => {}
            }
        }
        false
    }

    /// Writes the tree at `path`, which must not exist.
    pub fn write(&self, path: &Path, mark: MarkExecutable) -> Result<()> {
        // An explicit stack: the depth of the tree comes from attributes.
        let mut pending = vec![(path.to_path_buf(), self)];
        while let Some((path, node)) = pending.pop() {
            match node {
                Self::File {
                    executable,
                    contents,
                } => {
                    let mut file = create_file(&path)?;
                    file.write_all(contents)
                        .map_err(Error::file(&path, "write"))?;
                    if *executable {
                        mark_executable(&path, &file, mark)?;
                    }
                }
                Self::Symlink(target) => create_symlink(target, &path)?,
                Self::Directory(entries) => {
                    std::fs::create_dir(&path)
                        .map_err(Error::file(&path, "create the directory"))?;
                    let children = entries.iter().rev();
                    pending.extend(children.map(|(name, node)| (bytes::join(&path, name), node)));
                }
            }
        }
        Ok(())
    }
}

fn push(path: &mut BString, part: &[u8]) {
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(part);
}

/// Creates a new file for writing; refuses to overwrite.
pub fn create_file(path: &Path) -> Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(Error::file(path, "create"))
}

/// Marks an output file executable, or says which module can.
pub fn mark_executable(path: &Path, file: &File, mark: mode::MarkExecutable) -> Result<()> {
    mode::check(true, mark)?;
    match mark {
        Some(mark) => mark(file).map_err(Error::file(path, "make executable")),
        None => Ok(()),
    }
}

/// Makes a symlink with this target, which may be absolute, dangling, or no UTF-8.
pub fn create_symlink(target: &[u8], link: &Path) -> Result<()> {
    // The one stable call that makes a symlink on Unix and on WASI.
    #[allow(deprecated)]
    std::fs::soft_link(bytes::to_path(target), link)
        .map_err(Error::file(link, "create the symlink"))
}

/// Checks a relative path that shall be created below an output, and returns its parts.
///
/// Refused are the empty path, `.` and `..`, a NUL, and an absolute path; empty parts (`a//b`) are
/// dropped, as the file system would.
pub fn relative_parts<'a>(attribute: &str, path: &'a [u8]) -> Result<Vec<&'a [u8]>> {
    let shown = BStr::new(path);
    if path.starts_with(b"/") {
        return Err(Error::value(
            attribute,
            format!("`{shown}` is absolute; give a path relative to the output"),
        ));
    }
    if path.contains(&0) {
        return Err(Error::value(attribute, format!("{shown:?} contains a NUL")));
    }
    let parts: Vec<&[u8]> = path
        .split_str("/")
        .filter(|part| !part.is_empty())
        .collect();
    match parts.iter().find(|part| matches!(**part, b"." | b"..")) {
        Some(part) => Err(Error::value(
            attribute,
            format!(
                "`{shown}` contains `{}`; name the place itself",
                BStr::new(part)
            ),
        )),
        None if parts.is_empty() => Err(Error::value(attribute, "is an empty path")),
        None => Ok(parts),
    }
}
