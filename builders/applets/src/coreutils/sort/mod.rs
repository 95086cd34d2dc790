//! `sort`.
//!
//! Counterpart: coreutils' `sort.c`. Everything is sorted in memory. `-R` is refused: its order is
//! that of a keyed hash.

mod keys;
mod order;

use super::{Utility, lines};
use crate::shared::io::write_all;
use crate::shared::options::{Parsed, Spec, flag, maybe, parse, value};
use crate::shared::{fs, io, program, quote};
use bstr::BString;
use keys::Key;
use order::{Order, compare};
use rustix::fs::OFlags;
use std::cmp::Ordering;

pub const SORT: Utility = Utility {
    name: "sort",
    spec: Spec {
        options: &[
            flag('b', "ignore-leading-blanks"),
            maybe('č', "check"),
            flag('c', ""),
            flag('C', ""),
            flag('d', "dictionary-order"),
            flag('f', "ignore-case"),
            flag('g', "general-numeric-sort"),
            flag('h', "human-numeric-sort"),
            flag('i', "ignore-nonprinting"),
            value('k', "key"),
            flag('m', "merge"),
            flag('M', "month-sort"),
            flag('n', "numeric-sort"),
            value('o', "output"),
            value('ŗ', "parallel"),
            flag('r', "reverse"),
            flag('s', "stable"),
            value('S', "buffer-size"),
            value('š', "sort"),
            value('t', "field-separator"),
            value('T', "temporary-directory"),
            flag('u', "unique"),
            flag('V', "version-sort"),
            flag('z', "zero-terminated"),
        ],
        permute: true,
        usage: 2,
    },
    run,
};

struct Sorter {
    keys: Vec<Key>,
    global: Order,
    separator: Option<u8>,
    stable: bool,
    unique: bool,
}

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let global = global(&parsed);
    let mut separator = None;
    for (key, text) in &parsed.options {
        let ('t', Some(text)) = (key, text) else {
            continue;
        };
        let new = match text.as_slice() {
            [only] => *only,
            b"\\0" => 0,
            [] => program::die(2, &[b"empty tab"]),
            _ => program::die(2, &[b"multi-character tab ", &quote::always(text)]),
        };
        if separator.replace(new).is_some_and(|old| old != new) {
            program::die(2, &[b"incompatible tabs"]);
        }
    }
    let mut keys: Vec<Key> = parsed
        .options
        .iter()
        .filter(|(key, _)| *key == 'k')
        .filter_map(|(_, text)| text.as_ref())
        .map(keys::parse)
        .collect();
    for key in &mut keys {
        if key.order.is_default() {
            key.order = global;
        }
    }
    let plain = Order {
        reverse: false,
        ..global
    };
    if keys.is_empty() && !plain.is_default() {
        keys.push(Key::whole(global));
    }
    if let Some(letters) = keys.iter().find_map(|key| key.order.contradiction()) {
        program::die(
            2,
            &[format!("options '-{letters}' are incompatible").as_bytes()],
        );
    }
    let sorter = Sorter {
        keys,
        global,
        separator,
        stable: parsed.has('s'),
        unique: parsed.has('u'),
    };
    let end = if parsed.has('z') { 0 } else { b'\n' };
    let paths = lines::or_stdin(&parsed.operands);
    if let Some(silent) = check_mode(&parsed) {
        if parsed.has('o') {
            let letter: &[u8] = if silent { b"C" } else { b"c" };
            program::die(2, &[b"options '-", letter, b"o' are incompatible"]);
        }
        return sorter.check(&paths, end, silent);
    }
    let texts: Vec<Vec<u8>> = paths.iter().map(|path| read(path, end)).collect();
    let files = texts.iter().map(|text| {
        let lines = lines::split(text, end).map(|line| line.strip_suffix(&[end]).unwrap_or(line));
        lines.collect::<Vec<_>>()
    });
    let mut found: Vec<&[u8]> = if parsed.has('m') {
        sorter.merge(files.collect())
    } else {
        let mut all: Vec<&[u8]> = files.flatten().collect();
        all.sort_by(|a, b| sorter.compare(a, b));
        all
    };
    if sorter.unique {
        found.dedup_by(|a, b| sorter.by_keys(a, b).is_eq());
    }
    write(&parsed, &found, end);
    0
}

/// The order for lines, and for keys that have none.
fn global(parsed: &Parsed) -> Order {
    let mut order = Order {
        blanks: parsed.has('b'),
        end_blanks: parsed.has('b'),
        ..Order::default()
    };
    for (key, text) in &parsed.options {
        let letter = match (key, text.as_ref().map(|it| it.as_slice())) {
            ('š', Some(b"general-numeric")) => b'g',
            ('š', Some(b"human-numeric")) => b'h',
            ('š', Some(b"month")) => b'M',
            ('š', Some(b"numeric")) => b'n',
            ('š', Some(b"version")) => b'V',
            ('š', _) => program::refuse("a kind of order of another name"),
            ('k' | 'o' | 't' | 'T' | 'S', _) => continue,
            (key, _) => u8::try_from(*key).unwrap_or(0),
        };
        order.set(letter);
    }
    order
}

/// Whether the order is only checked, and if so silently.
fn check_mode(parsed: &Parsed) -> Option<bool> {
    let modes = parsed.options.iter().filter_map(|(key, text)| match key {
        'c' => Some(false),
        'C' => Some(true),
        'č' => match text.as_ref().map(|it| it.as_slice()) {
            None | Some(b"diagnose-first") => Some(false),
            Some(b"quiet" | b"silent") => Some(true),
            Some(_) => program::refuse("a way of checking of another name"),
        },
        _ => None,
    });
    let modes: Vec<bool> = modes.collect();
    if modes.windows(2).any(|pair| pair.first() != pair.last()) {
        program::die(2, &[b"options '-cC' are incompatible"]);
    }
    modes.first().copied()
}

/// A whole file, with an end at its last line.
fn read(path: &BString, end: u8) -> Vec<u8> {
    let failed = |errno| -> ! { program::die_errno(2, &[b"read failed: ", path], errno) };
    match lines::open(path) {
        Err(rustix::io::Errno::ISDIR) => failed(rustix::io::Errno::ISDIR),
        Err(errno) => program::die_errno(2, &[b"cannot read: ", &quote::maybe(path)], errno),
        Ok(source) => match source.read_to_end() {
            Ok(mut found) => {
                if found.last().is_some_and(|last| *last != end) {
                    found.push(end);
                }
                found
            }
            Err(errno) => failed(errno),
        },
    }
}

fn write(parsed: &Parsed, lines: &[&[u8]], end: u8) {
    let output =
        parsed.value('o').map(
            |path| match fs::open_write(path, OFlags::CREATE | OFlags::TRUNC) {
                Ok(file) => (file, path),
                Err(errno) => {
                    program::die_errno(2, &[b"open failed: ", &quote::maybe(path)], errno)
                }
            },
        );
    let mut buffer = Vec::new();
    let flush = |buffer: &mut Vec<u8>| {
        match &output {
            None => io::put(buffer),
            Some((file, path)) => {
                if let Err(errno) = write_all(file, buffer) {
                    program::die_errno(2, &[b"write failed: ", path], errno);
                }
            }
        }
        buffer.clear();
    };
    for line in lines {
        buffer.extend_from_slice(line);
        buffer.push(end);
        if buffer.len() > 1 << 16 {
            flush(&mut buffer);
        }
    }
    flush(&mut buffer);
}

impl Sorter {
    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        let order = self.by_keys(a, b);
        if order.is_ne() || self.stable || self.unique || self.keys.is_empty() {
            return order;
        }
        let order = a.cmp(b);
        if self.global.reverse {
            order.reverse()
        } else {
            order
        }
    }

    fn by_keys(&self, a: &[u8], b: &[u8]) -> Ordering {
        if self.keys.is_empty() {
            let order = a.cmp(b);
            return if self.global.reverse {
                order.reverse()
            } else {
                order
            };
        }
        for key in &self.keys {
            let order = compare(
                key.part(a, self.separator),
                key.part(b, self.separator),
                key.order,
            );
            if order.is_ne() {
                return if key.order.reverse {
                    order.reverse()
                } else {
                    order
                };
            }
        }
        Ordering::Equal
    }

    /// Takes the least of the files' next lines, of equals that of the first file.
    fn merge<'a>(&self, files: Vec<Vec<&'a [u8]>>) -> Vec<&'a [u8]> {
        if files.len() > 16 {
            program::refuse("merging more than 16 files");
        }
        let mut rests: Vec<_> = files
            .into_iter()
            .map(|it| it.into_iter().peekable())
            .collect();
        let mut found = Vec::new();
        loop {
            let mut least: Option<(usize, &[u8])> = None;
            for (at, rest) in rests.iter_mut().enumerate() {
                if let Some(line) = rest.peek()
                    && least.is_none_or(|(_, other)| self.compare(line, other).is_lt())
                {
                    least = Some((at, *line));
                }
            }
            let Some((at, line)) = least else {
                return found;
            };
            found.push(line);
            if let Some(rest) = rests.get_mut(at) {
                rest.next();
            }
        }
    }

    fn check(&self, paths: &[BString], end: u8, silent: bool) -> u8 {
        let [path] = paths else {
            let extra = paths
                .get(1)
                .map(|path| quote::always(path))
                .unwrap_or_default();
            let letter: &[u8] = if silent { b"C" } else { b"c" };
            program::die(
                2,
                &[b"extra operand ", &extra, b" not allowed with -", letter],
            );
        };
        let text = match lines::read(path) {
            Ok(text) => text,
            Err(errno) => program::die_errno(2, &[b"cannot read: ", &quote::maybe(path)], errno),
        };
        let mut last: Option<&[u8]> = None;
        for (index, line) in lines::split(&text, end).enumerate() {
            let line = line.strip_suffix(&[end]).unwrap_or(line);
            let order = last.map_or(Ordering::Less, |last| self.compare(last, line));
            if order.is_gt() || (self.unique && order.is_eq()) {
                if !silent {
                    let number = format!(":{}: disorder: ", index + 1);
                    program::complain(&[path, number.as_bytes(), line]);
                }
                return 1;
            }
            last = Some(line);
        }
        0
    }
}
