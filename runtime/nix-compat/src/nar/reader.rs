//! Reads a NAR as a sequence of events.
//!
//! Contract: [`Reader::next_event`] gives the events of a depth-first walk. After [`Event::File`] its
//! contents can be read from the reader itself, or are skipped by the following call. The only
//! state is one name for each open directory.

use super::{MAGIC, MAX_DEPTH, MAX_NAME_LEN, MAX_TARGET_LEN, NarError, check_name, wire::Source};
use bstr::BString;
use std::io::{self, Read};

/// One step of the walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A regular file of `size` bytes, which can now be read from the reader.
    File {
        /// Whether anyone may execute it.
        executable: bool,
        /// Its size as announced; it need not be there.
        size: u64,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points, uninterpreted.
        target: BString,
    },
    /// A directory begins.
    Directory,
    /// An entry of the innermost directory; the next event is its node.
    Entry {
        /// Its name, checked.
        name: BString,
    },
    /// The innermost directory ends.
    EndDirectory,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    /// A node begins.
    Node,
    /// In a file's contents; so many bytes are left, of so many.
    Contents {
        left: u64,
        size: u64,
    },
    /// A node is over; what follows depends on whether a directory is open.
    AfterNode,
    /// In a directory, before `entry` or `)`.
    InDirectory,
    End,
    /// An error was given; the stream's place is unknown.
    Failed,
}

/// A NAR that is being read.
pub struct Reader<R> {
    source: Source<R>,
    state: State,
    /// The last name in each open directory; empty before the first.
    open_directories: Vec<BString>,
    token: Vec<u8>,
}

/// The longest token, `nix-archive-1`.
const MAX_TOKEN_LEN: usize = 13;

impl<R: Read> Reader<R> {
    /// Begins to read; nothing is read yet. `source` should be buffered.
    pub fn new(source: R) -> Self {
        Self {
            source: Source::new(source),
            state: State::Start,
            open_directories: Vec::new(),
            token: Vec::new(),
        }
    }

    /// How many bytes were read: after the last event, the NAR's size.
    pub fn offset(&self) -> u64 {
        self.source.offset
    }

    /// The next event; `None` after the NAR's last byte. Bytes that follow are left in the stream.
    pub fn next_event(&mut self) -> Result<Option<Event>, NarError> {
        let result = self.step();
        if result.is_err() {
            self.state = State::Failed;
        }
        result
    }

    /// Checks that the NAR was read to its end and that the stream ends with it.
    pub fn finish(mut self) -> Result<u64, NarError> {
        if self.state != State::End {
            return Err(NarError::Misuse("finish before the last event was read"));
        }
        let offset = self.source.offset;
        match self.source.read_some(&mut [0])? {
            0 => Ok(offset),
            _ => Err(NarError::TrailingBytes { offset }),
        }
    }

    fn step(&mut self) -> Result<Option<Event>, NarError> {
        loop {
            match self.state {
                State::Start => {
                    self.expect(MAGIC, "“nix-archive-1”, as every NAR begins")?;
                    self.state = State::Node;
                }
                State::Node => return self.node().map(Some),
                State::Contents { .. } => self.skip_contents()?,
                State::AfterNode => {
                    if self.open_directories.is_empty() {
                        self.state = State::End;
                    } else {
                        self.expect(b")", "“)” after a directory entry")?;
                        self.state = State::InDirectory;
                    }
                }
                State::InDirectory => return self.entry().map(Some),
                State::End => return Ok(None),
                State::Failed => {
                    return Err(NarError::Misuse("reading on after an error"));
                }
            }
        }
    }

    fn node(&mut self) -> Result<Event, NarError> {
        self.expect(b"(", "“(”")?;
        self.expect(b"type", "“type”")?;
        let offset = self.read_token()?;
        match self.token.as_slice() {
            b"regular" => self.file(),
            b"symlink" => {
                self.expect(b"target", "“target”")?;
                let mut target = Vec::new();
                self.source
                    .read_string(&mut target, MAX_TARGET_LEN, "a link's target")?;
                let target = BString::from(target);
                if target.is_empty() || target.contains(&0) {
                    return Err(NarError::Target(target));
                }
                self.expect(b")", "“)” after a symbolic link")?;
                self.state = State::AfterNode;
                Ok(Event::Symlink { target })
            }
            b"directory" => {
                if self.open_directories.len() >= MAX_DEPTH {
                    return Err(NarError::TooDeep);
                }
                self.open_directories.push(BString::default());
                self.state = State::InDirectory;
                Ok(Event::Directory)
            }
            _ => Err(self.unexpected(offset, "“regular”, “symlink” or “directory”")),
        }
    }

    fn file(&mut self) -> Result<Event, NarError> {
        let offset = self.read_token()?;
        let executable = match self.token.as_slice() {
            b"contents" => false,
            b"executable" => {
                self.expect(b"", "an empty string after “executable”")?;
                self.expect(b"contents", "“contents”")?;
                true
            }
            _ => return Err(self.unexpected(offset, "“executable” or “contents”")),
        };
        let size = self.source.read_length("a file's size")?;
        self.state = State::Contents { left: size, size };
        self.end_contents_if_read()?;
        Ok(Event::File { executable, size })
    }

    fn entry(&mut self) -> Result<Event, NarError> {
        let offset = self.read_token()?;
        match self.token.as_slice() {
            b")" => {
                self.open_directories.pop();
                self.state = State::AfterNode;
                return Ok(Event::EndDirectory);
            }
            b"entry" => {}
            _ => return Err(self.unexpected(offset, "“entry” or “)”")),
        }
        self.expect(b"(", "“(”")?;
        self.expect(b"name", "“name”")?;
        let mut name = Vec::new();
        self.source
            .read_string(&mut name, MAX_NAME_LEN, "a file name")?;
        let name = BString::from(name);
        check_name(&name).map_err(|problem| NarError::Name {
            name: name.clone(),
            problem,
        })?;
        if let Some(previous) = self.open_directories.last_mut() {
            if *previous >= name {
                return Err(NarError::Order {
                    name,
                    previous: std::mem::take(previous),
                });
            }
            previous.clone_from(&name);
        }
        self.expect(b"node", "“node”")?;
        self.state = State::Node;
        Ok(Event::Entry { name })
    }

    /// After the last byte of a file: its padding and its closing parenthesis.
    fn end_contents_if_read(&mut self) -> Result<(), NarError> {
        if let State::Contents { left: 0, size } = self.state {
            self.source.read_padding(size)?;
            self.expect(b")", "“)” after a file's contents")?;
            self.state = State::AfterNode;
        }
        Ok(())
    }

    fn skip_contents(&mut self) -> Result<(), NarError> {
        let mut buffer = [0; 8192];
        while self.read_contents(&mut buffer)? > 0 {}
        Ok(())
    }

    fn read_contents(&mut self, buffer: &mut [u8]) -> Result<usize, NarError> {
        let State::Contents { left, size } = self.state else {
            return Ok(0);
        };
        let wanted = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        let buffer = buffer.get_mut(..wanted).unwrap_or_default();
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = self.source.read_some(buffer)?;
        if count == 0 {
            return Err(NarError::Truncated {
                offset: self.source.offset,
                what: "a file's contents",
            });
        }
        let left = left.saturating_sub(count as u64);
        self.state = State::Contents { left, size };
        self.end_contents_if_read()?;
        Ok(count)
    }

    fn read_token(&mut self) -> Result<u64, NarError> {
        let offset = self.source.offset;
        self.source
            .read_string(&mut self.token, MAX_TOKEN_LEN, "a token")?;
        Ok(offset)
    }

    fn expect(&mut self, token: &[u8], expected: &'static str) -> Result<(), NarError> {
        let offset = self.read_token()?;
        if self.token == token {
            Ok(())
        } else {
            Err(self.unexpected(offset, expected))
        }
    }

    fn unexpected(&self, offset: u64, expected: &'static str) -> NarError {
        NarError::Unexpected {
            offset,
            expected,
            found: BString::from(self.token.as_slice()),
        }
    }
}

/// Reads the contents of the file of the last event; ends where they end. A failure is an
/// [`io::Error`] that holds the [`NarError`].
impl<R: Read> Read for Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_contents(buffer).map_err(|error| {
            self.state = State::Failed;
            match error {
                NarError::Io { source, .. } => source,
                NarError::Truncated { .. } => io::Error::new(io::ErrorKind::UnexpectedEof, error),
                error => io::Error::new(io::ErrorKind::InvalidData, error),
            }
        })
    }
}
