//! `expand` and `unexpand`.
//!
//! Counterpart: coreutils' `expand.c`, `unexpand.c` and `expand-common.c`. Refused is the old
//! spelling of lists (`-8,16`).

use super::{Utility, lines};
use crate::shared::options::{Parsed, Spec, flag, parse, value};
use crate::shared::{io, program, quote};
use bstr::{BString, ByteSlice};

pub const EXPAND: Utility = Utility {
    name: "expand",
    spec: Spec {
        options: &[flag('i', "initial"), value('t', "tabs")],
        permute: true,
        usage: 1,
    },
    run: expand,
};
pub const UNEXPAND: Utility = Utility {
    name: "unexpand",
    spec: Spec {
        options: &[
            flag('a', "all"),
            flag('ƒ', "first-only"),
            value('t', "tabs"),
        ],
        permute: true,
        usage: 1,
    },
    run: unexpand,
};

/// Where tabs lead.
enum Stops {
    Every(usize),
    At(Vec<usize>),
    /// These, and behind them every so many columns from a column on.
    Then(Vec<usize>, usize, usize),
}

impl Stops {
    fn of(parsed: &Parsed) -> Stops {
        let mut list = Vec::new();
        let mut more: Option<(u8, usize)> = None;
        let texts = parsed.options.iter().filter(|(key, _)| *key == 't');
        for text in texts.filter_map(|(_, text)| text.as_ref()) {
            for part in text.split(|it| matches!(it, b',' | b' ' | b'\t')) {
                if part.is_empty() {
                    continue;
                }
                if let [mark @ (b'/' | b'+'), digits @ ..] = part {
                    let every = digits.to_str().ok().and_then(|it| it.parse().ok());
                    match every.filter(|it| *it > 0 && digits.iter().all(u8::is_ascii_digit)) {
                        Some(every) if more.is_none() => more = Some((*mark, every)),
                        _ => program::refuse("tab stops with '/' or '+' that are strange"),
                    }
                    continue;
                }
                if more.is_some() {
                    program::refuse("tab stops behind one with '/' or '+'");
                }
                if let Some(bad) = part.find_not_byteset("0123456789") {
                    let rest = text
                        .find(part)
                        .map_or(part, |at| text.get(at + bad..).unwrap_or_default());
                    let shown = quote::locale(rest);
                    program::die(1, &[b"tab size contains invalid character(s): ", &shown]);
                }
                match part.to_str().ok().and_then(|it| it.parse::<usize>().ok()) {
                    Some(stop) => list.push(stop),
                    None => program::die(1, &[b"tab stop is too large ", &quote::locale(part)]),
                }
            }
        }
        if list.contains(&0) {
            program::die(1, &[b"tab size cannot be 0"]);
        }
        if list.windows(2).any(|pair| pair.first() >= pair.last()) {
            program::die(1, &[b"tab sizes must be ascending"]);
        }
        if let Some((mark, every)) = more {
            let start = match mark {
                b'+' => list.last().copied().unwrap_or(0),
                _ => 0,
            };
            return Stops::Then(list, start, every);
        }
        match list.as_slice() {
            [] => Stops::Every(8),
            [every] => Stops::Every(*every),
            _ => Stops::At(list),
        }
    }

    /// The next stop behind a column; `None` behind the last.
    fn next(&self, column: usize) -> Option<usize> {
        match self {
            Stops::Every(every) => Some(column + every - column % every),
            Stops::At(list) => list.iter().copied().find(|stop| *stop > column),
            Stops::Then(list, start, every) => {
                let listed = list.iter().copied().find(|stop| *stop > column);
                listed.or_else(|| Some(column + every - (column - start.min(&column)) % every))
            }
        }
    }
}

fn each(parsed: &Parsed, mut show: impl FnMut(&[u8], &mut Vec<u8>)) -> u8 {
    let mut status = 0;
    for path in &lines::or_stdin(&parsed.operands) {
        match lines::read(path) {
            Ok(text) => {
                for line in lines::split(&text, b'\n') {
                    let mut out = Vec::new();
                    show(line, &mut out);
                    io::put(&out);
                }
            }
            Err(errno) => {
                program::complain_errno(&[&quote::maybe(path)], errno);
                status = 1;
            }
        }
    }
    status
}

fn expand(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let stops = Stops::of(&parsed);
    let initial = parsed.has('i');
    each(&parsed, |line, out| {
        let (mut column, mut convert) = (0usize, true);
        for byte in line {
            match byte {
                b'\t' if convert => {
                    let stop = stops.next(column).unwrap_or(column + 1);
                    out.extend(std::iter::repeat_n(b' ', stop - column));
                    column = stop;
                    continue;
                }
                8 if convert => column = column.saturating_sub(1),
                _ => column += 1,
            }
            convert &= !initial || matches!(byte, b' ' | b'\t');
            out.push(*byte);
        }
    })
}

fn unexpand(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let stops = Stops::of(&parsed);
    let whole = (parsed.has('a') || parsed.has('t')) && !parsed.has('ƒ');
    each(&parsed, |line, out| {
        line_with_tabs(line, &stops, whole, out)
    })
}

fn line_with_tabs(line: &[u8], stops: &Stops, whole: bool, out: &mut Vec<u8>) {
    let (mut column, mut convert) = (0usize, true);
    // Blanks that may become a tab; whether the first of them stands just before a stop.
    let mut pending: Vec<u8> = Vec::new();
    let mut one_before_stop = false;
    let mut previous_blank = true;
    for byte in line {
        let mut byte = *byte;
        if convert {
            let blank = matches!(byte, b' ' | b'\t');
            if blank {
                match stops.next(column) {
                    None => convert = false,
                    Some(stop) => {
                        if byte == b'\t' {
                            column = stop;
                            if let Some(first) = pending.first_mut() {
                                *first = b'\t';
                            }
                        } else {
                            column += 1;
                            if !(previous_blank && column == stop) {
                                // Not yet at the stop, or the only blank before it.
                                if column == stop {
                                    one_before_stop = true;
                                }
                                pending.push(byte);
                                previous_blank = true;
                                continue;
                            }
                            if let Some(first) = pending.first_mut() {
                                *first = b'\t';
                            }
                            byte = b'\t';
                        }
                        // What was pending becomes one tab, or stays if a stop was passed in it.
                        pending.truncate(usize::from(one_before_stop));
                    }
                }
            } else if byte == 8 {
                column = column.saturating_sub(1);
            } else {
                column += 1;
            }
            flush(&mut pending, &mut one_before_stop, out);
            previous_blank = blank;
            convert &= whole || blank;
        }
        out.push(byte);
    }
    flush(&mut pending, &mut one_before_stop, out);
}

fn flush(pending: &mut Vec<u8>, one_before_stop: &mut bool, out: &mut Vec<u8>) {
    if pending.len() > 1
        && *one_before_stop
        && let Some(first) = pending.first_mut()
    {
        *first = b'\t';
    }
    if !pending.is_empty() {
        out.append(pending);
        *one_before_stop = false;
    }
}
