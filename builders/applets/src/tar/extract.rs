//! Unpacking an archive into the working directory.
//!
//! Counterpart: GNU tar's `extract.c`, for a user who is not root: modes lose what the mask takes,
//! and owners are those of the user.

use super::chosen::Chosen;
use super::exclude::Excluded;
use super::header::{Kind, Member, Members};
use super::names::Safer;
use super::quoting::escaped;
use super::transform::Role;
use super::verbose::Lister;
use super::{has_content, next, transform_target, transforms};
use crate::shared::options::Parsed;
use crate::shared::{errno, fs, io, program};
use bstr::{BString, ByteSlice};
use rustix::fs::OFlags;
use rustix::io::Errno;

/// Unpacks.
pub fn run(parsed: &Parsed, archive: &[u8], mut lister: Lister) -> u8 {
    let strip = parsed.value('ŝ').map_or(0, |text| {
        match text.to_str().ok().and_then(|it| it.parse::<usize>().ok()) {
            Some(count) => count,
            None => program::refuse("--strip-components of no number"),
        }
    });
    let mask = if parsed.has('p') || parsed.has('ᵽ') {
        0
    } else {
        fs::umask()
    };
    let mut members = Members::new(archive);
    let mut chosen = Chosen::new(parsed);
    let excluded = Excluded::new(parsed);
    let mut transform = transforms(parsed);
    let mut safer = Safer::default();
    let mut directories: Vec<(BString, Member)> = Vec::new();
    let mut failed = false;
    while let Some(mut member) = next(&mut members) {
        let plain = fs::trim_slashes(&member.name);
        if !chosen.has(plain) || excluded.has(plain) {
            continue;
        }
        for name in [&member.name, &member.target] {
            let counts = name == &member.name || member.kind == Kind::HardLink;
            if counts && name.split_str("/").any(|part| part == b"..") {
                program::refuse(&format!("the member '{name}' outside of the directory"));
            }
        }
        let changed = transform.apply(fs::trim_slashes(&member.name), Role::Member);
        transform_target(&mut member, &mut transform);
        let shown = if parsed.has('ŧ') {
            let mut shown = stripped(&changed, strip).unwrap_or_default();
            if member.kind == Kind::Directory {
                shown.push(b'/');
            }
            shown
        } else {
            member.name.clone()
        };
        let Some(path) = stripped(&changed, strip) else {
            continue;
        };
        lister.tell(&shown, &member);
        if parsed.has('O') {
            if member.kind == Kind::File {
                io::put(archive.get(member.content.clone()).unwrap_or_default());
            }
            continue;
        }
        let path: BString = safer.suffix(&path, false).into();
        let target = match member.kind {
            Kind::HardLink => match stripped(&member.target, strip) {
                Some(target) => safer.suffix(&target, true).into(),
                None => program::refuse("a hard link to what is left out"),
            },
            _ => member.target.clone(),
        };
        let there = fs::lstat(&path).is_ok();
        let keeps = parsed.has('k') && member.kind == Kind::Directory;
        if there && (parsed.has('κ') || keeps) {
            continue;
        }
        if there && parsed.has('k') {
            program::complain(&[&escaped(&path), b": Cannot open: File exists"]);
            if member.kind != Kind::File {
                program::refuse("-k with a link that is there already");
            }
            failed = true;
            continue;
        }
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
    super::ending(chosen.finish() || failed)
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
