//! The smallest: `true`, `false`, `echo`, `pwd`, `link`, `unlink`, `sleep`, `sync`.

use super::{Utility, resolve};
use crate::shared::options::{Spec, flag, parse};
use crate::shared::{fs, io, program, quote};
use bstr::{BString, ByteSlice};

const NONE: Spec = Spec {
    options: &[],
    permute: true,
    usage: 1,
};

pub const TRUE: Utility = Utility {
    name: "true",
    spec: NONE,
    run: |_, words| constant(&words, 0),
};
pub const FALSE: Utility = Utility {
    name: "false",
    spec: NONE,
    run: |_, words| constant(&words, 1),
};
pub const ECHO: Utility = Utility {
    name: "echo",
    spec: Spec {
        options: &[flag('n', ""), flag('e', ""), flag('E', "")],
        ..NONE
    },
    run: echo,
};
pub const PWD: Utility = Utility {
    name: "pwd",
    spec: Spec {
        options: &[flag('P', "physical")],
        ..NONE
    },
    run: pwd,
};
pub const LINK: Utility = Utility {
    name: "link",
    spec: NONE,
    run: link,
};
pub const UNLINK: Utility = Utility {
    name: "unlink",
    spec: NONE,
    run: unlink,
};
pub const SLEEP: Utility = Utility {
    name: "sleep",
    spec: NONE,
    run: sleep,
};
pub const SYNC: Utility = Utility {
    name: "sync",
    spec: NONE,
    run: |_, _| 0,
};

fn constant(words: &[BString], status: u8) -> u8 {
    if let [only] = words
        && (*only == "--help" || *only == "--version")
    {
        program::refuse(&format!("the option '{only}' is beyond this applet"));
    }
    status
}

fn echo(_: &Spec, words: Vec<BString>) -> u8 {
    if let [only] = words.as_slice()
        && (*only == "--help" || *only == "--version")
    {
        program::refuse(&format!("the option '{only}' is beyond this applet"));
    }
    let mut words = words.as_slice();
    let (mut newline, mut escapes) = (true, false);
    while let Some((word, rest)) = words.split_first() {
        let Some(letters) = word.strip_prefix(b"-").filter(|it| !it.is_empty()) else {
            break;
        };
        if !letters.iter().all(|letter| b"neE".contains(letter)) {
            break;
        }
        for letter in letters {
            match letter {
                b'n' => newline = false,
                b'e' => escapes = true,
                _ => escapes = false,
            }
        }
        words = rest;
    }
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            io::put(b" ");
        }
        if !escapes {
            io::put(word);
        } else if echo_escaped(word) {
            return 0;
        }
    }
    if newline {
        io::put(b"\n");
    }
    0
}

/// Writes a word with its escapes; true if `\c` ends all output.
fn echo_escaped(word: &[u8]) -> bool {
    let mut rest = word;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let Some((letter, behind)) = after.split_first().filter(|_| *byte == b'\\') else {
            io::put(&[*byte]);
            continue;
        };
        rest = behind;
        let digits = |base: u32, most: usize, from: &[u8]| {
            let count = from
                .iter()
                .take(most)
                .take_while(|it| char::from(**it).is_digit(base))
                .count();
            let value = from.iter().take(count).fold(0u32, |value, digit| {
                value * base + char::from(*digit).to_digit(base).unwrap_or(0)
            });
            (count, value as u8)
        };
        let out = match letter {
            b'a' => 7,
            b'b' => 8,
            b'c' => return true,
            b'e' => 0x1b,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 0x0b,
            b'\\' => b'\\',
            b'x' if behind.first().is_some_and(u8::is_ascii_hexdigit) => {
                let (count, value) = digits(16, 2, behind);
                rest = behind.get(count..).unwrap_or_default();
                value
            }
            b'0' => {
                let (count, value) = digits(8, 3, behind);
                rest = behind.get(count..).unwrap_or_default();
                value
            }
            b'1'..=b'7' => {
                let (count, value) = digits(8, 3, after);
                rest = after.get(count..).unwrap_or_default();
                value
            }
            other => {
                io::put(&[b'\\', *other]);
                continue;
            }
        };
        io::put(&[out]);
    }
    false
}

fn pwd(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    if !parsed.operands.is_empty() {
        program::complain(&[b"ignoring non-option arguments"]);
    }
    match resolve::here().and_then(|here| resolve::resolve(&here, resolve::Missing::None)) {
        Ok(path) => {
            io::put(&path);
            io::put(b"\n");
            0
        }
        Err(errno) => program::die_errno(1, &[b"couldn't find directory entry"], errno),
    }
}

fn link(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    match parsed.operands.as_slice() {
        [] => program::usage_error(1, &[b"missing operand"]),
        [only] => program::usage_error(1, &[b"missing operand after ", &quote::locale(only)]),
        [from, to] => match fs::link(from, to, false) {
            Ok(()) => 0,
            Err(errno) => {
                let (to, from) = (quote::always(to), quote::always(from));
                program::die_errno(1, &[b"cannot create link ", &to, b" to ", &from], errno)
            }
        },
        [_, _, extra, ..] => {
            program::usage_error(1, &[b"extra operand ", &quote::locale(extra)]);
        }
    }
}

fn unlink(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    match parsed.operands.as_slice() {
        [] => program::usage_error(1, &[b"missing operand"]),
        [path] => match fs::unlink(path) {
            Ok(()) => 0,
            Err(errno) => program::die_errno(1, &[b"cannot unlink ", &quote::always(path)], errno),
        },
        [_, extra, ..] => program::usage_error(1, &[b"extra operand ", &quote::locale(extra)]),
    }
}

/// Sleeps in the sandbox's time, which does not wait.
fn sleep(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    if parsed.operands.is_empty() {
        program::usage_error(1, &[b"missing operand"]);
    }
    let mut seconds = 0.0;
    for word in &parsed.operands {
        let (number, factor) = match word.split_last() {
            Some((b's', head)) => (head, 1.0),
            Some((b'm', head)) => (head, 60.0),
            Some((b'h', head)) => (head, 3600.0),
            Some((b'd', head)) => (head, 86400.0),
            _ => (word.as_slice(), 1.0),
        };
        let plain = number
            .iter()
            .all(|byte| byte.is_ascii_digit() || *byte == b'.');
        match number
            .to_str()
            .ok()
            .and_then(|text| text.parse::<f64>().ok())
            .filter(|_| plain)
        {
            Some(value) => seconds += value * factor,
            None => {
                program::usage_error(1, &[b"invalid time interval ", &quote::locale(word)]);
            }
        }
    }
    std::thread::sleep(std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default());
    0
}
