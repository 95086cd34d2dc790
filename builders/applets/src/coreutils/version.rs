//! The order of version numbers: `sort -V`, `ls -v`.
//!
//! Counterpart: gnulib's `filevercmp.c`.

use std::cmp::Ordering;

/// Compares two names as versions.
pub fn compare(a: &[u8], b: &[u8]) -> Ordering {
    // Nothing comes first, then `.`, `..`, other names with a dot, and the rest.
    let class = |name: &[u8]| match name {
        b"" => 0,
        b"." => 1,
        b".." => 2,
        [b'.', ..] => 3,
        _ => 4,
    };
    let order = class(a).cmp(&class(b));
    if order.is_ne() || class(a) < 3 {
        return order;
    }
    let cut = |name| prefix(name);
    let (short_a, short_b) = (cut(a), cut(b));
    let order = by_parts(short_a, short_b);
    if order.is_ne() || (short_a.len() == a.len() && short_b.len() == b.len()) {
        return order;
    }
    by_parts(a, b)
}

/// The name without its suffixes, such as `.tar.gz`.
fn prefix(name: &[u8]) -> &[u8] {
    let byte = |at: usize| name.get(at).copied();
    let (mut at, mut end) = (0, 0);
    loop {
        while byte(at) == Some(b'.')
            && byte(at + 1).is_some_and(|it| it.is_ascii_alphabetic() || it == b'~')
        {
            at += 2;
            while byte(at).is_some_and(|it| it.is_ascii_alphanumeric() || it == b'~') {
                at += 1;
            }
        }
        if at >= name.len() {
            return name.get(..end).unwrap_or_default();
        }
        at += 1;
        end = at;
    }
}

fn rank(byte: Option<u8>) -> i32 {
    match byte {
        None => -1,
        Some(b'~') => -2,
        Some(byte) if byte.is_ascii_digit() => 0,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(byte),
        Some(byte) => i32::from(byte) + 256,
    }
}

fn by_parts(a: &[u8], b: &[u8]) -> Ordering {
    let (mut at_a, mut at_b) = (0, 0);
    let digit = |text: &[u8], at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
    while at_a < a.len() || at_b < b.len() {
        let letter = |text: &[u8], at: usize| at < text.len() && !digit(text, at);
        while letter(a, at_a) || letter(b, at_b) {
            let order = rank(a.get(at_a).copied()).cmp(&rank(b.get(at_b).copied()));
            if order.is_ne() {
                return order;
            }
            at_a += 1;
            at_b += 1;
        }
        while a.get(at_a) == Some(&b'0') {
            at_a += 1;
        }
        while b.get(at_b) == Some(&b'0') {
            at_b += 1;
        }
        let mut first = Ordering::Equal;
        while digit(a, at_a) && digit(b, at_b) {
            first = first.then(a.get(at_a).cmp(&b.get(at_b)));
            at_a += 1;
            at_b += 1;
        }
        match (digit(a, at_a), digit(b, at_b)) {
            (true, _) => return Ordering::Greater,
            (_, true) => return Ordering::Less,
            _ if first.is_ne() => return first,
            _ => {}
        }
    }
    Ordering::Equal
}
