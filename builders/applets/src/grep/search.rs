//! Searching files and directories.

use super::Settings;
use super::matcher::Matcher;
use super::output::head;
use crate::findutils::glob;
use crate::shared::io::Source;
use crate::shared::options::Parsed;
use crate::shared::{fs, io, program};
use bstr::BString;
use rustix::io::Errno;

/// Bytes at the start of a file that decide whether it is binary.
const FIRST_BUFFER: usize = 32 * 1024;

pub struct Search {
    settings: Settings,
    matcher: Matcher,
    /// `--include` and `--exclude` in their order, and `--exclude-dir`.
    files: Vec<(bool, BString)>,
    directories: Vec<BString>,
    matched: bool,
    failed: bool,
    /// Some group of lines was shown: the next is separated.
    shown: bool,
    done: bool,
}

impl Search {
    pub fn new(settings: Settings, matcher: Matcher, parsed: &Parsed) -> Search {
        let mut files = Vec::new();
        let mut directories = Vec::new();
        for (key, text) in &parsed.options {
            match (key, text) {
                ('ï', Some(text)) => files.push((true, text.clone())),
                ('ė', Some(text)) => files.push((false, text.clone())),
                ('ę', Some(text)) => directories.push(fs::trim_slashes(text).into()),
                _ => {}
            }
        }
        Search {
            settings,
            matcher,
            files,
            directories,
            matched: false,
            failed: false,
            shown: false,
            done: false,
        }
    }

    pub fn status(&self) -> u8 {
        match (self.matched, self.failed) {
            (true, true) if self.settings.quiet => 0,
            (_, true) => 2,
            (true, false) => 0,
            _ => 1,
        }
    }

    fn complain(&mut self, name: &[u8], errno: Errno) {
        self.failed = true;
        if !self.settings.no_messages {
            program::complain_errno(&[name], errno);
        }
    }

    /// Is a file with this name left out?
    fn excluded(&self, name: &[u8], operand: bool) -> bool {
        if self.files.is_empty() {
            return false;
        }
        let base = fs::base_name(name);
        let found = self.files.iter().rev().find(|(_, pattern)| {
            let subject = if operand && pattern.contains(&b'/') {
                name
            } else {
                base
            };
            glob::matches(pattern, subject, glob::Options::default())
        });
        match found {
            Some((include, _)) => !include,
            None => self.files.iter().all(|(include, _)| *include),
        }
    }

    /// Searches an operand. `implied`: it was not given, its name is not shown.
    pub fn operand(&mut self, path: &[u8], recursive: Option<char>, implied: bool) {
        if self.done {
            return;
        }
        if path == b"-" {
            self.source(b"(standard input)", Source::Stdin);
            return;
        }
        let meta = match fs::stat(path) {
            Ok(meta) => meta,
            Err(errno) => return self.complain(path, errno),
        };
        if !meta.is_dir() {
            if !self.excluded(path, true) {
                self.file(path);
            }
            return;
        }
        let Some(kind) = recursive else {
            if self.excluded(path, true) {
                return;
            }
            return self.complain(path, Errno::ISDIR);
        };
        self.directory(path, kind == 'R', implied);
    }

    fn directory(&mut self, path: &[u8], follow: bool, implied: bool) {
        let mut pending = vec![BString::from(path)];
        let mut first = true;
        while let Some(path) = pending.pop() {
            let names = match fs::list(&path) {
                Ok(names) => names,
                Err(errno) => {
                    self.complain(&path, errno);
                    continue;
                }
            };
            let mut directories = Vec::new();
            for name in names {
                let inner = if first && implied {
                    name.clone()
                } else {
                    fs::join(&path, &name)
                };
                let meta = if follow {
                    fs::stat(&inner)
                } else {
                    fs::lstat(&inner)
                };
                match meta {
                    Ok(meta) if meta.is_dir() => {
                        let skip = self
                            .directories
                            .iter()
                            .any(|pattern| glob::matches(pattern, &name, glob::Options::default()));
                        if !skip {
                            directories.push(inner);
                        }
                    }
                    Ok(meta) if meta.kind == fs::Kind::File => {
                        if !self.excluded(&name, false) {
                            self.file(&inner);
                        }
                    }
                    Ok(_) => {}
                    Err(errno) => self.complain(&inner, errno),
                }
            }
            first = false;
            pending.extend(directories.into_iter().rev());
        }
    }

    fn file(&mut self, path: &[u8]) {
        if self.done {
            return;
        }
        match fs::open_read(path) {
            Ok(file) => self.source(path, Source::File(file)),
            Err(errno) => self.complain(path, errno),
        }
    }

    fn source(&mut self, name: &[u8], source: Source) {
        let text = match source.read_to_end() {
            Ok(text) => text,
            Err(errno) => return self.complain(name, errno),
        };
        let mut binary = false;
        if self.settings.end != 0 && self.settings.binary != b't' {
            match memchr::memchr(0, &text) {
                Some(at) if at < FIRST_BUFFER => binary = true,
                Some(_) => program::refuse("a file that turns out to be binary late"),
                None => {}
            }
        }
        if binary && self.settings.binary == b'n' {
            return self.finish(name, 0);
        }
        let count = self.lines(name, &text, binary);
        self.finish(name, count);
    }

    fn finish(&mut self, name: &[u8], count: u64) {
        let settings = &self.settings;
        if count > 0 {
            self.matched = true;
        }
        if settings.quiet {
            if self.matched {
                self.done = true;
            }
            return;
        }
        if settings.count && settings.list.is_none() {
            if settings.names {
                io::put(name);
                io::put(if settings.null_name { b"\0" } else { b":" });
            }
            io::put(format!("{count}\n").as_bytes());
        }
        if settings.list.is_some_and(|key| (key == 'l') == (count > 0)) {
            io::put(name);
            io::put(if settings.null_name { b"\0" } else { b"\n" });
        }
    }

    /// Searches a text; gives the number of lines that were selected.
    fn lines(&mut self, name: &[u8], text: &[u8], binary: bool) -> u64 {
        let silent = self.settings.quiet || self.settings.count || self.settings.list.is_some();
        let first_decides = self.settings.quiet
            || (self.settings.list.is_some() && !self.settings.count)
            || self.settings.list.is_some();
        let most = self.settings.most.unwrap_or(u64::MAX);
        if most == 0 {
            return 0;
        }
        let end = self.settings.end;
        let mut count = 0u64;
        let mut at = 0;
        let mut number = 0u64;
        // Lines that are not yet shown and may become context: their start.
        let mut before: std::collections::VecDeque<(u64, usize, usize)> =
            std::collections::VecDeque::new();
        let mut after = 0u64;
        let mut last_shown = 0u64;
        let mut stopped = false;
        while at < text.len() {
            let rest = text.get(at..).unwrap_or_default();
            let len = memchr::memchr(end, rest).unwrap_or(rest.len());
            let line = rest.get(..len).unwrap_or_default();
            number += 1;
            let next = at + len + 1;
            let selected = !stopped && self.matcher.is_match(line) != self.settings.invert;
            if stopped && after == 0 {
                break;
            }
            if selected {
                count += 1;
                if first_decides {
                    return count;
                }
                if !silent && binary {
                    program_binary(name);
                    return count;
                }
                if !silent {
                    let first = before.front().map_or(number, |it| it.0);
                    let apart = last_shown == 0 || first > last_shown + 1;
                    if self.settings.separate && self.shown && apart {
                        io::put(b"--\n");
                    }
                    for (number, from, to) in before.drain(..) {
                        self.show(
                            name,
                            text.get(from..to).unwrap_or_default(),
                            number,
                            from,
                            b'-',
                        );
                    }
                    self.show(name, line, number, at, b':');
                    last_shown = number;
                    self.shown = true;
                    after = self.settings.after;
                }
                if count >= most {
                    stopped = true;
                    if silent || self.settings.after == 0 {
                        break;
                    }
                }
            } else if !silent && after > 0 {
                // Behind the last line that `-m` allows, lines that match are context too.
                after -= 1;
                self.show(name, line, number, at, b'-');
                last_shown = number;
            } else if !silent && self.settings.before > 0 {
                before.push_back((number, at, at + len));
                if before.len() as u64 > self.settings.before {
                    before.pop_front();
                }
            }
            at = next;
        }
        count
    }

    fn show(&mut self, name: &[u8], line: &[u8], number: u64, offset: usize, separator: u8) {
        let end = self.settings.end;
        if !self.settings.only {
            head(&self.settings, name, number, offset, separator);
            io::put(line);
            io::put(&[end]);
            return;
        }
        if separator == b'-' || self.settings.invert {
            return;
        }
        let mut at = 0;
        while at <= line.len() {
            let Some((from, to)) = self.matcher.find(line, at) else {
                break;
            };
            if from == to {
                at = to + 1;
                continue;
            }
            head(&self.settings, name, number, offset + from, separator);
            io::put(line.get(from..to).unwrap_or_default());
            io::put(&[end]);
            at = to;
        }
    }
}

fn program_binary(name: &[u8]) {
    program::complain(&[name, b": binary file matches"]);
}
