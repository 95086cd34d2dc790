//! `cmp`: the first byte in which two files differ, or all of them.
//!
//! Counterpart: diffutils' `cmp.c`.

use crate::shared::fs::Kind;
use crate::shared::io::{self, Source};
use crate::shared::options::{Parsed, Spec, flag, parse, value};
use crate::shared::program;
use bstr::{BString, ByteSlice};

/// The options.
pub(crate) const SPEC: Spec = Spec {
    options: &[
        flag('b', "print-bytes"),
        value('i', "ignore-initial"),
        flag('l', "verbose"),
        value('n', "bytes"),
        flag('s', "quiet"),
        flag('ş', "silent"),
    ],
    permute: true,
    usage: 2,
};

/// Runs it.
pub fn run(words: Vec<BString>) -> u8 {
    let mut parsed = parse(&SPEC, words);
    let (first, second) = match parsed.operands.as_slice() {
        [] => program::usage_error(2, &[b"missing operand after '", program::name(), b"'"]),
        [one] => (one.clone(), BString::from("-")),
        [one, two, ..] => (one.clone(), two.clone()),
    };
    let more = parsed.operands.get(2..).unwrap_or_default().to_vec();
    if let [_, _, extra, ..] = more.as_slice() {
        program::usage_error(2, &[b"extra operand '", extra, b"'"]);
    }
    let silent = parsed.has('s') || parsed.has('ş');
    if silent && (parsed.has('l') || parsed.has('b')) {
        program::refuse("-s together with -l or -b");
    }
    let mut skip = parsed
        .value('i')
        .map_or((0, 0), |text| match text.split_once_str(":") {
            Some((one, two)) => (count(one), count(two)),
            None => (count(text), count(text)),
        });
    // What `-i` skips is skipped at least.
    for (at, text) in more.iter().enumerate() {
        let side = if at == 0 { &mut skip.0 } else { &mut skip.1 };
        *side = (*side).max(count(text));
    }
    let most = parsed.value('n').map_or(usize::MAX, |text| count(text));
    let Some((one, end_of_one)) = read(&first, skip.0, most) else {
        return 2;
    };
    let Some((two, end_of_two)) = read(&second, skip.1, most) else {
        return 2;
    };
    parsed.operands = vec![first, second];
    // Of a pipe nobody knows how far it goes.
    let most = parsed.value('n').map_or(i64::MAX as u64, |_| most as u64);
    let last = end_of_one.min(end_of_two).min(most);
    compare(&parsed, &one, &two, silent, last.to_string().len())
}

/// A number of bytes with a multiplier.
fn count(text: &[u8]) -> usize {
    const SUFFIXES: &[(&str, u32, usize)] = &[
        ("kB", 1, 1000),
        ("K", 1, 1024),
        ("KiB", 1, 1024),
        ("MB", 2, 1000),
        ("M", 2, 1024),
        ("MiB", 2, 1024),
        ("GB", 3, 1000),
        ("G", 3, 1024),
        ("GiB", 3, 1024),
        ("", 0, 1),
    ];
    let digits = text.iter().take_while(|it| it.is_ascii_digit()).count();
    let (number, suffix) = text.split_at(digits);
    let number: Option<usize> = number.to_str().ok().and_then(|it| it.parse().ok());
    let known = SUFFIXES.iter().find(|it| it.0.as_bytes() == suffix);
    let found = number
        .zip(known)
        .and_then(|(number, (_, power, base))| number.checked_mul(base.pow(*power)));
    // Zeros before it mean octal.
    match found {
        Some(found) if !(text.starts_with(b"0") && digits > 1) => found,
        _ => program::refuse("a strange number of bytes"),
    }
}

/// The bytes to compare, and how many there are as far as is known beforehand: in a regular file.
fn read(path: &BString, skip: usize, most: usize) -> Option<(Vec<u8>, u64)> {
    let opened = Source::open(path).and_then(|source| {
        let meta = source.meta()?;
        Ok((source.read_to_end()?, meta.kind == Kind::File))
    });
    match opened {
        Ok((bytes, known)) => {
            let rest = bytes.get(skip..).unwrap_or_default();
            let wanted = rest.get(..most.min(rest.len())).unwrap_or_default();
            let end = if known { rest.len() as u64 } else { u64::MAX };
            Some((wanted.to_vec(), end))
        }
        Err(number) => {
            program::complain_errno(&[path], number);
            None
        }
    }
}

/// How a byte is shown.
fn shown(byte: u8) -> String {
    let (meta, low) = if byte >= 128 {
        ("M-", byte - 128)
    } else {
        ("", byte)
    };
    match low {
        0..32 => format!("{meta}^{}", char::from(low + 64)),
        127 => format!("{meta}^?"),
        low => format!("{meta}{}", char::from(low)),
    }
}

/// `width` is how many columns a place takes.
fn compare(parsed: &Parsed, one: &[u8], two: &[u8], silent: bool, width: usize) -> u8 {
    let [first, second] = parsed.operands.as_slice() else {
        return 2;
    };
    let (all, bytes) = (parsed.has('l'), parsed.has('b'));
    let common = one.len().min(two.len());
    let differing = one.iter().zip(two).enumerate().filter(|(_, (a, b))| a != b);
    let lines = |to: usize| {
        let before = one.get(..to).unwrap_or_default();
        memchr::memchr_iter(b'\n', before).count()
    };
    let mut status = 0;
    for (at, (a, b)) in differing {
        status = 1;
        if silent {
            return status;
        }
        if all {
            let place = at + 1;
            let line = if bytes {
                format!(
                    "{place:width$} {a:3o} {:<4} {b:3o} {}\n",
                    shown(*a),
                    shown(*b)
                )
            } else {
                format!("{place:width$} {a:3o} {b:3o}\n")
            };
            io::put(line.as_bytes());
            continue;
        }
        // What is no translation says "char".
        let unit = if bytes { "byte" } else { "char" };
        let mut line = first.to_vec();
        line.push(b' ');
        line.extend_from_slice(second);
        line.extend_from_slice(
            format!(" differ: {unit} {}, line {}", at + 1, lines(at) + 1).as_bytes(),
        );
        if bytes {
            let both = format!(" is {a:3o} {} {b:3o} {}", shown(*a), shown(*b));
            line.extend_from_slice(both.as_bytes());
        }
        line.push(b'\n');
        io::put(&line);
        return status;
    }
    if one.len() == two.len() {
        return status;
    }
    if silent {
        return 1;
    }
    let short = if one.len() < two.len() { first } else { second };
    let place = if common == 0 {
        " which is empty".to_owned()
    } else if all {
        format!(" after byte {common}")
    } else if one.get(common - 1) == Some(&b'\n') {
        format!(" after byte {common}, line {}", lines(common))
    } else {
        format!(" after byte {common}, in line {}", lines(common) + 1)
    };
    program::complain(&[b"EOF on ", short, place.as_bytes()]);
    1
}
