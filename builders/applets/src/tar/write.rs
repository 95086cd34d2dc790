//! Writing headers in the formats `gnu`, `ustar` and `posix`.
//!
//! Counterpart: GNU tar's `create.c`, `start_header` and `write_long_name`.

use super::header::BLOCK;
use super::pax::{Settings, seconds};
use crate::shared::program;
use bstr::BString;

/// The formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Format {
    Gnu,
    Ustar,
    Posix,
}

/// What a header is written from.
#[derive(Debug, Default)]
#[allow(missing_docs)]
pub struct Written<'a> {
    pub name: &'a [u8],
    /// The name before `--transform`, for that of an extended header.
    pub original: &'a [u8],
    pub kind: u8,
    pub target: &'a [u8],
    pub mode: u32,
    pub owner: (u32, u32),
    pub user: &'a [u8],
    pub group: &'a [u8],
    pub size: u64,
    pub time: (i64, u32),
}

/// Bytes of the fields for names.
const NAME: usize = 100;
const PREFIX: usize = 155;

fn cut(text: &[u8], most: usize) -> &[u8] {
    text.get(..most.min(text.len())).unwrap_or_default()
}

/// Appends a header, after those that long names need.
pub fn write(written: &Written<'_>, format: Format, pax: &Settings, out: &mut Vec<u8>) {
    let too_long = |what: &str| -> ! {
        program::refuse(&format!("{what} that is too long for the format"));
    };
    match format {
        Format::Gnu => {
            for (kind, long) in [(b'K', written.target), (b'L', written.name)] {
                if long.len() > NAME {
                    // These belong to root.
                    let named =
                        |name: &'static [u8]| if written.user.is_empty() { b"" } else { name };
                    let header = Written {
                        name: b"././@LongLink",
                        kind,
                        mode: 0o644,
                        user: named(b"root"),
                        group: named(b"root"),
                        size: long.len() as u64 + 1,
                        ..Written::default()
                    };
                    block(&header, format, b"", out);
                    out.extend_from_slice(long);
                    out.push(0);
                    out.resize(out.len().next_multiple_of(BLOCK), 0);
                }
            }
            block(written, format, b"", out);
        }
        Format::Ustar => {
            if written.target.len() > NAME {
                too_long("a link's target");
            }
            if written.name.len() <= NAME {
                block(written, format, b"", out);
                return;
            }
            let Some((prefix, name)) = split(written.name) else {
                too_long("a name");
            };
            block(&Written { name, ..*written }, format, prefix, out);
        }
        Format::Posix => {
            extended(written, pax, out);
            block(written, format, b"", out);
        }
    }
}

/// A long name in two parts.
fn split(name: &[u8]) -> Option<(&[u8], &[u8])> {
    if name.len() > PREFIX + NAME + 1 {
        return None;
    }
    let mut length = name.len();
    if length > PREFIX + 1 {
        length = PREFIX + 1;
    } else if name.ends_with(b"/") {
        length -= 1;
    }
    let slash = name.get(..length)?.iter().rposition(|it| *it == b'/')?;
    let rest = name.get(slash + 1..)?;
    (slash > 0 && !rest.is_empty() && rest.len() <= NAME).then(|| (cut(name, slash), rest))
}

/// The extended header, where one is needed.
fn extended(written: &Written<'_>, pax: &Settings, out: &mut Vec<u8>) {
    let mut records: Vec<(&str, BString)> = Vec::new();
    if written.target.len() > NAME {
        records.push(("linkpath", written.target.into()));
    }
    if written.name.len() > NAME || !written.name.is_ascii() {
        records.push(("path", written.name.into()));
    }
    if written.time.1 != 0 {
        records.push(("mtime", seconds(written.time)));
    }
    if pax.tells("atime") || pax.tells("ctime") {
        program::refuse(
            "the format posix without --pax-option=delete=atime,delete=ctime: times of access",
        );
    }
    for (key, name) in [("uname", written.user), ("gname", written.group)] {
        if name.len() > 32 || !name.is_ascii() {
            records.push((key, name.into()));
        }
    }
    let content = pax.records(&records);
    if content.is_empty() {
        return;
    }
    let name = pax.name_for(written.original);
    let header = Written {
        name: &name,
        kind: b'x',
        mode: 0o644,
        size: content.len() as u64,
        time: (pax.time.unwrap_or(written.time.0), 0),
        ..Written::default()
    };
    let from = out.len();
    block(&header, Format::Posix, b"", out);
    // These have no numbers of devices.
    if let Some(header) = out.get_mut(from..) {
        if let Some(devices) = header.get_mut(329..345) {
            devices.fill(0);
        }
        seal(header);
    }
    out.extend_from_slice(&content);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
}

fn put(block: &mut [u8], from: usize, text: &[u8]) {
    if let Some(field) = block.get_mut(from..from + text.len()) {
        field.copy_from_slice(text);
    }
}

fn octal(block: &mut [u8], from: usize, digits: usize, value: u64) {
    let text = format!("{value:0digits$o}");
    if text.len() > digits {
        program::refuse("a number that is too large for a header");
    }
    put(block, from, text.as_bytes());
}

/// Writes the sum.
fn seal(block: &mut [u8]) {
    put(block, 148, b"        ");
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    octal(block, 148, 6, sum);
    put(block, 154, b"\0");
}

fn block(written: &Written<'_>, format: Format, prefix: &[u8], out: &mut Vec<u8>) {
    let mut block = [0u8; BLOCK];
    put(&mut block, 0, cut(written.name, NAME));
    octal(&mut block, 100, 7, u64::from(written.mode));
    octal(&mut block, 108, 7, u64::from(written.owner.0));
    octal(&mut block, 116, 7, u64::from(written.owner.1));
    octal(&mut block, 124, 11, written.size);
    let Ok(time) = u64::try_from(written.time.0) else {
        program::refuse("a time before 1970");
    };
    octal(&mut block, 136, 11, time);
    block[156] = written.kind;
    put(&mut block, 157, cut(written.target, NAME));
    match format {
        Format::Gnu => put(&mut block, 257, b"ustar  \0"),
        Format::Ustar | Format::Posix => {
            put(&mut block, 257, b"ustar\x0000");
            octal(&mut block, 329, 7, 0);
            octal(&mut block, 337, 7, 0);
            put(&mut block, 345, prefix);
        }
    }
    put(&mut block, 265, cut(written.user, 32));
    put(&mut block, 297, cut(written.group, 32));
    seal(&mut block);
    out.extend_from_slice(&block);
}
