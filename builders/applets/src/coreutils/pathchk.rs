//! `pathchk`.
//!
//! Counterpart: coreutils' `pathchk.c`, with Linux's limits.

use super::Utility;
use crate::shared::options::{Spec, flag, parse};
use crate::shared::{fs, program, quote};
use bstr::BString;
use rustix::io::Errno;

pub const PATHCHK: Utility = Utility {
    name: "pathchk",
    spec: Spec {
        options: &[flag('p', ""), flag('P', ""), flag('π', "portability")],
        permute: true,
        usage: 1,
    },
    run,
};

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    if parsed.operands.is_empty() {
        program::usage_error(1, &[b"missing operand"]);
    }
    let portable = parsed.has('p') || parsed.has('π');
    let extra = parsed.has('P') || parsed.has('π');
    let bad = |path: &&BString| !check(path, portable, extra);
    u8::from(parsed.operands.iter().filter(bad).count() > 0)
}

/// Complains of a path; true if it is good.
fn check(path: &BString, portable: bool, extra: bool) -> bool {
    if extra
        && path
            .split(|byte| *byte == b'/')
            .any(|part| part.starts_with(b"-"))
    {
        let shown = quote::always(path);
        program::complain(&[b"leading '-' in a component of file name ", &shown]);
        return false;
    }
    if (portable || extra) && path.is_empty() {
        program::complain(&[b"empty file name"]);
        return false;
    }
    if portable {
        let good = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-".contains(byte);
        if let Some(byte) = path.iter().find(|byte| !good(byte)) {
            let (letter, shown) = (quote::locale(&[*byte]), quote::always(path));
            program::complain(&[
                b"nonportable character ",
                &letter,
                b" in file name ",
                &shown,
            ]);
            return false;
        }
    } else if let Err(errno) = fs::lstat(path)
        && errno != Errno::NOENT
    {
        program::complain_errno(&[&quote::maybe(path)], errno);
        return false;
    } else if path.is_empty() {
        program::complain_errno(&[b"''"], Errno::NOENT);
        return false;
    }
    let most = if portable { 255 } else { 4095 };
    if path.len() > most {
        let text = format!(
            "limit {most} exceeded by length {} of file name ",
            path.len()
        );
        program::complain(&[text.as_bytes(), &quote::always(path)]);
        return false;
    }
    let most = if portable { 14 } else { 255 };
    let long = path
        .split(|byte| *byte == b'/')
        .find(|part| part.len() > most);
    if let Some(part) = long {
        let text = format!(
            "limit {most} exceeded by length {} of file name component ",
            part.len()
        );
        program::complain(&[text.as_bytes(), &quote::always(part)]);
        return false;
    }
    true
}
