//! Programs that start others: `timeout`, `nice`, `nohup` and `stdbuf`.
//!
//! Contract: in the sandbox no time passes while a program computes, so that a limit of time never
//! runs out; all programs are equally nice. There is no terminal, so that `nohup` redirects nothing.
//! Applets buffer as they do: of `stdbuf` only its variables without `LD_PRELOAD` are left.

use super::{Utility, number};
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

pub const STDBUF: Utility = Utility {
    name: "stdbuf",
    spec: Spec {
        options: &[
            value('e', "error"),
            value('i', "input"),
            value('o', "output"),
        ],
        permute: false,
        usage: 125,
    },
    run: stdbuf,
};

fn stdbuf(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let mut modes: [Option<BString>; 3] = [None, None, None];
    for (key, text) in &parsed.options {
        let text = text.clone().unwrap_or_default();
        let text = BString::from(text.trim_ascii_start());
        let size = match text.as_slice() {
            b"L" if *key == 'i' => {
                program::usage_error(125, &[b"line buffering stdin is meaningless"])
            }
            b"L" => text.clone(),
            _ => match number::size(&text, b"EGkKMPTYZ0") {
                Ok(size) => size.to_string().into(),
                Err(bad) => {
                    let end: &[u8] = match bad {
                        number::Bad::Overflow => b": Value too large for defined data type",
                        _ => b"",
                    };
                    program::die(125, &[b"invalid mode ", &quote::locale(&text), end])
                }
            },
        };
        let at = "ioe".chars().position(|it| it == *key).unwrap_or(0);
        if let Some(mode) = modes.get_mut(at) {
            *mode = Some(size);
        }
    }
    if parsed.operands.is_empty() {
        program::usage_error(125, &[b"missing operand"]);
    }
    if parsed.options.is_empty() {
        program::usage_error(125, &[b"you must specify a buffering mode option"]);
    }
    let mut environment = process::environment();
    for (mode, letter) in modes.iter().zip("IOE".chars()) {
        if let Some(mode) = mode {
            let start = format!("_STDBUF_{letter}=");
            environment.retain(|it| !it.starts_with(start.as_bytes()));
            environment.push(format!("{start}{mode}").into());
        }
    }
    start_in(&parsed.operands, &environment)
}

fn nohup(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    if parsed.operands.is_empty() {
        program::usage_error(125, &[b"missing operand"]);
    }
    start(&parsed.operands)
}

/// Runs a command; the status is its own, 126 or 127.
fn start(command: &[BString]) -> u8 {
    start_in(command, &process::environment())
}

fn start_in(command: &[BString], environment: &[BString]) -> u8 {
    io::flush_quietly();
    match process::run(command, environment, true) {
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
