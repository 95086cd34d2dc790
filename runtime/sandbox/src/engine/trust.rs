//! Directories that nobody else may write to.
//!
//! Contract: compiled code is machine code, so a directory of it is used only if it and every
//! directory above it belong to this user or to root, and no one else may write there (a sticky
//! directory such as `/tmp` may be above it, since there only an owner can rename). The checks are
//! made on opened descriptors, one component after the other without following links, and files
//! are then opened relative to the last one: nothing can be exchanged between check and use.

use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, mkdirat, openat};
use rustix::process::{Uid, geteuid};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path};

/// A checked directory, held open.
pub struct TrustedDir {
    fd: OwnedFd,
}

/// Whose files are trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// This user only.
    Me,
    /// This user or root.
    MeOrRoot,
}

impl TrustedDir {
    /// Opens a directory and checks it and all above it. `create` makes it (mode 0700) if missing.
    ///
    /// # Errors
    /// Why it is not trusted, in words for a warning.
    pub fn open(path: &Path, owner: Owner, create: bool) -> Result<TrustedDir, String> {
        let fail = |why: String| format!("'{}': {why}", path.display());
        let resolved = match std::fs::canonicalize(path) {
            Ok(resolved) => resolved,
            Err(error) if create && error.kind() == io::ErrorKind::NotFound => {
                create_dir(path).map_err(|error| fail(format!("cannot be made: {error}")))?;
                std::fs::canonicalize(path).map_err(|error| fail(error.to_string()))?
            }
            Err(error) => return Err(fail(error.to_string())),
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut fd =
            rustix::fs::open("/", flags, Mode::empty()).map_err(|error| fail(error.to_string()))?;
        let names: Vec<&OsStr> = resolved
            .components()
            .filter_map(|component| match component {
                Component::Normal(name) => Some(name),
                _ => None,
            })
            .collect();
        for (index, name) in names.iter().enumerate() {
            let stat = fstat(&fd).map_err(|error| fail(error.to_string()))?;
            check(&stat, Owner::MeOrRoot, true)
                .map_err(|why| fail(format!("directory {index} levels below '/' {why}")))?;
            fd = openat(&fd, *name, flags, Mode::empty())
                .map_err(|error| fail(error.to_string()))?;
        }
        let stat = fstat(&fd).map_err(|error| fail(error.to_string()))?;
        check(&stat, owner, false).map_err(|why| fail(format!("the directory {why}")))?;
        Ok(TrustedDir { fd })
    }

    /// Opens a file in it; `None` if there is none.
    ///
    /// # Errors
    /// Why the file is not trusted, or the system's words.
    pub fn open_file(&self, name: &str, owner: Owner) -> Result<Option<File>, String> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let fd = match openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(error) => return Err(format!("'{name}': {error}")),
        };
        let stat = fstat(&fd).map_err(|error| format!("'{name}': {error}"))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(format!("'{name}' is not a regular file"));
        }
        check(&stat, owner, false).map_err(|why| format!("'{name}' {why}"))?;
        Ok(Some(File::from(fd)))
    }

    /// Writes a file: under a name of its own, synced, then renamed, so that no one ever sees half
    /// of it.
    pub fn write_file(&self, name: &str, unique: &str, bytes: &[u8]) -> io::Result<()> {
        use std::io::Write;
        let temporary = format!(".{name}.{unique}");
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(&self.fd, &temporary, flags, Mode::from_raw_mode(0o600))?;
        let mut file = File::from(fd);
        let written = file
            .write_all(bytes)
            .and_then(|()| file.sync_all())
            .and_then(|()| Ok(rustix::fs::renameat(&self.fd, &temporary, &self.fd, name)?));
        if written.is_err() {
            let _ = rustix::fs::unlinkat(&self.fd, &temporary, rustix::fs::AtFlags::empty());
        }
        written
    }
}

/// Makes a directory and what is missing above it, all private.
fn create_dir(path: &Path) -> io::Result<()> {
    match mkdirat(rustix::fs::CWD, path, Mode::from_raw_mode(0o700)) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
        Err(rustix::io::Errno::NOENT) => match path.parent() {
            Some(parent) => {
                create_dir(parent)?;
                Ok(mkdirat(rustix::fs::CWD, path, Mode::from_raw_mode(0o700))?)
            }
            None => Err(io::ErrorKind::NotFound.into()),
        },
        Err(error) => Err(error.into()),
    }
}

/// Is the file or directory ours alone to write?
#[allow(clippy::useless_conversion)] // `st_mode` has 16 bits on macOS.
fn check(stat: &Stat, owner: Owner, above: bool) -> Result<(), String> {
    let me = geteuid();
    let uid = Uid::from_raw(stat.st_uid);
    let owned = uid == me || (owner == Owner::MeOrRoot && uid.is_root());
    if !owned {
        return Err(format!(
            "belongs to user {}, not to user {}",
            stat.st_uid,
            me.as_raw()
        ));
    }
    let mode = u32::from(stat.st_mode);
    let sticky = above && mode & 0o1000 != 0;
    if mode & 0o022 != 0 && !sticky {
        return Err(format!(
            "can be written by others (mode {:o}); `chmod go-w` it",
            mode & 0o7777
        ));
    }
    Ok(())
}

impl AsFd for TrustedDir {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
