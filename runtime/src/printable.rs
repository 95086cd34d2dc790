//! Bytes from outside, made safe to show.
//!
//! Contract: builder logs, file names and attribute values are bytes that an author of a
//! derivation chose. Whatever they are, what is printed is valid UTF-8 without control
//! characters that a terminal would act on. Nix's counterpart is `filterANSIEscapes` in
//! `libutil/terminal.cc`, which likewise keeps colours and drops the rest.

use std::fmt::Write as _;

/// How a log line is made safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escapes {
    /// Colours (`ESC [ … m`) stay, for a terminal; every other control character is shown.
    KeepColours,
    /// Colours are dropped too, for files and pipes.
    Plain,
}

/// One line of a log, without its newline, as it may be printed.
///
/// What is not UTF-8 is shown as `\xHH`, control characters as `^X`; tabs stay; a carriage return
/// at the end goes. With [`Escapes::KeepColours`], a line that sets a colour ends by resetting it.
pub fn log_line(line: &[u8], escapes: Escapes) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut out = String::with_capacity(line.len());
    let mut coloured = false;
    let mut rest = line;
    while let Some((&first, after)) = rest.split_first() {
        if first == 0x1b
            && let Some(length) = colour_sequence(rest)
        {
            let (sequence, after) = rest.split_at(length);
            if escapes == Escapes::KeepColours {
                out.push_str(&String::from_utf8_lossy(sequence));
                coloured = true;
            }
            rest = after;
            continue;
        }
        let end = after
            .iter()
            .position(|&b| b == 0x1b)
            .map_or(rest.len(), |at| at + 1);
        let (chunk, after) = rest.split_at(end);
        push_visible(&mut out, chunk);
        rest = after;
    }
    if coloured {
        out.push_str("\x1b[0m");
    }
    out
}

/// A name, path or value, made safe to stand inside a message.
pub fn name(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\r' => out.push_str("\\r"),
                c if is_hidden(c) => {
                    let _ = write!(out, "\\u{{{:x}}}", c as u32);
                }
                c => out.push(c),
            }
        }
        push_hex(&mut out, chunk.invalid());
    }
    out
}

/// The length of a sequence `ESC [ digits ; … m` at the start of `bytes`.
fn colour_sequence(bytes: &[u8]) -> Option<usize> {
    let parameters = bytes.strip_prefix(b"\x1b[")?;
    let length = parameters
        .iter()
        .position(|b| !(b.is_ascii_digit() || *b == b';'))?;
    (parameters.get(length) == Some(&b'm')).then_some(length + 3)
}

fn push_visible(out: &mut String, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\t' => out.push('\t'),
                '\0'..='\x1f' => {
                    out.push('^');
                    out.push(char::from((c as u8) ^ 0x40));
                }
                '\x7f' => out.push_str("^?"),
                c if is_hidden(c) => {
                    let _ = write!(out, "\\u{{{:x}}}", c as u32);
                }
                c => out.push(c),
            }
        }
        push_hex(out, chunk.invalid());
    }
}

fn push_hex(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(out, "\\x{byte:02x}");
    }
}

/// Control characters, and those that reorder the text around them (Unicode's bidirectional
/// controls), with which a log could forge what a reader sees.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_untouched() {
        assert_eq!(
            log_line("naïve\ttext ☃".as_bytes(), Escapes::Plain),
            "naïve\ttext ☃"
        );
    }

    #[test]
    fn what_moves_a_cursor_is_shown() {
        assert_eq!(
            log_line(b"a\x1b[2Jb\x07\x08c\rd\r", Escapes::KeepColours),
            "a^[[2Jb^G^Hc^Md"
        );
        assert_eq!(
            log_line(b"\x1b]0;title\x07", Escapes::KeepColours),
            "^[]0;title^G"
        );
        assert_eq!(
            log_line("\u{9b}2J\u{202e}x".as_bytes(), Escapes::Plain),
            "\\u{9b}2J\\u{202e}x"
        );
    }

    #[test]
    fn colours_stay_on_a_terminal_only() {
        let line = b"\x1b[1;31mred\x1b[m";
        assert_eq!(
            log_line(line, Escapes::KeepColours),
            "\x1b[1;31mred\x1b[m\x1b[0m"
        );
        assert_eq!(log_line(line, Escapes::Plain), "red");
        assert_eq!(log_line(b"end\x1b[31", Escapes::KeepColours), "end^[[31");
        assert_eq!(log_line(b"\x1b\x1b[0m\x1b", Escapes::Plain), "^[^[");
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_in_hex() {
        assert_eq!(
            log_line(b"a\xff\xfeb\x00", Escapes::Plain),
            "a\\xff\\xfeb^@"
        );
        assert_eq!(name(b"a\nb\xff\x1b"), "a\\nb\\xff\\u{1b}");
    }

    #[test]
    fn nothing_that_a_terminal_acts_on_comes_through() {
        for byte in 0..=255u8 {
            let line = log_line(&[b'x', 0x1b, b'[', byte, b'm'], Escapes::Plain);
            assert!(
                !line.contains(|c: char| c.is_control() && c != '\t'),
                "{line:?}"
            );
        }
    }
}
