//! `cmp`: the first byte in which two files differ, or all of them.
//!
//! Counterpart: diffutils' `cmp.c`.

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
        [one, two] => (one.clone(), two.clone()),
        _ => program::refuse("bytes to skip as operands"),
    };
    let silent = parsed.has('s') || parsed.has('ş');
    if silent && (parsed.has('l') || parsed.has('b')) {
        program::refuse("-s together with -l or -b");
    }
    let skip = parsed
        .value('i')
        .map_or((0, 0), |text| match text.split_once_str(":") {
            Some((one, two)) => (count(one), count(two)),
            None => (count(text), count(text)),
        });
    let most = parsed.value('n').map_or(usize::MAX, |text| count(text));
    let Some(one) = read(&first, skip.0, most) else {
        return 2;
    };
    let Some(two) = read(&second, skip.1, most) else {
        return 2;
    };
    parsed.operands = vec![first, second];
    compare(&parsed, &one, &two, silent)
}

fn count(text: &[u8]) -> usize {
    match text.to_str().ok().and_then(|it| it.parse().ok()) {
        Some(count) => count,
        None => program::refuse("a number of bytes with a suffix"),
    }
}

fn read(path: &BString, skip: usize, most: usize) -> Option<Vec<u8>> {
    match Source::open(path).and_then(|source| source.read_to_end()) {
        Ok(bytes) => {
            let rest = bytes.get(skip..).unwrap_or_default();
            Some(
                rest.get(..most.min(rest.len()))
                    .unwrap_or_default()
                    .to_vec(),
            )
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

fn compare(parsed: &Parsed, one: &[u8], two: &[u8], silent: bool) -> u8 {
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
    let width = common.max(1).to_string().len();
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
