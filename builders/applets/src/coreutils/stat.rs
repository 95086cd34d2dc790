//! `stat` with a format.
//!
//! Counterpart: coreutils' `stat.c`. What differs from machine to machine is refused: devices,
//! inodes, blocks of a disk, time of birth, and thereby the standard format.

use super::{Utility, date, owner};
use crate::shared::fs::{Kind, Meta};
use crate::shared::options::{Spec, flag, parse, value};
use crate::shared::{fs, io, program, quote};
use bstr::BString;

pub const STAT: Utility = Utility {
    name: "stat",
    spec: Spec {
        options: &[
            value('c', "format"),
            flag('L', "dereference"),
            value('ƥ', "printf"),
        ],
        permute: true,
        usage: 1,
    },
    run,
};

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    if parsed.operands.is_empty() {
        program::usage_error(1, &[b"missing operand"]);
    }
    date::demand_utc();
    let escapes = parsed.last_of(&['c', 'ƥ']) == Some('ƥ');
    let Some(format) = parsed.value(if escapes { 'ƥ' } else { 'c' }) else {
        program::refuse("the standard format, which shows inodes and times of birth");
    };
    let follow = parsed.has('L');
    let mut status = 0;
    for path in &parsed.operands {
        if *path == "-" {
            program::refuse("standard input");
        }
        let found = if follow {
            fs::stat(path)
        } else {
            fs::lstat(path)
        };
        match found {
            Ok(meta) => {
                let file = File { path, meta, follow };
                io::put(&file.show(format, escapes));
                if !escapes {
                    io::put(b"\n");
                }
            }
            Err(errno) => {
                program::complain_errno(&[b"cannot statx ", &quote::always(path)], errno);
                status = 1;
            }
        }
    }
    status
}

struct File<'a> {
    path: &'a BString,
    meta: Meta,
    follow: bool,
}

/// Flags, width and precision of a directive.
#[derive(Debug, Default)]
struct How {
    flags: Vec<u8>,
    width: usize,
    precision: Option<usize>,
}

impl How {
    fn pad(&self, text: &[u8], number: bool, out: &mut Vec<u8>) {
        let fill = self.width.saturating_sub(text.len());
        if self.flags.contains(&b'-') {
            out.extend_from_slice(text);
            out.extend(std::iter::repeat_n(b' ', fill));
        } else {
            let byte = if number && self.flags.contains(&b'0') {
                b'0'
            } else {
                b' '
            };
            out.extend(std::iter::repeat_n(byte, fill));
            out.extend_from_slice(text);
        }
    }

    /// A text, of which a precision takes the first bytes.
    fn text(&self, text: &[u8], out: &mut Vec<u8>) {
        let most = self.precision.unwrap_or(usize::MAX).min(text.len());
        self.pad(text.get(..most).unwrap_or_default(), false, out);
    }

    /// A number; `prefix` is what `#` puts before it.
    fn number(&self, digits: &str, prefix: &str, out: &mut Vec<u8>) {
        let other = self.flags.iter().any(|it| !b"-0#".contains(it));
        if other || self.precision.is_some() {
            program::refuse("such flags of a number");
        }
        let prefix = if self.flags.contains(&b'#') {
            prefix
        } else {
            ""
        };
        if !prefix.is_empty() && self.flags.contains(&b'0') {
            program::refuse("such flags of a number");
        }
        self.pad(format!("{prefix}{digits}").as_bytes(), true, out);
    }
}

impl File<'_> {
    fn show(&self, format: &[u8], escapes: bool) -> Vec<u8> {
        let mut out = Vec::new();
        let mut at = 0;
        let byte = |at: usize| format.get(at).copied();
        while let Some(letter) = byte(at) {
            at += 1;
            match (letter, byte(at)) {
                (b'%', None) => out.push(b'%'),
                (b'%', Some(b'%')) => {
                    out.push(b'%');
                    at += 1;
                }
                (b'%', Some(_)) => {
                    at += self.directive(format.get(at..).unwrap_or_default(), &mut out)
                }
                (b'\\', _) if escapes => {
                    at += escape(format.get(at..).unwrap_or_default(), &mut out)
                }
                _ => out.push(letter),
            }
        }
        out
    }

    /// Shows one directive; gives how many bytes it took.
    fn directive(&self, rest: &[u8], out: &mut Vec<u8>) -> usize {
        let mut how = How::default();
        let mut at = 0;
        let byte = |at: usize| rest.get(at).copied();
        while let Some(flag @ (b'#' | b'-' | b'+' | b'.' | b'0' | b' ' | b'\'')) = byte(at) {
            if flag == b'.' {
                break;
            }
            how.flags.push(flag);
            at += 1;
        }
        let number = |at: &mut usize| {
            let mut value = None;
            while let Some(digit @ b'0'..=b'9') = byte(*at) {
                let digit = usize::from(digit - b'0');
                value = Some((value.unwrap_or(0usize) * 10 + digit).min(1 << 20));
                *at += 1;
            }
            value
        };
        how.width = number(&mut at).unwrap_or(0);
        if byte(at) == Some(b'.') {
            at += 1;
            how.precision = Some(number(&mut at).unwrap_or(usize::MAX));
        }
        let letter = byte(at).unwrap_or(0);
        let meta = &self.meta;
        let owner = || owner::of(self.path, self.follow).unwrap_or((0, 0));
        let time = |which: usize| meta.times.get(which).copied().unwrap_or((0, 0));
        let beyond = || -> ! { program::refuse(&format!("the directive %{}", char::from(letter))) };
        if meta.is_dir() && letter == b's' {
            beyond();
        }
        let named = |name: Option<BString>| name.unwrap_or_else(|| "UNKNOWN".into());
        match letter {
            b'n' => how.text(self.path, out),
            b'N' => {
                let mut text = quote::always(self.path);
                if let (true, Ok(target)) = (meta.is_link(), fs::readlink(self.path)) {
                    text.extend_from_slice(b" -> ");
                    text.extend_from_slice(&quote::always(&target));
                }
                how.text(&text, out);
            }
            b'a' => how.number(&format!("{:o}", meta.mode), "0", out),
            b'A' => how.text(owner::mode_text(meta).as_bytes(), out),
            b'f' => how.number(&format!("{:x}", owner::raw_mode(meta)), "0x", out),
            b'F' => how.text(kind(meta).as_bytes(), out),
            b's' => how.number(&meta.size.to_string(), "", out),
            b'h' => how.number(&owner::links(self.path, meta).to_string(), "", out),
            b'u' => how.number(&owner().0.to_string(), "", out),
            b'g' => how.number(&owner().1.to_string(), "", out),
            b'U' => how.text(&named(owner::user(owner().0)), out),
            b'G' => how.text(&named(owner::group(owner().1)), out),
            b't' | b'T' if matches!(meta.kind, Kind::File | Kind::Directory | Kind::Link) => {
                how.number("0", "", out);
            }
            b'B' => how.number("512", "", out),
            b'x' | b'y' | b'z' => {
                let moment = time(usize::from(letter - b'x'));
                let Some(text) = date::format(b"%Y-%m-%d %H:%M:%S.%N %z", moment) else {
                    beyond();
                };
                how.text(&text, out);
            }
            b'X' | b'Y' | b'Z' => seconds(&how, time(usize::from(letter - b'X')), out),
            _ => beyond(),
        }
        at + 1
    }
}

/// Seconds; a precision shows as many digits of the fraction.
fn seconds(how: &How, (whole, part): (i64, u32), out: &mut Vec<u8>) {
    let Some(precision) = how.precision else {
        how.number(&whole.to_string(), "", out);
        return;
    };
    // Without digits it is all nine; a negative time rounds in a way of its own.
    let precision = if precision == usize::MAX {
        9
    } else {
        precision
    };
    if whole < 0 || precision > 9 || !how.flags.is_empty() || how.width > 0 {
        program::refuse("such a precision of a time");
    }
    let digits = format!("{part:09}");
    let shown = digits.get(..precision).unwrap_or_default();
    let point = if precision > 0 { "." } else { "" };
    how.pad(format!("{whole}{point}{shown}").as_bytes(), false, out);
}

fn kind(meta: &Meta) -> &'static str {
    match meta.kind {
        Kind::File if meta.size == 0 => "regular empty file",
        Kind::File => "regular file",
        Kind::Directory => "directory",
        Kind::Link => "symbolic link",
        Kind::Character => "character special file",
        Kind::Block => "block special file",
        Kind::Fifo => "fifo",
        Kind::Socket => "socket",
    }
}

/// What stands behind a backslash in `--printf`; gives how many bytes it takes.
fn escape(rest: &[u8], out: &mut Vec<u8>) -> usize {
    let Some(letter) = rest.first() else {
        program::complain(&[b"warning: backslash at end of format"]);
        out.push(b'\\');
        return 0;
    };
    let digits = |from: usize, base: u32, most: usize| {
        let found = rest.iter().skip(from).take(most);
        let digits = found.map_while(|it| char::from(*it).to_digit(base));
        digits.fold((0, 0), |(count, value), digit| {
            (count + 1, value * base + digit)
        })
    };
    out.push(match letter {
        b'0'..=b'7' => {
            let (count, value) = digits(0, 8, 3);
            out.push(value as u8);
            return count;
        }
        b'x' if rest.get(1).is_some_and(u8::is_ascii_hexdigit) => {
            let (count, value) = digits(1, 16, 2);
            out.push(value as u8);
            return count + 1;
        }
        b'a' => 7,
        b'b' => 8,
        b'e' => 27,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b'"' | b'\\' => *letter,
        other => {
            program::complain(&[b"warning: unrecognized escape '\\", &[*other], b"'"]);
            *other
        }
    });
    1
}
