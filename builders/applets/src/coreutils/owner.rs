//! Owners, and modes as letters: `ls -l`, `stat`, `id`.
//!
//! Counterpart: gnulib's `filemode.c` and `idcache.c`. Names come from /etc/passwd and /etc/group.

use crate::shared::errno::{Result, from_io};
use crate::shared::fs::{self, Kind, Meta};
use bstr::{BString, ByteSlice};

/// User and group of a path.
pub fn of(path: &[u8], follow: bool) -> Result<(u32, u32)> {
    wasibuild_guest::host::path_owner(path, follow).map_err(|error| from_io(&error))
}

/// The name of a number in a file such as /etc/passwd.
fn name(file: &[u8], number: u32) -> Option<BString> {
    let text = super::lines::read(file).ok()?;
    let number = number.to_string();
    text.lines().find_map(|line| {
        let mut fields = line.split(|byte| *byte == b':');
        let name = fields.next()?;
        (fields.nth(1)? == number.as_bytes()).then(|| name.into())
    })
}

/// The number of a name in a file such as /etc/passwd.
pub fn number(file: &[u8], name: &[u8]) -> Option<u32> {
    let text = super::lines::read(file).ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(|byte| *byte == b':');
        let found = fields.next()? == name;
        let number = fields.nth(1)?;
        found.then(|| number.to_str().ok()?.parse().ok()).flatten()
    })
}

/// The group that a user of /etc/passwd begins with.
pub fn login_group(user: &[u8]) -> Option<u32> {
    let text = super::lines::read(b"/etc/passwd").ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(|byte| *byte == b':');
        let found = fields.next()? == user;
        let group = fields.nth(2)?;
        found.then(|| group.to_str().ok()?.parse().ok()).flatten()
    })
}

/// The name of a user.
pub fn user(number: u32) -> Option<BString> {
    name(b"/etc/passwd", number)
}

/// The name of a group.
pub fn group(number: u32) -> Option<BString> {
    name(b"/etc/group", number)
}

/// Such as `drwxr-xr-x`.
pub fn mode_text(meta: &Meta) -> String {
    let mut text = String::from(match meta.kind {
        Kind::File => "-",
        Kind::Directory => "d",
        Kind::Link => "l",
        Kind::Character => "c",
        Kind::Block => "b",
        Kind::Fifo => "p",
        Kind::Socket => "s",
    });
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = meta.mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (meta.mode & special != 0, bits & 1 != 0) {
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}

/// The mode as `st_mode` has it, with the bits of the kind.
pub fn raw_mode(meta: &Meta) -> u32 {
    let kind = match meta.kind {
        Kind::File => 0o100_000,
        Kind::Directory => 0o040_000,
        Kind::Link => 0o120_000,
        Kind::Character => 0o020_000,
        Kind::Block => 0o060_000,
        Kind::Fifo => 0o010_000,
        Kind::Socket => 0o140_000,
    };
    kind | meta.mode
}

/// How many links there are; of a directory as ext4 counts: its name, `.`, and each `..`.
pub fn links(path: &[u8], meta: &Meta) -> u64 {
    if !meta.is_dir() {
        return meta.links;
    }
    let names = fs::list(path).unwrap_or_default();
    let inner = names
        .iter()
        .filter(|name| fs::lstat(&fs::join(path, name)).is_ok_and(|it| it.is_dir()));
    2 + inner.count() as u64
}

/// Kibibytes on a disk, as ext4 with blocks of 4 KiB has it.
pub fn kibibytes(meta: &Meta) -> u64 {
    match meta.kind {
        Kind::File => meta.size.div_ceil(4096) * 4,
        Kind::Directory => 4,
        // Short targets stand in the inode.
        Kind::Link if meta.size >= 60 => 4,
        _ => 0,
    }
}

/// `1.5K`, rounded up, with powers of `base`.
pub fn human(value: u64, base: u64) -> String {
    let (mut amount, mut tenths, mut rest, mut power) = (value, 0, false, 0usize);
    while amount >= base && power < 8 {
        let r10 = (amount % base) * 10 + tenths;
        rest |= !r10.is_multiple_of(base);
        tenths = r10 / base;
        amount /= base;
        power += 1;
    }
    let mut point = None;
    if power > 0 && amount < 10 {
        if rest {
            tenths += 1;
            rest = false;
        }
        if tenths == 10 {
            (amount, tenths) = (amount + 1, 0);
        }
        if amount < 10 {
            point = Some(tenths);
            tenths = 0;
        }
    }
    if tenths > 0 || rest {
        amount += 1;
        if amount == base && power < 8 {
            (amount, point, power) = (1, Some(0), power + 1);
        }
    }
    let units = if base == 1024 { "KMGTPEZY" } else { "kMGTPEZY" };
    let unit = power.checked_sub(1).and_then(|at| units.chars().nth(at));
    let point = point.map(|it| format!(".{it}")).unwrap_or_default();
    let unit = unit.map(String::from).unwrap_or_default();
    format!("{amount}{point}{unit}")
}
