//! `sort`.
//!
//! Counterpart: coreutils' `sort.c`. Keys compare as bytes (`-d`, `-f`, `-i` change them), as
//! numbers (`-n`), as human sizes (`-h`), or as versions (`-V`, refused: no version order here).

use super::{Utility, lines};
use crate::shared::io::write_all;
use crate::shared::options::{Parsed, Spec, flag, parse, value};
use crate::shared::{fs, io, program, quote};
use bstr::{BString, ByteSlice};
use rustix::fs::OFlags;
use std::cmp::Ordering;

pub const SORT: Utility = Utility {
    name: "sort",
    spec: Spec {
        options: &[
            flag('b', "ignore-leading-blanks"),
            flag('c', "check"),
            flag('d', "dictionary-order"),
            flag('f', "ignore-case"),
            flag('i', "ignore-nonprinting"),
            value('k', "key"),
            flag('n', "numeric-sort"),
            value('o', "output"),
            flag('r', "reverse"),
            flag('s', "stable"),
            value('S', "buffer-size"),
            value('t', "field-separator"),
            value('T', "temporary-directory"),
            flag('u', "unique"),
            flag('z', "zero-terminated"),
        ],
        permute: true,
        usage: 2,
    },
    run,
};

/// How a key is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Order {
    blanks: bool,
    end_blanks: bool,
    dictionary: bool,
    fold: bool,
    printing: bool,
    numeric: bool,
    reverse: bool,
}

impl Order {
    fn is_default(&self) -> bool {
        *self == Order::default()
    }
}

/// `-k F.C,F.C`; fields and characters count from 0; no end = the line's.
#[derive(Clone, Copy, Debug)]
struct Key {
    start: (usize, usize),
    end: Option<(usize, usize)>,
    order: Order,
}

struct Sorter {
    keys: Vec<Key>,
    global: Order,
    separator: Option<u8>,
    stable: bool,
    unique: bool,
}

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let global = Order {
        blanks: parsed.has('b'),
        end_blanks: parsed.has('b'),
        dictionary: parsed.has('d'),
        fold: parsed.has('f'),
        printing: parsed.has('i'),
        numeric: parsed.has('n'),
        reverse: parsed.has('r'),
    };
    let separator = parsed.value('t').map(|text| match text.as_slice() {
        [only] => *only,
        b"\\0" => 0,
        [] => program::die(2, &[b"empty tab"]),
        _ => program::die(2, &[b"multi-character tab ", &quote::always(text)]),
    });
    let mut keys: Vec<Key> = parsed
        .options
        .iter()
        .filter(|(key, _)| *key == 'k')
        .filter_map(|(_, text)| text.as_ref())
        .map(key)
        .collect();
    for key in &mut keys {
        if key.order.is_default() {
            key.order = global;
        }
        if key.order.numeric && (key.order.dictionary || key.order.printing) {
            program::die(2, &[b"options '-dn' are incompatible"]);
        }
    }
    if keys.is_empty()
        && !(Order {
            reverse: false,
            ..global
        })
        .is_default()
    {
        keys.push(Key {
            start: (0, 0),
            end: None,
            order: global,
        });
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
    if parsed.has('c') {
        return sorter.check(&paths, end);
    }
    let mut text = Vec::new();
    for path in &paths {
        match lines::open(path) {
            Err(rustix::io::Errno::ISDIR) => {
                program::die_errno(2, &[b"read failed: ", path], rustix::io::Errno::ISDIR)
            }
            Err(errno) => program::die_errno(2, &[b"cannot read: ", &quote::maybe(path)], errno),
            Ok(source) => match source.read_to_end() {
                Ok(mut found) => {
                    if found.last().is_some_and(|last| *last != end) {
                        found.push(end);
                    }
                    text.append(&mut found);
                }
                Err(errno) => program::die_errno(2, &[b"read failed: ", path], errno),
            },
        }
    }
    let mut found: Vec<&[u8]> = lines::split(&text, end)
        .map(|line| line.strip_suffix(&[end]).unwrap_or(line))
        .collect();
    found.sort_by(|a, b| sorter.compare(a, b));
    if sorter.unique {
        found.dedup_by(|a, b| sorter.by_keys(a, b).is_eq());
    }
    write(&parsed, &found, end);
    0
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

/// Reads a key; what is wrong with it is refused, since GNU's messages say more than we know.
fn key(text: &BString) -> Key {
    let bad = || -> ! { program::refuse(&format!("the key '{text}'")) };
    let (first, second) = match text.split_once_str(",") {
        Some((first, second)) => (first, Some(second)),
        None => (text.as_slice(), None),
    };
    let mut order = Order::default();
    let mut position = |part: &[u8], end: bool| -> (usize, Option<usize>) {
        let letters = part
            .iter()
            .position(u8::is_ascii_alphabetic)
            .unwrap_or(part.len());
        let (numbers, letters) = part.split_at(letters);
        for letter in letters {
            match letter {
                b'b' if end => order.end_blanks = true,
                b'b' => order.blanks = true,
                b'd' => order.dictionary = true,
                b'f' => order.fold = true,
                b'i' => order.printing = true,
                b'n' => order.numeric = true,
                b'r' => order.reverse = true,
                _ => bad(),
            }
        }
        let number = |text: &[u8]| {
            text.to_str()
                .ok()
                .and_then(|text| text.parse::<usize>().ok())
        };
        match numbers.split_once_str(".") {
            Some((field, character)) => match (number(field), number(character)) {
                (Some(field), Some(character)) => (field, Some(character)),
                _ => bad(),
            },
            None => match number(numbers) {
                Some(field) => (field, None),
                None => bad(),
            },
        }
    };
    let (field, character) = position(first, false);
    let start = match (field.checked_sub(1), character.unwrap_or(1).checked_sub(1)) {
        (Some(field), Some(character)) => (field, character),
        _ => bad(),
    };
    let end = second.map(|second| {
        let (field, character) = position(second, true);
        match (field.checked_sub(1), character.unwrap_or(0)) {
            // To the end of the field.
            (Some(field), 0) => (field + 1, 0),
            (Some(field), character) => (field, character),
            _ => bad(),
        }
    });
    Key { start, end, order }
}

fn is_blank(byte: u8) -> bool {
    // In the C locale; sort counts the newline among them (for -z).
    matches!(byte, b' ' | b'\t' | b'\n')
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
            let order = compare(self.part(a, key), self.part(b, key), key.order);
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

    /// The part of a line that a key names.
    fn part<'a>(&self, line: &'a [u8], key: &Key) -> &'a [u8] {
        let start = self.place(line, key.start, key.order.blanks, true);
        let end = match key.end {
            Some(end) => self.place(line, end, key.order.end_blanks && end.1 > 0, false),
            None => line.len(),
        };
        line.get(start..end.max(start)).unwrap_or_default()
    }

    fn place(
        &self,
        line: &[u8],
        (fields, characters): (usize, usize),
        skip_blanks: bool,
        start: bool,
    ) -> usize {
        let mut at = 0;
        let byte = |at: usize| line.get(at).copied();
        for index in 0..fields {
            if at >= line.len() {
                break;
            }
            match self.separator {
                Some(separator) => {
                    while byte(at).is_some_and(|it| it != separator) {
                        at += 1;
                    }
                    // An end that is a whole field leaves the separator out.
                    let last = index + 1 == fields;
                    if at < line.len() && (start || !last || characters > 0) {
                        at += 1;
                    }
                }
                None => {
                    while byte(at).is_some_and(is_blank) {
                        at += 1;
                    }
                    while byte(at).is_some_and(|it| !is_blank(it)) {
                        at += 1;
                    }
                }
            }
        }
        if start || characters > 0 {
            if skip_blanks {
                while byte(at).is_some_and(is_blank) {
                    at += 1;
                }
            }
            at = (at + characters).min(line.len());
        }
        at
    }

    fn check(&self, paths: &[BString], end: u8) -> u8 {
        let [path] = paths else {
            let extra = paths
                .get(1)
                .map(|path| quote::always(path))
                .unwrap_or_default();
            program::die(2, &[b"extra operand ", &extra, b" not allowed with -c"]);
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
                let number = format!(":{}: disorder: ", index + 1);
                program::complain(&[path, number.as_bytes(), line]);
                return 1;
            }
            last = Some(line);
        }
        0
    }
}

fn compare(a: &[u8], b: &[u8], order: Order) -> Ordering {
    if order.numeric {
        return Number::of(a).compare(&Number::of(b));
    }
    if !(order.dictionary || order.printing || order.fold) {
        return a.cmp(b);
    }
    let kept = |text: &[u8]| -> Vec<u8> {
        text.iter()
            .filter(|byte| !order.dictionary || is_blank(**byte) || byte.is_ascii_alphanumeric())
            .filter(|byte| !order.printing || (0x20..0x7f).contains(*byte))
            .map(|byte| {
                if order.fold {
                    byte.to_ascii_uppercase()
                } else {
                    *byte
                }
            })
            .collect()
    };
    kept(a).cmp(&kept(b))
}

/// The number that a text starts with: of any size, without exponents.
struct Number<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
}

impl<'a> Number<'a> {
    fn of(text: &'a [u8]) -> Number<'a> {
        let start = text
            .iter()
            .position(|byte| !is_blank(*byte))
            .unwrap_or(text.len());
        let text = text.get(start..).unwrap_or_default();
        let (negative, text) = match text.strip_prefix(b"-") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let digits = |text: &'a [u8]| {
            let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
            text.split_at(count)
        };
        let (whole, rest) = digits(text);
        let fraction = rest
            .strip_prefix(b".")
            .map_or(&[] as &[u8], |rest| digits(rest).0);
        let zeros = whole.iter().take_while(|byte| **byte == b'0').count();
        let whole = whole.get(zeros..).unwrap_or_default();
        let kept = fraction
            .iter()
            .rposition(|byte| *byte != b'0')
            .map_or(0, |at| at + 1);
        let fraction = fraction.get(..kept).unwrap_or_default();
        let zero = whole.is_empty() && fraction.is_empty();
        Number {
            negative: negative && !zero,
            whole,
            fraction,
        }
    }

    fn compare(&self, other: &Number<'_>) -> Ordering {
        let size = |it: &Self, other: &Number<'_>| {
            (it.whole.len(), it.whole, it.fraction).cmp(&(
                other.whole.len(),
                other.whole,
                other.fraction,
            ))
        };
        match (self.negative, other.negative) {
            (false, false) => size(self, other),
            (true, true) => size(self, other).reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}
