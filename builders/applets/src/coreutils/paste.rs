//! `paste`.
//!
//! Counterpart: coreutils' `paste.c`, with its way of ending files in the middle of a line.

use super::{Utility, lines};
use crate::shared::io::{Records, Source};
use crate::shared::options::{Spec, flag, parse, value};
use crate::shared::{io, program, quote};
use bstr::BString;

pub const PASTE: Utility = Utility {
    name: "paste",
    spec: Spec {
        options: &[
            value('d', "delimiters"),
            flag('s', "serial"),
            flag('z', "zero-terminated"),
        ],
        permute: true,
        usage: 1,
    },
    run,
};

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let list = match parsed.value('d') {
        Some(text) if text.is_empty() => vec![None],
        Some(text) => delimiters(text),
        None => vec![Some(b'\t')],
    };
    let end = if parsed.has('z') { 0 } else { b'\n' };
    let paths = lines::or_stdin(&parsed.operands);
    if parsed.has('s') {
        serial(&paths, &list, end)
    } else {
        parallel(&paths, &list, end)
    }
}

/// The list with its escapes; `\0` is nothing.
fn delimiters(text: &BString) -> Vec<Option<u8>> {
    let mut list = Vec::new();
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            list.push(Some(byte));
            continue;
        }
        list.push(match bytes.next() {
            Some(b'0') => None,
            Some(b'b') => Some(8),
            Some(b'f') => Some(12),
            Some(b'n') => Some(b'\n'),
            Some(b'r') => Some(b'\r'),
            Some(b't') => Some(b'\t'),
            Some(b'v') => Some(11),
            Some(other) => Some(other),
            None => program::die(
                1,
                &[b"delimiter list ends with an unescaped backslash: ", text],
            ),
        });
    }
    list
}

/// The delimiters, over and over.
struct Cycle<'a> {
    list: &'a [Option<u8>],
    at: usize,
}

impl Cycle<'_> {
    fn next(&mut self) -> Option<u8> {
        let found = self.list.get(self.at).copied().flatten();
        self.at = (self.at + 1) % self.list.len().max(1);
        found
    }
}

fn parallel(paths: &[BString], list: &[Option<u8>], end: u8) -> u8 {
    // All that name standard input share it.
    let mut stdin = Records::new(Source::Stdin, end);
    let mut files: Vec<Option<Option<Records>>> = Vec::new();
    let mut unreadable = Vec::new();
    for path in paths {
        if *path == "-" {
            files.push(Some(None));
            continue;
        }
        match Source::open(path) {
            Ok(source) => files.push(Some(Some(Records::new(source, end)))),
            Err(errno) => program::die_errno(1, &[&quote::maybe(path)], errno),
        }
    }
    let mut open = files.len();
    let last = files.len().saturating_sub(1);
    let mut record = Vec::new();
    while open > 0 {
        let mut some = false;
        let mut cycle = Cycle { list, at: 0 };
        let mut saved: Vec<u8> = Vec::new();
        for (at, (file, path)) in files.iter_mut().zip(paths).enumerate() {
            if open == 0 {
                break;
            }
            let read = match file {
                None => Ok(false),
                Some(own) => own.as_mut().unwrap_or(&mut stdin).next(&mut record),
            };
            let found = read.unwrap_or_else(|errno| {
                unreadable.push((path, errno));
                false
            });
            if found {
                io::put(&saved);
                saved.clear();
                some = true;
                io::put(record.strip_suffix(&[end]).unwrap_or(&record));
                if at == last {
                    io::put(&[end]);
                } else if let Some(byte) = cycle.next() {
                    io::put(&[byte]);
                }
                continue;
            }
            if file.take().is_some() {
                open -= 1;
                for (path, errno) in unreadable.drain(..) {
                    program::complain_errno(&[&quote::maybe(path)], errno);
                }
            }
            if at < last {
                saved.extend(cycle.next());
            } else if some {
                io::put(&saved);
                io::put(&[end]);
            }
        }
    }
    status(paths)
}

/// Directories open, but fail when read: they were told of.
fn status(paths: &[BString]) -> u8 {
    let bad = |path: &BString| *path != "-" && lines::open(path).is_err();
    u8::from(paths.iter().any(bad))
}

fn serial(paths: &[BString], list: &[Option<u8>], end: u8) -> u8 {
    let mut status = 0;
    for path in paths {
        let text = match lines::read(path) {
            Ok(text) => text,
            Err(errno) => {
                program::complain_errno(&[&quote::maybe(path)], errno);
                status = 1;
                if errno == rustix::io::Errno::ISDIR {
                    io::put(&[end]);
                }
                continue;
            }
        };
        let mut cycle = Cycle { list, at: 0 };
        let body = text.strip_suffix(&[end]).unwrap_or(&text);
        for (index, line) in body.split(|byte| *byte == end).enumerate() {
            if index > 0
                && let Some(byte) = cycle.next()
            {
                io::put(&[byte]);
            }
            io::put(line);
        }
        io::put(&[end]);
    }
    status
}
