//! Backslash escapes of `echo -e`, `printf` formats and `printf %b`.

use crate::syntax::{digits, push_code_point};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escapes {
    /// `\0nnn`; `\c` ends.
    Echo,
    /// `\0nnn` and `\nnn`; `\c` ends.
    PrintfB,
    /// `\nnn`; `\c` is no escape.
    Format,
}

/// Appends the text that escapes stand for. True: `\c` ends all output.
pub fn unescape(text: &[u8], how: Escapes, utf8: bool, out: &mut Vec<u8>) -> bool {
    let mut at = 0;
    while let Some(&c) = text.get(at) {
        at += 1;
        if c != b'\\' {
            out.push(c);
            continue;
        }
        let rest = text.get(at..).unwrap_or_default();
        match escape(rest, how, utf8, out) {
            Some(used) => at += used,
            None => return true,
        }
    }
    false
}

/// One escape behind its backslash: what it takes of the text. `None`: `\c`.
pub fn escape(rest: &[u8], how: Escapes, utf8: bool, out: &mut Vec<u8>) -> Option<usize> {
    let Some(&e) = rest.first() else {
        out.push(b'\\');
        return Some(0);
    };
    let simple = match e {
        b'a' => Some(7),
        b'b' => Some(8),
        b'e' | b'E' => Some(27),
        b'f' => Some(12),
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        b'v' => Some(11),
        b'\\' => Some(b'\\'),
        b'"' if how == Escapes::Format => Some(b'"'),
        b'\'' if how == Escapes::Format => Some(b'\''),
        b'?' if how == Escapes::Format => Some(b'?'),
        _ => None,
    };
    if let Some(c) = simple {
        out.push(c);
        return Some(1);
    }
    match e {
        b'c' if how != Escapes::Format => None,
        b'0'..=b'7' if how != Escapes::Echo || e == b'0' => {
            let lead = usize::from(e == b'0' && how != Escapes::Format);
            let (value, used) = digits(rest.get(lead..).unwrap_or_default(), 8, 3);
            out.push((value & 0xff) as u8);
            Some(lead + used)
        }
        b'x' => {
            let (value, used) = digits(rest.get(1..).unwrap_or_default(), 16, 2);
            if used == 0 {
                out.extend_from_slice(b"\\x");
            } else {
                out.push((value & 0xff) as u8);
            }
            Some(1 + used)
        }
        b'u' | b'U' => {
            let (value, used) = digits(
                rest.get(1..).unwrap_or_default(),
                16,
                if e == b'u' { 4 } else { 8 },
            );
            if used == 0 {
                out.extend([b'\\', e]);
            } else {
                push_code_point(out, value, utf8);
            }
            Some(1 + used)
        }
        other => {
            out.extend([b'\\', other]);
            Some(1)
        }
    }
}
