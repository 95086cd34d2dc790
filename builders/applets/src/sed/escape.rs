//! Escapes in scripts, and where a delimiter is only a character.
//!
//! Counterpart: sed's `normalize_text` and `match_slash`.

use bstr::BString;

/// Follows a bracket expression, in which a delimiter is plain.
#[derive(Default)]
pub struct Bracket {
    /// Bytes since the `[`, without a leading `^`; 0 = outside.
    seen: usize,
    /// `.`, `:` or `=` after an inner `[`, until its end.
    named: Option<u8>,
    last: u8,
}

impl Bracket {
    pub fn inside(&self) -> bool {
        self.seen > 0
    }

    pub fn see(&mut self, byte: u8) {
        let last = std::mem::replace(&mut self.last, byte);
        if self.seen == 0 {
            self.seen = usize::from(byte == b'[');
            return;
        }
        if let Some(kind) = self.named {
            if byte == b']' && last == kind {
                self.named = None;
            }
            return;
        }
        match byte {
            b'^' if self.seen == 1 && last == b'[' => return,
            b']' if self.seen > 1 => {
                self.seen = 0;
                return;
            }
            b'.' | b':' | b'=' if last == b'[' && self.seen > 1 => self.named = Some(byte),
            _ => {}
        }
        self.seen += 1;
    }
}

/// Would the delimiter, without its backslash, be special in the pattern?
pub fn special_if_bare(byte: u8, extended: bool) -> bool {
    b"*.[]^$".contains(&byte) || (extended && b"+?(){}|".contains(&byte))
}

/// What the escape `\…` (without its backslash) stands for, and its length.
pub fn escape(rest: &[u8]) -> Option<(u8, usize)> {
    let digits = |base: u32, most: usize| {
        let found = rest
            .iter()
            .skip(1)
            .take(most)
            .take_while(|it| char::from(**it).is_digit(base));
        let (mut value, mut count) = (0u32, 0);
        for digit in found {
            value = value * base + char::from(*digit).to_digit(base).unwrap_or(0);
            count += 1;
        }
        (count > 0).then_some((value as u8, count + 1))
    };
    match rest.first()? {
        b'a' => Some((7, 1)),
        b'f' => Some((0x0c, 1)),
        b'r' => Some((b'\r', 1)),
        b't' => Some((b'\t', 1)),
        b'v' => Some((0x0b, 1)),
        b'c' => {
            let byte = rest.get(1)?;
            (*byte != b'\\').then(|| (byte.to_ascii_uppercase() ^ 0x40, 2))
        }
        b'd' => digits(10, 3),
        b'o' => digits(8, 3),
        b'x' => digits(16, 2),
        _ => None,
    }
}

/// Replaces GNU's escapes in a pattern; what they make is never special.
pub fn escapes(text: &[u8], regex: bool) -> BString {
    let mut out = BString::default();
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        match escape(rest) {
            Some((value, length)) => {
                if regex && b"*.[]^$\\+?(){}|/".contains(&value) && length > 1 {
                    out.push(b'\\');
                }
                out.push(value);
                rest = rest.get(length..).unwrap_or_default();
            }
            None => {
                out.push(b'\\');
                if let Some((next, after)) = rest.split_first() {
                    out.push(*next);
                    rest = after;
                }
            }
        }
    }
    out
}

/// The text of `a`, `i` and `c`: escapes are replaced, other backslashes vanish.
pub fn plain_escapes(text: &[u8]) -> BString {
    let mut out = BString::default();
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        match escape(rest) {
            Some((value, length)) => {
                out.push(value);
                rest = rest.get(length..).unwrap_or_default();
            }
            None => {
                if let Some((next, after)) = rest.split_first() {
                    out.push(*next);
                    rest = after;
                }
            }
        }
    }
    out
}
