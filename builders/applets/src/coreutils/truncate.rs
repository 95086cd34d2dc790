//! `truncate`.
//!
//! Counterpart: coreutils' `truncate.c`. `-o` (blocks) is refused.

use super::{Utility, number};
use crate::shared::options::{Spec, flag, parse, value};
use crate::shared::{fs, program, quote};
use bstr::BString;
use rustix::fs::OFlags;

pub const TRUNCATE: Utility = Utility {
    name: "truncate",
    spec: Spec {
        options: &[
            flag('c', "no-create"),
            value('r', "reference"),
            value('s', "size"),
        ],
        permute: true,
        usage: 1,
    },
    run,
};

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let (how, count) = match parsed.value('s') {
        None => (0, None),
        Some(text) => {
            let text = text.trim_ascii_start();
            let (how, rest) = match text.split_first() {
                Some((sign @ (b'+' | b'-' | b'<' | b'>' | b'/' | b'%'), rest)) => {
                    (*sign, rest.trim_ascii_start())
                }
                _ => (0, text),
            };
            let signed = matches!(rest, [b'+' | b'-', ..]);
            if signed && matches!(how, b'<' | b'>' | b'/' | b'%') {
                program::usage_error(1, &[b"multiple relative modifiers specified"]);
            }
            let most = i64::MAX as u64;
            let suffixes = b"EgGkKmMPtTYZ0";
            let count = number::option(rest, suffixes, 0, most, "Invalid number");
            if matches!(how, b'/' | b'%') && count == 0 {
                program::die(1, &[b"division by zero"]);
            }
            (how, Some(count))
        }
    };
    let reference = parsed.value('r');
    if reference.is_some() && count.is_some() && how == 0 {
        let text = b"you must specify a relative '--size' with '--reference'";
        program::usage_error(1, &[text]);
    }
    if reference.is_none() && count.is_none() {
        program::usage_error(1, &[b"you must specify either '--size' or '--reference'"]);
    }
    if parsed.operands.is_empty() {
        program::usage_error(1, &[b"missing file operand"]);
    }
    let base = reference.map(|path| match fs::stat(path) {
        Ok(meta) => meta.size,
        Err(errno) => program::die_errno(1, &[b"cannot stat ", &quote::always(path)], errno),
    });
    let mut status = 0;
    for path in &parsed.operands {
        let create = if parsed.has('c') {
            OFlags::empty()
        } else {
            OFlags::CREATE
        };
        let file = match fs::open_write(path, create | OFlags::NONBLOCK) {
            Ok(file) => file,
            Err(rustix::io::Errno::NOENT) if parsed.has('c') => continue,
            Err(errno) => {
                let shown = quote::always(path);
                program::complain_errno(&[b"cannot open ", &shown, b" for writing"], errno);
                status = 1;
                continue;
            }
        };
        let old = base
            .or_else(|| fs::fstat(&file).ok().map(|meta| meta.size))
            .unwrap_or(0);
        let count = count.unwrap_or(0);
        let new = match how {
            _ if parsed.value('s').is_none() => Some(old),
            b'+' => old.checked_add(count),
            b'-' => Some(old.saturating_sub(count)),
            b'<' => Some(old.min(count)),
            b'>' => Some(old.max(count)),
            b'/' => Some(old - old % count.max(1)),
            b'%' => old.checked_next_multiple_of(count.max(1)),
            _ => Some(count),
        };
        let Some(new) = new.filter(|it| i64::try_from(*it).is_ok()) else {
            program::refuse("a size beyond 63 bits");
        };
        if let Err(errno) = rustix::fs::ftruncate(&file, new) {
            let shown = quote::always(path);
            let bytes = format!(" at {new} bytes");
            program::complain_errno(&[b"failed to truncate ", &shown, bytes.as_bytes()], errno);
            status = 1;
        }
    }
    status
}
