//! `uniq`.

use super::{Utility, lines};
use crate::shared::io::{Records, write_all};
use crate::shared::options::{Parsed, Spec, flag, parse, value};
use crate::shared::{fs, io, program, quote};
use bstr::{BString, ByteSlice};
use rustix::fs::OFlags;

pub const UNIQ: Utility = Utility {
    name: "uniq",
    spec: Spec {
        options: &[
            flag('c', "count"),
            flag('d', "repeated"),
            flag('D', ""),
            value('f', "skip-fields"),
            flag('i', "ignore-case"),
            value('s', "skip-chars"),
            flag('u', "unique"),
            value('w', "check-chars"),
            flag('z', "zero-terminated"),
        ],
        permute: true,
        usage: 1,
    },
    run,
};

fn number(parsed: &Parsed, key: char, what: &str) -> Option<usize> {
    parsed.value(key).map(|text| {
        let plain = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
        match text.to_str().ok().filter(|_| plain) {
            Some(digits) => digits.parse().unwrap_or(usize::MAX),
            None => program::die(1, &[text, b": invalid number of ", what.as_bytes()]),
        }
    })
}

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    if let Some(extra) = parsed.operands.get(2) {
        program::usage_error(1, &[b"extra operand ", &quote::locale(extra)]);
    }
    if parsed.has('D') && parsed.has('c') {
        program::usage_error(
            1,
            &[b"printing all duplicated lines and repeat counts is meaningless"],
        );
    }
    let fields = number(&parsed, 'f', "fields to skip").unwrap_or(0);
    let skip = number(&parsed, 's', "bytes to skip").unwrap_or(0);
    let most = number(&parsed, 'w', "bytes to compare").unwrap_or(usize::MAX);
    let end = if parsed.has('z') { 0 } else { b'\n' };
    let input = parsed
        .operands
        .first()
        .cloned()
        .unwrap_or_else(|| "-".into());
    let source = match lines::open(&input) {
        Ok(source) => source,
        Err(rustix::io::Errno::ISDIR) => {
            program::die(1, &[b"error reading ", &quote::always(&input)])
        }
        Err(errno) => program::die_errno(1, &[&quote::maybe(&input)], errno),
    };
    let output =
        parsed
            .operands
            .get(1)
            .filter(|path| *path != "-")
            .map(
                |path| match fs::open_write(path, OFlags::CREATE | OFlags::TRUNC) {
                    Ok(file) => file,
                    Err(errno) => program::die_errno(1, &[&quote::maybe(path)], errno),
                },
            );
    let mut out = Vec::new();
    let key = |line: &[u8]| -> Vec<u8> {
        let mut rest = line;
        for _ in 0..fields {
            let blank = rest
                .iter()
                .take_while(|it| matches!(it, b' ' | b'\t'))
                .count();
            let after = rest.get(blank..).unwrap_or_default();
            let word = after
                .iter()
                .take_while(|it| !matches!(it, b' ' | b'\t'))
                .count();
            rest = after.get(word..).unwrap_or_default();
        }
        let rest = rest.get(skip.min(rest.len())..).unwrap_or_default();
        let rest = rest.get(..most.min(rest.len())).unwrap_or_default();
        if parsed.has('i') {
            rest.to_ascii_lowercase()
        } else {
            rest.to_vec()
        }
    };
    let all = parsed.has('D');
    let (repeated, unique) = (parsed.has('d') || all, parsed.has('u'));
    let mut group: Vec<Vec<u8>> = Vec::new();
    let mut count = 0u64;
    let mut last_key = Vec::new();
    let emit = |group: &[Vec<u8>], count: u64, out: &mut Vec<u8>| {
        let shown = if count > 1 { !unique } else { !repeated };
        if count == 0 || !shown {
            return;
        }
        for line in group {
            if parsed.has('c') {
                out.extend_from_slice(format!("{count:7} ").as_bytes());
            }
            out.extend_from_slice(line);
            out.push(end);
        }
        if out.len() > 1 << 16 {
            flush(output.as_ref(), out);
        }
    };
    let mut records = Records::new(source, end);
    let mut record = Vec::new();
    loop {
        match records.next(&mut record) {
            Ok(false) => break,
            Err(_) => program::die(1, &[b"error reading ", &quote::always(&input)]),
            Ok(true) => {}
        }
        let line = record.strip_suffix(&[end]).unwrap_or(&record);
        let this = key(line);
        if count > 0 && this == last_key {
            count += 1;
            if all {
                group.push(line.to_vec());
            }
        } else {
            emit(&group, count, &mut out);
            group = vec![line.to_vec()];
            count = 1;
            last_key = this;
        }
    }
    emit(&group, count, &mut out);
    flush(output.as_ref(), &mut out);
    0
}

fn flush(output: Option<&rustix::fd::OwnedFd>, out: &mut Vec<u8>) {
    match output {
        None => io::put(out),
        Some(file) => {
            if let Err(errno) = write_all(file, out) {
                program::die_errno(1, &[b"write error"], errno);
            }
        }
    }
    out.clear();
}
