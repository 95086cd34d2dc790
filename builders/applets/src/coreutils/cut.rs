//! `cut`.

use super::{Utility, lines};
use crate::shared::options::{Spec, flag, parse, value};
use crate::shared::{io, program, quote};
use bstr::{BString, ByteSlice};

pub const CUT: Utility = Utility {
    name: "cut",
    spec: Spec {
        options: &[
            value('b', "bytes"),
            value('c', "characters"),
            flag('ç', "complement"),
            value('d', "delimiter"),
            value('f', "fields"),
            flag('n', ""),
            value('ô', "output-delimiter"),
            flag('s', "only-delimited"),
            flag('z', "zero-terminated"),
        ],
        permute: true,
        usage: 1,
    },
    run,
};

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let lists = parsed
        .options
        .iter()
        .filter(|(key, _)| matches!(key, 'b' | 'c' | 'f'));
    let lists: Vec<_> = lists.collect();
    let (key, list) = match lists.as_slice() {
        [(key, Some(list))] => (*key, list.clone()),
        [] => program::usage_error(
            1,
            &[b"you must specify a list of bytes, characters, or fields"],
        ),
        _ => program::usage_error(1, &[b"only one list may be specified"]),
    };
    let fields = key == 'f';
    let delimiter = match parsed.value('d').map(|it| it.as_slice()) {
        None => b'\t',
        Some([]) => 0,
        Some([only]) => *only,
        Some(_) => program::usage_error(1, &[b"the delimiter must be a single character"]),
    };
    if parsed.has('d') && !fields {
        program::usage_error(
            1,
            &[b"an input delimiter may be specified only when operating on fields"],
        );
    }
    if parsed.has('s') && !fields {
        program::usage_error(
            1,
            &[b"suppressing non-delimited lines makes sense\n\tonly when operating on fields"],
        );
    }
    let mut ranges = ranges(&list, fields);
    if parsed.has('ç') {
        ranges = complement(&ranges);
    }
    let end = if parsed.has('z') { 0 } else { b'\n' };
    let between = parsed.value('ô').cloned();
    let only = parsed.has('s');
    lines::each(&lines::or_stdin(&parsed.operands), end, |line| {
        if fields {
            by_fields(line, &ranges, delimiter, between.as_ref(), only, end);
        } else {
            let mut first = true;
            for (from, to) in &ranges {
                let part = line
                    .get(from - 1..(*to).min(line.len()))
                    .unwrap_or_default();
                if part.is_empty() {
                    continue;
                }
                if !std::mem::replace(&mut first, false)
                    && let Some(between) = &between
                {
                    io::put(between);
                }
                io::put(part);
            }
            io::put(&[end]);
        }
    })
}

fn by_fields(
    line: &[u8],
    ranges: &[(usize, usize)],
    delimiter: u8,
    between: Option<&BString>,
    only: bool,
    end: u8,
) {
    if !line.contains(&delimiter) {
        if !only {
            io::put(line);
            io::put(&[end]);
        }
        return;
    }
    let standard = BString::from([delimiter].as_slice());
    let between = between.unwrap_or(&standard);
    let mut first = true;
    for (index, field) in line.split(|byte| *byte == delimiter).enumerate() {
        if ranges
            .iter()
            .any(|(from, to)| (*from..=*to).contains(&(index + 1)))
        {
            if !std::mem::replace(&mut first, false) {
                io::put(between);
            }
            io::put(field);
        }
    }
    io::put(&[end]);
}

/// Sorted ranges that overlap nowhere; adjacent ones stay apart, as an output delimiter shows.
fn ranges(list: &[u8], fields: bool) -> Vec<(usize, usize)> {
    let name = if fields { "field" } else { "byte/character" };
    let fail = |text: String| -> ! { program::usage_error(1, &[text.as_bytes()]) };
    let number = |text: &[u8]| -> usize {
        if !text.iter().all(u8::is_ascii_digit) {
            let shown = quote::locale(text);
            let what = if fields {
                "field value"
            } else {
                "byte/character position"
            };
            fail(format!("invalid {what} {shown}"));
        }
        match text.to_str().ok().and_then(|text| text.parse().ok()) {
            Some(0) if fields => fail("fields are numbered from 1".to_owned()),
            Some(0) => fail("byte/character positions are numbered from 1".to_owned()),
            Some(number) => number,
            None => program::refuse("a number of this size"),
        }
    };
    let mut found = Vec::new();
    for part in list.split(|byte| matches!(byte, b',' | b' ' | b'\t')) {
        if part.is_empty() {
            match name {
                "field" => fail("fields are numbered from 1".to_owned()),
                _ => fail("byte/character positions are numbered from 1".to_owned()),
            }
        }
        match part.split_once_str("-") {
            None => {
                let at = number(part);
                found.push((at, at));
            }
            Some((b"", b"")) => fail("invalid range with no endpoint: -".to_owned()),
            Some((from, to)) => {
                let from = if from.is_empty() { 1 } else { number(from) };
                let to = if to.is_empty() {
                    usize::MAX
                } else {
                    number(to)
                };
                if to < from {
                    fail("invalid decreasing range".to_owned());
                }
                found.push((from, to));
            }
        }
    }
    found.sort_unstable();
    let mut merged: Vec<(usize, usize)> = Vec::new();
    for (from, to) in found {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => merged.push((from, to)),
        }
    }
    merged
}

fn complement(ranges: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut next = 1;
    for (from, to) in ranges {
        if *from > next {
            found.push((next, from - 1));
        }
        next = to.saturating_add(1);
    }
    if next < usize::MAX {
        found.push((next, usize::MAX));
    }
    found
}
