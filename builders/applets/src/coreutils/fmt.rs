//! `fmt`.
//!
//! A paragraph is broken where the sum of its lines' costs is least: a line costs what it is short of
//! the goal, what it differs from the next one, and something for breaking in the middle of a
//! sentence. Of paragraphs beyond [`MOST_WORDS`] or [`MOST_BYTES`] the beginning goes out as soon as
//! they are full.
//!
//! Counterpart: coreutils' `fmt.c`, whose costs these are.

use super::{Utility, lines, number};
use crate::shared::options::{Spec, flag, parse, value};
use crate::shared::{io, program, quote};
use bstr::BString;

pub const FMT: Utility = Utility {
    name: "fmt",
    spec: Spec {
        options: &[
            flag('c', "crown-margin"),
            value('g', "goal"),
            value('p', "prefix"),
            flag('s', "split-only"),
            flag('t', "tagged-paragraph"),
            flag('u', "uniform-spacing"),
            value('w', "width"),
        ],
        permute: true,
        usage: 1,
    },
    run,
};

const MOST_BYTES: usize = 5000;
const MOST_WORDS: usize = 1000;
const TAB: i64 = 8;

/// A word and what stands behind it.
#[derive(Clone, Default)]
struct Word {
    text: Vec<u8>,
    space: i64,
    /// An opening bracket before it, punctuation or a full stop behind it.
    opens: bool,
    punctuated: bool,
    period: bool,
    /// The last of a sentence.
    is_final: bool,
    length: i64,
    best: i64,
    next: usize,
    line: i64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Plain,
    Crown,
    Tagged,
    Split,
}

struct Fmt<'a> {
    text: &'a [u8],
    at: usize,
    shape: Shape,
    uniform: bool,
    prefix: &'a [u8],
    /// The prefix with blanks behind it, and the blanks before it.
    full: i64,
    lead: i64,
    most: i64,
    goal: i64,
    tabs: bool,
    column: i64,
    next_indent: i64,
    prefix_indent: i64,
    first: i64,
    other: i64,
    ahead: Option<u8>,
    words: Vec<Word>,
    /// Bytes of all words, and of the one that is being read.
    bytes: usize,
    last_line: i64,
    out: i64,
}

fn run(spec: &Spec, mut words: Vec<BString>) -> u8 {
    // `-40` as the first word is `-w 40`.
    if let Some(first) = words.first_mut()
        && let Some(digits) = first.strip_prefix(b"-")
        && digits.first().is_some_and(u8::is_ascii_digit)
    {
        *first = [b"-w", digits].concat().into();
    }
    let parsed = parse(spec, words);
    let what = "invalid width";
    let limit = MOST_BYTES as u64 / 2;
    let width = parsed
        .value('w')
        .map(|it| number::option(it, b"", 0, limit, what) as i64);
    let mut most = width.unwrap_or(75);
    let goal = match parsed.value('g') {
        None => most * 187 / 200,
        Some(text) => {
            let goal = number::option(text, b"", 0, most.unsigned_abs(), what) as i64;
            if width.is_none() {
                most = goal + 10;
            }
            goal
        }
    };
    let given: &[u8] = parsed.value('p').map_or(b"", |it| it.as_slice());
    let lead = given.iter().take_while(|it| **it == b' ').count();
    let full = given.get(lead..).unwrap_or_default();
    let kept = full.len() - full.iter().rev().take_while(|it| **it == b' ').count();
    let shape = if parsed.has('s') {
        Shape::Split
    } else if parsed.has('c') {
        Shape::Crown
    } else if parsed.has('t') {
        Shape::Tagged
    } else {
        Shape::Plain
    };
    let mut status = 0;
    for path in &lines::or_stdin(&parsed.operands) {
        let text = match lines::open(path) {
            Ok(source) => source.read_to_end(),
            Err(rustix::io::Errno::ISDIR) => Err(rustix::io::Errno::ISDIR),
            Err(errno) => {
                let shown = quote::always(path);
                program::complain_errno(&[b"cannot open ", &shown, b" for reading"], errno);
                status = 1;
                continue;
            }
        };
        match text {
            Ok(text) => Fmt {
                text: &text,
                at: 0,
                shape,
                uniform: parsed.has('u'),
                prefix: full.get(..kept).unwrap_or_default(),
                full: full.len() as i64,
                lead: lead as i64,
                most,
                goal,
                tabs: false,
                column: 0,
                next_indent: 0,
                prefix_indent: 0,
                first: 0,
                other: 0,
                ahead: None,
                words: Vec::new(),
                bytes: 0,
                last_line: 0,
                out: 0,
            }
            .all(),
            Err(_) => {
                program::complain(&[b"read error"]);
                status = 1;
            }
        }
    }
    status
}

impl Fmt<'_> {
    fn all(&mut self) {
        self.ahead = self.take_prefix();
        while self.read_paragraph() {
            self.choose();
            self.put_lines(self.words.len());
        }
    }

    fn take(&mut self) -> Option<u8> {
        let byte = self.text.get(self.at).copied();
        self.at += 1;
        byte
    }

    fn blanks(&mut self, mut byte: Option<u8>) -> Option<u8> {
        loop {
            match byte {
                Some(b' ') => self.column += 1,
                Some(b'\t') => {
                    self.tabs = true;
                    self.column = (self.column / TAB + 1) * TAB;
                }
                other => return other,
            }
            byte = self.take();
        }
    }

    /// Blanks and the prefix of a line: the first byte behind, or the first that is not the prefix.
    fn take_prefix(&mut self) -> Option<u8> {
        self.column = 0;
        let byte = self.take();
        let mut byte = self.blanks(byte);
        if self.prefix.is_empty() {
            self.next_indent = self.lead.min(self.column);
            return byte;
        }
        self.next_indent = self.column;
        for wanted in self.prefix {
            if byte != Some(*wanted) {
                return byte;
            }
            self.column += 1;
            byte = self.take();
        }
        self.blanks(byte)
    }

    /// Could a line that begins like this belong to the paragraph?
    fn continues(&self, byte: Option<u8>) -> bool {
        self.next_indent == self.prefix_indent
            && self.column >= self.next_indent + self.full
            && !matches!(byte, None | Some(b'\n'))
    }

    fn read_paragraph(&mut self) -> bool {
        self.last_line = 0;
        let mut byte = self.ahead;
        while matches!(byte, None | Some(b'\n'))
            || self.next_indent < self.lead
            || self.column < self.next_indent + self.full
        {
            if self.copy_rest(byte).is_none() {
                self.ahead = None;
                return false;
            }
            io::put(b"\n");
            byte = self.take_prefix();
        }
        self.prefix_indent = self.next_indent;
        self.first = self.column;
        self.words.clear();
        self.bytes = 0;
        byte = self.read_line(byte);
        let continues = self.continues(byte);
        self.indent_others(continues);
        let goes_on = match self.shape {
            Shape::Split => false,
            Shape::Plain => continues && self.column == self.other,
            Shape::Crown => continues,
            Shape::Tagged => continues && self.column != self.first,
        };
        if goes_on {
            loop {
                byte = self.read_line(byte);
                if !self.continues(byte) || self.column != self.other {
                    break;
                }
            }
        }
        if let Some(last) = self.words.last_mut() {
            last.period = true;
            last.is_final = true;
        }
        self.ahead = byte;
        true
    }

    fn indent_others(&mut self, continues: bool) {
        self.other = match self.shape {
            Shape::Crown if continues => self.column,
            Shape::Tagged if continues && self.column != self.first => self.column,
            // One line: the indent of the paragraph before, unless it is the same.
            Shape::Tagged if self.other != self.first => self.other,
            Shape::Tagged if self.first == 0 => 3,
            Shape::Tagged => 0,
            _ => self.first,
        };
    }

    /// A line that is blank or has no prefix goes out as it is.
    fn copy_rest(&mut self, mut byte: Option<u8>) -> Option<u8> {
        self.out = 0;
        let ends = |byte: Option<u8>| matches!(byte, None | Some(b'\n'));
        if self.column > self.next_indent || !ends(byte) {
            self.put_space(self.next_indent);
            for letter in self.prefix {
                if self.out == self.column {
                    break;
                }
                io::put(&[*letter]);
                self.out += 1;
            }
            if !ends(byte) {
                self.put_space(self.column - self.out);
            }
            if byte.is_none() && self.column >= self.next_indent + self.prefix.len() as i64 {
                io::put(b"\n");
            }
        }
        while let Some(letter) = byte.filter(|it| *it != b'\n') {
            io::put(&[letter]);
            byte = self.take();
        }
        byte
    }

    fn read_line(&mut self, mut byte: Option<u8>) -> Option<u8> {
        loop {
            let mut word = Word::default();
            while let Some(letter) = byte {
                if self.bytes == MOST_BYTES {
                    self.indent_others(true);
                    self.overflow(&mut word);
                }
                word.text.push(letter);
                self.bytes += 1;
                byte = self.take();
                if byte.is_some_and(|it| it.is_ascii_whitespace() || it == 11) {
                    break;
                }
            }
            word.length = word.text.len() as i64;
            self.column += word.length;
            punctuation(&mut word);
            let start = self.column;
            byte = self.blanks(byte);
            word.space = self.column - start;
            let at_end = matches!(byte, None | Some(b'\n'));
            word.is_final =
                byte.is_none() || (word.period && (byte == Some(b'\n') || word.space > 1));
            if at_end || self.uniform {
                word.space = if word.is_final { 2 } else { 1 };
            }
            if self.words.len() == MOST_WORDS - 2 {
                self.indent_others(true);
                self.overflow(&mut word);
            }
            self.words.push(word);
            if at_end {
                return self.take_prefix();
            }
        }
    }

    /// There is no more room: the paragraph goes out up to a good line end.
    fn overflow(&mut self, current: &mut Word) {
        if self.words.is_empty() {
            io::put(&current.text);
            current.text.clear();
            self.bytes = 0;
            return;
        }
        self.choose();
        let last = self.words.len();
        let cost = |at: usize| self.words.get(at).map_or(0, |it| it.best);
        let next = |at: usize| self.words.get(at).map_or(last, |it| it.next);
        let (mut split, mut least) = (last, i64::MAX);
        let mut at = next(0);
        while at != last {
            let difference = cost(at) - cost(next(at));
            if difference < least {
                (split, least) = (at, difference);
            }
            if least <= i64::MAX - 9 {
                least += 9;
            }
            at = next(at);
        }
        self.put_lines(split);
        let gone: usize = self.words.drain(..split).map(|it| it.text.len()).sum();
        self.bytes -= gone;
    }

    /// Where the lines of the paragraph end, from its last word to its first.
    fn choose(&mut self) {
        let last = self.words.len();
        for start in (0..last).rev() {
            let mut best = i64::MAX;
            let mut length = if start == 0 { self.first } else { self.other };
            length += self.length(start);
            let (mut next, mut line) = (last, length);
            let mut word = start;
            loop {
                word += 1;
                let mut cost = self.line_cost(word, length);
                cost += self.words.get(word).map_or(0, |it| it.best);
                if start == 0 && self.last_line > 0 {
                    cost += ragged(length - self.last_line);
                }
                if cost < best {
                    best = cost;
                    (next, line) = (word, length);
                }
                if word == last {
                    break;
                }
                length += self.words.get(word - 1).map_or(0, |it| it.space) + self.length(word);
                if length >= self.most {
                    break;
                }
            }
            let cost = best + self.base_cost(start);
            if let Some(word) = self.words.get_mut(start) {
                (word.best, word.next, word.line) = (cost, next, line);
            }
        }
    }

    fn length(&self, word: usize) -> i64 {
        self.words.get(word).map_or(0, |it| it.length)
    }

    /// The cost of a line's end before this word, whatever the line.
    fn base_cost(&self, at: usize) -> i64 {
        let mut cost = square(70);
        let before = |by: usize| at.checked_sub(by).and_then(|at| self.words.get(at));
        if let Some(word) = before(1) {
            if word.period {
                cost += if word.is_final {
                    -square(50)
                } else {
                    square(600)
                };
            } else if word.punctuated {
                cost -= square(40);
            } else if before(2).is_some_and(|it| it.is_final) {
                cost += square(200) / (word.length + 2);
            }
        }
        match self.words.get(at) {
            Some(word) if word.opens => cost - square(40),
            Some(word) if word.is_final => cost + square(150) / (word.length + 2),
            _ => cost,
        }
    }

    /// The cost of a line of this length before this word.
    fn line_cost(&self, next: usize, length: i64) -> i64 {
        let Some(word) = self.words.get(next) else {
            return 0;
        };
        let mut cost = square((self.goal - length) * 10);
        if word.next != self.words.len() {
            cost += ragged(length - word.line);
        }
        cost
    }

    fn put_lines(&mut self, end: usize) {
        let mut at = 0;
        while at < end {
            let next = self.words.get(at).map_or(end, |it| it.next);
            self.put_line(at, next, if at == 0 { self.first } else { self.other });
            at = next;
        }
    }

    fn put_line(&mut self, start: usize, end: usize, indent: i64) {
        self.out = 0;
        self.put_space(self.prefix_indent);
        io::put(self.prefix);
        self.out += self.prefix.len() as i64;
        self.put_space(indent - self.out);
        for at in start..end {
            let Some(word) = self.words.get(at) else {
                break;
            };
            io::put(&word.text);
            self.out += word.length;
            let space = word.space;
            if at + 1 < end {
                self.put_space(space);
            }
        }
        self.last_line = self.out;
        io::put(b"\n");
    }

    /// Blanks, or tabs if the file has some.
    fn put_space(&mut self, count: i64) {
        let target = self.out + count;
        let stop = target / TAB * TAB;
        if self.tabs && self.out + 1 < stop {
            while self.out < stop {
                io::put(b"\t");
                self.out = (self.out / TAB + 1) * TAB;
            }
        }
        while self.out < target {
            io::put(b" ");
            self.out += 1;
        }
    }
}

fn square(number: i64) -> i64 {
    number * number
}

fn ragged(number: i64) -> i64 {
    square(number * 10) / 2
}

fn punctuation(word: &mut Word) {
    let Some(last) = word.text.last().copied() else {
        return;
    };
    // As C's strchr, a NUL is in every set.
    let is = |set: &[u8], byte: u8| byte == 0 || set.contains(&byte);
    word.opens = word.text.first().is_some_and(|it| is(b"(['`\"", *it));
    word.punctuated = last.is_ascii_punctuation();
    let (first, rest) = word.text.split_at(1);
    let inner = rest.iter().rfind(|it| !is(b")]'\"", **it));
    let stop = inner.or(first.first()).copied().unwrap_or(last);
    word.period = is(b".?!", stop);
}
