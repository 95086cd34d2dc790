//! Removing a tree from the store, whatever it holds and whatever its modes are.
//!
//! Contract: links are not followed; what has gone already is no error; one descriptor
//! is open however deep the tree is. Counterpart: `deletePath` in Nix's `util.cc`.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, RawMode, Stat, chmodat, statat, unlinkat};
use rustix::io::Errno;

use crate::cursor::{self, Cursor};
use crate::error::{Context, Result};

/// Removes `name` in `dir` (whose path is `dir_path`) and returns the bytes of disk that
/// this frees; 0 if it does not exist.
pub(crate) fn remove_tree(dir: BorrowedFd<'_>, dir_path: &Path, name: &[u8]) -> Result<u64> {
    let mut freed = 0;
    if !remove_or_open(dir, dir_path, name, &mut freed)? {
        return Ok(freed);
    }
    let mut cursor = Cursor::open(dir, dir_path, name)?;
    let mut open = vec![(name.to_vec(), cursor::names(cursor.as_fd(), cursor.path())?)];
    while let Some((_, names)) = open.last_mut() {
        if let Some(name) = names.pop() {
            if remove_or_open(cursor.as_fd(), cursor.path(), &name, &mut freed)? {
                cursor.descend(&name)?;
                let names = cursor::names(cursor.as_fd(), cursor.path())?;
                open.push((name, names));
            }
            continue;
        }
        let Some((name, _)) = open.pop() else { break };
        let path = cursor.path().to_owned();
        let result = if cursor.ascend()? {
            unlinkat(&cursor, &name, AtFlags::REMOVEDIR)
        } else {
            unlinkat(dir, &name, AtFlags::REMOVEDIR)
        };
        match result {
            Err(Errno::NOENT) => {}
            other => other.context("remove the directory", &path)?,
        }
    }
    Ok(freed)
}

/// Removes what is no directory; makes a directory fit to be emptied and returns true.
fn remove_or_open(
    dir: BorrowedFd<'_>,
    dir_path: &Path,
    name: &[u8],
    freed: &mut u64,
) -> Result<bool> {
    let stat = match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(false),
        other => other.context_with("read the state of", || cursor::join(dir_path, name))?,
    };
    if FileType::from_raw_mode(stat.st_mode as RawMode) == FileType::Directory {
        let mode = Mode::from_raw_mode(stat.st_mode as RawMode);
        if !mode.contains(Mode::RWXU) {
            chmodat(dir, name, mode | Mode::RWXU, AtFlags::empty())
                .context("make writable", cursor::join(dir_path, name))?;
        }
        *freed += disk_bytes(&stat);
        return Ok(true);
    }
    match unlinkat(dir, name, AtFlags::empty()) {
        Err(Errno::NOENT) => return Ok(false),
        other => other.context_with("remove", || cursor::join(dir_path, name))?,
    }
    // The space of a file with other names (Nix's `.links`) is not freed yet.
    if stat.st_nlink == 1 {
        *freed += disk_bytes(&stat);
    }
    Ok(false)
}

/// The space that a file takes. `st_blocks` counts 512 bytes on every system.
pub(crate) fn disk_bytes(stat: &Stat) -> u64 {
    u64::try_from(stat.st_blocks)
        .unwrap_or(0)
        .saturating_mul(512)
}
