//! How many builds run at once, over all hooks of one user: Nix starts a hook for each build.
//!
//! Contract: a place is a locked file; the lock goes with the process, however it ends. Accepted builds
//! wait here for their turn, since Nix asks again about a postponed one only every few seconds; only
//! when very many wait, others are postponed. Where files cannot be made, nothing is counted. Nix's
//! counterpart is `currentLoad` in `build-remote.cc`.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many accepted builds may wait for their turn. Each is a small process.
const MAX_WAITING: usize = 128;
/// How often the first of those that wait looks for a free place.
const PAUSE: Duration = Duration::from_millis(5);

/// A place in the queue.
#[derive(Debug)]
pub(super) struct Ticket {
    directory: Option<PathBuf>,
    count: usize,
    _file: Option<File>,
}

/// A place among those that build.
#[derive(Debug)]
pub(super) struct Slot {
    _file: Option<File>,
}

impl Ticket {
    /// Takes a place in the queue for one of `count` places; none if it is too long.
    pub(super) fn take(directory: Option<&Path>, count: usize) -> Option<Ticket> {
        let ticket = |file| Ticket {
            directory: directory.map(Path::to_owned),
            count: count.max(1),
            _file: file,
        };
        let uncounted = Ticket {
            directory: None,
            count,
            _file: None,
        };
        let Some(place) = directory else {
            return Some(uncounted);
        };
        if fs::create_dir_all(place).is_err() {
            return Some(uncounted);
        }
        match first_free(place, "waits", count.max(1) + MAX_WAITING) {
            Ok(file) => file.map(|file| ticket(Some(file))),
            Err(_) => Some(uncounted),
        }
    }

    /// Waits for the turn.
    ///
    /// # Errors
    /// When the locks fail.
    pub(super) fn wait(self) -> io::Result<Slot> {
        let Some(directory) = &self.directory else {
            return Ok(Slot { _file: None });
        };
        // Whoever has this looks for a place; the others sleep until it is theirs.
        let gate = open(&directory.join("gate"))?;
        gate.lock()?;
        loop {
            if let Some(file) = first_free(directory, "builds", self.count)? {
                return Ok(Slot { _file: Some(file) });
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// Locks the first of `count` files that nobody has locked.
fn first_free(directory: &Path, name: &str, count: usize) -> io::Result<Option<File>> {
    for number in 0..count {
        let file = open(&directory.join(format!("{name}-{number}")))?;
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(None)
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.create(true).truncate(false).write(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_places_as_there_should_be() {
        let directory = tempfile::tempdir().expect("a directory");
        let place = directory.path().join("slots");
        let take = || Ticket::take(Some(&place), 2);
        let first = take().expect("room").wait().expect("a place");
        let _second = take().expect("room").wait().expect("a place");
        std::thread::scope(|scope| {
            let third = scope.spawn(|| take().expect("room").wait().map(drop));
            drop(first);
            third.join().expect("no panic").expect("a place");
        });
        assert!(Ticket::take(None, 1).expect("room").wait().is_ok());
    }

    #[test]
    fn the_queue_has_an_end() {
        let directory = tempfile::tempdir().expect("a directory");
        let take = || Ticket::take(Some(directory.path()), 1);
        let queue: Vec<_> = std::iter::from_fn(take).collect();
        assert_eq!(queue.len(), 1 + MAX_WAITING);
        drop(queue);
        assert!(take().is_some());
    }
}
