//! Headers of tar archives: reading all common kinds.
//!
//! Counterpart: GNU tar's `list.c`.

use super::pax::{self, Extended};
use bstr::BString;

/// Bytes of a block.
pub const BLOCK: usize = 512;

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    File,
    HardLink,
    Link,
    Directory,
}

/// A member.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Member {
    pub name: BString,
    pub kind: Kind,
    pub target: BString,
    pub mode: u32,
    /// Seconds and nanoseconds.
    pub time: (i64, u32),
    pub content: std::ops::Range<usize>,
    /// As the header says; 0 for links and directories.
    pub size: u64,
    /// Numbers of user and group, and their names.
    pub owner: (u32, u32),
    pub user: BString,
    pub group: BString,
}

/// Goes through an archive.
#[derive(Debug)]
pub struct Members<'a> {
    archive: &'a [u8],
    at: usize,
}

type Result<T> = std::result::Result<T, String>;

fn text(field: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, field).unwrap_or(field.len());
    field.get(..end).unwrap_or_default()
}

/// A number in octal digits, or with its first bit set in base 256.
fn number(field: &[u8]) -> Result<u64> {
    if let [0x80, rest @ ..] = field {
        let (high, low) = rest.split_at(rest.len().saturating_sub(8));
        if high.iter().any(|it| *it != 0) {
            return Err("a number that is too large".to_owned());
        }
        return Ok(low
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte)));
    }
    let digits = text(field).trim_ascii();
    if digits.is_empty() {
        return Ok(0);
    }
    let digits = std::str::from_utf8(digits).map_err(|_| "a number that is none".to_owned())?;
    u64::from_str_radix(digits, 8).map_err(|_| format!("a number that is none: '{digits}'"))
}

impl<'a> Members<'a> {
    /// The members of an archive.
    pub fn new(archive: &'a [u8]) -> Members<'a> {
        Members { archive, at: 0 }
    }

    /// The next member, or `None` at the end.
    pub fn next(&mut self) -> Result<Option<Member>> {
        let mut extended = Extended::default();
        loop {
            let Some(block) = self.archive.get(self.at..self.at + BLOCK) else {
                return Err("an archive without end".to_owned());
            };
            if block.iter().all(|it| *it == 0) {
                return Ok(None);
            }
            let field = |from: usize, to: usize| block.get(from..to).unwrap_or_default();
            let sum = block.iter().enumerate().map(|(at, byte)| match at {
                148..156 => u64::from(b' '),
                _ => u64::from(*byte),
            });
            if number(field(148, 156))? != sum.sum::<u64>() {
                return Err("a header whose sum is wrong".to_owned());
            }
            let kind = field(156, 157).first().copied().unwrap_or(0);
            let size = match extended.size {
                Some(size) if !matches!(kind, b'x' | b'g' | b'L' | b'K') => size,
                _ => usize::try_from(number(field(124, 136))?).map_err(|it| it.to_string())?,
            };
            // Links have no content, whatever their size says.
            let size = if matches!(kind, b'1' | b'2' | b'5') {
                0
            } else {
                size
            };
            let start = self.at + BLOCK;
            let end = start
                .checked_add(size)
                .filter(|end| *end <= self.archive.len());
            let Some(end) = end else {
                return Err("an archive that ends within a member".to_owned());
            };
            self.at = end.next_multiple_of(BLOCK);
            let content = self.archive.get(start..end).unwrap_or_default();
            match kind {
                b'x' => pax::read(content, &mut extended, false)?,
                b'g' => pax::read(content, &mut Extended::default(), true)?,
                b'L' => extended.name = Some(text(content).into()),
                b'K' => extended.target = Some(text(content).into()),
                _ => {
                    let name = extended.name.unwrap_or_else(|| name(block));
                    let target = text(field(157, 257));
                    let kind = match kind {
                        b'0' | 0 | b'7' if name.ends_with(b"/") => Kind::Directory,
                        b'0' | 0 | b'7' => Kind::File,
                        b'1' => Kind::HardLink,
                        b'2' => Kind::Link,
                        b'5' => Kind::Directory,
                        other => {
                            return Err(format!("a member of the kind '{}'", char::from(other)));
                        }
                    };
                    let seconds = i64::try_from(number(field(136, 148))?).unwrap_or(i64::MAX);
                    return Ok(Some(Member {
                        name,
                        kind,
                        target: extended.target.unwrap_or_else(|| target.into()),
                        mode: (number(field(100, 108))? & 0o7777) as u32,
                        time: extended.time.unwrap_or((seconds, 0)),
                        content: start..end,
                        size: size as u64,
                        owner: (
                            extended.owner.0.unwrap_or(id(field(108, 116))?),
                            extended.owner.1.unwrap_or(id(field(116, 124))?),
                        ),
                        user: extended.user.unwrap_or_else(|| named(block, 265)),
                        group: extended.group.unwrap_or_else(|| named(block, 297)),
                    }));
                }
            }
        }
    }
}

fn id(field: &[u8]) -> Result<u32> {
    u32::try_from(number(field)?).map_err(|_| "a user of a large number".to_owned())
}

/// A user's or a group's name, which only newer headers have.
fn named(block: &[u8], from: usize) -> BString {
    match block.get(257..262) {
        Some(b"ustar") => text(block.get(from..from + 32).unwrap_or_default()).into(),
        _ => BString::default(),
    }
}

/// The name, with the prefix that POSIX's header has.
fn name(block: &[u8]) -> BString {
    let name = text(block.get(..100).unwrap_or_default());
    let posix = block.get(257..263) == Some(b"ustar\0");
    let prefix = text(block.get(345..500).unwrap_or_default());
    if posix && !prefix.is_empty() {
        return [prefix, b"/", name].concat().into();
    }
    name.into()
}
