//! `tr`.

use super::Utility;
use crate::regex::class_of;
use crate::shared::io::Source;
use crate::shared::options::{Spec, flag, parse};
use crate::shared::{io, program, quote};
use bstr::{BString, ByteSlice};

pub const TR: Utility = Utility {
    name: "tr",
    spec: Spec {
        options: &[
            flag('c', "complement"),
            flag('C', ""),
            flag('d', "delete"),
            flag('s', "squeeze-repeats"),
            flag('t', "truncate-set1"),
        ],
        permute: false,
        usage: 1,
    },
    run,
};

/// A part of a set.
enum Item {
    Byte(u8),
    Range(u8, u8),
    Class(BString),
    /// `[=x=]`, which in the C locale is `x`.
    Equal(u8),
    /// `[x*n]`; 0 = as often as needed.
    Repeat(u8, usize),
}

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let delete = parsed.has('d');
    let squeeze = parsed.has('s');
    let complement = parsed.has('c') || parsed.has('C');
    let (least, most) = match (delete, squeeze) {
        (true, true) => (2, 2),
        (true, false) => (1, 1),
        (false, true) => (1, 2),
        _ => (2, 2),
    };
    if parsed.operands.len() < least {
        match parsed.operands.first() {
            None => program::usage_error(1, &[b"missing operand"]),
            Some(only) => {
                program::complain(&[b"missing operand after ", &quote::locale(only)]);
                let why: &[u8] = if squeeze && delete {
                    b"Two strings must be given when both deleting and squeezing repeats.\n"
                } else {
                    b"Two strings must be given when translating.\n"
                };
                io::write_error(why);
                program::usage(1);
            }
        }
    }
    if let Some(extra) = parsed.operands.get(most) {
        program::complain(&[b"extra operand ", &quote::locale(extra)]);
        if parsed.operands.len() == 2 {
            io::write_error(
                b"Only one string may be given when deleting without squeezing repeats.\n",
            );
        }
        program::usage(1);
    }
    let first = items(
        parsed.operands.first().map_or(b"", |it| it.as_slice()),
        true,
    );
    let mut set = expand(&first, None);
    if complement {
        let has = members(&set);
        set = (0..=255)
            .filter(|byte| !has.get(usize::from(*byte)).copied().unwrap_or(false))
            .collect();
    }
    let second = parsed.operands.get(1).map(|text| items(text, false));
    let translating = !delete && second.is_some();
    let mut table: Vec<u8> = (0..=255).collect();
    let mut squeezed = if squeeze && second.is_none() {
        members(&set)
    } else {
        vec![false; 256]
    };
    if let Some(second) = &second {
        if translating {
            check_classes(&first, second, complement);
        }
        let mut to = expand(second, translating.then_some(set.len()));
        if squeeze {
            squeezed = members(&to);
        }
        if translating {
            if parsed.has('t') && !complement {
                set.truncate(to.len());
            }
            if to.is_empty() && !set.is_empty() {
                program::die(1, &[b"when not truncating set1, string2 must be non-empty"]);
            }
            if let Some(last) = to.last().copied()
                && to.len() < set.len()
            {
                to.resize(set.len(), last);
            }
            for (from, to) in set.iter().zip(&to) {
                if let Some(place) = table.get_mut(usize::from(*from)) {
                    *place = *to;
                }
            }
        }
    }
    let deleted = if delete {
        members(&set)
    } else {
        vec![false; 256]
    };
    filter(&table, &deleted, &squeezed)
}

fn filter(table: &[u8], deleted: &[bool], squeezed: &[bool]) -> u8 {
    let is = |set: &[bool], byte: u8| set.get(usize::from(byte)).copied().unwrap_or(false);
    let mut buffer = vec![0; 64 * 1024];
    let mut out = Vec::with_capacity(buffer.len());
    let mut last = None;
    while !io::failed() {
        let count = match Source::Stdin.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(errno) => program::die_errno(1, &[b"read error"], errno),
        };
        out.clear();
        for byte in buffer.get(..count).unwrap_or_default() {
            if is(deleted, *byte) {
                continue;
            }
            let byte = table.get(usize::from(*byte)).copied().unwrap_or(*byte);
            if last == Some(byte) && is(squeezed, byte) {
                continue;
            }
            last = Some(byte);
            out.push(byte);
        }
        io::put(&out);
        io::flush_quietly();
    }
    0
}

fn members(set: &[u8]) -> Vec<bool> {
    let mut has = vec![false; 256];
    for byte in set {
        if let Some(place) = has.get_mut(usize::from(*byte)) {
            *place = true;
        }
    }
    has
}

/// Classes in the second set must be the other case of those in the first.
fn check_classes(first: &[Item], second: &[Item], complement: bool) {
    let case =
        |item: &Item| matches!(item, Item::Class(name) if *name == "upper" || *name == "lower");
    for item in second {
        if matches!(item, Item::Class(_)) && !case(item) {
            program::die(1, &[b"when translating, the only character classes that may appear in\nstring2 are 'upper' and 'lower'"]);
        }
    }
    if second.iter().any(|it| matches!(it, Item::Equal(_))) {
        program::die(
            1,
            &[b"[=c=] expressions may not appear in string2 when translating"],
        );
    }
    if !second.iter().any(case) {
        return;
    }
    if complement || second.iter().any(|it| matches!(it, Item::Repeat(_, 0))) {
        program::refuse("this use of character classes in the second string of tr");
    }
    // Each of the second set stands where one of the first set stands.
    let places = |items: &[Item]| {
        let mut at = 0;
        let mut places = Vec::new();
        for item in items {
            if case(item) {
                places.push(at);
            }
            at += expand(std::slice::from_ref(item), None).len();
        }
        (places, at)
    };
    let (one, length) = places(first);
    let (two, other_length) = places(second);
    if two.iter().any(|at| *at < length && !one.contains(at)) {
        program::die(1, &[b"misaligned [:upper:] and/or [:lower:] construct"]);
    }
    if two.iter().any(|at| *at >= length) || length > other_length {
        program::refuse("character classes in strings of different lengths of tr");
    }
}

fn expand(items: &[Item], wanted: Option<usize>) -> Vec<u8> {
    let mut out = Vec::new();
    let fixed: usize = items
        .iter()
        .map(|item| match item {
            Item::Byte(_) | Item::Equal(_) => 1,
            Item::Range(from, to) => usize::from(to - from) + 1,
            Item::Class(name) => (0..=255).filter(|byte| in_class(name, *byte)).count(),
            Item::Repeat(_, count) => *count,
        })
        .sum();
    for item in items {
        match item {
            Item::Byte(byte) | Item::Equal(byte) => out.push(*byte),
            Item::Range(from, to) => out.extend(*from..=*to),
            Item::Class(name) => out.extend((0..=255).filter(|byte| in_class(name, *byte))),
            Item::Repeat(byte, 0) => {
                let more = wanted.unwrap_or(0).saturating_sub(fixed);
                out.resize(out.len() + more, *byte);
            }
            Item::Repeat(byte, count) => out.resize(out.len() + count, *byte),
        }
    }
    out
}

fn in_class(name: &[u8], byte: u8) -> bool {
    class_of(name).is_ok_and(|set| set.has(byte))
}

fn items(text: &[u8], first: bool) -> Vec<Item> {
    // Escapes first: what they make is never special.
    let mut bytes: Vec<(u8, bool)> = Vec::new();
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            bytes.push((*byte, false));
            continue;
        }
        let Some((next, after)) = rest.split_first() else {
            program::complain(&[
                b"warning: an unescaped backslash at end of string is not portable",
            ]);
            bytes.push((b'\\', false));
            break;
        };
        rest = after;
        bytes.push((
            match next {
                b'a' => 7,
                b'b' => 8,
                b'f' => 0x0c,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'v' => 0x0b,
                b'0'..=b'7' => {
                    let mut value = u32::from(next - b'0');
                    for _ in 0..2 {
                        if let Some((digit @ b'0'..=b'7', after)) = rest.split_first() {
                            let longer = value * 8 + u32::from(digit - b'0');
                            if longer > 255 {
                                program::refuse("an octal escape beyond a byte");
                            }
                            value = longer;
                            rest = after;
                        }
                    }
                    value as u8
                }
                other => *other,
            },
            true,
        ));
    }
    let mut items = Vec::new();
    let mut at = 0;
    let plain = |at: usize, wanted: u8| bytes.get(at) == Some(&(wanted, false));
    while let Some((byte, _)) = bytes.get(at).copied() {
        if plain(at, b'[') && (plain(at + 1, b':') || plain(at + 1, b'=')) {
            let kind = bytes.get(at + 1).map_or(b':', |it| it.0);
            let close =
                (at + 2..bytes.len()).find(|end| plain(*end, kind) && plain(*end + 1, b']'));
            if let Some(close) = close {
                let name: BString = bytes
                    .iter()
                    .take(close)
                    .skip(at + 2)
                    .map(|it| it.0)
                    .collect::<Vec<_>>()
                    .into();
                if kind == b'=' {
                    let [byte] = name.as_slice() else {
                        let text = b": equivalence class operand must be a single character";
                        program::die(1, &[&name, text]);
                    };
                    items.push(Item::Equal(*byte));
                    at = close + 2;
                    continue;
                }
                if class_of(&name).is_err() {
                    program::die(1, &[b"invalid character class ", &quote::locale(&name)]);
                }
                items.push(Item::Class(name));
                at = close + 2;
                continue;
            }
        }
        if plain(at, b'[')
            && plain(at + 2, b'*')
            && let Some((repeated, _)) = bytes.get(at + 1).copied()
        {
            let close = (at + 3..bytes.len()).find(|end| plain(*end, b']'));
            let digits: Option<Vec<u8>> = close.map(|close| {
                bytes
                    .iter()
                    .take(close)
                    .skip(at + 3)
                    .map(|it| it.0)
                    .collect()
            });
            if let (Some(close), Some(digits)) = (close, digits)
                && digits.iter().all(u8::is_ascii_digit)
            {
                if first && digits.iter().all(|digit| *digit == b'0') {
                    program::die(1, &[b"the [c*] repeat construct may not appear in string1"]);
                }
                let text = digits.to_str_lossy();
                let base = if digits.first() == Some(&b'0') { 8 } else { 10 };
                let count = if digits.is_empty() {
                    0
                } else {
                    usize::from_str_radix(&text, base).unwrap_or(1 << 20)
                };
                if count >= 1 << 20 {
                    program::refuse("a repeat count of this size");
                }
                items.push(Item::Repeat(repeated, count));
                at = close + 1;
                continue;
            }
        }
        if plain(at + 1, b'-')
            && let Some((to, _)) = bytes.get(at + 2).copied()
        {
            if to < byte {
                let shown = format!("{}-{}", char::from(byte), char::from(to));
                program::die(
                    1,
                    &[
                        b"range-endpoints of '",
                        shown.as_bytes(),
                        b"' are in reverse collating sequence order",
                    ],
                );
            }
            items.push(Item::Range(byte, to));
            at += 3;
            continue;
        }
        items.push(Item::Byte(byte));
        at += 1;
    }
    items
}
