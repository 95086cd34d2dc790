//! Input lines across files, and the files that a script writes.

use super::Settings;
use crate::shared::errno::Result as SysResult;
use crate::shared::io::{Records, Source, write_all};
use crate::shared::{fs, io, program};
use bstr::BString;
use rustix::fd::OwnedFd;
use rustix::fs::OFlags;
use std::collections::VecDeque;

/// Where lines go.
pub enum Output {
    Stdout,
    Stderr,
    File {
        fd: OwnedFd,
        buffer: Vec<u8>,
        name: BString,
        missing_end: bool,
    },
}

impl Output {
    pub fn create(name: &[u8]) -> Output {
        match name {
            b"/dev/stdout" => Output::Stdout,
            b"/dev/stderr" => Output::Stderr,
            name => match fs::open_write(name, OFlags::CREATE | OFlags::TRUNC) {
                Ok(fd) => Output::File {
                    fd,
                    buffer: Vec::new(),
                    name: name.into(),
                    missing_end: false,
                },
                Err(errno) => program::die_errno(4, &[b"couldn't open file ", name], errno),
            },
        }
    }

    pub fn put(&mut self, bytes: &[u8]) {
        match self {
            Output::Stdout => io::put(bytes),
            Output::Stderr => io::write_error(bytes),
            Output::File { buffer, .. } => {
                buffer.extend_from_slice(bytes);
                if buffer.len() > 1 << 16 {
                    self.flush();
                }
            }
        }
    }

    /// Writes a line; one before it that lacked its end gets it.
    pub fn put_line(&mut self, line: &[u8], ended: bool, end: u8) {
        if let Output::File { missing_end, .. } = self
            && std::mem::replace(missing_end, !ended)
        {
            self.put(&[end]);
        }
        self.put(line);
        if ended {
            self.put(&[end]);
        }
    }

    pub fn flush(&mut self) {
        if let Output::File {
            fd, buffer, name, ..
        } = self
        {
            if let Err(errno) = write_all(&*fd, buffer) {
                program::die_errno(4, &[b"couldn't write ", name], errno);
            }
            buffer.clear();
        }
    }
}

/// The file that is edited in place: where it goes when it is complete.
pub struct InPlace {
    pub output: Output,
    temporary: BString,
}

/// The input.
pub struct Input {
    settings: Settings,
    names: VecDeque<BString>,
    records: Option<Records>,
    /// The line read ahead, to know which is the last.
    ahead: Option<Vec<u8>>,
    pub name: BString,
    pub line: u64,
    pub in_place: Option<InPlace>,
    pub status: u8,
    pub settled: bool,
    /// A file is edited in place from here on: nothing is owed to the output before.
    pub new_output: bool,
    /// With `-s`, the line just read is the first of another file.
    pub new_file: bool,
}

impl Input {
    pub fn new(settings: Settings, names: Vec<BString>) -> Input {
        let mut names: VecDeque<BString> = names.into();
        if names.is_empty() {
            names.push_back("-".into());
        }
        Input {
            settings,
            names,
            records: None,
            ahead: None,
            name: "-".into(),
            line: 0,
            in_place: None,
            status: 0,
            settled: false,
            new_output: false,
            new_file: false,
        }
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Opens the next file that can be read; false if there is none.
    fn open_next(&mut self) -> bool {
        while let Some(name) = self.names.pop_front() {
            let stdin = name == "-" && self.settings.in_place.is_none();
            let source = if stdin {
                Ok(Source::Stdin)
            } else {
                fs::open_read(&name).map(Source::File)
            };
            let source = match source {
                Ok(source) => source,
                Err(errno) => {
                    program::complain_errno(&[b"can't read ", &name], errno);
                    self.status = 2;
                    continue;
                }
            };
            if let Source::File(fd) = &source {
                match fs::fstat(fd) {
                    Ok(meta) if meta.is_dir() => {
                        if self.settings.in_place.is_some() {
                            program::complain(&[b"couldn't edit ", &name, b": not a regular file"]);
                            self.status = 4;
                        } else {
                            program::complain(&[b"couldn't read ", &name, b": Is a directory"]);
                            program::refuse("sed on a directory");
                        }
                        continue;
                    }
                    _ => {}
                }
            }
            if self.settings.in_place.is_some() {
                self.start_in_place(&name);
            }
            self.name = name;
            if self.settings.separate && self.settled {
                self.line = 0;
                self.new_file = true;
            }
            self.records = Some(Records::new(source, self.settings.end));
            return true;
        }
        false
    }

    fn start_in_place(&mut self, name: &BString) {
        let mut temporary = fs::join(fs::dir_name(name), b"sed-in-place-");
        temporary.extend_from_slice(fs::base_name(name));
        match fs::open_write(&temporary, OFlags::CREATE | OFlags::TRUNC) {
            Ok(fd) => {
                let output = Output::File {
                    fd,
                    buffer: Vec::new(),
                    name: temporary.clone(),
                    missing_end: false,
                };
                self.in_place = Some(InPlace { output, temporary });
                self.new_output = true;
            }
            Err(errno) => {
                program::die_errno(4, &[b"couldn't open temporary file ", &temporary], errno)
            }
        }
    }

    /// The file in place is complete: it takes the name of the old one.
    pub fn finish_in_place(&mut self) {
        let Some(mut done) = self.in_place.take() else {
            return;
        };
        done.output.flush();
        let name = self.name.clone();
        let backup = self.settings.in_place.clone().unwrap_or_default();
        let mode = fs::lstat(&name).and_then(|meta| {
            if meta.is_link() {
                fs::stat(&name)
            } else {
                Ok(meta)
            }
        });
        let finished = mode
            .and_then(|meta| fs::chmod(&done.temporary, meta.mode))
            .and_then(|()| {
                if backup.is_empty() {
                    Ok(())
                } else {
                    fs::rename(&name, &backup_name(&name, &backup))
                }
            })
            .and_then(|()| fs::rename(&done.temporary, &name));
        if let Err(errno) = finished {
            program::die_errno(4, &[b"cannot rename ", &done.temporary], errno);
        }
    }

    /// Reads a line without changing what is known of the current file, as long as it lasts.
    fn fill(&mut self) -> SysResult<bool> {
        if self.ahead.is_some() {
            return Ok(true);
        }
        let Some(records) = &mut self.records else {
            return Ok(false);
        };
        let mut line = Vec::new();
        match records.next(&mut line) {
            Ok(true) => {
                self.ahead = Some(line);
                Ok(true)
            }
            Ok(false) => Ok(false),
            Err(errno) => {
                program::complain_errno(&[b"read error on ", &self.name], errno);
                self.status = 4;
                Ok(false)
            }
        }
    }

    /// The next line, with its end if it has one.
    pub fn next_line(&mut self) -> Option<Vec<u8>> {
        loop {
            if self.records.is_none() && !self.open_next() {
                return None;
            }
            if self.fill().unwrap_or(false) {
                self.line += 1;
                self.settled = true;
                return self.ahead.take();
            }
            self.finish_in_place();
            self.records = None;
        }
    }

    /// Is the line that was read last the last one?
    pub fn is_last(&mut self) -> bool {
        loop {
            if self.fill().unwrap_or(false) {
                return false;
            }
            if self.settings.separate {
                return true;
            }
            self.records = None;
            let name = self.name.clone();
            if !self.open_next() {
                return true;
            }
            // The name is that of the line at hand until the next is read.
            if !self.fill().unwrap_or(false) {
                self.name = name;
            }
        }
    }

    /// Is there no further line in any file? Unlike [`Input::is_last`] this ignores `-s` and `-i`.
    pub fn is_at_end(&mut self) -> bool {
        if self.settings.separate {
            return !self.fill().unwrap_or(false) && self.names.is_empty();
        }
        self.is_last()
    }
}

fn backup_name(name: &[u8], suffix: &[u8]) -> BString {
    let base = fs::base_name(name);
    let new: BString = if suffix.contains(&b'*') {
        let mut out = BString::default();
        for byte in suffix {
            if *byte == b'*' {
                out.extend_from_slice(base)
            } else {
                out.push(*byte)
            }
        }
        out
    } else {
        [base, suffix].concat().into()
    };
    if new.contains(&b'/') || !name.contains(&b'/') {
        new
    } else {
        fs::join(fs::dir_name(name), &new)
    }
}
