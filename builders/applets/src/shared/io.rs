//! Streams: buffered standard output, standard error, and input by blocks or records.
//!
//! Contract: what was written to standard output comes before what is written to standard error
//! later; a failed write is told once, at the end, as gnulib's `close_stdout` tells it.

use super::errno::Result;
use super::program;
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use std::cell::RefCell;

/// Bytes that are gathered before they are written.
const BUFFER: usize = 64 * 1024;

thread_local! {
    static OUT: RefCell<Out> = const { RefCell::new(Out { buffer: Vec::new(), failed: None }) };
}

struct Out {
    buffer: Vec<u8>,
    failed: Option<Errno>,
}

/// Writes all bytes to a descriptor.
pub fn write_all(fd: impl AsFd, mut bytes: &[u8]) -> Result<()> {
    let fd = fd.as_fd();
    while !bytes.is_empty() {
        match rustix::io::write(fd, bytes) {
            Ok(0) => return Err(Errno::IO),
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

impl Out {
    fn flush(&mut self) {
        if !self.buffer.is_empty() {
            if self.failed.is_none()
                && let Err(errno) = write_all(rustix::stdio::stdout(), &self.buffer)
            {
                self.failed = Some(errno);
            }
            self.buffer.clear();
        }
    }
}

/// Appends to standard output.
pub fn put(bytes: &[u8]) {
    OUT.with_borrow_mut(|out| {
        if out.buffer.len() + bytes.len() > BUFFER {
            out.flush();
        }
        if bytes.len() >= BUFFER {
            if out.failed.is_none()
                && let Err(errno) = write_all(rustix::stdio::stdout(), bytes)
            {
                out.failed = Some(errno);
            }
        } else {
            out.buffer.extend_from_slice(bytes);
        }
    });
}

/// Did writing standard output fail? A long-running writer may stop then.
pub fn failed() -> bool {
    OUT.with_borrow(|out| out.failed.is_some())
}

/// Writes what was gathered.
pub fn flush_quietly() {
    OUT.with_borrow_mut(Out::flush);
}

/// Writes what was gathered; a failure is told and changes the status.
pub fn finish(status: u8) -> u8 {
    flush_quietly();
    match OUT.with_borrow_mut(|out| out.failed.take()) {
        // As far as the reader of a closed pipe goes, nobody listens.
        Some(errno) => {
            program::complain_errno(&[b"write error"], errno);
            if status == 0 { 1 } else { status }
        }
        None => status,
    }
}

/// Writes to standard error at once.
pub fn write_error(bytes: &[u8]) {
    let _ = write_all(rustix::stdio::stderr(), bytes);
}

/// Something to read: a file, or standard input.
#[derive(Debug)]
pub enum Source {
    /// Standard input, which stays open.
    Stdin,
    /// An open file.
    File(OwnedFd),
}

impl Source {
    /// Opens `path`; `-` is standard input.
    pub fn open(path: &[u8]) -> Result<Source> {
        if path == b"-" {
            return Ok(Source::Stdin);
        }
        Ok(Source::File(super::fs::open_read(path)?))
    }

    /// Reads some bytes; none at the end.
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            let count = match self {
                Source::Stdin => rustix::io::read(rustix::stdio::stdin(), &mut *buffer),
                Source::File(file) => rustix::io::read(file, &mut *buffer),
            };
            match count {
                Err(Errno::INTR) => {}
                other => return other,
            }
        }
    }

    /// What it is.
    pub fn meta(&self) -> Result<super::fs::Meta> {
        match self {
            Source::Stdin => super::fs::fstat(rustix::stdio::stdin()),
            Source::File(file) => super::fs::fstat(file),
        }
    }

    /// Moves back by so many bytes, where that is possible: in a file, not in a pipe.
    pub fn give_back(&self, count: usize) {
        let back = rustix::fs::SeekFrom::Current(-(i64::try_from(count).unwrap_or(i64::MAX)));
        let _ = match self {
            Source::Stdin => rustix::fs::seek(rustix::stdio::stdin(), back),
            Source::File(file) => rustix::fs::seek(file, back),
        };
    }

    /// Reads everything that is left.
    pub fn read_to_end(&self) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        let mut filled = 0;
        loop {
            if all.len() - filled < BUFFER {
                all.resize((all.len() * 2).max(BUFFER), 0);
            }
            let count = self.read(all.get_mut(filled..).unwrap_or_default())?;
            if count == 0 {
                all.truncate(filled);
                return Ok(all);
            }
            filled += count;
        }
    }
}

/// Reads records that end in a byte, such as lines.
#[derive(Debug)]
pub struct Records {
    source: Source,
    end: u8,
    buffer: Vec<u8>,
    start: usize,
    filled: usize,
    done: bool,
}

impl Records {
    /// Records of `source` that end in `end`.
    pub fn new(source: Source, end: u8) -> Records {
        Records {
            source,
            end,
            buffer: Vec::new(),
            start: 0,
            filled: 0,
            done: false,
        }
    }

    /// Puts the next record into `record`, with its end if it has one. False at the end of input.
    pub fn next(&mut self, record: &mut Vec<u8>) -> Result<bool> {
        record.clear();
        loop {
            let rest = self.buffer.get(self.start..self.filled).unwrap_or_default();
            if let Some(at) = memchr::memchr(self.end, rest) {
                record.extend_from_slice(rest.get(..=at).unwrap_or_default());
                self.start += at + 1;
                return Ok(true);
            }
            record.extend_from_slice(rest);
            self.start = 0;
            self.filled = 0;
            if self.done {
                return Ok(!record.is_empty());
            }
            if self.buffer.is_empty() {
                self.buffer.resize(BUFFER, 0);
            }
            self.filled = self.source.read(&mut self.buffer)?;
            self.done = self.filled == 0;
        }
    }
}
