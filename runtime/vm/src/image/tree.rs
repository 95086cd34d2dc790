//! Store paths as a file system in one piece (squashfs), written by the crate `backhand`.
//!
//! Contract: the tree is read first, so that what it takes is known before room is made for it; a file is opened
//! when its bytes are written, and only then. What changes or vanishes in between is an error. Owners, times and
//! permissions are those that every store has; nothing is compressed, for it is read once or twice, on this
//! computer. Documentation/filesystems/squashfs.rst of the kernel is the format.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use backhand::compression::{CompressionAction, Compressor};
use backhand::kind::Kind;
use backhand::{
    BackhandError, DEFAULT_BLOCK_SIZE, FilesystemCompressor, FilesystemWriter, NodeHeader,
    SuperBlock,
};
use bstr::BStr;
use wasibuild_nix_compat::nar::MAX_DEPTH;

use super::disk::Disk;
use super::room::BLOCK;
use super::{ImageError, unreadable};

/// What an image takes beside what is in it: its head and its tables' ends.
const BASE: u64 = 64 << 10;
/// What a node takes at most, beside its name, its target and the sizes of its blocks: its inode, its entry with a
/// head of its own, and the place of its fragment.
const NODE: u64 = 128;

/// The stack for writing, which goes down a directory with each call: enough for [`MAX_DEPTH`].
const STACK: usize = 32 << 20;

/// The most steps that an image may cost its writer, which compares the whole path of each node with those of all
/// directories above it: half a minute. A million files that lie twenty deep are less than half of it.
const STEPS: u64 = 1_000_000_000;

/// See the module.
#[derive(Debug)]
pub struct Tree {
    entries: Vec<Entry>,
    bound: u64,
    steps: u64,
}

#[derive(Debug)]
struct Entry {
    /// Its path in the image.
    path: PathBuf,
    node: Node,
}

#[derive(Debug)]
enum Node {
    Directory,
    Link(PathBuf),
    File(Source),
}

/// A file, and what was seen of it.
#[derive(Debug)]
struct Source {
    place: PathBuf,
    executable: bool,
    seen: Seen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

impl Seen {
    fn of(metadata: &Metadata) -> Self {
        Seen {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            changed: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

impl Tree {
    /// Looks at all that is in paths: their names in the image, and their places.
    ///
    /// # Errors
    /// When something cannot be read, or is nothing that a store has.
    pub fn scan<'s>(
        sources: impl Iterator<Item = (&'s BStr, &'s Path)>,
        stop: &AtomicBool,
    ) -> Result<Self, ImageError> {
        let mut tree = Tree {
            entries: Vec::new(),
            bound: BASE,
            steps: 0,
        };
        let mut sources: Vec<_> = sources.collect();
        // In the order of their names, which is that of directories of the format.
        sources.sort_unstable();
        // Directories that are open: in the image, on the host, and what is left of each, last name first.
        let mut open: Vec<(PathBuf, PathBuf, Vec<Vec<u8>>)> = Vec::new();
        for (name, place) in sources {
            tree.add(path(name).to_owned(), place.to_owned(), &mut open)?;
            while let Some((directory, place, names)) = open.last_mut() {
                let Some(name) = names.pop() else {
                    open.pop();
                    continue;
                };
                if stop.load(Ordering::Relaxed) {
                    return Err(ImageError::Stopped);
                }
                let (inside, outside) = (directory.join(path(&name)), place.join(path(&name)));
                if open.len() >= MAX_DEPTH {
                    let problem = format!("directories are nested more than {MAX_DEPTH} deep");
                    return Err(unreadable(&outside, &problem));
                }
                tree.add(inside, outside, &mut open)?;
            }
        }
        Ok(tree)
    }

    fn add(
        &mut self,
        path: PathBuf,
        place: PathBuf,
        open: &mut Vec<(PathBuf, PathBuf, Vec<Vec<u8>>)>,
    ) -> Result<(), ImageError> {
        let failed = |error: io::Error| unreadable(&place, &error);
        let metadata = fs::symlink_metadata(&place).map_err(failed)?;
        let kind = metadata.file_type();
        let depth = open.len() as u64 + 1;
        self.steps = self.steps.saturating_add(depth * depth);
        if self.steps > STEPS {
            let problem = "there are too many files that lie too deep in each other";
            return Err(unreadable(&place, &problem));
        }
        let mut takes = NODE + path.file_name().map_or(0, |name| name.len() as u64);
        let node = if kind.is_dir() {
            let mut names = Vec::new();
            for entry in fs::read_dir(&place).map_err(failed)? {
                names.push(entry.map_err(failed)?.file_name().into_vec());
            }
            names.sort_unstable_by(|a, b| b.cmp(a));
            open.push((path.clone(), place, names));
            Node::Directory
        } else if kind.is_symlink() {
            let target = fs::read_link(&place).map_err(failed)?;
            takes += target.as_os_str().len() as u64;
            Node::Link(target)
        } else if kind.is_file() {
            let size = metadata.len();
            takes = takes
                .saturating_add(size)
                .saturating_add(4 * (size / u64::from(DEFAULT_BLOCK_SIZE) + 1));
            Node::File(Source {
                executable: metadata.mode() & 0o100 != 0,
                seen: Seen::of(&metadata),
                place,
            })
        } else {
            let problem = "it is neither a file, nor a directory, nor a link";
            return Err(unreadable(&place, &problem));
        };
        self.bound = self.bound.saturating_add(takes);
        self.entries.push(Entry { path, node });
        Ok(())
    }

    /// How many bytes its image takes at most, in whole blocks.
    pub fn bound(&self) -> u64 {
        // Tables are cut into pieces of 8 KiB with two bytes for a head.
        let pieces = self.bound / 4096;
        self.bound.saturating_add(pieces).saturating_add(BLOCK) / BLOCK * BLOCK
    }

    /// Writes the image to that place of the disk; its length.
    ///
    /// # Errors
    /// When a file is not as it was, the disk takes no more, or the image would be longer than `bound`.
    pub fn write(
        self,
        disk: &Disk,
        offset: u64,
        bound: u64,
        stop: &AtomicBool,
    ) -> Result<u64, ImageError> {
        let mut part = Part {
            file: disk.file(),
            offset,
            bound,
            position: 0,
            written: 0,
        };
        let write = move || self.write_to(&mut part, stop).map(|()| part.written);
        std::thread::scope(|threads| {
            let thread = std::thread::Builder::new().stack_size(STACK);
            let thread = thread
                .spawn_scoped(threads, write)
                .map_err(|error| ImageError::Write(error.to_string()))?;
            let ended = thread.join();
            ended.unwrap_or_else(|_| Err(ImageError::Write("its writer failed".to_owned())))
        })
    }

    fn write_to(self, part: &mut Part<'_>, stop: &AtomicBool) -> Result<(), ImageError> {
        let header = |permissions| NodeHeader::new(permissions, 0, 0, 1);
        let mut writer = FilesystemWriter::default();
        writer.set_kind(Kind::new_v4(&STORED));
        // Kernels know no image without a compressor. What is never compressed needs any that they have.
        let compressor = FilesystemCompressor::new(Compressor::Gzip, None).map_err(refused)?;
        writer.set_compressor(compressor);
        writer.set_block_size(DEFAULT_BLOCK_SIZE);
        writer.set_time(1);
        writer.set_root_mode(0o755);
        writer.set_only_root_id();
        // It would believe a hash that anybody can find a second text for.
        writer.set_no_duplicate_files(false);
        for Entry { path, node } in self.entries {
            let added = match node {
                Node::Directory => writer.push_dir(path, header(0o555)),
                Node::Link(target) => writer.push_symlink(target, path, header(0o777)),
                Node::File(source) => {
                    let mode = if source.executable { 0o555 } else { 0o444 };
                    let reader = Lazy {
                        source,
                        stop,
                        open: None,
                        read: 0,
                    };
                    writer.push_file(reader, path, header(mode))
                }
            };
            added.map_err(refused)?;
        }
        writer.write(part).map_err(|error| {
            if stop.load(Ordering::Relaxed) {
                return ImageError::Stopped;
            }
            refused(error)
        })?;
        Ok(())
    }
}

/// What the writer says.
fn refused(error: BackhandError) -> ImageError {
    match error {
        BackhandError::StdIo(error) => match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ImageError::Full(error),
            _ => match error.downcast::<Changed>() {
                Ok(Changed(path, problem)) => ImageError::Input { path, problem },
                Err(error) => ImageError::Write(error.to_string()),
            },
        },
        other => ImageError::Write(other.to_string()),
    }
}

/// A file that cannot be read, or is not as it was.
#[derive(Debug, thiserror::Error)]
#[error("'{0}': {1}")]
struct Changed(PathBuf, String);

/// A file that is opened with the first byte that is asked for, and closed after the last.
struct Lazy<'s> {
    source: Source,
    stop: &'s AtomicBool,
    open: Option<File>,
    read: u64,
}

impl Lazy<'_> {
    fn changed(&self, problem: impl std::fmt::Display) -> io::Error {
        io::Error::other(Changed(self.source.place.clone(), problem.to_string()))
    }

    fn open(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(libc::O_NOFOLLOW);
        let file = options
            .open(&self.source.place)
            .map_err(|error| self.changed(error))?;
        self.check(&file)?;
        Ok(file)
    }

    fn check(&self, file: &File) -> io::Result<()> {
        let metadata = file.metadata().map_err(|error| self.changed(error))?;
        if Seen::of(&metadata) == self.source.seen {
            return Ok(());
        }
        Err(self.changed("it was changed meanwhile"))
    }
}

impl Read for Lazy<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("it was cancelled"));
        }
        let mut file = match self.open.take() {
            Some(file) => file,
            // After the last byte.
            None if self.read > 0 && self.read == self.source.seen.size => return Ok(0),
            None => self.open()?,
        };
        let count = file.read(buffer).map_err(|error| self.changed(error))?;
        self.read += count as u64;
        let size = self.source.seen.size;
        if self.read > size || (count == 0 && !buffer.is_empty() && self.read < size) {
            return Err(self.changed("its size was changed meanwhile"));
        }
        if self.read == size {
            self.check(&file)?;
        } else {
            self.open = Some(file);
        }
        Ok(count)
    }
}

/// A part of the disk, as the writer sees it.
struct Part<'d> {
    file: &'d File,
    offset: u64,
    bound: u64,
    position: u64,
    /// The end of what was written.
    written: u64,
}

impl Write for Part<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let end = self.position.saturating_add(bytes.len() as u64);
        if end > self.bound {
            return Err(io::Error::other("it is longer than what is in it"));
        }
        self.file.write_all_at(bytes, self.offset + self.position)?;
        self.position = end;
        self.written = self.written.max(end);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Part<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.written.checked_add_signed(by),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// Compresses nothing: a piece that its compressor made longer is stored as it is.
struct Stored;

static STORED: Stored = Stored;

impl CompressionAction for Stored {
    type Error = BackhandError;
    type Compressor = Compressor;
    type FilesystemCompressor = FilesystemCompressor;
    type SuperBlock = SuperBlock;

    fn decompress(&self, _: &[u8], _: &mut Vec<u8>, _: Compressor) -> Result<(), BackhandError> {
        Err(BackhandError::UnsupportedCompression(
            "none is used".to_owned(),
        ))
    }

    fn compress(
        &self,
        bytes: &[u8],
        _: FilesystemCompressor,
        _: u32,
    ) -> Result<Vec<u8>, BackhandError> {
        // Zeros of which nobody reads one: the system makes no pages for them.
        Ok(vec![0; bytes.len() + 1])
    }
}

fn path(bytes: &[u8]) -> &Path {
    Path::new(std::ffi::OsStr::from_bytes(bytes))
}
