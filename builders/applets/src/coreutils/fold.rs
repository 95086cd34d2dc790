//! `fold`.
//!
//! Counterpart: coreutils' `fold.c`.

use super::{Utility, lines, number};
use crate::shared::options::{Spec, flag, parse, value};
use crate::shared::{io, program, quote};
use bstr::{BString, ByteSlice};

pub const FOLD: Utility = Utility {
    name: "fold",
    spec: Spec {
        options: &[flag('b', "bytes"), flag('s', "spaces"), value('w', "width")],
        permute: true,
        usage: 1,
    },
    run,
};

fn run(spec: &Spec, mut words: Vec<BString>) -> u8 {
    // `-40` is `-w 40`.
    for word in words.iter_mut().take_while(|word| *word != "--") {
        if let Some(digits) = word.strip_prefix(b"-").filter(|it| !it.is_empty())
            && digits.iter().all(u8::is_ascii_digit)
        {
            *word = format!("-w{}", digits.as_bstr()).into();
        }
    }
    let parsed = parse(spec, words);
    let most = u64::from(u32::MAX);
    let width = parsed.value('w').map_or(80, |text| {
        let what = "invalid number of columns";
        number::option(text, b"", 1, u64::MAX - 9, what).min(most) as usize
    });
    let (bytes, spaces) = (parsed.has('b'), parsed.has('s'));
    let mut status = 0;
    for path in &lines::or_stdin(&parsed.operands) {
        match lines::read(path) {
            Ok(text) => fold(&text, width, bytes, spaces),
            Err(errno) => {
                program::complain_errno(&[&quote::maybe(path)], errno);
                status = 1;
            }
        }
    }
    status
}

fn adjust(column: usize, byte: u8, bytes: bool) -> usize {
    match byte {
        _ if bytes => column + 1,
        8 => column.saturating_sub(1),
        b'\r' => 0,
        b'\t' => column + 8 - column % 8,
        _ => column + 1,
    }
}

fn fold(text: &[u8], width: usize, bytes: bool, spaces: bool) {
    let mut line: Vec<u8> = Vec::new();
    let mut column = 0;
    for byte in text {
        if *byte == b'\n' {
            line.push(b'\n');
            io::put(&line);
            line.clear();
            column = 0;
            continue;
        }
        loop {
            column = adjust(column, *byte, bytes);
            if column <= width {
                line.push(*byte);
                break;
            }
            let blank = line.iter().rposition(|it| matches!(it, b' ' | b'\t'));
            if let Some(blank) = blank.filter(|_| spaces) {
                let rest = line.split_off(blank + 1);
                io::put(&line);
                io::put(b"\n");
                line = rest;
                column = line.iter().fold(0, |column, it| adjust(column, *it, bytes));
                continue;
            }
            if line.is_empty() {
                line.push(*byte);
                break;
            }
            line.push(b'\n');
            io::put(&line);
            line.clear();
            column = 0;
        }
    }
    io::put(&line);
}
