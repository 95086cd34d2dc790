//! `mv`.

use super::backup::Backup;
use super::target::{Target, decide};
use super::{Utility, cp, resolve};
use crate::shared::options::{Parsed, Spec, flag, maybe, parse, value};
use crate::shared::{fs, io, program, quote};
use bstr::BString;
use rustix::io::Errno;
use std::collections::BTreeSet;

pub const MV: Utility = Utility {
    name: "mv",
    spec: Spec {
        options: &[
            flag('b', ""),
            maybe('ß', "backup"),
            flag('f', "force"),
            flag('n', "no-clobber"),
            flag('š', "strip-trailing-slashes"),
            value('S', "suffix"),
            value('t', "target-directory"),
            flag('T', "no-target-directory"),
            flag('u', "update"),
            flag('v', "verbose"),
        ],
        permute: true,
        usage: 1,
    },
    run,
};

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let mut parsed = parse(spec, words);
    if parsed.has('š') {
        for operand in &mut parsed.operands {
            *operand = fs::trim_slashes(operand).into();
        }
    }
    let backup = Backup::new(&parsed);
    cp::no_clobber(&parsed, backup.is_some());
    let mut made = BTreeSet::new();
    let mut good = true;
    match decide(&parsed, false) {
        Target::Name(from, to) => good = shift(&parsed, backup.as_ref(), &from, &to, &mut made),
        Target::Directory(directory, sources) => {
            for from in &sources {
                let to = fs::join(&directory, fs::base_name(from));
                good &= shift(&parsed, backup.as_ref(), from, &to, &mut made);
            }
        }
    }
    u8::from(!good)
}

fn shift(
    parsed: &Parsed,
    backup: Option<&Backup>,
    from: &BString,
    to: &BString,
    made: &mut BTreeSet<BString>,
) -> bool {
    let mut aside = None;
    let (shown_from, shown_to) = (quote::always(from), quote::always(to));
    let meta = match fs::lstat(from) {
        Ok(meta) => meta,
        Err(errno) => {
            program::complain_errno(&[b"cannot stat ", &shown_from], errno);
            return false;
        }
    };
    if from.last() == Some(&b'/') && !meta.is_dir() {
        let errno = Errno::NOTDIR;
        program::complain_errno(&[b"cannot stat ", &shown_from], errno);
        return false;
    }
    if let Ok(there) = fs::lstat(to) {
        if parsed.last_of(&['f', 'n']) == Some('n') {
            return true;
        }
        if there.same_file(&meta) {
            if backup.is_some() {
                program::refuse("a backup of a file that is moved to itself");
            }
            let one_entry = match (fs::stat(fs::dir_name(from)), fs::stat(fs::dir_name(to))) {
                (Ok(a), Ok(b)) => a.same_file(&b) && fs::base_name(from) == fs::base_name(to),
                _ => true,
            };
            if one_entry || meta.is_dir() {
                program::complain(&[&shown_from, b" and ", &shown_to, b" are the same file"]);
                return false;
            }
            // Two hard links: the source goes.
            return finish(parsed, fs::unlink(from), &shown_from, &shown_to, None);
        }
        if parsed.has('u') && !meta.is_dir() && there.times[1] >= meta.times[1] {
            return true;
        }
        if !meta.is_dir() && there.is_dir() && backup.is_none() {
            program::complain(&[
                b"cannot overwrite directory ",
                &shown_to,
                b" with non-directory",
            ]);
            return false;
        }
        if meta.is_dir() && !there.is_dir() && backup.is_none() {
            program::complain(&[
                b"cannot overwrite non-directory ",
                &shown_to,
                b" with directory ",
                &shown_from,
            ]);
            return false;
        }
        let numbered = backup.is_some_and(Backup::is_numbered);
        if !meta.is_dir() && made.contains(to) && !numbered {
            program::complain(&[
                b"will not overwrite just-created ",
                &shown_to,
                b" with ",
                &shown_from,
            ]);
            return false;
        }
        if let Some(backup) = backup {
            if meta.is_dir() && inside(from, to) {
                program::refuse("a backup of what lies in the directory that is moved");
            }
            if fs::stat(&backup.name(to)).is_ok_and(|it| it.same_file(&meta)) {
                program::complain(&[
                    b"backing up ",
                    &shown_to,
                    b" might destroy source;  ",
                    &shown_from,
                    b" not moved",
                ]);
                return false;
            }
            match backup.put_aside(to) {
                Ok(name) => aside = name,
                Err(errno) => {
                    program::complain_errno(&[b"cannot backup ", &shown_to], errno);
                    return false;
                }
            }
        }
    }
    if meta.is_dir() && inside(from, to) {
        program::complain(&[
            b"cannot move ",
            &shown_from,
            b" to a subdirectory of itself, ",
            &shown_to,
        ]);
        return false;
    }
    let result = fs::rename(from, to);
    if result == Err(Errno::XDEV) {
        program::refuse("moving across file systems");
    }
    if result.is_ok() {
        made.insert(to.clone());
    }
    finish(parsed, result, &shown_from, &shown_to, aside)
}

fn finish(
    parsed: &Parsed,
    result: Result<(), Errno>,
    from: &[u8],
    to: &[u8],
    aside: Option<BString>,
) -> bool {
    match result {
        Ok(()) => {
            if parsed.has('v') {
                for part in [b"renamed ".as_slice(), from, b" -> ", to] {
                    io::put(part);
                }
                if let Some(aside) = aside {
                    io::put(format!(" (backup: {})", quote::always(&aside)).as_bytes());
                }
                io::put(b"\n");
            }
            true
        }
        Err(errno) => {
            program::complain_errno(&[b"cannot move ", from, b" to ", to], errno);
            false
        }
    }
}

/// Is the place `to` below the directory `from`?
fn inside(from: &[u8], to: &[u8]) -> bool {
    let all = resolve::Missing::Last;
    match (
        resolve::resolve(from, all),
        resolve::resolve(fs::dir_name(to), all),
    ) {
        (Ok(from), Ok(to)) => {
            to == from
                || to
                    .strip_prefix(from.as_slice())
                    .is_some_and(|rest| rest.first() == Some(&b'/'))
        }
        _ => false,
    }
}
