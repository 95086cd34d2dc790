//! `nl`.
//!
//! Counterpart: coreutils' `nl.c`.

use super::{Utility, lines};
use crate::regex::{Cache, Regex, Syntax};
use crate::shared::options::{Parsed, Spec, flag, parse, value};
use crate::shared::{io, program, quote};
use bstr::{BString, ByteSlice};

pub const NL: Utility = Utility {
    name: "nl",
    spec: Spec {
        options: &[
            value('b', "body-numbering"),
            value('d', "section-delimiter"),
            value('f', "footer-numbering"),
            value('h', "header-numbering"),
            value('i', "line-increment"),
            value('l', "join-blank-lines"),
            value('n', "number-format"),
            flag('p', "no-renumber"),
            value('s', "number-separator"),
            value('v', "starting-line-number"),
            value('w', "number-width"),
        ],
        permute: true,
        usage: 1,
    },
    run,
};

/// Which lines of a section are numbered.
enum Style {
    All,
    Full,
    None,
    Matching(Box<Regex>),
}

/// How a number fills its width.
enum Format {
    Left,
    Right,
    Zeros,
}

struct Numbering {
    style: usize,
    styles: [Style; 3],
    marks: [Vec<u8>; 3],
    renumber: bool,
    start: i64,
    step: i64,
    next: Option<i64>,
    join: u64,
    blanks: u64,
    format: Format,
    separator: BString,
    width: usize,
    cache: Cache,
}

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    // In the order of the words: the first mistake is told.
    let mut good = true;
    for (key, text) in &parsed.options {
        let Some(text) = text else { continue };
        let what: &[u8] = match key {
            'h' => b"invalid header numbering style: ",
            'b' => b"invalid body numbering style: ",
            'f' => b"invalid footer numbering style: ",
            'n' => b"invalid line numbering format: ",
            _ => continue,
        };
        let right = match (key, text.as_slice()) {
            ('n', b"ln" | b"rn" | b"rz") => true,
            ('n', _) => false,
            (_, [b'p', ..] | b"a" | b"t" | b"n") => true,
            _ => false,
        };
        if !right {
            program::complain(&[what, &quote::locale(text)]);
            good = false;
        }
    }
    let start = integer(&parsed, 'v', 1, i64::MIN, "invalid starting line number");
    let step = integer(&parsed, 'i', 1, i64::MIN, "invalid line number increment");
    let join = integer(&parsed, 'l', 1, 1, "invalid line number of blank lines");
    let width = integer(&parsed, 'w', 6, 1, "invalid line number field width");
    if !good {
        program::usage(1);
    }
    let style = |key, standard: &[u8]| {
        let text = parsed.value(key).map_or(standard, |it| it.as_slice());
        match text {
            b"a" => Style::All,
            b"t" => Style::Full,
            [b'p', pattern @ ..] => match Regex::new(pattern, Syntax::default()) {
                Ok(regex) => Style::Matching(Box::new(regex)),
                Err(text) => program::die(1, &[text.as_bytes()]),
            },
            _ => Style::None,
        }
    };
    let mark = match parsed.value('d').map(|it| it.as_slice()) {
        None => b"\\:".to_vec(),
        Some([one]) => vec![*one, b':'],
        Some(two @ [_, _]) => two.to_vec(),
        Some(_) => program::refuse("a section delimiter of this length"),
    };
    let mut numbering = Numbering {
        style: 1,
        styles: [style('h', b"n"), style('b', b"t"), style('f', b"n")],
        marks: [mark.repeat(3), mark.repeat(2), mark],
        renumber: !parsed.has('p'),
        start,
        step,
        next: Some(start),
        join: join.unsigned_abs(),
        blanks: 0,
        format: match parsed.value('n').map(|it| it.as_slice()) {
            Some(b"ln") => Format::Left,
            Some(b"rz") => Format::Zeros,
            _ => Format::Right,
        },
        separator: parsed.value('s').cloned().unwrap_or_else(|| "\t".into()),
        width: usize::try_from(width).unwrap_or(1),
        cache: Cache::default(),
    };
    lines::each(&lines::or_stdin(&parsed.operands), b'\n', |line| {
        numbering.line(line);
    })
}

fn integer(parsed: &Parsed, key: char, standard: i64, least: i64, what: &str) -> i64 {
    let Some(text) = parsed.value(key) else {
        return standard;
    };
    let most = if key == 'w' {
        i64::from(i32::MAX)
    } else {
        i64::MAX
    };
    let shown = quote::locale(text);
    let fail = |behind: &[u8]| -> ! { program::die(1, &[what.as_bytes(), b": ", &shown, behind]) };
    let body = text.trim_ascii_start();
    let digits = body
        .strip_prefix(b"-")
        .or(body.strip_prefix(b"+"))
        .unwrap_or(body);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        fail(b"");
    }
    match body.to_str().ok().and_then(|it| it.parse::<i64>().ok()) {
        Some(value) if value > most => fail(b": Value too large for defined data type"),
        Some(value) if value < least => fail(b": Numerical result out of range"),
        Some(value) => value,
        None => fail(b": Value too large for defined data type"),
    }
}

impl Numbering {
    fn line(&mut self, line: &[u8]) {
        if let Some(section) = self.marks.iter().position(|mark| mark == line) {
            self.style = section;
            if self.renumber {
                self.next = Some(self.start);
            }
            io::put(b"\n");
            return;
        }
        let numbered = match self.styles.get(self.style) {
            Some(Style::All) if self.join > 1 && line.is_empty() => {
                self.blanks += 1;
                self.blanks == self.join
            }
            Some(Style::All) => true,
            Some(Style::Full) => !line.is_empty(),
            Some(Style::Matching(regex)) => regex.is_match(&mut self.cache, line),
            Some(Style::None) | None => false,
        };
        if numbered {
            if self.join > 1 && matches!(self.styles.get(self.style), Some(Style::All)) {
                self.blanks = 0;
            }
            self.put_number();
        } else {
            io::put(&vec![b' '; self.width + self.separator.len()]);
        }
        io::put(line);
        io::put(b"\n");
    }

    fn put_number(&mut self) {
        let Some(number) = self.next else {
            program::die(1, &[b"line number overflow"]);
        };
        let width = self.width;
        let text = match self.format {
            Format::Left => format!("{number:<width$}"),
            Format::Right => format!("{number:>width$}"),
            Format::Zeros => format!("{number:0width$}"),
        };
        io::put(text.as_bytes());
        io::put(&self.separator);
        self.next = number.checked_add(self.step);
    }
}
