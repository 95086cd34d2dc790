//! Files and commands that a program reads and writes.
//!
//! Counterpart: gawk's `io.c`. A stream is known by its name until it is closed.

use super::regex::Patterns;
use crate::shared::errno::{Result, from_io};
use crate::shared::io::{self, Source};
use crate::shared::{fs, process, program};
use bstr::{BString, ByteSlice};
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::collections::BTreeMap;
use wasibuild_guest::host::{self, Ended, Spawn};

/// Bytes that are read and written at once.
const BLOCK: usize = 64 * 1024;

/// Reads records.
pub struct Reader {
    source: Source,
    /// The command that writes what is read.
    child: Option<u32>,
    buffer: Vec<u8>,
    start: usize,
    done: bool,
}

/// A record and what separated it from the next.
pub struct Record {
    /// The record.
    pub text: Vec<u8>,
    /// What ended it (`RT`).
    pub end: Vec<u8>,
}

impl Reader {
    fn new(source: Source, child: Option<u32>) -> Reader {
        Reader {
            source,
            child,
            buffer: Vec::new(),
            start: 0,
            done: false,
        }
    }

    /// Opens a file; `-` and `/dev/stdin` are standard input.
    pub fn open(path: &[u8]) -> Result<Reader> {
        let path = if path == b"/dev/stdin" { b"-" } else { path };
        if path.starts_with(b"/inet") || path.starts_with(b"/dev/fd/") {
            program::refuse("a file that only gawk knows");
        }
        if path != b"-" && fs::stat(path).is_ok_and(|it| it.is_dir()) {
            return Err(Errno::ISDIR);
        }
        Ok(Reader::new(Source::open(path)?, None))
    }

    fn more(&mut self) -> Result<()> {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        let filled = self.buffer.len();
        self.buffer.resize(filled + BLOCK.max(filled), 0);
        let count = self
            .source
            .read(self.buffer.get_mut(filled..).unwrap_or_default())?;
        self.buffer.truncate(filled + count);
        self.done = count == 0;
        Ok(())
    }

    /// The next record. `separator` is `RS`.
    pub fn next(&mut self, separator: &[u8], patterns: &mut Patterns) -> Result<Option<Record>> {
        if separator.is_empty() {
            // Newlines before a paragraph are none of it.
            loop {
                let rest = self.buffer.get(self.start..).unwrap_or_default();
                let blank = rest.iter().take_while(|it| **it == b'\n').count();
                self.start += blank;
                if self.start < self.buffer.len() || self.done {
                    break;
                }
                self.more()?;
            }
        }
        loop {
            let rest = self.buffer.get(self.start..).unwrap_or_default();
            if let Some((at, len)) = self.separator(separator, patterns) {
                let text = rest.get(..at).unwrap_or_default().to_vec();
                let end = rest.get(at..at + len).unwrap_or_default().to_vec();
                self.start += at + len;
                return Ok(Some(Record { text, end }));
            }
            if self.done {
                if rest.is_empty() {
                    return Ok(None);
                }
                let mut text = rest.to_vec();
                self.start = self.buffer.len();
                // A newline at the end of the last paragraph ends it.
                let mut end = Vec::new();
                if separator.is_empty() && text.last() == Some(&b'\n') {
                    text.pop();
                    end.push(b'\n');
                }
                return Ok(Some(Record { text, end }));
            }
            self.more()?;
        }
    }

    /// Where the record ends, and how long its end is. None: it is not to be known yet.
    fn separator(&self, separator: &[u8], patterns: &mut Patterns) -> Option<(usize, usize)> {
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        match separator {
            [byte] => memchr::memchr(*byte, rest).map(|at| (at, 1)),
            [] => {
                let at = rest.find(b"\n\n")?;
                let tail = rest.get(at..).unwrap_or_default();
                let len = tail.iter().take_while(|it| **it == b'\n').count();
                (at + len < rest.len() || self.done).then_some((at, len))
            }
            pattern => {
                // A match at the end of what was read might go on.
                if !self.done {
                    return None;
                }
                let regex = patterns.get(pattern);
                let (start, end) = patterns.find(&regex, rest, 0)?;
                (end > start).then_some((start, end - start))
            }
        }
    }
}

/// What is written.
struct Writer {
    file: OwnedFd,
    child: Option<u32>,
    buffer: Vec<u8>,
}

impl Writer {
    fn flush(&mut self) -> Result<()> {
        let result = io::write_all(&self.file, &self.buffer);
        self.buffer.clear();
        result
    }
}

/// All streams by their names.
#[derive(Default)]
pub struct Streams {
    files: BTreeMap<Vec<u8>, Reader>,
    commands: BTreeMap<Vec<u8>, Reader>,
    writers: BTreeMap<Vec<u8>, Writer>,
}

/// Starts `sh -c COMMAND` with these descriptors.
fn start(command: &[u8], environment: &[BString], descriptors: &[(u32, u32)]) -> Result<u32> {
    let here = program::here()?;
    let argv: Vec<BString> = vec!["sh".into(), "-c".into(), command.into()];
    let spawn = |path: &[u8]| {
        host::spawn(&Spawn {
            program: path,
            argv: &argv,
            env: environment,
            cwd: &here,
            descriptors,
        })
        .map_err(|error| from_io(&error))
    };
    if fs::stat(b"/bin/sh").is_ok() {
        return spawn(b"/bin/sh");
    }
    let path = process::variable(environment, "PATH").unwrap_or_default();
    for folder in path.split_str(":") {
        let place = fs::join(folder, b"sh");
        if fs::stat(&place).is_ok() {
            return spawn(&place);
        }
    }
    Err(Errno::NOENT)
}

fn raw(file: &OwnedFd) -> u32 {
    u32::try_from(file.as_raw_fd()).unwrap_or(u32::MAX)
}

fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    host::pipe().map_err(|error| from_io(&error))
}

fn status(ended: Ended) -> f64 {
    if ended.signalled {
        // 256 and the signal.
        return 128.0 + f64::from(ended.code);
    }
    f64::from(ended.code)
}

fn wait(child: u32) -> f64 {
    host::wait(child).map_or(-1.0, status)
}

impl Streams {
    /// The file that is read.
    pub fn file(&mut self, name: &[u8]) -> Result<&mut Reader> {
        if !self.files.contains_key(name) {
            self.files.insert(name.to_vec(), Reader::open(name)?);
        }
        self.files.get_mut(name).ok_or(Errno::NOENT)
    }

    /// The command whose output is read.
    pub fn command(&mut self, text: &[u8], environment: &[BString]) -> Result<&mut Reader> {
        if !self.commands.contains_key(text) {
            self.flush();
            let (read, write) = pipe()?;
            let child = start(text, environment, &[(0, 0), (1, raw(&write)), (2, 2)])?;
            drop(write);
            let reader = Reader::new(Source::File(read), Some(child));
            self.commands.insert(text.to_vec(), reader);
        }
        self.commands.get_mut(text).ok_or(Errno::NOENT)
    }

    /// Writes to a file, which is made empty when it is opened.
    pub fn write_file(&mut self, name: &[u8], append: bool, bytes: &[u8]) -> Result<()> {
        match name {
            b"/dev/stdout" | b"-" => {
                io::put(bytes);
                return Ok(());
            }
            b"/dev/stderr" => {
                io::flush_quietly();
                io::write_error(bytes);
                return Ok(());
            }
            _ if name.starts_with(b"/inet") || name.starts_with(b"/dev/fd/") => {
                program::refuse("a file that only gawk knows")
            }
            _ => {}
        }
        if !self.writers.contains_key(name) {
            let flag = if append {
                OFlags::APPEND
            } else {
                OFlags::TRUNC
            };
            let file = fs::open_write(name, OFlags::CREATE | flag)?;
            self.add(name, file, None);
        }
        self.write(name, bytes)
    }

    /// Writes to a command.
    pub fn write_command(
        &mut self,
        text: &[u8],
        environment: &[BString],
        bytes: &[u8],
    ) -> Result<()> {
        if !self.writers.contains_key(text) {
            self.flush();
            let (read, write) = pipe()?;
            let child = start(text, environment, &[(0, raw(&read)), (1, 1), (2, 2)])?;
            drop(read);
            self.add(text, write, Some(child));
        }
        self.write(text, bytes)
    }

    fn add(&mut self, name: &[u8], file: OwnedFd, child: Option<u32>) {
        let writer = Writer {
            file,
            child,
            buffer: Vec::new(),
        };
        self.writers.insert(name.to_vec(), writer);
    }

    fn write(&mut self, name: &[u8], bytes: &[u8]) -> Result<()> {
        let Some(writer) = self.writers.get_mut(name) else {
            return Err(Errno::BADF);
        };
        writer.buffer.extend_from_slice(bytes);
        if writer.buffer.len() >= BLOCK {
            writer.flush()?;
        }
        Ok(())
    }

    /// Writes what was gathered.
    pub fn flush(&mut self) {
        io::flush_quietly();
        for writer in self.writers.values_mut() {
            let _ = writer.flush();
        }
    }

    /// Runs a command to its end.
    pub fn system(&mut self, text: &[u8], environment: &[BString]) -> f64 {
        self.flush();
        match start(text, environment, &[(0, 0), (1, 1), (2, 2)]) {
            Ok(child) => wait(child),
            Err(_) => 127.0,
        }
    }

    /// Closes what goes by this name.
    pub fn close(&mut self, name: &[u8]) -> f64 {
        let mut result = -1.0;
        if self.files.remove(name).is_some() {
            result = 0.0;
        }
        if let Some(reader) = self.commands.remove(name) {
            result = Streams::end_reader(reader);
        }
        if let Some(writer) = self.writers.remove(name) {
            result = Streams::end_writer(writer);
        }
        result
    }

    fn end_reader(reader: Reader) -> f64 {
        let Reader { source, child, .. } = reader;
        drop(source);
        child.map_or(0.0, wait)
    }

    fn end_writer(mut writer: Writer) -> f64 {
        let failed = writer.flush().is_err();
        let Writer { file, child, .. } = writer;
        drop(file);
        match child {
            Some(child) => wait(child),
            None if failed => -1.0,
            None => 0.0,
        }
    }

    /// Closes everything, in the order of names.
    pub fn close_all(&mut self) {
        io::flush_quietly();
        if self
            .writers
            .values()
            .filter(|it| it.child.is_some())
            .count()
            > 1
        {
            program::refuse("several commands that are written to and not closed");
        }
        for (_, writer) in std::mem::take(&mut self.writers) {
            Streams::end_writer(writer);
        }
        for (_, reader) in std::mem::take(&mut self.commands) {
            Streams::end_reader(reader);
        }
    }
}
