//! Writing a tree into the store directory, canonical and invisible until it is complete.
//!
//! Contract: the tree is written under the name `DIGEST-tmp` beside its final place: files
//! with mode 444 or 555, directories with 555, each with modification time 1, no set-id
//! bits, no hard links; then it is renamed. Whoever writes holds the path's lock, so
//! one temporary name for each digest is enough, and what a killed process left is
//! removed by the next. A collector leaves `DIGEST-tmp` alone while `DIGEST-NAME` is a
//! temporary root (see `gc_socket.rs`), and removes it when it is not.
//! Each call is relative to an open directory: one path component is resolved at a time.
//! Counterpart: `RestoreSink` in `archive.cc`, `canonicalisePathMetaData` in
//! `local-store.cc`.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, Mode, OFlags, RawMode, Timespec, Timestamps, UTIME_OMIT, fchmod, fstat, futimens,
    mkdirat, openat, renameat, symlinkat, utimensat,
};
use rustix::io::Errno;
use wasibuild_nix_compat::case_hack::CaseHack;
use wasibuild_nix_compat::file_system_object::{Contents, FileSystemObject};
use wasibuild_nix_compat::nar::{self, Event};
use wasibuild_nix_compat::store_path::StorePath;

use crate::cursor::Cursor;
use crate::error::{Context, Error, Result};
use crate::hooks::Hooks;
use crate::remove_tree::remove_tree;
use crate::walk_tree::{TreeSink, archive_error};

/// Modification time 1, as Nix; the access time is left alone.
const TIMES: Timestamps = Timestamps {
    last_access: Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_OMIT,
    },
    last_modification: Timespec {
        tv_sec: 1,
        tv_nsec: 0,
    },
};

const FILE: Mode = Mode::from_raw_mode(0o444);
const EXECUTABLE: Mode = Mode::from_raw_mode(0o555);
const DIRECTORY: Mode = Mode::from_raw_mode(0o555);
/// What was tried when a file's contents could not be had.
const READ: &str = "read the contents of";
/// A directory while it is being filled.
const OPEN_DIRECTORY: Mode = Mode::from_raw_mode(0o755);

/// The store directory as the writer needs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) dir: BorrowedFd<'a>,
    pub(crate) path: &'a Path,
    pub(crate) case_hack: bool,
    pub(crate) hooks: &'a Hooks,
}

/// A tree that is being written. Dropped before [`finish`](Self::finish), it is removed.
pub(crate) struct TreeWriter<'a> {
    target: Target<'a>,
    temporary: String,
    /// Where it will be, which is what messages name.
    place: PathBuf,
    /// The innermost open directory, none before the first.
    cursor: Option<Cursor>,
    /// For each open directory the names given in it.
    names: Vec<CaseHack>,
    /// The name of the node that comes next, as on the disk.
    next: Vec<u8>,
    is_directory: bool,
    buffer: Vec<u8>,
    finished: bool,
}

impl<'a> TreeWriter<'a> {
    /// Begins a tree that will be `path`, whose lock the caller holds.
    pub(crate) fn new(target: Target<'a>, path: &StorePath) -> Self {
        // Any name with this digest that is not the path's own.
        let suffix = if path.name() == "tmp" {
            "temporary"
        } else {
            "tmp"
        };
        let temporary = format!("{}-{suffix}", path.hash_part());
        TreeWriter {
            target,
            next: temporary.clone().into_bytes(),
            temporary,
            place: target.path.join(path.basename()),
            cursor: None,
            names: Vec::new(),
            is_directory: false,
            buffer: Vec::new(),
            finished: false,
        }
    }

    /// Writes the tree of an object in memory.
    pub(crate) fn object(&mut self, object: &FileSystemObject) -> Result<()> {
        let mut open = Vec::new();
        self.node(object, &mut open)?;
        while let Some(entries) = open.last_mut() {
            match entries.next() {
                Some((name, object)) => {
                    self.entry(name)?;
                    self.node(object, &mut open)?;
                }
                None => {
                    open.pop();
                    self.end_directory()?;
                }
            }
        }
        Ok(())
    }

    fn node<'o>(
        &mut self,
        object: &'o FileSystemObject,
        open: &mut Vec<std::collections::btree_map::Iter<'o, bstr::BString, FileSystemObject>>,
    ) -> Result<()> {
        match object {
            FileSystemObject::File {
                executable,
                contents: Contents::Memory(bytes),
            } => {
                let mut file = self.create_file(*executable)?;
                file.write_all(bytes)
                    .context_with("write", || self.place())?;
                self.end_file(&file, *executable)
            }
            FileSystemObject::File {
                executable,
                contents,
            } => self.file(*executable, contents.len(), &mut contents.reader()),
            FileSystemObject::Symlink { target } => self.symlink(target),
            FileSystemObject::Directory { entries } => {
                self.directory()?;
                open.push(entries.iter());
                Ok(())
            }
        }
    }

    /// Writes the tree of an archive, to its end.
    pub(crate) fn archive<R: Read>(&mut self, reader: &mut nar::Reader<R>) -> Result<()> {
        while let Some(event) = reader.next_event().map_err(archive_error)? {
            match event {
                Event::File { executable, size } => {
                    self.file(executable, size, reader).map_err(from_archive)?;
                }
                Event::Symlink { target } => self.symlink(&target)?,
                Event::Directory => self.directory()?,
                Event::Entry { name } => self.entry(&name)?,
                Event::EndDirectory => self.end_directory()?,
            }
        }
        Ok(())
    }

    /// The temporary name, while the tree is not finished.
    pub(crate) fn temporary(&self) -> &str {
        &self.temporary
    }

    /// Moves the complete tree to its place. What lies there is invalid, and removed.
    pub(crate) fn finish(mut self, path: &StorePath) -> Result<()> {
        let Target {
            dir,
            path: store,
            hooks,
            ..
        } = self.target;
        let name = path.basename();
        let place = store.join(name);
        // The modes of a directory decide about moving it on some systems, so the last
        // step comes after the move; nobody looks before the path is registered.
        let root = match self.is_directory {
            true => Some(Cursor::open(dir, store, self.temporary.as_bytes())?),
            false => None,
        };
        hooks.pass("rename a tree into place", &place)?;
        match renameat(dir, &self.temporary, dir, name) {
            // A file replaces a file and an empty directory an empty one; all else is
            // removed first.
            Err(Errno::EXIST | Errno::NOTEMPTY | Errno::ISDIR | Errno::NOTDIR) => {
                remove_tree(dir, store, name.as_bytes())?;
                renameat(dir, &self.temporary, dir, name)
            }
            moved => moved,
        }
        .context("rename a tree to", &place)?;
        self.finished = true;
        if let Some(root) = root {
            close_directory(root.as_fd(), &place)?;
        }
        Ok(())
    }

    fn dir(&self) -> BorrowedFd<'_> {
        self.cursor.as_ref().map_or(self.target.dir, |c| c.as_fd())
    }

    /// The path of the node that is being written, for messages.
    pub(crate) fn place(&self) -> PathBuf {
        match &self.cursor {
            None => self.place.clone(),
            Some(cursor) => cursor.path_of(&self.next),
        }
    }

    /// Runs `make`, once more if a killed process left its tree under our name.
    fn make<T>(
        &self,
        action: &'static str,
        make: impl Fn(BorrowedFd<'_>, &[u8]) -> rustix::io::Result<T>,
    ) -> Result<T> {
        match make(self.dir(), &self.next) {
            Err(Errno::EXIST) if self.cursor.is_none() => {
                remove_tree(self.target.dir, self.target.path, &self.next)?;
                make(self.dir(), &self.next).context_with(action, || self.place())
            }
            result => result.context_with(action, || self.place()),
        }
    }

    /// Makes a file and returns it, open for writing.
    pub(crate) fn create_file(&mut self, executable: bool) -> Result<File> {
        self.target.hooks.pass("make a file", &self.place)?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = if executable { EXECUTABLE } else { FILE };
        let fd = self.make("make the file", |dir, name| openat(dir, name, flags, mode))?;
        Ok(File::from(fd))
    }

    /// Gives a written file its mode and time.
    pub(crate) fn end_file(&mut self, file: &File, executable: bool) -> Result<()> {
        let mode = if executable { EXECUTABLE } else { FILE };
        set_mode(file.as_fd(), mode).context_with("set the mode of", || self.place())?;
        futimens(file, &TIMES).context_with("set the time of", || self.place())
    }
}

impl TreeSink for TreeWriter<'_> {
    fn directory(&mut self) -> Result<()> {
        self.target.hooks.pass("make a directory", &self.place)?;
        self.make("make the directory", |dir, name| {
            mkdirat(dir, name, OPEN_DIRECTORY)
        })?;
        match &mut self.cursor {
            Some(cursor) => cursor.descend(&self.next)?,
            None => {
                let place = self.place.clone();
                self.cursor = Some(Cursor::open_as(self.target.dir, &self.next, place)?);
                self.is_directory = true;
            }
        }
        self.names.push(CaseHack::new());
        Ok(())
    }

    fn entry(&mut self, name: &[u8]) -> Result<()> {
        nar::check_name(name).map_err(|problem| Error::BadName {
            name: name.escape_ascii().to_string(),
            what: "the name of a file",
            problem: problem.to_string(),
        })?;
        self.next = match self.names.last_mut() {
            Some(names) if self.target.case_hack => {
                names.disk_name(name).map_err(|error| Error::BadName {
                    name: name.escape_ascii().to_string(),
                    what: "the name of a file",
                    problem: error.to_string(),
                })?
            }
            _ => name.to_vec(),
        };
        Ok(())
    }

    fn end_directory(&mut self) -> Result<()> {
        self.names.pop();
        let Some(cursor) = &mut self.cursor else {
            return Ok(());
        };
        // The outermost one is closed after the move.
        if self.names.is_empty() {
            return Ok(());
        }
        close_directory(cursor.as_fd(), cursor.path())?;
        cursor.ascend()?;
        Ok(())
    }

    fn file(&mut self, executable: bool, size: u64, contents: &mut dyn Read) -> Result<()> {
        let mut file = self.create_file(executable)?;
        let mut left = size;
        self.buffer.resize(256 * 1024, 0);
        loop {
            let read = contents
                .read(&mut self.buffer)
                .context_with(READ, || self.place());
            let count = match read {
                Err(Error::Io { source, .. })
                    if source.kind() == std::io::ErrorKind::Interrupted =>
                {
                    continue;
                }
                other => other?,
            };
            let Some(chunk) = self.buffer.get(..count).filter(|c| !c.is_empty()) else {
                break;
            };
            file.write_all(chunk)
                .context_with("write", || self.place())?;
            left = left
                .checked_sub(count as u64)
                .ok_or_else(|| self.changed())?;
        }
        if left != 0 {
            return Err(self.changed());
        }
        self.end_file(&file, executable)
    }

    fn symlink(&mut self, target: &[u8]) -> Result<()> {
        self.make("make the link", |dir, name| symlinkat(target, dir, name))?;
        utimensat(self.dir(), &self.next, &TIMES, AtFlags::SYMLINK_NOFOLLOW)
            .context_with("set the time of", || self.place())
    }
}

impl TreeWriter<'_> {
    fn changed(&self) -> Error {
        Error::Changed { path: self.place() }
    }
}

impl Drop for TreeWriter<'_> {
    fn drop(&mut self) {
        if !self.finished {
            let Target { dir, path, .. } = self.target;
            if let Err(error) = remove_tree(dir, path, self.temporary.as_bytes()) {
                tracing::warn!(%error, "cannot remove a half-written tree; `gc` will");
            }
        }
    }
}

/// What cannot be read from an archive is the archive's fault, not the disk's.
fn from_archive(error: Error) -> Error {
    match error {
        Error::Io {
            action: READ,
            source,
            ..
        } => Error::Archive {
            what: "a store path".to_owned(),
            problem: source.to_string(),
        },
        other => other,
    }
}

fn close_directory(dir: BorrowedFd<'_>, path: &Path) -> Result<()> {
    set_mode(dir, DIRECTORY).context("set the mode of", path)?;
    futimens(dir, &TIMES).context("set the time of", path)
}

/// Sets the mode if the umask or a set-group-id directory above made it another one.
/// Asking is cheaper than a change, which the file system has to log.
fn set_mode(fd: BorrowedFd<'_>, mode: Mode) -> rustix::io::Result<()> {
    if Mode::from_raw_mode(fstat(fd)?.st_mode as RawMode) == mode {
        return Ok(());
    }
    fchmod(fd, mode)
}
