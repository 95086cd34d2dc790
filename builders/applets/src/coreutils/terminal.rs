//! `tty`, `who` and `users`: no build has a terminal, and nobody is logged in.

use super::Utility;
use crate::shared::options::{Parsed, Spec, flag, parse};
use crate::shared::{io, program, quote};

pub const TTY: Utility = Utility {
    name: "tty",
    spec: Spec {
        options: &[flag('s', "quiet"), flag('ŝ', "silent")],
        permute: true,
        usage: 2,
    },
    run: |spec, words| {
        let parsed = parse(spec, words);
        nothing(&parsed, 2);
        if std::io::IsTerminal::is_terminal(&std::io::stdin()) {
            program::refuse("standard input is a terminal");
        }
        if !parsed.has('s') && !parsed.has('ŝ') {
            io::put(b"not a tty\n");
        }
        1
    },
};
pub const USERS: Utility = Utility {
    name: "users",
    spec: NONE,
    run: nobody,
};
pub const WHO: Utility = Utility {
    name: "who",
    spec: NONE,
    run: nobody,
};

const NONE: Spec = Spec {
    options: &[],
    permute: true,
    usage: 1,
};

fn nobody(spec: &Spec, words: Vec<bstr::BString>) -> u8 {
    if !parse(spec, words).operands.is_empty() {
        program::refuse("a file that says who is logged in");
    }
    0
}

fn nothing(parsed: &Parsed, usage: u8) {
    if let Some(extra) = parsed.operands.first() {
        program::usage_error(usage, &[b"extra operand ", &quote::locale(extra)]);
    }
}
