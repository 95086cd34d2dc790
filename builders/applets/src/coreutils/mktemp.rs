//! `mktemp`.
//!
//! Names are random as with GNU; in the sandbox they follow from the build's seed.

use super::Utility;
use crate::shared::options::{Spec, flag, maybe, parse, value};
use crate::shared::{fs, io, process, program, quote};
use bstr::BString;
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::hash::{BuildHasher, Hasher};

pub const MKTEMP: Utility = Utility {
    name: "mktemp",
    spec: Spec {
        options: &[
            flag('d', "directory"),
            maybe('ŧ', "tmpdir"),
            value('p', ""),
            flag('q', "quiet"),
            value('ş', "suffix"),
            flag('t', ""),
            flag('u', "dry-run"),
        ],
        permute: true,
        usage: 1,
    },
    run,
};

const LETTERS: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let quiet = parsed.has('q');
    if let Some(_extra) = parsed.operands.get(1) {
        program::usage_error(1, &[b"too many templates"]);
    }
    let die = |parts: &[&[u8]], errno: Option<Errno>| -> ! {
        match errno {
            _ if quiet && errno.is_some() => program::exit(1),
            Some(errno) => program::die_errno(1, parts, errno),
            None => program::die(1, parts),
        }
    };
    let given = parsed.operands.first();
    let mut template = given.cloned().unwrap_or_else(|| "tmp.XXXXXXXXXX".into());
    let explicit = parsed
        .options
        .iter()
        .rev()
        .find(|(key, _)| matches!(key, 'p' | 'ŧ'))
        .map(|it| it.1.clone());
    let in_tmp = parsed.has('t') || explicit.is_some() || given.is_none();
    let suffix = match parsed.value('ş') {
        Some(suffix) => {
            if template.last() != Some(&b'X') {
                let shown = quote::always(&template);
                die(
                    &[b"with --suffix, template ", &shown, b" must end in X"],
                    None,
                );
            }
            suffix.clone()
        }
        None => {
            let end = template
                .iter()
                .rposition(|byte| *byte == b'X')
                .map_or(template.len(), |at| at + 1);
            let suffix = template.split_off(end);
            BString::from(suffix)
        }
    };
    if suffix.contains(&b'/') {
        die(
            &[
                b"invalid suffix ",
                &quote::always(&suffix),
                b", contains directory separator",
            ],
            None,
        );
    }
    let count = template
        .iter()
        .rev()
        .take_while(|byte| **byte == b'X')
        .count();
    if count < 3 {
        let whole = [template.as_slice(), suffix.as_slice()].concat();
        let shown = quote::always(if parsed.has('ş') { &template } else { &whole });
        die(&[b"too few X's in template ", &shown], None);
    }
    if in_tmp {
        let environment = process::environment();
        let tmpdir = process::variable(&environment, "TMPDIR").filter(|it| !it.is_empty());
        let directory = if parsed.has('t') {
            if template.contains(&b'/') {
                let shown = quote::always(&template);
                die(
                    &[
                        b"invalid template, ",
                        &shown,
                        b", contains directory separator",
                    ],
                    None,
                );
            }
            tmpdir
                .or(explicit
                    .as_ref()
                    .and_then(|it| it.as_ref().map(|it| it.as_slice())))
                .unwrap_or(b"/tmp")
        } else {
            if template.first() == Some(&b'/') {
                let shown = quote::always(&template);
                die(
                    &[
                        b"invalid template, ",
                        &shown,
                        b"; with --tmpdir, it may not be absolute",
                    ],
                    None,
                );
            }
            let explicit = explicit
                .as_ref()
                .and_then(|it| it.as_ref().map(|it| it.as_slice()))
                .filter(|it| !it.is_empty());
            explicit.or(tmpdir).unwrap_or(b"/tmp")
        };
        template = fs::join(directory, &template);
    }
    let head = template.get(..template.len() - count).unwrap_or_default();
    let state = std::hash::RandomState::new();
    for attempt in 0..10_000u64 {
        let mut path = BString::from(head);
        for index in 0..count as u64 {
            let mut hasher = state.build_hasher();
            hasher.write_u64(attempt);
            hasher.write_u64(index);
            let at = (hasher.finish() % LETTERS.len() as u64) as usize;
            path.push(LETTERS.get(at).copied().unwrap_or(b'x'));
        }
        path.extend_from_slice(&suffix);
        let made = if parsed.has('u') {
            match fs::lstat(&path) {
                Ok(_) => Err(Errno::EXIST),
                Err(_) => Ok(()),
            }
        } else if parsed.has('d') {
            fs::mkdir(&path).and_then(|()| fs::chmod(&path, 0o700))
        } else {
            fs::open_write(&path, OFlags::CREATE | OFlags::EXCL)
                .and_then(|_| fs::chmod(&path, 0o600))
        };
        match made {
            Ok(()) => {
                io::put(&path);
                io::put(b"\n");
                return 0;
            }
            Err(Errno::EXIST) => {}
            Err(errno) => {
                let what: &[u8] = if parsed.has('d') {
                    b"directory"
                } else {
                    b"file"
                };
                let whole = [template.as_slice(), suffix.as_slice()].concat();
                die(
                    &[
                        b"failed to create ",
                        what,
                        b" via template ",
                        &quote::always(&whole),
                    ],
                    Some(errno),
                );
            }
        }
    }
    die(
        &[
            b"failed to create file via template ",
            &quote::always(&template),
        ],
        Some(Errno::EXIST),
    )
}
