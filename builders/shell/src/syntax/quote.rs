//! `$'…'`: escapes of ANSI C, as bash(1) lists them under QUOTING. `printf %b` and `echo -e`
//! have rules of their own, in `builtins::escape`.

use super::{Parser, Result};

impl Parser<'_> {
    /// Reads behind `$'` up to and with the closing quote, and gives the text that it stands for.
    pub(super) fn ansi_c(&mut self, line: u32) -> Result<Vec<u8>> {
        let start = self.pos;
        loop {
            match self.peek() {
                None => return Err(self.error_eof("'", line)),
                Some(b'\'') => break,
                Some(b'\\') => self.pos = (self.pos + 2).min(self.src.len()),
                Some(_) => self.pos += 1,
            }
        }
        let text = self.slice(start, self.pos);
        self.pos += 1;
        Ok(ansi_c_unescape(text, self.flags.utf8))
    }
}

/// The text that the inside of `$'…'` stands for; a NUL ends it.
pub fn ansi_c_unescape(text: &[u8], utf8: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut i = 0;
    while let Some(&c) = text.get(i) {
        i += 1;
        if c != b'\\' {
            out.push(c);
            continue;
        }
        let Some(&e) = text.get(i) else {
            out.push(b'\\');
            break;
        };
        i += 1;
        match e {
            b'a' => out.push(7),
            b'b' => out.push(8),
            b'e' | b'E' => out.push(27),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'v' => out.push(11),
            b'\\' | b'\'' | b'"' | b'?' => out.push(e),
            b'0'..=b'7' => {
                let (value, used) = digits(text.get(i - 1..).unwrap_or_default(), 8, 3);
                i = i - 1 + used;
                if value & 0xff == 0 {
                    return out;
                }
                out.push((value & 0xff) as u8);
            }
            b'x' => {
                let braced = text.get(i) == Some(&b'{');
                let from = i + usize::from(braced);
                let (value, used) = digits(
                    text.get(from..).unwrap_or_default(),
                    16,
                    if braced { 8 } else { 2 },
                );
                if used == 0 {
                    out.extend(b"\\x");
                    continue;
                }
                i = from + used;
                if braced && text.get(i) == Some(&b'}') {
                    i += 1;
                }
                if value & 0xff == 0 {
                    return out;
                }
                out.push((value & 0xff) as u8);
            }
            b'u' | b'U' => {
                let (value, used) = digits(
                    text.get(i..).unwrap_or_default(),
                    16,
                    if e == b'u' { 4 } else { 8 },
                );
                if used == 0 {
                    out.extend([b'\\', e]);
                    continue;
                }
                i += used;
                if value == 0 {
                    return out;
                }
                push_code_point(&mut out, value, utf8);
            }
            b'c' => {
                let Some(&x) = text.get(i) else {
                    out.extend(b"\\c");
                    break;
                };
                i += 1;
                if x == b'\\' && text.get(i) == Some(&b'\\') {
                    i += 1;
                }
                let control = if x == b'?' {
                    0x7f
                } else {
                    x.to_ascii_uppercase() & 0x1f
                };
                if control == 0 {
                    return out;
                }
                out.push(control);
            }
            other => out.extend([b'\\', other]),
        }
    }
    out
}

/// Value and length of up to `max` digits.
pub fn digits(text: &[u8], base: u32, max: usize) -> (u32, usize) {
    let mut value: u32 = 0;
    let mut used = 0;
    while used < max
        && let Some(d) = text.get(used).and_then(|c| char::from(*c).to_digit(base))
    {
        value = value.wrapping_mul(base).wrapping_add(d);
        used += 1;
    }
    (value, used)
}

/// Appends a code point in UTF-8, also one that Unicode does not allow (as bash's `u32toutf8`).
/// Where the locale has no such character, it stays an escape.
pub fn push_code_point(out: &mut Vec<u8>, value: u32, utf8: bool) {
    if !utf8 && value >= 0x80 {
        let text = if value > 0xffff {
            format!("\\U{value:08X}")
        } else {
            format!("\\u{value:04X}")
        };
        out.extend_from_slice(text.as_bytes());
        return;
    }
    let low = |shift: u32| (0x80 | (value >> shift) & 0x3f) as u8;
    match value {
        0..0x80 => out.push(value as u8),
        0x80..0x800 => out.extend([(0xc0 | value >> 6) as u8, low(0)]),
        0x800..0x1_0000 => out.extend([(0xe0 | value >> 12) as u8, low(6), low(0)]),
        0x1_0000..0x20_0000 => out.extend([(0xf0 | value >> 18) as u8, low(12), low(6), low(0)]),
        0x20_0000..0x400_0000 => {
            out.extend([(0xf8 | value >> 24) as u8, low(18), low(12), low(6), low(0)])
        }
        0x400_0000..0x8000_0000 => out.extend([
            (0xfc | value >> 30) as u8,
            low(24),
            low(18),
            low(12),
            low(6),
            low(0),
        ]),
        _ => {}
    }
}
