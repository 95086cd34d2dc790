//! Files by their paths as bytes: metadata with modes, and the calls that change the tree.
//!
//! Contract: each function is one system call as Linux has it. On WASI, modes and owners come from
//! the host's extension.

use super::errno::{Result, from_io};
use bstr::BString;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use wasibuild_guest::host;

/// What a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    File,
    Directory,
    Link,
    Character,
    Block,
    Fifo,
    Socket,
}

/// What `stat` tells.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Meta {
    pub kind: Kind,
    /// Permission bits, `0o7777`.
    pub mode: u32,
    pub links: u64,
    pub size: u64,
    pub device: u64,
    pub inode: u64,
    /// Seconds and nanoseconds of the last access, modification, and change.
    pub times: [(i64, u32); 3],
}

impl Meta {
    /// A directory?
    pub fn is_dir(&self) -> bool {
        self.kind == Kind::Directory
    }

    /// A symbolic link?
    pub fn is_link(&self) -> bool {
        self.kind == Kind::Link
    }

    /// The same file as another?
    pub fn same_file(&self, other: &Meta) -> bool {
        self.device == other.device && self.inode == other.inode
    }
}

#[allow(clippy::unnecessary_cast, clippy::useless_conversion)] // The types differ by platform.
fn meta(stat: &rustix::fs::Stat, mode: u32) -> Meta {
    let kind = match (stat.st_mode as u32) & 0o170_000 {
        // WASI has no number for pipes, and says that it does not know.
        0 if cfg!(target_os = "wasi") => Kind::Fifo,
        0o040_000 => Kind::Directory,
        0o120_000 => Kind::Link,
        0o020_000 => Kind::Character,
        0o060_000 => Kind::Block,
        0o010_000 => Kind::Fifo,
        // WASI has no number for named pipes, and the sandbox no sockets.
        0o140_000 if cfg!(target_os = "wasi") => Kind::Fifo,
        0o140_000 => Kind::Socket,
        _ => Kind::File,
    };
    #[cfg(target_os = "wasi")]
    let times = [&stat.st_atim, &stat.st_mtim, &stat.st_ctim]
        .map(|time| (time.tv_sec as i64, time.tv_nsec as u32));
    #[cfg(unix)]
    let times = [
        (stat.st_atime as i64, stat.st_atime_nsec as u32),
        (stat.st_mtime as i64, stat.st_mtime_nsec as u32),
        (stat.st_ctime as i64, stat.st_ctime_nsec as u32),
    ];
    Meta {
        kind,
        mode,
        links: stat.st_nlink as u64,
        size: stat.st_size as u64,
        device: stat.st_dev as u64,
        inode: stat.st_ino as u64,
        times,
    }
}

fn stat_flags(path: &[u8], flags: AtFlags) -> Result<Meta> {
    let stat = rustix::fs::statat(CWD, path, flags)?;
    #[cfg(unix)]
    {
        Ok(meta(&stat, stat.st_mode as u32 & 0o7777))
    }
    #[cfg(target_os = "wasi")]
    {
        let follow = !flags.contains(AtFlags::SYMLINK_NOFOLLOW);
        let mode = host::path_mode(path, follow).map_err(|error| from_io(&error))?;
        Ok(meta(&stat, mode))
    }
}

/// Metadata of what the path leads to.
pub fn stat(path: &[u8]) -> Result<Meta> {
    stat_flags(path, AtFlags::empty())
}

/// Metadata of the name itself.
pub fn lstat(path: &[u8]) -> Result<Meta> {
    stat_flags(path, AtFlags::SYMLINK_NOFOLLOW)
}

/// Metadata of a descriptor.
pub fn fstat(fd: impl rustix::fd::AsFd) -> Result<Meta> {
    let fd = fd.as_fd();
    let stat = rustix::fs::fstat(fd)?;
    #[cfg(unix)]
    {
        Ok(meta(&stat, stat.st_mode as u32 & 0o7777))
    }
    #[cfg(target_os = "wasi")]
    {
        use rustix::fd::AsRawFd;
        let mode = host::fd_mode(fd.as_raw_fd()).map_err(|error| from_io(&error))?;
        Ok(meta(&stat, mode))
    }
}

/// Opens for reading.
pub fn open_read(path: &[u8]) -> Result<OwnedFd> {
    rustix::fs::openat(CWD, path, OFlags::RDONLY, Mode::empty())
}

/// Opens for writing with the given flags besides; makes files with mode `0o666` less the mask.
pub fn open_write(path: &[u8], flags: OFlags) -> Result<OwnedFd> {
    let mode = Mode::from_raw_mode(0o666);
    rustix::fs::openat(CWD, path, OFlags::WRONLY | flags, mode)
}

/// Makes a directory with mode `0o777` less the mask.
pub fn mkdir(path: &[u8]) -> Result<()> {
    rustix::fs::mkdirat(CWD, path, Mode::from_raw_mode(0o777))
}

/// Sets permission bits of what the path leads to.
pub fn chmod(path: &[u8], mode: u32) -> Result<()> {
    host::set_path_mode(path, mode).map_err(|error| from_io(&error))
}

/// Makes a named pipe; the file mask applies.
pub fn mkfifo(path: &[u8], mode: u32) -> Result<()> {
    host::make_fifo(path, mode).map_err(|error| from_io(&error))
}

/// Removes a name that is no directory.
pub fn unlink(path: &[u8]) -> Result<()> {
    rustix::fs::unlinkat(CWD, path, AtFlags::empty())
}

/// Removes an empty directory.
pub fn rmdir(path: &[u8]) -> Result<()> {
    rustix::fs::unlinkat(CWD, path, AtFlags::REMOVEDIR)
}

/// Moves a name.
pub fn rename(from: &[u8], to: &[u8]) -> Result<()> {
    rustix::fs::renameat(CWD, from, CWD, to)
}

/// Makes a symbolic link with any target.
pub fn symlink(target: &[u8], path: &[u8]) -> Result<()> {
    rustix::fs::symlinkat(target, CWD, path)
}

/// Makes a hard link; a symbolic link itself is linked unless `follow`.
pub fn link(from: &[u8], to: &[u8], follow: bool) -> Result<()> {
    let flags = if follow {
        AtFlags::SYMLINK_FOLLOW
    } else {
        AtFlags::empty()
    };
    rustix::fs::linkat(CWD, from, CWD, to, flags)
}

/// The target of a symbolic link.
pub fn readlink(path: &[u8]) -> Result<BString> {
    let target = rustix::fs::readlinkat(CWD, path, Vec::new())?;
    Ok(BString::from(target.into_bytes()))
}

/// Sets access and modification time (seconds and nanoseconds; `None` leaves a value).
pub fn set_times(path: &[u8], times: [Option<(i64, u32)>; 2], follow: bool) -> Result<()> {
    // The fields' types differ by platform, and so do the two special values.
    #[allow(
        clippy::cast_possible_wrap,
        clippy::useless_conversion,
        clippy::unnecessary_cast
    )]
    let [access, modification] = times.map(|time| {
        let (seconds, nanoseconds) = time.unwrap_or((0, rustix::fs::UTIME_OMIT as u32));
        rustix::fs::Timespec {
            tv_sec: seconds as _,
            tv_nsec: nanoseconds as i32 as _,
        }
    });
    let times = rustix::fs::Timestamps {
        last_access: access,
        last_modification: modification,
    };
    let flags = if follow {
        AtFlags::empty()
    } else {
        AtFlags::SYMLINK_NOFOLLOW
    };
    rustix::fs::utimensat(CWD, path, &times, flags)
}

/// The names in a directory, sorted by their bytes.
pub fn list(path: &[u8]) -> Result<Vec<BString>> {
    wasibuild_guest::input::list_directory(&wasibuild_guest::bytes::to_path(path))
        .map_err(|error| from_io(&error))
}

/// May the process access the path (4 read, 2 write, 1 execute or search)?
pub fn access(path: &[u8], bits: u32) -> Result<()> {
    #[cfg(target_os = "wasi")]
    {
        host::access(path, bits).map_err(|error| from_io(&error))
    }
    #[cfg(unix)]
    {
        let mut access = rustix::fs::Access::empty();
        access.set(rustix::fs::Access::READ_OK, bits & 4 != 0);
        access.set(rustix::fs::Access::WRITE_OK, bits & 2 != 0);
        access.set(rustix::fs::Access::EXEC_OK, bits & 1 != 0);
        rustix::fs::accessat(CWD, path, access, AtFlags::EACCESS)
    }
}

/// The mask of permission bits.
pub fn umask() -> u32 {
    #[cfg(target_os = "wasi")]
    {
        match host::umask(0o022) {
            Ok(old) if old != 0o022 => {
                let _ = host::umask(old);
                old
            }
            _ => 0o022,
        }
    }
    #[cfg(unix)]
    {
        let old = rustix::process::umask(Mode::empty());
        rustix::process::umask(old);
        #[allow(clippy::useless_conversion)] // It is 16 bits wide on macOS.
        u32::from(old.bits())
    }
}

/// `directory/name`, with one slash between.
pub fn join(directory: &[u8], name: &[u8]) -> BString {
    let mut path = BString::from(directory);
    if !path.is_empty() && path.last() != Some(&b'/') {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// The last component without slashes behind it; `/` for the root; empty for the empty path.
pub fn base_name(path: &[u8]) -> &[u8] {
    let trimmed = trim_slashes(path);
    if trimmed == b"/" {
        return trimmed;
    }
    match trimmed.iter().rposition(|byte| *byte == b'/') {
        Some(at) => trimmed.get(at + 1..).unwrap_or_default(),
        None => trimmed,
    }
}

/// What is before the last component; `.` where nothing is.
pub fn dir_name(path: &[u8]) -> &[u8] {
    let trimmed = trim_slashes(path);
    match trimmed.iter().rposition(|byte| *byte == b'/') {
        Some(at) => {
            let head = trim_slashes(trimmed.get(..at).unwrap_or_default());
            if head.is_empty() { b"/" } else { head }
        }
        None => b".",
    }
}

/// Without slashes at the end, but for the root.
pub fn trim_slashes(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|byte| *byte != b'/') {
        Some(last) => path.get(..=last).unwrap_or_default(),
        None => path.get(..path.len().min(1)).unwrap_or_default(),
    }
}
