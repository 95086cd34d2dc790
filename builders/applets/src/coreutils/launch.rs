//! Programs that start others: `timeout`, `nice` and `nohup`.
//!
//! Contract: in the sandbox no time passes while a program computes, so that a limit of time never
//! runs out; all programs are equally nice. There is no terminal, so that `nohup` redirects nothing.

use super::Utility;
use crate::shared::options::{Spec, flag, parse, value};
use crate::shared::{io, process, program, quote};
use bstr::{BString, ByteSlice};
use rustix::io::Errno;

pub const TIMEOUT: Utility = Utility {
    name: "timeout",
    spec: Spec {
        options: &[
            flag('f', "foreground"),
            value('k', "kill-after"),
            flag('ƥ', "preserve-status"),
            value('s', "signal"),
            flag('v', "verbose"),
        ],
        permute: false,
        usage: 125,
    },
    run: timeout,
};
pub const NICE: Utility = Utility {
    name: "nice",
    spec: Spec {
        options: &[value('n', "adjustment")],
        permute: false,
        usage: 125,
    },
    run: nice,
};

pub const NOHUP: Utility = Utility {
    name: "nohup",
    spec: Spec {
        options: &[],
        permute: false,
        usage: 125,
    },
    run: nohup,
};

fn nohup(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    if parsed.operands.is_empty() {
        program::usage_error(125, &[b"missing operand"]);
    }
    start(&parsed.operands)
}

/// Runs a command; the status is its own, 126 or 127.
fn start(command: &[BString]) -> u8 {
    io::flush_quietly();
    match process::run(command, &process::environment(), true) {
        Ok(ended) => ended.code,
        Err(errno) => {
            let name = command.first().cloned().unwrap_or_default();
            program::complain_errno(&[b"failed to run command ", &quote::always(&name)], errno);
            if errno == Errno::NOENT { 127 } else { 126 }
        }
    }
}

fn timeout(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let (limit, command) = match parsed.operands.as_slice() {
        [limit, command @ ..] if !command.is_empty() => (limit, command),
        _ => program::usage(125),
    };
    let is_time = |text: &BString| {
        let number = text.strip_suffix(b"s").or(text.strip_suffix(b"m"));
        let number = number
            .or(text.strip_suffix(b"h"))
            .or(text.strip_suffix(b"d"));
        let number = number.unwrap_or(text);
        let plain = |it: &u8| it.is_ascii_digit() || *it == b'.';
        number.iter().all(plain) && number.to_str().is_ok_and(|it| it.parse::<f64>().is_ok())
    };
    for text in [Some(limit), parsed.value('k')].into_iter().flatten() {
        if !is_time(text) {
            program::usage_error(125, &[b"invalid time interval ", &quote::locale(text)]);
        }
    }
    start(command)
}

fn nice(spec: &Spec, mut words: Vec<BString>) -> u8 {
    // `-5` and `--5` are `-n 5` and `-n -5`.
    if let Some(first) = words.first_mut()
        && let Some(digits) = first.strip_prefix(b"-")
        && matches!(digits, [b'0'..=b'9', ..] | [b'-' | b'+', b'0'..=b'9', ..])
    {
        *first = format!("-n{}", digits.as_bstr()).into();
    }
    let parsed = parse(spec, words);
    if let Some(text) = parsed.value('n') {
        let digits = text
            .strip_prefix(b"-")
            .or(text.strip_prefix(b"+"))
            .unwrap_or(text);
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            program::die(125, &[b"invalid adjustment ", &quote::locale(text)]);
        }
        if parsed.operands.is_empty() {
            program::usage_error(125, &[b"a command must be given with an adjustment"]);
        }
    }
    if parsed.operands.is_empty() {
        io::put(b"0\n");
        return 0;
    }
    match process::run(&parsed.operands, &process::environment(), true) {
        Ok(ended) => ended.code,
        Err(errno) => {
            let name = parsed.operands.first().cloned().unwrap_or_default();
            program::complain_errno(&[&quote::always(&name)], errno);
            if errno == Errno::NOENT { 127 } else { 126 }
        }
    }
}
