//! `ls -C`, `-x` and `-m`: several names to a line, and how names are quoted.
//!
//! Counterpart: coreutils' `ls.c`, `calculate_columns` and what prints by them.

use crate::shared::io;
use crate::shared::options::Parsed;
use crate::shared::{process, program, quote};
use bstr::{BString, ByteSlice};

/// How names stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One to a line.
    Single,
    /// `-l`.
    Long,
    /// `-C`: columns that are read downwards.
    Down,
    /// `-x`: columns that are read across.
    Across,
    /// `-m`: with commas.
    Commas,
}

/// The narrowest column: a letter and two blanks.
const LEAST: usize = 3;

/// The format that the options come to; `default` is the program's own.
pub fn format(parsed: &Parsed, default: Format) -> Format {
    let mut format = default;
    for (key, text) in &parsed.options {
        format = match (key, text.as_ref().map(|it| it.as_slice())) {
            ('1', _) if format == Format::Long => Format::Long,
            ('1', _) => Format::Single,
            ('C', _) => Format::Down,
            ('x', _) => Format::Across,
            ('m', _) => Format::Commas,
            ('l' | 'g' | 'o' | 'n' | 'ƒ', _) => Format::Long,
            ('φ', Some(b"long" | b"verbose")) => Format::Long,
            ('φ', Some(b"commas")) => Format::Commas,
            ('φ', Some(b"across" | b"horizontal")) => Format::Across,
            ('φ', Some(b"vertical")) => Format::Down,
            ('φ', Some(b"single-column")) => Format::Single,
            ('φ', _) => program::refuse("a format of another name"),
            _ => format,
        };
    }
    format
}

/// A width as `-w` and `COLUMNS` have it: decimal, octal or hexadecimal.
fn number(text: &[u8]) -> Option<usize> {
    let text = text.to_str().ok()?;
    let (digits, base) = match text.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    let plain = digits.chars().all(|it| it.is_digit(base));
    usize::from_str_radix(digits, base).ok().filter(|_| plain)
}

/// Only what is printable takes room.
fn width(name: &[u8]) -> usize {
    let printable = |byte: &&u8| (0x20..0x7f).contains(*byte);
    name.iter().filter(printable).count()
}

/// The line's width, and that of tabs; 0: without limit, and no tabs.
#[derive(Clone, Copy, Debug)]
pub struct Widths {
    line: usize,
    tab: usize,
}

impl Widths {
    /// From the options and the environment.
    pub fn new(parsed: &Parsed) -> Widths {
        let environment = process::environment();
        if process::variable(&environment, "TABSIZE").is_some() {
            program::refuse("the variable TABSIZE");
        }
        let mut line = 80;
        if let Some(text) = parsed.value('w') {
            line = match number(text) {
                Some(width) => width,
                None => program::die(2, &[b"invalid line width: ", &quote::locale(text)]),
            };
        } else if let Some(text) = process::variable(&environment, "COLUMNS")
            && !text.is_empty()
        {
            line = match number(text) {
                Some(width) => width,
                None => program::refuse("a strange value of COLUMNS"),
            };
        }
        let tab = parsed.value('T').map_or(Some(8), |text| number(text));
        let Some(tab) = tab else {
            program::refuse("a strange value of -T");
        };
        Widths { line, tab }
    }

    /// Prints names in a format.
    pub fn put(&self, names: &[BString], format: Format) {
        match format {
            _ if names.is_empty() => {}
            Format::Commas => self.separated(names, b','),
            _ if self.line == 0 => self.separated(names, b' '),
            _ => self.columns(names, format == Format::Down),
        }
    }

    fn separated(&self, names: &[BString], separator: u8) {
        let mut place = 0;
        for (index, name) in names.iter().enumerate() {
            let length = if self.line == 0 { 0 } else { width(name) };
            if index > 0 {
                let fits = self.line == 0 || place + length + 2 < self.line;
                place = if fits { place + 2 } else { 0 };
                io::put(&[separator, if fits { b' ' } else { b'\n' }]);
            }
            io::put(name);
            place += length;
        }
        io::put(b"\n");
    }

    /// The widths of as many columns as fit.
    fn layout(&self, names: &[BString], down: bool) -> Vec<usize> {
        let most = self.line.div_ceil(LEAST).min(names.len()).max(1);
        for count in (2..=most).rev() {
            let mut widths = vec![LEAST; count];
            let rows = names.len().div_ceil(count);
            for (index, name) in names.iter().enumerate() {
                let column = if down { index / rows } else { index % count };
                let needed = width(name) + if column + 1 == count { 0 } else { 2 };
                if let Some(width) = widths.get_mut(column) {
                    *width = (*width).max(needed);
                }
            }
            let all: usize = widths.iter().sum();
            // What never grew beyond the least width counts as fitting.
            if all < self.line || all == count * LEAST {
                return widths;
            }
        }
        vec![LEAST]
    }

    fn columns(&self, names: &[BString], down: bool) {
        let widths = self.layout(names, down);
        let rows = names.len().div_ceil(widths.len());
        for row in 0..rows {
            let mut place = 0;
            let mut before: Option<(usize, usize)> = None;
            for (column, width) in widths.iter().enumerate() {
                let index = if down {
                    column * rows + row
                } else {
                    row * widths.len() + column
                };
                let Some(name) = names.get(index) else { break };
                if let Some((length, width)) = before {
                    self.indent(place + length, place + width);
                    place += width;
                }
                io::put(name);
                before = Some((self::width(name), *width));
            }
            io::put(b"\n");
        }
    }

    /// A tab stands for two blanks and more.
    fn indent(&self, mut from: usize, to: usize) {
        while from < to {
            if self.tab != 0 && to / self.tab > (from + 1) / self.tab {
                io::put(b"\t");
                from += self.tab - from % self.tab;
            } else {
                io::put(b" ");
                from += 1;
            }
        }
    }
}

/// How names are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quoting {
    /// As they are.
    Literal,
    /// `-b`: C's escapes, and blanks with a backslash.
    Escape,
    /// `-Q`: in double quotes.
    C,
}

/// The quoting that the options come to.
pub fn quoting(parsed: &Parsed, default: Quoting) -> Quoting {
    if process::variable(&process::environment(), "QUOTING_STYLE").is_some() {
        program::refuse("the variable QUOTING_STYLE");
    }
    match parsed.last_of(&['b', 'N', 'Q', 'θ']) {
        Some('b') => Quoting::Escape,
        Some('N') => Quoting::Literal,
        Some('Q') => Quoting::C,
        Some(_) => match parsed.value('θ').map(|it| it.as_slice()) {
            Some(b"literal") => Quoting::Literal,
            Some(b"escape") => Quoting::Escape,
            Some(b"c") => Quoting::C,
            _ => program::refuse("a quoting style of another name"),
        },
        None => default,
    }
}

impl Quoting {
    /// A name as it is shown; in titles a colon is quoted too.
    pub fn show(self, name: &[u8], title: bool) -> BString {
        if self == Quoting::Literal {
            return name.into();
        }
        let mut out = BString::default();
        let c = self == Quoting::C;
        if c {
            out.push(b'"');
        }
        for byte in name {
            match byte {
                b'\\' => out.extend_from_slice(b"\\\\"),
                b'"' if c => out.extend_from_slice(b"\\\""),
                b' ' if !c => out.extend_from_slice(b"\\ "),
                b':' if title => out.extend_from_slice(b"\\:"),
                0x20..0x7f => out.push(*byte),
                0x07..=0x0d => {
                    let letter = b"abtnvfr".get(usize::from(byte - 7));
                    out.extend([b'\\', letter.copied().unwrap_or(b'?')]);
                }
                _ => out.extend_from_slice(format!("\\{byte:03o}").as_bytes()),
            }
        }
        if c {
            out.push(b'"');
        }
        out
    }
}
