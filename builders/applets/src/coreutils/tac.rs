//! `tac`, and `yes`.
//!
//! Counterpart: coreutils' `tac.c`, which looks for separators from the end backwards. Regular
//! expressions (`-r`) are refused.

use super::{Utility, lines};
use crate::shared::options::{Spec, flag, parse, value};
use crate::shared::{io, program, quote};
use bstr::{BString, ByteSlice};

pub const TAC: Utility = Utility {
    name: "tac",
    spec: Spec {
        options: &[flag('b', "before"), value('s', "separator")],
        permute: true,
        usage: 1,
    },
    run: tac,
};
pub const YES: Utility = Utility {
    name: "yes",
    spec: Spec {
        options: &[],
        permute: true,
        usage: 1,
    },
    run: yes,
};

fn tac(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let separator: &[u8] = match parsed.value('s') {
        Some(text) if text.is_empty() => b"\0",
        Some(text) => text,
        None => b"\n",
    };
    let mut status = 0;
    for path in &lines::or_stdin(&parsed.operands) {
        match lines::open(path) {
            Ok(source) => match source.read_to_end() {
                Ok(text) => put(&text, separator, parsed.has('b')),
                Err(errno) => {
                    program::complain_errno(&[&quote::maybe(path), b": read error"], errno);
                    status = 1;
                }
            },
            Err(rustix::io::Errno::ISDIR) => {
                // GNU seeks first, which a directory does not allow.
                program::complain_errno(
                    &[&quote::maybe(path), b": read error"],
                    rustix::io::Errno::INVAL,
                );
                status = 1;
            }
            Err(errno) => {
                program::complain_errno(
                    &[b"failed to open ", &quote::always(path), b" for reading"],
                    errno,
                );
                status = 1;
            }
        }
    }
    status
}

/// The records from the last to the first; separators belong to what is before or behind them.
fn put(text: &[u8], separator: &[u8], before: bool) {
    let (mut end, mut search) = (text.len(), text.len());
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    while let Some(at) = part(0, search).rfind(separator) {
        let border = if before { at } else { at + separator.len() };
        io::put(part(border, end));
        (end, search) = (border, at);
    }
    io::put(part(0, end));
}

/// Until nobody reads: the write fails, or `SIGPIPE` ends the process.
fn yes(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let mut line = if parsed.operands.is_empty() {
        b"y".to_vec()
    } else {
        bstr::join(" ", &parsed.operands)
    };
    line.push(b'\n');
    let block = line.repeat((16 * 1024 / line.len()).max(1));
    while !io::failed() {
        io::put(&block);
        io::flush_quietly();
    }
    1
}
