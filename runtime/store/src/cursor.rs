//! A place in a directory tree, moved by one name at a time with calls relative to the
//! open directory: no long paths are resolved, links are never followed, and one
//! descriptor is open however deep the tree is (macOS allows 256 by default).
//!
//! Contract: going up is `openat("..")`, and is checked to arrive where we came from, so
//! that a tree that is moved by someone else meanwhile gives an error.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, Stat, fstat, openat};

use crate::error::{Context, Error, Result};

/// How a directory is opened everywhere.
pub(crate) const OPEN_DIR: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// An open directory and the way to it.
#[derive(Debug)]
pub(crate) struct Cursor {
    current: OwnedFd,
    /// The open directory's path, for messages.
    path: PathBuf,
    /// Device and inode of the directories above, up to where the cursor began.
    above: Vec<(u64, u64)>,
}

impl Cursor {
    /// Opens the directory `name` in `parent`, whose path is `parent_path`.
    pub(crate) fn open(parent: BorrowedFd<'_>, parent_path: &Path, name: &[u8]) -> Result<Self> {
        Self::open_as(parent, name, join(parent_path, name))
    }

    /// The same; messages shall call the directory `path`.
    pub(crate) fn open_as(parent: BorrowedFd<'_>, name: &[u8], path: PathBuf) -> Result<Self> {
        let current =
            openat(parent, name, OPEN_DIR, Mode::empty()).context("open the directory", &path)?;
        Ok(Cursor {
            current,
            path,
            above: Vec::new(),
        })
    }

    /// The path of the open directory, for messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of an entry of the open directory, for messages.
    pub(crate) fn path_of(&self, name: &[u8]) -> PathBuf {
        join(&self.path, name)
    }

    /// Enters the directory `name`.
    pub(crate) fn descend(&mut self, name: &[u8]) -> Result<()> {
        let path = self.path_of(name);
        let here = identity(&fstat(&self.current).context("read the state of", &self.path)?);
        let next = openat(&self.current, name, OPEN_DIR, Mode::empty())
            .context("open the directory", &path)?;
        self.current = next;
        self.path = path;
        self.above.push(here);
        Ok(())
    }

    /// Leaves the open directory for the one above; false if the cursor began here.
    pub(crate) fn ascend(&mut self) -> Result<bool> {
        let Some(expected) = self.above.pop() else {
            return Ok(false);
        };
        let parent = openat(&self.current, "..", OPEN_DIR, Mode::empty())
            .context("open the directory above", &self.path)?;
        let found = identity(&fstat(&parent).context("read the state of", &self.path)?);
        if found != expected {
            return Err(Error::Changed {
                path: self.path.clone(),
            });
        }
        self.current = parent;
        self.path.pop();
        Ok(true)
    }
}

impl AsFd for Cursor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.current.as_fd()
    }
}

/// Appends a name, which may be any bytes, to a path.
pub(crate) fn join(dir: &Path, name: &[u8]) -> PathBuf {
    dir.join(std::ffi::OsStr::from_bytes(name))
}

/// The names in an open directory, unsorted, without `.` and `..`.
pub(crate) fn names(dir: BorrowedFd<'_>, path: &Path) -> Result<Vec<Vec<u8>>> {
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(dir).context("list the directory", path)? {
        let entry = entry.context("list the directory", path)?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(name.to_vec());
        }
    }
    Ok(names)
}

// The fields' types differ between systems; all values are meant as unsigned.
#[allow(clippy::unnecessary_cast, clippy::cast_sign_loss)]
fn identity(stat: &Stat) -> (u64, u64) {
    (stat.st_dev as u64, stat.st_ino as u64)
}
