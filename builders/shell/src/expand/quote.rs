//! Quoting for output: the forms in which bash prints values so that it can read them again
//! (`lib/sh/shquote.c`).

use crate::pattern::{char_at, char_len};

/// `'it'\''s'`
pub fn single(text: &[u8]) -> Vec<u8> {
    if text == b"'" {
        return b"\\'".to_vec();
    }
    let mut out = vec![b'\''];
    for c in text {
        match c {
            b'\'' => out.extend_from_slice(b"'\\''"),
            c => out.push(*c),
        }
    }
    out.push(b'\'');
    out
}

/// Has the text characters that only `$'…'` can show?
pub fn needs_ansi(text: &[u8], utf8: bool) -> bool {
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|r| !r.is_empty()) {
        let (c, len) = char_at(rest, utf8).unwrap_or((0, 1));
        if !printable(c, utf8) {
            return true;
        }
        at += len;
    }
    false
}

fn printable(c: u32, utf8: bool) -> bool {
    if c < 0x80 {
        return (0x20..0x7f).contains(&c);
    }
    utf8 && char::from_u32(c).is_some_and(|c| !c.is_control() && c != '\u{2028}' && c != '\u{2029}')
}

/// `$'a\nb'`
pub fn ansi(text: &[u8], utf8: bool) -> Vec<u8> {
    let mut out = b"$'".to_vec();
    let mut at = 0;
    while let Some(&c) = text.get(at) {
        let len = char_len(text.get(at..).unwrap_or_default(), utf8).max(1);
        let chunk = text.get(at..at + len).unwrap_or_default();
        at += len;
        match c {
            0x1b => out.extend_from_slice(b"\\E"),
            7 => out.extend_from_slice(b"\\a"),
            8 => out.extend_from_slice(b"\\b"),
            9 => out.extend_from_slice(b"\\t"),
            10 => out.extend_from_slice(b"\\n"),
            11 => out.extend_from_slice(b"\\v"),
            12 => out.extend_from_slice(b"\\f"),
            13 => out.extend_from_slice(b"\\r"),
            b'\\' | b'\'' => out.extend([b'\\', c]),
            _ => {
                let code = char_at(chunk, utf8).map_or(0, |(c, _)| c);
                if printable(code, utf8) {
                    out.extend_from_slice(chunk);
                } else {
                    for b in chunk {
                        out.extend_from_slice(format!("\\{b:03o}").as_bytes());
                    }
                }
            }
        }
    }
    out.push(b'\'');
    out
}

/// `a\ b`, as `printf %q` has it.
pub fn backslash(text: &[u8], utf8: bool) -> Vec<u8> {
    if text.is_empty() {
        return b"''".to_vec();
    }
    if needs_ansi(text, utf8) {
        return ansi(text, utf8);
    }
    let mut out = Vec::with_capacity(text.len() + 8);
    for (at, c) in text.iter().enumerate() {
        let special = match c {
            b' ' | b'\'' | b'"' | b'\\' | b'|' | b'&' | b';' | b'(' | b')' | b'<' | b'>' | b'!'
            | b'{' | b'}' | b'*' | b'[' | b']' | b'?' | b'^' | b'$' | b'`' | b',' => true,
            b'#' => at == 0,
            b'~' => at == 0 || matches!(text.get(at - 1), Some(b':' | b'=')),
            _ => false,
        };
        if special {
            out.push(b'\\');
        }
        out.push(*c);
    }
    out
}

/// Has the text characters that the shell minds (`sh_contains_shell_metas`)?
pub fn has_metas(text: &[u8]) -> bool {
    text.iter().enumerate().any(|(at, c)| match c {
        b' ' | b'\t' | b'\n' | b'\'' | b'"' | b'\\' | b'|' | b'&' | b';' | b'(' | b')' | b'<'
        | b'>' | b'!' | b'{' | b'}' | b'*' | b'[' | b'?' | b']' | b'^' | b'$' | b'`' => true,
        b'~' => at == 0 || matches!(text.get(at - 1), Some(b':' | b'=')),
        b'#' => at == 0 || matches!(text.get(at - 1), Some(b' ' | b'\t')),
        _ => false,
    })
}

/// For `set`, `trap -p`, `alias`: quoted only where needed.
pub fn reusable(text: &[u8], utf8: bool) -> Vec<u8> {
    if text.is_empty() {
        b"''".to_vec()
    } else if needs_ansi(text, utf8) {
        ansi(text, utf8)
    } else if has_metas(text) {
        single(text)
    } else {
        text.to_vec()
    }
}

/// For `${x@Q}`: always quoted.
pub fn always(text: &[u8], utf8: bool) -> Vec<u8> {
    if needs_ansi(text, utf8) {
        ansi(text, utf8)
    } else {
        single(text)
    }
}

/// `"…"` for `declare -p`.
pub fn double(text: &[u8], utf8: bool) -> Vec<u8> {
    if needs_ansi(text, utf8) {
        return ansi(text, utf8);
    }
    let mut out = vec![b'"'];
    for c in text {
        if matches!(c, b'"' | b'$' | b'`' | b'\\') {
            out.push(b'\\');
        }
        out.push(*c);
    }
    out.push(b'"');
    out
}

/// A key of an associative array in `declare -p`.
pub fn key(text: &[u8], utf8: bool) -> Vec<u8> {
    if needs_ansi(text, utf8) {
        ansi(text, utf8)
    } else if text.is_empty() || has_metas(text) || matches!(text, b"@" | b"*") {
        double(text, utf8)
    } else {
        text.to_vec()
    }
}

/// A word in the trace of `set -x`.
pub fn trace(text: &[u8], utf8: bool) -> Vec<u8> {
    if text.is_empty() {
        b"''".to_vec()
    } else if has_metas(text) {
        single(text)
    } else if needs_ansi(text, utf8) {
        ansi(text, utf8)
    } else {
        text.to_vec()
    }
}
