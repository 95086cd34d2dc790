//! Changes of letter case: `${x^}`, `${x,,}`, `${x~~}`, and the attributes of `declare -l -u -c`.

use crate::pattern::{Pattern, char_len};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Upper,
    Lower,
    Toggle,
}

/// Changes the first or every character that the pattern matches (no pattern: any).
pub fn change(
    text: &[u8],
    how: Change,
    all: bool,
    pattern: Option<&Pattern>,
    utf8: bool,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let len = char_len(text.get(at..).unwrap_or_default(), utf8).max(1);
        let c = text.get(at..at + len).unwrap_or_default();
        at += len;
        if pattern.is_some_and(|p| !p.matches(c)) {
            out.extend_from_slice(c);
        } else {
            change_char(c, how, &mut out);
        }
        if !all {
            out.extend_from_slice(text.get(at..).unwrap_or_default());
            break;
        }
    }
    out
}

fn change_char(c: &[u8], how: Change, out: &mut Vec<u8>) {
    if let [byte] = c {
        out.push(match how {
            Change::Upper => byte.to_ascii_uppercase(),
            Change::Lower => byte.to_ascii_lowercase(),
            Change::Toggle if byte.is_ascii_lowercase() => byte.to_ascii_uppercase(),
            Change::Toggle => byte.to_ascii_lowercase(),
        });
        return;
    }
    let Some(ch) = std::str::from_utf8(c).ok().and_then(|s| s.chars().next()) else {
        out.extend_from_slice(c);
        return;
    };
    let upper = match how {
        Change::Upper => true,
        Change::Lower => false,
        Change::Toggle => ch.is_lowercase(),
    };
    // Only changes of one character to one, as `towupper` and `towlower` have them.
    let changed: Vec<char> = if upper {
        ch.to_uppercase().collect()
    } else {
        ch.to_lowercase().collect()
    };
    let ch = if let [one] = changed.as_slice() {
        *one
    } else {
        ch
    };
    out.extend_from_slice(ch.encode_utf8(&mut [0; 4]).as_bytes());
}
