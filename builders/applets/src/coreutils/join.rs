//! `join`.
//!
//! Counterpart: coreutils' `join.c`: both inputs are sorted; equal keys give every pair.

use super::{Utility, lines};
use crate::shared::io::Records;
use crate::shared::options::{Parsed, Spec, flag, parse, value};
use crate::shared::{io, program, quote};
use bstr::{BString, ByteSlice};
use std::cmp::Ordering;

pub const JOIN: Utility = Utility {
    name: "join",
    spec: Spec {
        options: &[
            value('1', ""),
            value('2', ""),
            value('a', ""),
            flag('č', "check-order"),
            value('e', ""),
            flag('ĥ', "header"),
            flag('i', "ignore-case"),
            value('j', ""),
            flag('ň', "nocheck-order"),
            value('o', ""),
            value('t', ""),
            value('v', ""),
            flag('z', "zero-terminated"),
        ],
        permute: true,
        usage: 1,
    },
    run,
};

/// A line and where its fields are.
#[derive(Clone, Debug)]
struct Line {
    text: Vec<u8>,
    fields: Vec<(usize, usize)>,
}

impl Line {
    fn field(&self, number: usize) -> Option<&[u8]> {
        let (from, to) = self.fields.get(number)?;
        self.text.get(*from..*to)
    }
}

/// One field of the output: of the key, or of a file.
#[derive(Clone, Copy, Debug)]
enum Field {
    Key,
    Of(usize, usize),
}

struct Input {
    path: BString,
    records: Records,
    number: usize,
    last: Option<Line>,
    told: bool,
}

struct Join {
    keys: [usize; 2],
    unpaired: [bool; 2],
    pairs: bool,
    separator: Option<u8>,
    blank: BString,
    fields: Option<Vec<Field>>,
    /// `-o auto`: how many fields each file's first line has.
    auto: Option<[usize; 2]>,
    ignore_case: bool,
    end: u8,
    check: Option<bool>,
    seen_unpaired: bool,
}

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let (paths, mut join, auto) = settings(&parsed);
    let [first, second] = &paths;
    if *first == "-" && *second == "-" {
        program::die(1, &[b"both files cannot be standard input"]);
    }
    let open = |path: &BString| match lines::open(path) {
        Ok(source) => Input {
            path: path.clone(),
            records: Records::new(source, join.end),
            number: 0,
            last: None,
            told: false,
        },
        Err(rustix::io::Errno::ISDIR) => {
            program::die_errno(1, &[b"read error"], rustix::io::Errno::ISDIR)
        }
        Err(errno) => program::die_errno(1, &[&quote::maybe(path)], errno),
    };
    let (mut one, mut two) = (open(first), open(second));
    join.run(&mut one, &mut two, parsed.has('ĥ'), auto);
    if one.told || two.told {
        program::die(1, &[b"input is not in sorted order"]);
    }
    0
}

fn settings(parsed: &Parsed) -> ([BString; 2], Join, bool) {
    let [first, second] = match parsed.operands.as_slice() {
        [] => program::usage_error(1, &[b"missing operand"]),
        [only] => program::usage_error(1, &[b"missing operand after ", &quote::locale(only)]),
        [first, second] => [first.clone(), second.clone()],
        _ => program::refuse("join of more than two files, or its old options"),
    };
    let mut join = Join {
        keys: [0, 0],
        unpaired: [false, false],
        pairs: true,
        separator: None,
        blank: parsed.value('e').cloned().unwrap_or_default(),
        fields: None,
        auto: None,
        ignore_case: parsed.has('i'),
        end: if parsed.has('z') { 0 } else { b'\n' },
        check: parsed.last_of(&['č', 'ň']).map(|key| key == 'č'),
        seen_unpaired: false,
    };
    let mut auto = false;
    let mut keys = [None, None];
    let mut set_key = |file: usize, number: usize| {
        if let Some(key) = keys.get_mut(file) {
            if key.is_some_and(|key| key != number) {
                program::die(
                    1,
                    &[
                        b"incompatible join fields ",
                        format!("{}, {}", key.unwrap_or(0) + 1, number + 1).as_bytes(),
                    ],
                );
            }
            *key = Some(number);
        }
    };
    for (option, text) in &parsed.options {
        let Some(text) = text else { continue };
        match option {
            '1' => set_key(0, field_number(text)),
            '2' => set_key(1, field_number(text)),
            'j' => {
                let number = field_number(text);
                set_key(0, number);
                set_key(1, number);
            }
            'a' | 'v' => {
                let place = match text.as_slice() {
                    b"1" => 0,
                    b"2" => 1,
                    _ => program::refuse("an odd file number"),
                };
                if let Some(unpaired) = join.unpaired.get_mut(place) {
                    *unpaired = true;
                }
                join.pairs &= *option == 'a';
            }
            't' => {
                join.separator = match text.as_slice() {
                    // Whole lines are compared.
                    [] => Some(b'\n'),
                    [one] => Some(*one),
                    b"\\0" => Some(0),
                    _ => program::die(1, &[b"multi-character tab ", &quote::locale(text)]),
                }
            }
            'o' if *text == "auto" => auto = true,
            'o' => {
                let list = text
                    .split(|it| matches!(it, b',' | b' ' | b'\t'))
                    .map(field);
                join.fields.get_or_insert_default().extend(list);
            }
            _ => {}
        }
    }
    join.keys = keys.map(|key| key.unwrap_or(0));
    ([first, second], join, auto)
}

fn field_number(text: &[u8]) -> usize {
    let number = text.to_str().ok().and_then(|it| it.parse::<usize>().ok());
    match number {
        Some(number) if number > 0 && text.iter().all(u8::is_ascii_digit) => number - 1,
        _ if text.iter().any(|it| !it.is_ascii_digit()) || text.is_empty() || number == Some(0) => {
            program::die(1, &[b"invalid field number: ", &quote::locale(text)])
        }
        _ => usize::MAX,
    }
}

/// `0`, `1.N` or `2.N`.
fn field(text: &[u8]) -> Field {
    match text {
        b"0" => Field::Key,
        [file @ (b'1' | b'2'), b'.', number @ ..] => {
            Field::Of(usize::from(file - b'1'), field_number(number))
        }
        [b'0', ..] => program::die(1, &[b"invalid field specifier: ", &quote::locale(text)]),
        [b'1' | b'2', ..] => program::die(1, &[b"invalid field specifier: ", &quote::locale(text)]),
        _ => program::die(
            1,
            &[b"invalid file number in field spec: ", &quote::locale(text)],
        ),
    }
}

impl Join {
    fn split(&self, text: Vec<u8>) -> Line {
        let mut fields = Vec::new();
        let mut at = 0;
        match self.separator {
            Some(separator) if separator == self.end => fields.push((0, text.len())),
            Some(separator) => {
                for part in text.split(|byte| *byte == separator) {
                    fields.push((at, at + part.len()));
                    at += part.len() + 1;
                }
                if text.is_empty() {
                    fields.clear();
                }
            }
            None => {
                let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n');
                for part in text.split(blank) {
                    if !part.is_empty() {
                        fields.push((at, at + part.len()));
                    }
                    at += part.len() + 1;
                }
                // A blank at the end is followed by one more, empty, field... unless all is blank.
                if text.last().is_some_and(blank) && !fields.is_empty() {
                    fields.push((text.len(), text.len()));
                }
            }
        }
        Line { text, fields }
    }

    fn read(&mut self, input: &mut Input, file: usize) -> Option<Line> {
        let mut text = Vec::new();
        let found = match input.records.next(&mut text) {
            Ok(found) => found,
            Err(errno) => program::die_errno(1, &[b"read error"], errno),
        };
        if !found {
            return None;
        }
        if text.last() == Some(&self.end) {
            text.pop();
        }
        input.number += 1;
        let line = self.split(text);
        if let Some(last) = &input.last
            && self.check.unwrap_or(self.seen_unpaired)
            && !input.told
            && self.compare((last, file), (&line, file)).is_gt()
        {
            let place = format!(":{}: is not sorted: ", input.number);
            let shown = line.text.strip_suffix(b"\n").unwrap_or(&line.text);
            program::complain(&[&input.path, place.as_bytes(), shown]);
            if self.check == Some(true) {
                program::exit(1);
            }
            input.told = true;
        }
        input.last = Some(line.clone());
        Some(line)
    }

    fn compare(&self, a: (&Line, usize), b: (&Line, usize)) -> Ordering {
        let key = |(line, file): (&Line, usize)| -> Vec<u8> {
            let number = self.keys.get(file).copied().unwrap_or(0);
            let text = line.field(number).unwrap_or_default();
            if self.ignore_case {
                text.to_ascii_lowercase()
            } else {
                text.to_vec()
            }
        };
        key(a).cmp(&key(b))
    }

    fn run(&mut self, one: &mut Input, two: &mut Input, header: bool, auto: bool) {
        let mut a = self.read(one, 0);
        let mut b = self.read(two, 1);
        if auto {
            let count = |line: &Option<Line>| line.as_ref().map_or(0, |it| it.fields.len());
            self.auto = Some([count(&a), count(&b)]);
        }
        if header && (a.is_some() || b.is_some()) {
            self.put(a.as_ref(), b.as_ref());
            one.last = None;
            two.last = None;
            a = self.read(one, 0);
            b = self.read(two, 1);
        }
        while let (Some(left), Some(right)) = (&a, &b) {
            match self.compare((left, 0), (right, 1)) {
                Ordering::Less => {
                    if self.unpaired[0] {
                        self.put(Some(left), None);
                    }
                    a = self.read(one, 0);
                    self.seen_unpaired = true;
                }
                Ordering::Greater => {
                    if self.unpaired[1] {
                        self.put(None, Some(right));
                    }
                    b = self.read(two, 1);
                    self.seen_unpaired = true;
                }
                Ordering::Equal => {
                    let (mut lefts, mut rights) = (vec![left.clone()], vec![right.clone()]);
                    a = self.same(one, 0, &mut lefts, right, 1);
                    let first = lefts.first().cloned();
                    b = match &first {
                        Some(first) => self.same(two, 1, &mut rights, first, 0),
                        None => None,
                    };
                    if self.pairs {
                        for left in &lefts {
                            for right in &rights {
                                self.put(Some(left), Some(right));
                            }
                        }
                    }
                }
            }
        }
        // The rest has no partner; it is read for the order's sake too.
        let checks = self.check != Some(false);
        for (mut line, file, input) in [(a, 0, &mut *one), (b, 1, &mut *two)] {
            let wanted = self.unpaired.get(file).copied().unwrap_or(false);
            if !(wanted || checks && !input.told) {
                continue;
            }
            if let Some(found) = &line
                && wanted
            {
                self.put_one(file, found);
            }
            while line.is_some() {
                line = self.read(input, file);
                if let Some(found) = &line
                    && wanted
                {
                    self.put_one(file, found);
                }
                if input.told && !wanted {
                    break;
                }
            }
        }
    }

    fn put_one(&self, file: usize, line: &Line) {
        if file == 0 {
            self.put(Some(line), None);
        } else {
            self.put(None, Some(line));
        }
    }

    /// Reads on while the key stays that of `other`; gives the first line that differs.
    fn same(
        &mut self,
        input: &mut Input,
        file: usize,
        found: &mut Vec<Line>,
        other: &Line,
        other_file: usize,
    ) -> Option<Line> {
        loop {
            let line = self.read(input, file)?;
            if self.compare((&line, file), (other, other_file)).is_ne() {
                return Some(line);
            }
            found.push(line);
        }
    }

    fn put(&self, a: Option<&Line>, b: Option<&Line>) {
        let separator = self.separator.unwrap_or(b' ');
        let lines = [a, b];
        let mut out: Vec<u8> = Vec::new();
        let of = |file: usize, number: usize| lines.get(file).copied().flatten()?.field(number);
        let shown = |field: Option<&[u8]>, out: &mut Vec<u8>| match field {
            Some(text) if !text.is_empty() => out.extend_from_slice(text),
            _ => out.extend_from_slice(&self.blank),
        };
        let [key_a, key_b] = self.keys;
        let key = if a.is_some() {
            of(0, key_a)
        } else {
            of(1, key_b)
        };
        if let Some(fields) = &self.fields {
            for (index, field) in fields.iter().enumerate() {
                if index > 0 {
                    out.push(separator);
                }
                match field {
                    Field::Key => shown(key, &mut out),
                    Field::Of(file, number) => shown(of(*file, *number), &mut out),
                }
            }
        } else {
            shown(key, &mut out);
            for (file, key) in self.keys.iter().enumerate() {
                let count = match (&self.auto, lines.get(file).copied().flatten()) {
                    (Some(counts), _) => counts.get(file).copied().unwrap_or(0),
                    (None, Some(line)) => line.fields.len(),
                    (None, None) => 0,
                };
                for number in (0..count).filter(|number| number != key) {
                    out.push(separator);
                    shown(of(file, number), &mut out);
                }
            }
        }
        out.push(self.end);
        io::put(&out);
    }
}
