//! Advisory locks as Nix takes them (`flock`), so that both respect each other:
//! `PATH.lock` beside each output, `gc.lock`, `db/big-lock` and the temporary roots.
//!
//! Contract, from Nix's `pathlocks.cc`: locks of several paths are taken in sorted order;
//! who removes a lock file first unlinks it, then makes it longer, still holding
//! the lock (Nix writes a byte; any length but zero says the same); who gets the lock of a file that is not empty holds a removed one, and
//! starts again. A lock belongs to an open file, so threads exclude each other too.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use crate::error::{Context, Result};

/// Shared or exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Shared,
    Exclusive,
}

/// Opens a lock file, making it with mode 600 if it is missing.
pub(crate) fn open(path: &Path) -> Result<File> {
    fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .context("open the lock file", path)
}

/// Takes the lock if nobody holds it.
pub(crate) fn try_lock(file: &File, kind: Kind, path: &Path) -> Result<bool> {
    let operation = match kind {
        Kind::Shared => FlockOperation::NonBlockingLockShared,
        Kind::Exclusive => FlockOperation::NonBlockingLockExclusive,
    };
    match retry(|| rustix::fs::flock(file, operation)) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(e) => Err(e).context("lock", path),
    }
}

/// Takes the lock, however long it takes.
pub(crate) fn lock(file: &File, kind: Kind, path: &Path) -> Result<()> {
    let operation = match kind {
        Kind::Shared => FlockOperation::LockShared,
        Kind::Exclusive => FlockOperation::LockExclusive,
    };
    retry(|| rustix::fs::flock(file, operation)).context("lock", path)
}

/// Lets it go; closing the file does so too.
pub(crate) fn unlock(file: &File, path: &Path) -> Result<()> {
    retry(|| rustix::fs::flock(file, FlockOperation::Unlock)).context("unlock", path)
}

fn retry(mut call: impl FnMut() -> rustix::io::Result<()>) -> rustix::io::Result<()> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}

/// True if the file was removed by who held it before us.
pub(crate) fn is_stale(file: &File, path: &Path) -> Result<bool> {
    Ok(file.metadata().context("read the state of", path)?.len() != 0)
}

/// Removes a lock file that we hold, telling those who wait.
pub(crate) fn remove(file: &File, path: &Path) {
    // The result does not matter: the file's removal is tidiness, not correctness.
    // But never mark a file that could not be unlinked: nobody could lock it again.
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            tracing::debug!(path = %path.display(), error = %e, "cannot remove the lock file");
        }
        _ => {
            // Cheaper than a written byte, which needs a page and a block.
            let _ = file.set_len(1);
        }
    }
}

/// An exclusive lock on one `PATH.lock`; dropping it removes the file.
#[derive(Debug)]
pub(crate) struct PathLock {
    file: File,
    path: PathBuf,
}

impl PathLock {
    /// Takes the lock of `path`. If someone holds it, `wait` is called once; if it
    /// returns false, `None` is returned at once.
    pub(crate) fn acquire(path: PathBuf, wait: impl FnOnce() -> bool) -> Result<Option<Self>> {
        let mut wait = Some(wait);
        loop {
            let file = open(&path)?;
            if !try_lock(&file, Kind::Exclusive, &path)? {
                if wait.take().is_some_and(|wait| !wait()) {
                    return Ok(None);
                }
                lock(&file, Kind::Exclusive, &path)?;
            }
            if !is_stale(&file, &path)? {
                return Ok(Some(PathLock { file, path }));
            }
        }
    }
}

impl Drop for PathLock {
    fn drop(&mut self) {
        remove(&self.file, &self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_waits_and_meets_a_fresh_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.lock");
        let first = PathLock::acquire(path.clone(), || false).unwrap().unwrap();
        assert!(PathLock::acquire(path.clone(), || false).unwrap().is_none());
        // A waiter that opened the file before its removal must end up with another one.
        let waiter = {
            let path = path.clone();
            let (tell, told) = std::sync::mpsc::channel();
            let thread = std::thread::spawn(move || {
                PathLock::acquire(path, || {
                    tell.send(()).unwrap();
                    true
                })
            });
            told.recv().unwrap();
            thread
        };
        drop(first);
        let second = waiter.join().unwrap().unwrap().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
        assert!(PathLock::acquire(path.clone(), || false).unwrap().is_none());
        drop(second);
        assert!(!path.exists());
    }
}
