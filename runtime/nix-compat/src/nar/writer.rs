//! Writes a NAR from calls in the order of a depth-first walk.
//!
//! Contract: what is written is a NAR that [`super::Reader`] accepts, or a method fails. File contents
//! pass through one buffer, or none when they are in memory.

use super::{
    MAGIC, MAX_DEPTH, MAX_TARGET_LEN, NarError, check_name,
    wire::{ZEROS, padding_len},
};
use bstr::BString;
use std::io::{self, Read, Write};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Node,
    InDirectory,
    End,
}

/// A NAR that is being written.
///
/// ```
/// # use wasibuild_nix_compat::nar::{NarError, Writer};
/// # fn main() -> Result<(), NarError> {
/// let mut writer = Writer::new(Vec::new());
/// writer.directory()?;
/// writer.entry(b"greeting")?;
/// writer.file_bytes(false, b"hello\n")?;
/// writer.end_directory()?;
/// let nar: Vec<u8> = writer.finish()?;
/// # assert_eq!(nar.len() % 8, 0);
/// # Ok(())
/// # }
/// ```
pub struct Writer<W> {
    sink: W,
    offset: u64,
    state: State,
    open_directories: Vec<BString>,
}

/// File contents are read in pieces of this size.
const BUFFER_LEN: usize = 64 * 1024;

impl<W: Write> Writer<W> {
    /// Begins to write; nothing is written yet. `sink` should be buffered or a hash.
    pub fn new(sink: W) -> Self {
        Self {
            sink,
            offset: 0,
            state: State::Start,
            open_directories: Vec::new(),
        }
    }

    /// Writes a regular file whose contents are in memory.
    pub fn file_bytes(&mut self, executable: bool, contents: &[u8]) -> Result<(), NarError> {
        let size = contents.len() as u64;
        self.begin_file(executable, size)?;
        self.raw(contents)?;
        self.end_file(size)
    }

    /// Writes a regular file of exactly `size` bytes from a stream.
    pub fn file(
        &mut self,
        executable: bool,
        size: u64,
        contents: &mut dyn Read,
    ) -> Result<(), NarError> {
        self.begin_file(executable, size)?;
        let mut buffer = vec![0; BUFFER_LEN.min(usize::try_from(size).unwrap_or(BUFFER_LEN))];
        let mut left = size;
        while left > 0 {
            let wanted = buffer
                .len()
                .min(usize::try_from(left).unwrap_or(usize::MAX));
            let count = match contents.read(buffer.get_mut(..wanted).unwrap_or_default()) {
                Ok(0) => {
                    return Err(NarError::ShortFile {
                        expected: size,
                        found: size.saturating_sub(left),
                    });
                }
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => {
                    return Err(NarError::Io {
                        offset: self.offset,
                        source,
                    });
                }
            };
            self.raw(buffer.get(..count).unwrap_or_default())?;
            left = left.saturating_sub(count as u64);
        }
        self.end_file(size)
    }

    /// Writes a regular file of `size` bytes, which `write` hands to the sink: for sinks that can take them
    /// more cheaply than by [`Write`].
    ///
    /// # Errors
    /// Those of `write`, which must have written exactly `size` bytes if it succeeds.
    pub fn file_by(
        &mut self,
        executable: bool,
        size: u64,
        write: impl FnOnce(&mut W) -> io::Result<()>,
    ) -> Result<(), NarError> {
        self.begin_file(executable, size)?;
        write(&mut self.sink).map_err(|source| NarError::Io {
            offset: self.offset,
            source,
        })?;
        self.offset = self.offset.saturating_add(size);
        self.end_file(size)
    }

    /// Writes a symbolic link.
    pub fn symlink(&mut self, target: &[u8]) -> Result<(), NarError> {
        if target.is_empty() || target.contains(&0) || target.len() > MAX_TARGET_LEN {
            return Err(NarError::Target(target.into()));
        }
        self.begin_node(b"symlink")?;
        self.string(b"target")?;
        self.string(target)?;
        self.end_node()
    }

    /// Begins a directory; its entries follow, then [`Self::end_directory`].
    pub fn directory(&mut self) -> Result<(), NarError> {
        if self.open_directories.len() >= MAX_DEPTH {
            return Err(NarError::TooDeep);
        }
        self.begin_node(b"directory")?;
        self.open_directories.push(BString::default());
        self.state = State::InDirectory;
        Ok(())
    }

    /// Begins an entry of the innermost directory; its node follows. Names must ascend.
    pub fn entry(&mut self, name: &[u8]) -> Result<(), NarError> {
        check_name(name).map_err(|problem| NarError::Name {
            name: name.into(),
            problem,
        })?;
        let previous = match self.open_directories.last_mut() {
            Some(previous) if self.state == State::InDirectory => previous,
            _ => return Err(NarError::Misuse("an entry outside a directory")),
        };
        if previous.as_slice() >= name {
            return Err(NarError::Order {
                name: name.into(),
                previous: previous.clone(),
            });
        }
        *previous = name.into();
        for token in [&b"entry"[..], b"(", b"name", name, b"node"] {
            self.string(token)?;
        }
        self.state = State::Node;
        Ok(())
    }

    /// Ends the innermost directory.
    pub fn end_directory(&mut self) -> Result<(), NarError> {
        if self.state != State::InDirectory {
            return Err(NarError::Misuse("the end of a directory that is not open"));
        }
        self.open_directories.pop();
        self.end_node()
    }

    /// Ends the NAR and gives the sink back; the caller flushes it.
    pub fn finish(self) -> Result<W, NarError> {
        match self.state {
            State::End => Ok(self.sink),
            _ => Err(NarError::Misuse("the NAR is not complete")),
        }
    }

    fn begin_node(&mut self, node_type: &[u8]) -> Result<(), NarError> {
        match self.state {
            State::Start => self.string(MAGIC)?,
            State::Node => {}
            State::InDirectory => return Err(NarError::Misuse("a node without an entry")),
            State::End => return Err(NarError::Misuse("a second root")),
        }
        self.string(b"(")?;
        self.string(b"type")?;
        self.string(node_type)
    }

    fn end_node(&mut self) -> Result<(), NarError> {
        self.string(b")")?;
        if self.open_directories.is_empty() {
            self.state = State::End;
            return Ok(());
        }
        self.state = State::InDirectory;
        self.string(b")")
    }

    fn begin_file(&mut self, executable: bool, size: u64) -> Result<(), NarError> {
        self.begin_node(b"regular")?;
        if executable {
            self.string(b"executable")?;
            self.string(b"")?;
        }
        self.string(b"contents")?;
        self.raw(&size.to_le_bytes())
    }

    fn end_file(&mut self, size: u64) -> Result<(), NarError> {
        self.padding(size)?;
        self.end_node()
    }

    fn string(&mut self, bytes: &[u8]) -> Result<(), NarError> {
        let length = bytes.len() as u64;
        self.raw(&length.to_le_bytes())?;
        self.raw(bytes)?;
        self.padding(length)
    }

    fn padding(&mut self, length: u64) -> Result<(), NarError> {
        self.raw(ZEROS.get(..padding_len(length)).unwrap_or_default())
    }

    fn raw(&mut self, bytes: &[u8]) -> Result<(), NarError> {
        self.sink.write_all(bytes).map_err(|source| NarError::Io {
            offset: self.offset,
            source,
        })?;
        self.offset = self.offset.saturating_add(bytes.len() as u64);
        Ok(())
    }
}
