//! Headers of tar archives: reading all common kinds, writing GNU's.
//!
//! Counterpart: GNU tar's `list.c` and `create.c`; POSIX's `pax`.

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
}

/// What extended headers say of the next member.
#[derive(Debug, Default)]
struct Extended {
    name: Option<BString>,
    target: Option<BString>,
    size: Option<usize>,
    time: Option<(i64, u32)>,
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
                b'x' => pax(content, &mut extended)?,
                b'g' => pax(content, &mut Extended::default())?,
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
                    }));
                }
            }
        }
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

/// Records of the form `LENGTH KEY=VALUE\n`.
fn pax(mut content: &[u8], extended: &mut Extended) -> Result<()> {
    let wrong = || "an extended header that is broken".to_owned();
    while !content.is_empty() {
        let blank = memchr::memchr(b' ', content).ok_or_else(wrong)?;
        let length = content
            .get(..blank)
            .and_then(|it| std::str::from_utf8(it).ok());
        let length: usize = length.and_then(|it| it.parse().ok()).ok_or_else(wrong)?;
        let record = content.get(blank + 1..length).ok_or_else(wrong)?;
        let record = record.strip_suffix(b"\n").ok_or_else(wrong)?;
        let equals = memchr::memchr(b'=', record).ok_or_else(wrong)?;
        let (key, value) = record.split_at(equals);
        let value = value.get(1..).unwrap_or_default();
        let shown = String::from_utf8_lossy(value).into_owned();
        match key {
            b"path" => extended.name = Some(value.into()),
            b"linkpath" => extended.target = Some(value.into()),
            b"size" => extended.size = Some(shown.parse().map_err(|_| wrong())?),
            b"mtime" => {
                let (whole, part) = shown.split_once('.').unwrap_or((&shown, ""));
                let digits: String = part.chars().chain("000000000".chars()).take(9).collect();
                let seconds = whole.parse().map_err(|_| wrong())?;
                extended.time = Some((seconds, digits.parse().map_err(|_| wrong())?));
            }
            b"atime" | b"ctime" | b"uid" | b"gid" | b"uname" | b"gname" | b"comment"
            | b"charset" | b"hdrcharset" => {}
            other => {
                let key = String::from_utf8_lossy(other).into_owned();
                return Err(format!("the extended header '{key}'"));
            }
        }
        content = content.get(length..).unwrap_or_default();
    }
    Ok(())
}

/// What a header is written from.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Written<'a> {
    pub name: &'a [u8],
    pub kind: u8,
    pub target: &'a [u8],
    pub mode: u32,
    pub owner: u32,
    pub group: u32,
    pub size: u64,
    pub time: i64,
}

fn octal(block: &mut [u8], from: usize, digits: usize, value: u64) {
    let text = format!("{value:0digits$o}");
    if let Some(field) = block.get_mut(from..from + digits) {
        field.copy_from_slice(text.as_bytes());
    }
}

/// Appends GNU's header, after those of long names.
pub fn write(written: &Written<'_>, out: &mut Vec<u8>) {
    for (kind, long) in [(b'K', written.target), (b'L', written.name)] {
        if long.len() > 100 {
            let header = Written {
                name: b"././@LongLink",
                kind,
                target: b"",
                mode: 0o644,
                owner: 0,
                group: 0,
                size: long.len() as u64 + 1,
                time: 0,
            };
            write_block(&header, out);
            out.extend_from_slice(long);
            out.push(0);
            out.resize(out.len().next_multiple_of(BLOCK), 0);
        }
    }
    write_block(written, out);
}

fn write_block(written: &Written<'_>, out: &mut Vec<u8>) {
    let mut block = [0u8; BLOCK];
    let name = written
        .name
        .get(..100.min(written.name.len()))
        .unwrap_or_default();
    let target = written
        .target
        .get(..100.min(written.target.len()))
        .unwrap_or_default();
    block[..name.len()].copy_from_slice(name);
    octal(&mut block, 100, 7, u64::from(written.mode));
    octal(&mut block, 108, 7, u64::from(written.owner));
    octal(&mut block, 116, 7, u64::from(written.group));
    octal(&mut block, 124, 11, written.size);
    octal(
        &mut block,
        136,
        11,
        u64::try_from(written.time).unwrap_or(0),
    );
    block[148..156].fill(b' ');
    block[156] = written.kind;
    block[157..157 + target.len()].copy_from_slice(target);
    block[257..265].copy_from_slice(b"ustar  \0");
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    octal(&mut block, 148, 6, sum);
    block[154] = 0;
    out.extend_from_slice(&block);
}
