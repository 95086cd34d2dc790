//! The packages as a plan sees them: kinds, directory entries, link targets, contents.
//!
//! Questions about one path answer as `test -e` and its like do: what cannot be looked at does not
//! exist. Listings are sorted by name, whatever the disk says, and carry each entry's kind, so that
//! a plan needs no system call for an entry that collides with nothing.

use crate::error::{Problem, Result};
use bstr::BString;
use std::fs::{self, File, FileType};
use std::io::{self, Read};
use wasibuild_guest::bytes;

/// What a directory entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symlink, wherever it leads.
    Symlink,
    /// A device, socket or pipe; the Nix store has none, the sandbox's `/dev` does.
    Other,
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name in its directory.
    pub name: BString,
    /// What it is, links not followed.
    pub kind: Kind,
}

/// A read-only view of a file system. Paths are absolute and are bytes.
pub trait Source {
    /// What is there, links not followed. `None`: nothing, or it cannot be looked at.
    fn kind(&self, path: &[u8]) -> Option<Kind>;

    /// What is there when links are followed.
    fn followed(&self, path: &[u8]) -> Option<Kind>;

    /// The entries of a directory without `.` and `..`, sorted by name.
    fn entries(&self, directory: &[u8]) -> Result<Vec<Entry>>;

    /// The target of a symlink.
    fn link_target(&self, path: &[u8]) -> Result<BString>;

    /// The contents of a file.
    fn contents(&self, path: &[u8]) -> Result<Vec<u8>>;

    /// Whether two files have equal contents.
    fn same_contents(&self, first: &[u8], second: &[u8]) -> Result<bool>;

    /// Whether a file, links followed, is executable; `None` where that cannot be seen.
    fn executable(&self, path: &[u8]) -> Result<Option<bool>>;
}

/// How the executable bit is read, if it can be.
#[derive(Clone, Copy, Debug)]
pub enum Modes {
    /// Plain WASI does not show it.
    Unknown,
    /// By this function.
    Known(fn(&File) -> io::Result<bool>),
}

/// The file system of this process.
#[derive(Debug)]
pub struct Disk {
    modes: Modes,
}

impl Disk {
    /// A view that reads the executable bit as `modes` says.
    pub fn new(modes: Modes) -> Self {
        Self { modes }
    }
}

impl From<FileType> for Kind {
    fn from(kind: FileType) -> Self {
        if kind.is_dir() {
            Self::Directory
        } else if kind.is_symlink() {
            Self::Symlink
        } else if kind.is_file() {
            Self::File
        } else {
            Self::Other
        }
    }
}

impl Source for Disk {
    fn kind(&self, path: &[u8]) -> Option<Kind> {
        let metadata = fs::symlink_metadata(bytes::to_path(path)).ok()?;
        Some(metadata.file_type().into())
    }

    fn followed(&self, path: &[u8]) -> Option<Kind> {
        let metadata = fs::metadata(bytes::to_path(path)).ok()?;
        Some(metadata.file_type().into())
    }

    fn entries(&self, directory: &[u8]) -> Result<Vec<Entry>> {
        // The kinds come with the listing, which saves a look at each entry; sorted below.
        #[allow(clippy::disallowed_methods)]
        let list = || -> io::Result<Vec<Entry>> {
            fs::read_dir(bytes::to_path(directory))?
                .map(|entry| {
                    let entry = entry?;
                    Ok(Entry {
                        name: bytes::from_os(&entry.file_name()),
                        kind: entry.file_type()?.into(),
                    })
                })
                .collect()
        };
        let mut entries = list().map_err(Problem::read(directory, "list the directory"))?;
        entries.sort_unstable_by(|left, right| left.name.cmp(&right.name));
        Ok(entries)
    }

    fn link_target(&self, path: &[u8]) -> Result<BString> {
        fs::read_link(bytes::to_path(path))
            .map(|target| bytes::from_path(&target).to_owned())
            .map_err(Problem::read(path, "read the symlink"))
    }

    fn contents(&self, path: &[u8]) -> Result<Vec<u8>> {
        fs::read(bytes::to_path(path)).map_err(Problem::read(path, "read"))
    }

    fn same_contents(&self, first: &[u8], second: &[u8]) -> Result<bool> {
        let open = |path: &[u8]| {
            let file = File::open(bytes::to_path(path)).map_err(Problem::read(path, "read"))?;
            let length = file.metadata().map_err(Problem::read(path, "read"))?.len();
            Ok((file, length))
        };
        let (mut left, left_length) = open(first)?;
        let (mut right, right_length) = open(second)?;
        if left_length != right_length {
            return Ok(false);
        }
        // Pieces, so that two large files do not have to fit into the guest's memory.
        let mut one = Vec::new();
        let mut other = Vec::new();
        loop {
            one.clear();
            other.clear();
            let piece = |file: &mut File, path: &[u8], into: &mut Vec<u8>| {
                file.take(COMPARED_AT_ONCE)
                    .read_to_end(into)
                    .map_err(Problem::read(path, "read"))
            };
            piece(&mut left, first, &mut one)?;
            piece(&mut right, second, &mut other)?;
            if one != other {
                return Ok(false);
            }
            if one.is_empty() {
                return Ok(true);
            }
        }
    }

    fn executable(&self, path: &[u8]) -> Result<Option<bool>> {
        match self.modes {
            Modes::Unknown => Ok(None),
            Modes::Known(is_executable) => File::open(bytes::to_path(path))
                .and_then(|file| is_executable(&file))
                .map(Some)
                .map_err(Problem::read(path, "read the mode")),
        }
    }
}

/// How much of two files is held in memory while they are compared.
const COMPARED_AT_ONCE: u64 = 256 * 1024;
