//! `csplit`.
//!
//! Counterpart: coreutils' `csplit.c`. Formats of suffixes other than `%02d` and its like are
//! refused.

use super::{Utility, lines};
use crate::regex::{Cache, Regex, Syntax};
use crate::shared::io::write_all;
use crate::shared::options::{Spec, flag, parse, value};
use crate::shared::{fs, io, program, quote};
use bstr::{BString, ByteSlice};
use rustix::fs::OFlags;

pub const CSPLIT: Utility = Utility {
    name: "csplit",
    spec: Spec {
        options: &[
            value('b', "suffix-format"),
            value('f', "prefix"),
            flag('k', "keep-files"),
            value('n', "digits"),
            flag('q', "quiet"),
            flag('s', "silent"),
            flag('ş', "suppress-matched"),
            flag('z', "elide-empty-files"),
        ],
        permute: true,
        usage: 1,
    },
    run,
};

/// Where a part ends.
#[derive(Clone, Debug)]
enum Border {
    Line(i64),
    Match {
        regex: Regex,
        offset: i64,
        /// `%RE%`: what comes before is left out.
        skip: bool,
    },
}

#[derive(Clone, Debug)]
struct Control {
    word: BString,
    border: Border,
    /// How many times more; `None`: as often as it goes.
    repeat: Option<i64>,
}

struct Split<'a> {
    lines: Vec<&'a [u8]>,
    /// The next line, from 1.
    first: i64,
    /// The last line that was looked at.
    current: i64,
    out: Option<Vec<u8>>,
    created: usize,
    prefix: BString,
    width: usize,
    format: Option<Format>,
    keep: bool,
    silent: bool,
    elide: bool,
    suppress: bool,
}

/// A suffix such as `x%03d.txt`.
#[derive(Clone, Debug)]
struct Format {
    before: BString,
    zero: bool,
    width: usize,
    letter: u8,
    behind: BString,
}

fn die(parts: &[&[u8]]) -> ! {
    program::die(1, parts)
}

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    match parsed.operands.as_slice() {
        [] => program::usage_error(1, &[b"missing operand"]),
        [only] => program::usage_error(1, &[b"missing operand after ", &quote::locale(only)]),
        _ => {}
    }
    let (path, patterns) = match parsed.operands.split_first() {
        Some((path, patterns)) => (path.clone(), patterns.to_vec()),
        None => return 1,
    };
    let width = parsed.value('n').map_or(Some(2), |text| {
        let plain = text.iter().all(u8::is_ascii_digit);
        text.to_str()
            .ok()
            .and_then(|it| it.parse().ok())
            .filter(|_| plain)
    });
    let Some(width) = width.filter(|it| *it < 100) else {
        program::refuse("a strange number of digits");
    };
    let text = match lines::open(&path) {
        Ok(source) => source.read_to_end(),
        Err(rustix::io::Errno::ISDIR) => {
            program::die_errno(1, &[b"read error"], rustix::io::Errno::ISDIR)
        }
        Err(errno) => program::die_errno(
            1,
            &[b"cannot open ", &quote::always(&path), b" for reading"],
            errno,
        ),
    };
    let controls = controls(&patterns);
    let text = match text {
        Ok(text) => text,
        Err(errno) => program::die_errno(1, &[b"read error"], errno),
    };
    let mut split = Split {
        lines: lines::split(&text, b'\n').collect(),
        first: 1,
        current: 0,
        out: None,
        created: 0,
        prefix: parsed.value('f').cloned().unwrap_or_else(|| "xx".into()),
        width,
        format: parsed.value('b').map(format),
        keep: parsed.has('k'),
        silent: parsed.has('q') || parsed.has('s'),
        elide: parsed.has('z'),
        suppress: parsed.has('ş'),
    };
    split.run(&controls)
}

fn format(text: &BString) -> Format {
    let strange = || -> ! { program::refuse("a suffix of a strange format") };
    let Some((before, rest)) = text.split_once_str("%") else {
        die(&[b"missing % conversion specification in suffix"]);
    };
    let zero = rest.starts_with(b"0");
    let digits = rest.iter().take_while(|it| it.is_ascii_digit()).count();
    let (width, rest) = rest.split_at(digits);
    let width = width.to_str().ok().and_then(|it| {
        if it.is_empty() {
            Some(0)
        } else {
            it.parse().ok()
        }
    });
    let (Some(width), Some((letter, behind))) = (width.filter(|it| *it < 100), rest.split_first())
    else {
        strange()
    };
    if !b"diuxXo".contains(letter) || behind.contains(&b'%') {
        strange();
    }
    Format {
        before: before.into(),
        zero,
        width,
        letter: *letter,
        behind: behind.into(),
    }
}

fn controls(words: &[BString]) -> Vec<Control> {
    let mut controls: Vec<Control> = Vec::new();
    let mut last = 0;
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let shown = quote::locale(word);
        let border = match word.first() {
            Some(delimiter @ (b'/' | b'%')) => {
                let rest = word.get(1..).unwrap_or_default();
                let Some(end) = memchr::memrchr(*delimiter, rest) else {
                    let delimiter = [*delimiter];
                    die(&[word, b": closing delimiter '", &delimiter, b"' missing"]);
                };
                let pattern = rest.get(..end).unwrap_or_default();
                let offset = rest.get(end + 1..).unwrap_or_default();
                let number = match offset.strip_prefix(b"+") {
                    Some([b'0'..=b'9', ..]) => offset.get(1..),
                    _ => Some(offset),
                };
                let number = number.and_then(|it| it.to_str().ok()?.parse().ok());
                let offset = match (offset.is_empty(), number) {
                    (true, _) => 0,
                    (_, Some(offset)) if (-(1i64 << 40)..1 << 40).contains(&offset) => offset,
                    _ => die(&[&shown, b": integer expected after delimiter"]),
                };
                let Ok(regex) = Regex::new(pattern, Syntax::default()) else {
                    program::refuse("a broken regular expression")
                };
                Border::Match {
                    regex,
                    offset,
                    skip: *delimiter == b'%',
                }
            }
            _ => {
                let plain = !word.is_empty() && word.iter().all(u8::is_ascii_digit);
                let number = word.to_str().ok().and_then(|it| it.parse::<i64>().ok());
                let Some(number) = number.filter(|it| plain && *it < 1 << 40) else {
                    die(&[&shown, b": invalid pattern"]);
                };
                if number == 0 {
                    die(&[word, b": line number must be greater than zero"]);
                }
                if number < last {
                    let text = format!(
                        "line number '{word}' is smaller than preceding line number, {last}"
                    );
                    die(&[text.as_bytes()]);
                }
                if number == last {
                    let text = format!(
                        "warning: line number '{word}' is the same as preceding line number"
                    );
                    program::complain(&[text.as_bytes()]);
                }
                last = number;
                Border::Line(number)
            }
        };
        let mut repeat = Some(0);
        if let Some(count) = words.next_if(|it| it.starts_with(b"{")) {
            let Some(inner) = count.get(1..).and_then(|it| it.strip_suffix(b"}")) else {
                let shown = quote::locale(count);
                die(&[&shown, b": '}' is required in repeat count"]);
            };
            repeat = if inner == b"*" {
                None
            } else {
                let plain = inner.iter().all(u8::is_ascii_digit);
                let number = inner.to_str().ok().and_then(|it| it.parse::<i64>().ok());
                match number.filter(|it| plain && *it < 1 << 40) {
                    Some(number) => Some(number),
                    None => program::refuse("a repeat count that is none"),
                }
            };
        }
        controls.push(Control {
            word: word.clone(),
            border,
            repeat,
        });
    }
    controls
}

impl Split<'_> {
    fn run(&mut self, controls: &[Control]) -> u8 {
        for control in controls {
            let mut round = 0;
            while control.repeat.is_none_or(|repeat| round <= repeat) {
                let more = match &control.border {
                    Border::Line(line) => self.up_to_line(*line, round),
                    Border::Match {
                        regex,
                        offset,
                        skip,
                    } => self.up_to_match(control, regex, *offset, *skip, round),
                };
                if !more {
                    return 0;
                }
                round += 1;
            }
        }
        self.create();
        self.rest();
        self.close();
        0
    }

    fn name(&self, number: usize) -> BString {
        let mut name = self.prefix.clone();
        let text = match &self.format {
            None => format!("{number:0width$}", width = self.width),
            Some(format) => {
                let digits = match format.letter {
                    b'x' => format!("{number:x}"),
                    b'X' => format!("{number:X}"),
                    b'o' => format!("{number:o}"),
                    _ => number.to_string(),
                };
                let width = format.width;
                let digits = if format.zero {
                    format!("{digits:0>width$}")
                } else {
                    format!("{digits:>width$}")
                };
                format!("{}{digits}{}", format.before, format.behind)
            }
        };
        name.extend_from_slice(text.as_bytes());
        name
    }

    fn find(&self, line: i64) -> Option<&[u8]> {
        if self.first > self.lines.len() as i64 {
            return None;
        }
        let at = usize::try_from(line - 1).ok()?;
        self.lines.get(at).copied()
    }

    /// Takes the next line.
    fn take(&mut self) -> Option<Vec<u8>> {
        let line = self.find(self.first)?.to_vec();
        self.current = self.current.max(self.first);
        self.first += 1;
        Some(line)
    }

    fn create(&mut self) {
        let name = self.name(self.created);
        if let Err(errno) = fs::open_write(&name, OFlags::CREATE | OFlags::TRUNC) {
            program::complain_errno(&[&quote::maybe(&name)], errno);
            self.give_up();
        }
        self.created += 1;
        self.out = Some(Vec::new());
    }

    fn save(&mut self, line: &[u8]) {
        if let Some(out) = &mut self.out {
            out.extend_from_slice(line);
        }
    }

    fn close(&mut self) {
        let Some(out) = self.out.take() else { return };
        let name = self.name(self.created.saturating_sub(1));
        let written = fs::open_write(&name, OFlags::TRUNC).and_then(|file| write_all(&file, &out));
        if let Err(errno) = written {
            program::die_errno(1, &[&quote::maybe(&name)], errno);
        }
        if out.is_empty() && self.elide {
            let _ = fs::unlink(&name);
            self.created -= 1;
        } else if !self.silent {
            io::put(format!("{}\n", out.len()).as_bytes());
        }
    }

    /// Ends, and takes all files back.
    fn give_up(&mut self) -> ! {
        self.close();
        if !self.keep {
            for number in 0..self.created {
                let _ = fs::unlink(&self.name(number));
            }
        }
        program::exit(1)
    }

    fn rest(&mut self) {
        while let Some(line) = self.take() {
            self.save(&line);
        }
    }

    fn first_line(&self) -> i64 {
        if self.first > self.lines.len() as i64 {
            program::die(1, &[b"input disappeared"]);
        }
        self.first
    }

    fn complain(&self, word: &[u8], what: &str, round: i64) {
        let mut text = format!(": {what}");
        if round > 0 {
            text.push_str(&format!(" on repetition {round}"));
        }
        program::complain(&[&quote::locale(word), text.as_bytes()]);
    }

    fn up_to_line(&mut self, line: i64, round: i64) -> bool {
        let last = line.saturating_mul(round + 1);
        self.create();
        let word = line.to_string();
        let range = "line number out of range";
        if self.suppress && self.find(self.current + 1).is_none() {
            self.complain(word.as_bytes(), range, round);
            self.give_up();
        }
        let mut number = self.first_line();
        while number < last {
            number += 1;
            match self.take() {
                Some(line) => self.save(&line),
                None => {
                    self.complain(word.as_bytes(), range, round);
                    self.give_up();
                }
            }
        }
        self.close();
        if self.suppress {
            self.take();
        } else if self.find(self.current + 1).is_none() {
            self.complain(word.as_bytes(), range, round);
            self.give_up();
        }
        true
    }

    /// False: that was the last part of as many as there are.
    fn up_to_match(
        &mut self,
        control: &Control,
        regex: &Regex,
        offset: i64,
        skip: bool,
        round: i64,
    ) -> bool {
        if !skip {
            self.create();
        }
        let mut cache = Cache::default();
        loop {
            self.current += 1;
            let Some(line) = self.find(self.current) else {
                if control.repeat.is_some() {
                    self.complain(&control.word, "match not found", round);
                }
                if !skip {
                    self.rest();
                    self.close();
                }
                if control.repeat.is_none() {
                    return false;
                }
                self.give_up();
            };
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            if regex.is_match(&mut cache, line) {
                break;
            }
            if offset >= 0
                && let Some(line) = self.take()
                && !skip
            {
                self.save(&line);
            }
        }
        let border = self.current + offset;
        let first = self.first_line();
        let out_of_range = |split: &mut Self| -> ! {
            split.complain(&control.word, "line number out of range", 0);
            split.give_up()
        };
        if first > border {
            out_of_range(self);
        }
        for _ in first..border {
            match self.take() {
                Some(line) if !skip => self.save(&line),
                Some(_) => {}
                None => out_of_range(self),
            }
        }
        if !skip {
            self.close();
        }
        if offset > 0 {
            self.current = border;
        }
        if self.suppress {
            self.take();
        }
        true
    }
}
