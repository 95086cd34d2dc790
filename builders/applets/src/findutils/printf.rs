//! The formats of `find -printf`.

use super::evaluate::{Visit, letter};
use crate::shared::{fs, io, program};
use bstr::BString;

/// A part of a format.
#[derive(Debug)]
enum Part {
    Text(BString),
    /// Flags and width, and the letter.
    Field(String, u8),
    /// `\c`: nothing more is written.
    Stop,
}

/// A parsed format.
#[derive(Debug)]
pub struct Format(Vec<Part>);

/// Parses a format; what is not known is refused.
pub fn parse(text: &[u8]) -> Format {
    let mut parts = Vec::new();
    let mut plain = BString::default();
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'\\' => {
                let Some((next, after)) = rest.split_first() else {
                    program::refuse("-printf with a trailing backslash");
                };
                rest = after;
                plain.push(match next {
                    b'a' => 7,
                    b'b' => 8,
                    b'f' => 0x0c,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'v' => 0x0b,
                    b'\\' => b'\\',
                    b'0'..=b'7' => {
                        let mut value = u32::from(next - b'0');
                        for _ in 0..2 {
                            if let Some((digit @ b'0'..=b'7', after)) = rest.split_first() {
                                value = value * 8 + u32::from(digit - b'0');
                                rest = after;
                            }
                        }
                        value as u8
                    }
                    b'c' => {
                        parts.push(Part::Text(std::mem::take(&mut plain)));
                        parts.push(Part::Stop);
                        continue;
                    }
                    _ => program::refuse("-printf with an unknown escape"),
                });
            }
            b'%' => {
                let mut flags = String::new();
                while let Some((byte, after)) = rest
                    .split_first()
                    .filter(|(byte, _)| b"-+ #0123456789.".contains(byte))
                {
                    flags.push(char::from(*byte));
                    rest = after;
                }
                let Some((letter, after)) = rest.split_first() else {
                    program::refuse("-printf with a trailing %");
                };
                rest = after;
                if *letter == b'%' {
                    plain.push(b'%');
                    continue;
                }
                if !b"pfhPHdsmyYlnuUgGki".contains(letter) || b"uUgGki".contains(letter) {
                    program::refuse(&format!("-printf %{}", char::from(*letter)));
                }
                parts.push(Part::Text(std::mem::take(&mut plain)));
                parts.push(Part::Field(flags, *letter));
            }
            byte => plain.push(*byte),
        }
    }
    parts.push(Part::Text(plain));
    Format(parts)
}

impl Format {
    /// Writes what the format shows of a file.
    pub fn put(&self, visit: &Visit<'_>) {
        for part in &self.0 {
            match part {
                Part::Text(text) => io::put(text),
                Part::Stop => {
                    io::flush_quietly();
                    return;
                }
                Part::Field(flags, letter) => io::put(&pad(flags, &field(visit, *letter))),
            }
        }
    }
}

fn field(visit: &Visit<'_>, kind: u8) -> BString {
    let path = visit.path;
    match kind {
        b'p' => path.clone(),
        // A slash at the end of a starting point stays.
        b'f' if visit.depth == 0 && visit.path.len() > 1 && visit.path.ends_with(b"/") => {
            [visit.name(), b"/"].concat().into()
        }
        b'f' => visit.name().into(),
        b'h' => {
            let trimmed = fs::trim_slashes(path);
            match trimmed.iter().rposition(|byte| *byte == b'/') {
                Some(at) => path.get(..at).unwrap_or_default().into(),
                None => ".".into(),
            }
        }
        b'P' => {
            let rest = path.get(visit.start.len()..).unwrap_or_default();
            rest.strip_prefix(b"/").unwrap_or(rest).into()
        }
        b'H' => visit.start.clone(),
        b'd' => visit.depth.to_string().into(),
        b's' => visit.meta.size.to_string().into(),
        b'm' => format!("{:o}", visit.meta.mode).into(),
        b'n' => visit.meta.links.to_string().into(),
        b'y' => char::from(letter(visit.meta.kind)).to_string().into(),
        b'Y' => match fs::stat(path) {
            Ok(meta) => char::from(letter(meta.kind)).to_string().into(),
            Err(rustix::io::Errno::LOOP) => "L".into(),
            Err(_) => "N".into(),
        },
        b'l' if visit.meta.is_link() => fs::readlink(path).unwrap_or_default(),
        _ => BString::default(),
    }
}

fn pad(flags: &str, text: &BString) -> BString {
    if flags.is_empty() {
        return text.clone();
    }
    let left = flags.starts_with('-');
    let width = flags.strip_prefix('-').unwrap_or(flags);
    let Ok(width) = width.parse::<usize>() else {
        program::refuse("-printf with flags")
    };
    if flags.starts_with('0') || width > 1 << 16 {
        program::refuse("-printf with flags");
    }
    let mut out = text.clone();
    let fill = vec![b' '; width.saturating_sub(text.len())];
    if left {
        out.extend_from_slice(&fill);
        out
    } else {
        [fill, text.to_vec()].concat().into()
    }
}
