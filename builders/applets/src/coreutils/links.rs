//! `readlink` and `realpath`.

use super::Utility;
use super::resolve::{Missing, relative, resolve, resolve_with};
use crate::shared::options::{Spec, flag, parse, value};
use crate::shared::{fs, io, program, quote};
use bstr::BString;
use rustix::io::Errno;

pub const READLINK: Utility = Utility {
    name: "readlink",
    spec: Spec {
        options: &[
            flag('f', "canonicalize"),
            flag('e', "canonicalize-existing"),
            flag('m', "canonicalize-missing"),
            flag('n', "no-newline"),
            flag('q', "quiet"),
            flag('s', "silent"),
            flag('v', "verbose"),
            flag('z', "zero"),
        ],
        permute: true,
        usage: 1,
    },
    run: readlink,
};

pub const REALPATH: Utility = Utility {
    name: "realpath",
    spec: Spec {
        options: &[
            flag('e', "canonicalize-existing"),
            flag('m', "canonicalize-missing"),
            flag('P', "physical"),
            flag('q', "quiet"),
            value('ƀ', "relative-base"),
            value('ŧ', "relative-to"),
            flag('s', "no-symlinks"),
            flag('ß', "strip"),
            flag('z', "zero"),
        ],
        permute: true,
        usage: 1,
    },
    run: realpath,
};

fn readlink(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    if parsed.operands.is_empty() {
        program::usage_error(1, &[b"missing operand"]);
    }
    let verbose = parsed.last_of(&['q', 's', 'v']) == Some('v');
    let no_newline = parsed.has('n') && parsed.operands.len() == 1;
    if parsed.has('n') && !no_newline {
        program::complain(&[b"ignoring --no-newline with multiple arguments"]);
    }
    let end: &[u8] = match (no_newline, parsed.has('z')) {
        (true, _) => b"",
        (_, true) => b"\0",
        _ => b"\n",
    };
    let mut status = 0;
    for path in &parsed.operands {
        let found = match parsed.last_of(&['f', 'e', 'm']) {
            Some('f') => resolve(path, Missing::Last),
            Some('e') => resolve(path, Missing::None),
            Some(_) => resolve(path, Missing::Any),
            None => fs::readlink(path),
        };
        match found {
            Ok(found) => {
                io::put(&found);
                io::put(end);
            }
            Err(errno) => {
                status = 1;
                if verbose {
                    program::complain_errno(&[&quote::maybe(path)], errno);
                }
            }
        }
    }
    status
}

fn realpath(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    if parsed.operands.is_empty() {
        program::usage_error(1, &[b"missing operand"]);
    }
    let missing = match parsed.last_of(&['e', 'm']) {
        Some('e') => Missing::None,
        Some(_) => Missing::Any,
        None => Missing::Last,
    };
    let links = !matches!(parsed.last_of(&['s', 'ß', 'P']), Some('s' | 'ß'));
    let find = |path: &[u8]| -> Result<BString, Errno> {
        let found = resolve_with(path, if links { missing } else { Missing::Any }, links)?;
        // Without following links only their existence is asked for.
        if !links && missing == Missing::None {
            fs::stat(path)?;
        }
        if !links && missing == Missing::Last {
            match fs::stat(path) {
                Err(Errno::NOENT) if fs::stat(fs::dir_name(&found)).is_ok() => {}
                other => _ = other?,
            }
        }
        Ok(found)
    };
    let directory = |path: &BString| match find(path) {
        Ok(found) if missing == Missing::None && !fs::stat(&found).is_ok_and(|it| it.is_dir()) => {
            program::die_errno(1, &[&quote::maybe(path)], Errno::NOTDIR)
        }
        Ok(found) => found,
        Err(errno) => program::die_errno(1, &[&quote::maybe(path)], errno),
    };
    let within = |path: &[u8], base: &[u8]| match path.strip_prefix(base) {
        Some(rest) => rest.is_empty() || base == b"/" || rest.starts_with(b"/"),
        None => false,
    };
    let outer = parsed.value('ƀ').map(directory);
    let mut base = parsed.value('ŧ').map(directory).or_else(|| outer.clone());
    // What is not below the base stays absolute, also if that is where to look from.
    if let (Some(outer), Some(to)) = (&outer, &base)
        && !within(to, outer)
    {
        base = None;
    }
    let base_of = |found: &[u8]| {
        let below = outer.as_ref().is_none_or(|outer| within(found, outer));
        base.as_ref().filter(|_| below)
    };
    let end: &[u8] = if parsed.has('z') { b"\0" } else { b"\n" };
    let mut status = 0;
    for path in &parsed.operands {
        match find(path) {
            Ok(found) => {
                match base_of(&found) {
                    Some(base) => io::put(&relative(&found, base)),
                    None => io::put(&found),
                }
                io::put(end);
            }
            Err(errno) => {
                status = 1;
                if !parsed.has('q') {
                    program::complain_errno(&[&quote::maybe(path)], errno);
                }
            }
        }
    }
    status
}
