//! `mv`.

use super::target::{Target, decide};
use super::{Utility, resolve};
use crate::shared::options::{Parsed, Spec, flag, parse, value};
use crate::shared::{fs, io, program, quote};
use bstr::BString;
use rustix::io::Errno;
use std::collections::BTreeSet;

pub const MV: Utility = Utility {
    name: "mv",
    spec: Spec {
        options: &[
            flag('f', "force"),
            flag('n', "no-clobber"),
            flag('š', "strip-trailing-slashes"),
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
    let mut made = BTreeSet::new();
    let mut good = true;
    match decide(&parsed, false) {
        Target::Name(from, to) => good = shift(&parsed, &from, &to, &mut made),
        Target::Directory(directory, sources) => {
            for from in &sources {
                let to = fs::join(&directory, fs::base_name(from));
                good &= shift(&parsed, from, &to, &mut made);
            }
        }
    }
    u8::from(!good)
}

fn shift(parsed: &Parsed, from: &BString, to: &BString, made: &mut BTreeSet<BString>) -> bool {
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
            let one_entry = match (fs::stat(fs::dir_name(from)), fs::stat(fs::dir_name(to))) {
                (Ok(a), Ok(b)) => a.same_file(&b) && fs::base_name(from) == fs::base_name(to),
                _ => true,
            };
            if one_entry || meta.is_dir() {
                program::complain(&[&shown_from, b" and ", &shown_to, b" are the same file"]);
                return false;
            }
            // Two hard links: the source goes.
            return finish(parsed, fs::unlink(from), &shown_from, &shown_to);
        }
        if parsed.has('u') && !meta.is_dir() && there.times[1] >= meta.times[1] {
            return true;
        }
        if !meta.is_dir() && there.is_dir() {
            program::complain(&[
                b"cannot overwrite directory ",
                &shown_to,
                b" with non-directory",
            ]);
            return false;
        }
        if meta.is_dir() && !there.is_dir() {
            program::complain(&[
                b"cannot overwrite non-directory ",
                &shown_to,
                b" with directory ",
                &shown_from,
            ]);
            return false;
        }
        if !meta.is_dir() && made.contains(to) {
            program::complain(&[
                b"will not overwrite just-created ",
                &shown_to,
                b" with ",
                &shown_from,
            ]);
            return false;
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
    finish(parsed, result, &shown_from, &shown_to)
}

fn finish(parsed: &Parsed, result: Result<(), Errno>, from: &[u8], to: &[u8]) -> bool {
    match result {
        Ok(()) => {
            if parsed.has('v') {
                for part in [b"renamed ".as_slice(), from, b" -> ", to, b"\n"] {
                    io::put(part);
                }
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
