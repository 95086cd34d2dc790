//! Unpacking an archive into the working directory.
//!
//! Counterpart: GNU tar's `extract.c`, for a user who is not root: modes lose what the mask takes,
//! and owners are those of the user.

use super::header::{Kind, Member, Members};
use super::{has_content, is_inside, next, put_name};
use crate::shared::options::Parsed;
use crate::shared::{errno, fs, io, program};
use bstr::{BString, ByteSlice};
use rustix::fs::OFlags;
use rustix::io::Errno;

/// Which members are asked for.
pub struct Chosen<'a> {
    names: &'a [BString],
    seen: Vec<bool>,
}

impl Chosen<'_> {
    /// Those with these names, and what is in them; all if there are none.
    pub fn new(names: &[BString]) -> Chosen<'_> {
        if names.iter().any(|it| it.find_byteset(b"*?[\\").is_some()) {
            program::refuse("a member's name with a pattern's characters");
        }
        Chosen {
            names,
            seen: vec![false; names.len()],
        }
    }

    /// Is this one of them?
    pub fn has(&mut self, name: &[u8]) -> bool {
        if self.names.is_empty() {
            return true;
        }
        let mut found = false;
        for (wanted, seen) in self.names.iter().zip(&mut self.seen) {
            let wanted = wanted.trim_end_with(|it| it == '/');
            let matches = match name.strip_prefix(wanted) {
                Some(rest) => rest.is_empty() || rest.starts_with(b"/"),
                None => false,
            };
            *seen |= matches;
            found |= matches;
        }
        found
    }

    /// All must have been there.
    pub fn finish(&self) {
        if self.seen.contains(&false) {
            program::refuse("a member that is not in the archive");
        }
    }
}

/// Unpacks.
pub fn run(parsed: &Parsed, archive: &[u8]) -> u8 {
    let strip = parsed.value('ŝ').map_or(0, |text| {
        match text.to_str().ok().and_then(|it| it.parse::<usize>().ok()) {
            Some(count) => count,
            None => program::refuse("--strip-components of no number"),
        }
    });
    let mask = if parsed.has('p') { 0 } else { fs::umask() };
    let mut members = Members::new(archive);
    let mut chosen = Chosen::new(&parsed.operands);
    let mut directories: Vec<(BString, Member)> = Vec::new();
    while let Some(member) = next(&mut members) {
        if !chosen.has(&member.name) {
            continue;
        }
        if !is_inside(&member.name) || member.kind == Kind::HardLink && !is_inside(&member.target) {
            program::refuse(&format!(
                "the member '{}' outside of the directory",
                member.name
            ));
        }
        if parsed.has('v') {
            put_name(&member.name);
        }
        let Some(path) = stripped(&member.name, strip) else {
            continue;
        };
        let target = match member.kind {
            Kind::HardLink => match stripped(&member.target, strip) {
                Some(target) => target,
                None => program::refuse("a hard link to what is left out"),
            },
            _ => member.target.clone(),
        };
        if let Err(number) = make(&member, &path, &target, archive, mask) {
            program::refuse(&format!("'{path}': {}", errno::text(number)));
        }
        if member.kind == Kind::Directory {
            directories.push((path, member));
        } else if member.kind != Kind::HardLink && !parsed.has('m') {
            let times = [None, Some(member.time)];
            if let Err(number) = fs::set_times(&path, times, member.kind != Kind::Link) {
                program::refuse(&format!("'{path}': {}", errno::text(number)));
            }
        }
    }
    chosen.finish();
    // Directories get their modes and times when nothing more is put into them.
    for (path, member) in directories.into_iter().rev() {
        let mut result = fs::chmod(&path, member.mode & !mask);
        if !parsed.has('m') {
            result = result.and_then(|()| fs::set_times(&path, [None, Some(member.time)], true));
        }
        if let Err(number) = result {
            program::refuse(&format!("'{path}': {}", errno::text(number)));
        }
    }
    0
}

/// The name without its first components; none if nothing is left.
fn stripped(name: &BString, strip: usize) -> Option<BString> {
    let trimmed = name.trim_end_with(|it| it == '/');
    if strip == 0 {
        return Some(if trimmed.is_empty() {
            ".".into()
        } else {
            trimmed.into()
        });
    }
    let mut rest = trimmed;
    for _ in 0..strip {
        let slash = rest.find_byte(b'/')?;
        rest = rest.get(slash + 1..)?.trim_start_with(|it| it == '/');
    }
    (!rest.is_empty()).then(|| rest.into())
}

/// Removes what is in the way, and makes the directories above.
fn clear_way(path: &BString) -> errno::Result<()> {
    match fs::lstat(path) {
        Ok(meta) if meta.is_dir() => Err(Errno::ISDIR),
        Ok(_) => fs::unlink(path),
        Err(Errno::NOENT) => above(path),
        Err(number) => Err(number),
    }
}

fn above(path: &BString) -> errno::Result<()> {
    for (at, _) in memchr::memchr_iter(b'/', path).map(|at| (at, ())) {
        let parent = path.get(..at).unwrap_or_default();
        if parent.is_empty() {
            continue;
        }
        match fs::lstat(parent) {
            // A link to a directory is not followed: what is in it would be elsewhere.
            Ok(meta) if meta.is_link() => {
                program::refuse("a member behind a symbolic link");
            }
            Ok(_) => {}
            Err(Errno::NOENT) => fs::mkdir(parent)?,
            Err(number) => return Err(number),
        }
    }
    Ok(())
}

fn make(
    member: &Member,
    path: &BString,
    target: &BString,
    archive: &[u8],
    mask: u32,
) -> errno::Result<()> {
    match member.kind {
        Kind::Directory => {
            above(path)?;
            match fs::lstat(path) {
                Ok(meta) if meta.is_dir() => Ok(()),
                Ok(_) => Err(Errno::EXIST),
                Err(_) => fs::mkdir(path),
            }
        }
        Kind::Link => {
            above(path)?;
            clear_way(path)?;
            fs::symlink(target, path)
        }
        Kind::HardLink => {
            above(path)?;
            above(target)?;
            clear_way(path)?;
            fs::link(target, path, false)
        }
        Kind::File => {
            above(path)?;
            clear_way(path)?;
            let file = fs::open_write(path, OFlags::CREATE | OFlags::EXCL)?;
            if has_content(member.kind) {
                let content = archive.get(member.content.clone()).unwrap_or_default();
                io::write_all(&file, content)?;
            }
            drop(file);
            fs::chmod(path, member.mode & !mask)
        }
    }
}
