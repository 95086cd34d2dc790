//! Reading a tree from the disk in the order of a NAR.
//!
//! Contract: gives the sink the events of a depth-first walk, entries sorted by their
//! bytes, `~nix~case~hack~N` names taken back where the disk needs them. Links are not
//! followed; what a NAR cannot hold is an error. Counterpart: `dump` in `archive.cc`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawMode, fstat, openat, readlinkat, statat};
use wasibuild_nix_compat::case_hack;
use wasibuild_nix_compat::nar::{self, NarError};

use crate::cursor::{self, Cursor};
use crate::error::{Context, Error, Result};

/// Takes the events of a walk: one node, or a directory with entries.
pub(crate) trait TreeSink {
    /// A directory begins.
    fn directory(&mut self) -> Result<()>;
    /// The name of the node that follows.
    fn entry(&mut self, name: &[u8]) -> Result<()>;
    /// The innermost directory ends.
    fn end_directory(&mut self) -> Result<()>;
    /// A file of `size` bytes, all of which are to be read from `contents`.
    fn file(&mut self, executable: bool, size: u64, contents: &mut dyn Read) -> Result<()>;
    /// A symbolic link.
    fn symlink(&mut self, target: &[u8]) -> Result<()>;
}

/// Walks the tree `name` in `dir`, whose path is `dir_path`.
pub(crate) fn walk_tree(
    dir: BorrowedFd<'_>,
    dir_path: &Path,
    name: &[u8],
    case_hack: bool,
    sink: &mut dyn TreeSink,
) -> Result<()> {
    if !visit(dir, dir_path, name, sink)? {
        return Ok(());
    }
    let mut cursor = Cursor::open(dir, dir_path, name)?;
    sink.directory()?;
    let mut open = vec![sorted(&cursor, case_hack)?.into_iter()];
    while let Some(entries) = open.last_mut() {
        match entries.next() {
            Some((logical, on_disk)) => {
                sink.entry(&logical)?;
                if visit(cursor.as_fd(), cursor.path(), &on_disk, sink)? {
                    if open.len() >= nar::MAX_DEPTH {
                        return Err(Error::Archive {
                            what: cursor.path().display().to_string(),
                            problem: format!(
                                "directories are nested more than {} deep",
                                nar::MAX_DEPTH
                            ),
                        });
                    }
                    cursor.descend(&on_disk)?;
                    sink.directory()?;
                    open.push(sorted(&cursor, case_hack)?.into_iter());
                }
            }
            None => {
                open.pop();
                sink.end_directory()?;
                cursor.ascend()?;
            }
        }
    }
    Ok(())
}

/// The entries of the open directory: logical name and name on the disk.
fn sorted(cursor: &Cursor, case_hack: bool) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut names: Vec<(Vec<u8>, Vec<u8>)> = cursor::names(cursor.as_fd(), cursor.path())?
        .into_iter()
        .map(|name| match case_hack {
            true => (case_hack::logical_name(&name).to_vec(), name),
            false => (name.clone(), name),
        })
        .collect();
    names.sort();
    Ok(names)
}

/// Gives a file or link to the sink; true if it is a directory.
fn visit(
    dir: BorrowedFd<'_>,
    dir_path: &Path,
    name: &[u8],
    sink: &mut dyn TreeSink,
) -> Result<bool> {
    let path = || cursor::join(dir_path, name);
    let stat =
        statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).context_with("read the state of", path)?;
    match FileType::from_raw_mode(stat.st_mode as RawMode) {
        FileType::Directory => return Ok(true),
        FileType::Symlink => {
            let target = readlinkat(dir, name, Vec::new()).context_with("read the link", path)?;
            sink.symlink(target.to_bytes())?;
        }
        FileType::RegularFile => {
            // Not blocking, in case that it has become a pipe.
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let fd = openat(dir, name, flags, Mode::empty()).context_with("open", path)?;
            let stat = fstat(&fd).context_with("read the state of", path)?;
            if FileType::from_raw_mode(stat.st_mode as RawMode) != FileType::RegularFile {
                return Err(Error::Changed { path: path() });
            }
            let executable = Mode::from_raw_mode(stat.st_mode as RawMode).contains(Mode::XUSR);
            let size = u64::try_from(stat.st_size).unwrap_or(0);
            let mut file = File::from(fd).take(size);
            sink.file(executable, size, &mut file)
                .map_err(|error| match error {
                    // The archive cannot know which file it was.
                    Error::Changed { .. } => Error::Changed { path: path() },
                    other => other,
                })?;
            if file.limit() != 0 {
                return Err(Error::Changed { path: path() });
            }
        }
        _ => return Err(Error::UnsupportedFile { path: path() }),
    }
    Ok(false)
}

/// Writes a walk as a NAR.
pub(crate) struct NarSink<W: Write>(nar::Writer<W>);

impl<W: Write> NarSink<W> {
    pub(crate) fn new(writer: W) -> Self {
        NarSink(nar::Writer::new(writer))
    }

    /// Ends the archive.
    pub(crate) fn finish(self) -> Result<W> {
        self.0.finish().map_err(archive_error)
    }
}

impl<W: Write> TreeSink for NarSink<W> {
    fn directory(&mut self) -> Result<()> {
        self.0.directory().map_err(archive_error)
    }
    fn entry(&mut self, name: &[u8]) -> Result<()> {
        self.0.entry(name).map_err(archive_error)
    }
    fn end_directory(&mut self) -> Result<()> {
        self.0.end_directory().map_err(archive_error)
    }
    fn file(&mut self, executable: bool, size: u64, contents: &mut dyn Read) -> Result<()> {
        self.0
            .file(executable, size, contents)
            .map_err(archive_error)
    }
    fn symlink(&mut self, target: &[u8]) -> Result<()> {
        self.0.symlink(target).map_err(archive_error)
    }
}

/// What the archive's writer or reader says, with all its causes.
pub(crate) fn archive_error(error: NarError) -> Error {
    match error {
        NarError::ShortFile { .. } => Error::Changed {
            path: "a file".into(),
        },
        NarError::Io { source, .. } if is_disk(&source) => {
            Error::io("write the archive to", "its destination", source)
        }
        error => Error::Archive {
            what: "a store path".to_owned(),
            problem: causes(&error),
        },
    }
}

fn is_disk(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::ReadOnlyFilesystem
    )
}

/// An error's text with those of its sources.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
