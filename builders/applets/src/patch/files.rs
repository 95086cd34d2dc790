//! What patch leaves on the disk: the new file, backups, directories.
//!
//! Counterpart: GNU patch's `util.c`: `move_file`, `create_backup`, `removedirs`.

use crate::shared::errno::Result;
use crate::shared::fs;
use crate::shared::io;
use bstr::BString;
use rustix::fs::OFlags;
use rustix::io::Errno;

/// Removes a file, and directories that are empty then.
pub fn remove(path: &[u8]) -> Result<()> {
    fs::unlink(path)?;
    let mut parent = fs::dir_name(path);
    while parent != b"." && parent != b"/" && fs::rmdir(parent).is_ok() {
        parent = fs::dir_name(parent);
    }
    Ok(())
}

/// Makes the directories above a file.
pub fn make_directories(path: &[u8]) -> Result<()> {
    for at in memchr::memchr_iter(b'/', path) {
        match fs::mkdir(path.get(..at).unwrap_or_default()) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(number) => return Err(number),
        }
    }
    Ok(())
}

/// Writes a file anew, with the directories above it.
pub fn write(path: &BString, text: &[u8], mode: Option<u32>) -> Result<()> {
    make_directories(path)?;
    match fs::unlink(path) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(number) => return Err(number),
    }
    let file = fs::open_write(path, OFlags::CREATE | OFlags::EXCL)?;
    io::write_all(&file, text)?;
    drop(file);
    match mode {
        Some(mode) => fs::chmod(path, mode),
        None => Ok(()),
    }
}

/// Keeps a file under another name; of none an empty one.
pub fn back_up(path: &[u8], suffix: &[u8]) -> Result<()> {
    let name: BString = [path, suffix].concat().into();
    if fs::lstat(path).is_ok() {
        return fs::rename(path, &name);
    }
    make_directories(&name)?;
    fs::open_write(&name, OFlags::CREATE | OFlags::TRUNC).map(drop)
}
