//! `basename` and `dirname`.

use super::Utility;
use crate::shared::options::{Spec, flag, parse, value};
use crate::shared::{fs, io, program, quote};
use bstr::BString;

pub const BASENAME: Utility = Utility {
    name: "basename",
    spec: Spec {
        options: &[
            flag('a', "multiple"),
            value('s', "suffix"),
            flag('z', "zero"),
        ],
        permute: false,
        usage: 1,
    },
    run: basename,
};

pub const DIRNAME: Utility = Utility {
    name: "dirname",
    spec: Spec {
        options: &[flag('z', "zero")],
        permute: true,
        usage: 1,
    },
    run: dirname,
};

fn end(zero: bool) -> &'static [u8] {
    if zero { b"\0" } else { b"\n" }
}

fn basename(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let end = end(parsed.has('z'));
    let many = parsed.has('a') || parsed.has('s');
    let mut operands = parsed.operands.iter();
    let Some(first) = operands.next() else {
        program::usage_error(1, &[b"missing operand"]);
    };
    let put = |name: &[u8], suffix: &[u8]| {
        let base = fs::base_name(name);
        let base = match base.strip_suffix(suffix) {
            Some(head) if !head.is_empty() && base != b"/" => head,
            _ => base,
        };
        io::put(base);
        io::put(end);
    };
    if many {
        let suffix = parsed.value('s').cloned().unwrap_or_default();
        put(first, &suffix);
        operands.for_each(|name| put(name, &suffix));
    } else {
        let suffix = operands.next().cloned().unwrap_or_default();
        if let Some(extra) = operands.next() {
            program::usage_error(1, &[b"extra operand ", &quote::locale(extra)]);
        }
        put(first, &suffix);
    }
    0
}

fn dirname(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let end = end(parsed.has('z'));
    if parsed.operands.is_empty() {
        program::usage_error(1, &[b"missing operand"]);
    }
    for path in &parsed.operands {
        io::put(fs::dir_name(path));
        io::put(end);
    }
    0
}
