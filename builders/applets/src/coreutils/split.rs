//! `split`.
//!
//! Counterpart: coreutils' `split.c`. Refused: `--filter`, `-e` and `-u`.

use super::{Utility, lines, number};
use crate::shared::io::write_all;
use crate::shared::options::{Parsed, Spec, flag, maybe, parse, value};
use crate::shared::{fs, io, program, quote};
use bstr::{BString, ByteSlice};
use rustix::fd::OwnedFd;
use rustix::fs::OFlags;

pub const SPLIT: Utility = Utility {
    name: "split",
    spec: Spec {
        options: &[
            value('a', "suffix-length"),
            value('ă', "additional-suffix"),
            value('b', "bytes"),
            value('C', "line-bytes"),
            flag('d', ""),
            maybe('ḑ', "numeric-suffixes"),
            value('l', "lines"),
            value('n', "number"),
            value('t', "separator"),
            flag('ṽ', "verbose"),
            flag('x', ""),
            maybe('ẋ', "hex-suffixes"),
        ],
        permute: true,
        usage: 1,
    },
    run,
};

/// The names of the parts, one after the other.
struct Names {
    prefix: BString,
    digits: Vec<usize>,
    alphabet: &'static [u8],
    /// Suffixes become longer when they run out.
    grows: bool,
    behind: BString,
    /// Only this part is wanted, on standard output (`-n K/N`).
    only: Option<u64>,
    number: u64,
    started: bool,
    verbose: bool,
}

impl Names {
    fn next(&mut self) -> BString {
        if std::mem::replace(&mut self.started, true) {
            self.count();
        }
        let mut name = self.prefix.clone();
        let letter = |digit: &usize| self.alphabet.get(*digit).copied();
        name.extend(self.digits.iter().filter_map(letter));
        name.extend_from_slice(&self.behind);
        name
    }

    fn count(&mut self) {
        let base = self.alphabet.len();
        let len = self.digits.len();
        for (at, digit) in self.digits.iter_mut().enumerate().rev() {
            *digit += 1;
            if self.grows && at == 0 && *digit == base - 1 {
                // `yz` is followed by `zaaa`: the last letter says that the suffix is longer.
                self.prefix.extend(self.alphabet.last());
                self.digits = vec![0; len + 1];
                return;
            }
            if *digit < base {
                return;
            }
            *digit = 0;
        }
        program::die(1, &[b"output file suffixes exhausted"])
    }

    fn create(&mut self) -> OwnedFd {
        let name = self.next();
        if self.verbose {
            io::put(b"creating file ");
            io::put(&quote::always(&name));
            io::put(b"\n");
        }
        match fs::open_write(&name, OFlags::CREATE | OFlags::TRUNC) {
            Ok(file) => file,
            Err(errno) => program::die_errno(1, &[&quote::maybe(&name)], errno),
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.number += 1;
        if let Some(only) = self.only {
            if only == self.number {
                io::put(bytes);
            }
            return;
        }
        let file = self.create();
        if let Err(errno) = write_all(&file, bytes) {
            program::die_errno(1, &[b"write error"], errno);
        }
    }
}

/// How the input is cut.
enum Cut {
    Lines(u64),
    Bytes(u64),
    LineBytes(u64),
    /// Parts of the same size.
    Parts(u64),
    /// Parts of whole lines.
    LineParts(u64),
    /// Lines dealt out one by one.
    Round(u64),
}

fn run(spec: &Spec, mut words: Vec<BString>) -> u8 {
    // `-100` is `-l 100`.
    for word in words.iter_mut().take_while(|word| *word != "--") {
        if let Some(digits) = word.strip_prefix(b"-").filter(|it| !it.is_empty())
            && digits.iter().all(u8::is_ascii_digit)
        {
            *word = format!("-l{}", digits.as_bstr()).into();
        }
    }
    let parsed = parse(spec, words);
    let (cut, only) = cut(&parsed);
    if let [_, _, extra, ..] = parsed.operands.as_slice() {
        program::usage_error(1, &[b"extra operand ", &quote::locale(extra)]);
    }
    let end = match parsed.value('t').map(|it| it.as_slice()) {
        None => b'\n',
        Some([one]) => *one,
        Some(b"\\0") => 0,
        Some([]) => program::die(1, &[b"empty record separator"]),
        Some(text) => program::die(1, &[b"multi-character separator ", &quote::locale(text)]),
    };
    let path = parsed.operands.first().cloned().unwrap_or("-".into());
    let text = match lines::open(&path) {
        Ok(source) => match source.read_to_end() {
            Ok(text) => text,
            Err(errno) => program::die_errno(1, &[&quote::maybe(&path)], errno),
        },
        Err(rustix::io::Errno::ISDIR) => {
            program::die_errno(1, &[&quote::maybe(&path)], rustix::io::Errno::ISDIR)
        }
        Err(errno) => program::die_errno(
            1,
            &[b"cannot open ", &quote::always(&path), b" for reading"],
            errno,
        ),
    };
    let parts = match &cut {
        Cut::Parts(count) | Cut::LineParts(count) | Cut::Round(count) => Some(*count),
        _ => None,
    };
    let mut names = names(&parsed, parts.filter(|_| only.is_none()));
    names.only = only;
    divide(&text, &cut, end, &mut names);
    0
}

/// How to cut, and the part that is wanted if it is one.
fn cut(parsed: &Parsed) -> (Cut, Option<u64>) {
    let ways: Vec<_> = parsed
        .options
        .iter()
        .filter(|(key, _)| matches!(key, 'b' | 'C' | 'l' | 'n'))
        .collect();
    if ways.len() > 1 {
        program::usage_error(1, &[b"cannot split in more than one way"]);
    }
    let Some((key, Some(text))) = ways.first() else {
        return (Cut::Lines(1000), None);
    };
    let count = |text: &[u8], suffixes: &[u8], what: &str| {
        number::option(text, suffixes, 1, i64::MAX as u64, what)
    };
    let mut only = None;
    let cut = match key {
        'l' => Cut::Lines(count(text, b"", "invalid number of lines")),
        'b' => Cut::Bytes(count(text, number::MULTIPLIERS, "invalid number of bytes")),
        'C' => Cut::LineBytes(count(text, number::MULTIPLIERS, "invalid number of lines")),
        _ => {
            let what = "invalid number of chunks";
            let (kind, rest) = match text.as_slice() {
                [kind @ (b'l' | b'r'), b'/', rest @ ..] => (*kind, rest),
                rest => (b'b', rest),
            };
            let count_text = match rest.split_once_str("/") {
                Some((part, all)) => {
                    let all_parts = count(all, b"", what);
                    let chunk = "invalid chunk number";
                    only = Some(number::option(part, b"", 1, all_parts, chunk));
                    all
                }
                None => rest,
            };
            let parts = count(count_text, b"", what);
            match kind {
                b'l' => Cut::LineParts(parts),
                b'r' => Cut::Round(parts),
                _ => Cut::Parts(parts),
            }
        }
    };
    (cut, only)
}

fn names(parsed: &Parsed, parts: Option<u64>) -> Names {
    let last = parsed
        .options
        .iter()
        .rev()
        .find(|(key, _)| "dḑxẋ".contains(*key));
    let alphabet: &'static [u8] = match last {
        Some(('d' | 'ḑ', _)) => b"0123456789",
        Some(_) => b"0123456789abcdef",
        None => b"abcdefghijklmnopqrstuvwxyz",
    };
    let from = last.and_then(|(_, from)| from.as_ref());
    let length = parsed.value('a').map(|text| {
        let what = "invalid suffix length";
        usize::try_from(number::option(text, b"", 0, 1 << 20, what)).unwrap_or(0)
    });
    let mut digits = vec![0; length.filter(|it| *it > 0).unwrap_or(2)];
    let mut grows = length.unwrap_or(0) == 0;
    if let Some(from) = from {
        grows = false;
        if parts.is_some() {
            program::refuse("a first suffix with -n");
        }
        let value = |letter: &u8| alphabet.iter().position(|it| it == letter);
        let start: Option<Vec<usize>> = from.iter().map(value).collect();
        let Some(start) = start.filter(|it| !it.is_empty()) else {
            program::refuse("a first suffix like this");
        };
        if length.is_none() {
            digits = vec![0; start.len().max(2)];
        }
        if start.len() > digits.len() {
            program::die(
                1,
                &[b"numerical suffix start value is too large for the suffix length"],
            );
        }
        let offset = digits.len() - start.len();
        for (place, digit) in digits.iter_mut().skip(offset).zip(start) {
            *place = digit;
        }
    }
    if let Some(parts) = parts {
        // As many letters as the number of parts needs.
        let mut needed = 1;
        let mut most = alphabet.len() as u64;
        while most < parts {
            needed += 1;
            most = most.saturating_mul(alphabet.len() as u64);
        }
        match length.filter(|it| *it > 0) {
            Some(length) if length < needed => program::die(
                1,
                &[format!("the suffix length needs to be at least {needed}").as_bytes()],
            ),
            Some(_) => {}
            None => digits = vec![0; needed.max(2)],
        }
        grows = false;
    }
    let behind = parsed.value('ă').cloned().unwrap_or_default();
    if behind.contains(&b'/') {
        let shown = quote::locale(&behind);
        program::usage_error(
            1,
            &[
                b"invalid suffix ",
                &shown,
                b", contains directory separator",
            ],
        );
    }
    Names {
        prefix: parsed.operands.get(1).cloned().unwrap_or("x".into()),
        digits,
        alphabet,
        grows,
        behind,
        only: None,
        number: 0,
        started: false,
        verbose: parsed.has('ṽ'),
    }
}

fn divide(text: &[u8], cut: &Cut, end: u8, names: &mut Names) {
    let size = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    match cut {
        Cut::Lines(count) => {
            let mut rest = text;
            while !rest.is_empty() {
                let mut ends = memchr::memchr_iter(end, rest);
                let at = ends.nth(size(*count - 1)).map_or(rest.len(), |at| at + 1);
                let (part, after) = rest.split_at(at);
                names.put(part);
                rest = after;
            }
        }
        Cut::Bytes(count) => text.chunks(size(*count)).for_each(|part| names.put(part)),
        Cut::LineBytes(count) => {
            let mut rest = text;
            while !rest.is_empty() {
                let most = size(*count).min(rest.len());
                let window = rest.get(..most).unwrap_or_default();
                let whole = size(*count) > rest.len();
                let last = memchr::memrchr(end, window).map(|at| at + 1);
                let at = if whole { most } else { last.unwrap_or(most) };
                let (part, after) = rest.split_at(at);
                names.put(part);
                rest = after;
            }
        }
        Cut::Parts(count) => {
            let part = (text.len() as u64 / count).max(1);
            for number in 0..*count {
                let from = size(part.saturating_mul(number)).min(text.len());
                let to = if number + 1 == *count {
                    text.len()
                } else {
                    size(part.saturating_mul(number + 1)).min(text.len())
                };
                names.put(text.get(from..to).unwrap_or_default());
            }
        }
        Cut::LineParts(count) => {
            // A line belongs to the part that it starts in.
            let part = (text.len() as u64 / count).max(1);
            let mut from = 0;
            for number in 1..=*count {
                let border = if number == *count {
                    text.len()
                } else {
                    size(part.saturating_mul(number)).min(text.len())
                };
                let mut to = from.max(border);
                if border > from {
                    let rest = text.get(border - 1..).unwrap_or_default();
                    to = memchr::memchr(end, rest).map_or(text.len(), |at| border + at);
                }
                names.put(text.get(from..to).unwrap_or_default());
                from = to;
            }
        }
        Cut::Round(count) => {
            let mut parts = vec![Vec::new(); size(*count).min(1 << 20)];
            let len = parts.len();
            for (index, line) in lines::split(text, end).enumerate() {
                if let Some(part) = parts.get_mut(index % len) {
                    part.extend_from_slice(line);
                }
            }
            parts.iter().for_each(|part| names.put(part));
        }
    }
}
