//! What the machine and the user are: `uname`, `nproc`, `id`, `whoami`, `groups`, `logname`.
//!
//! Contract: what a Nix build on Linux sees; what differs from host to host (release and version of
//! the kernel) is refused. The machine is that of the derivation's `system`.

use super::{Utility, number, owner};
use crate::shared::options::{Opt, Spec, flag, parse, value};
use crate::shared::{io, process, program, quote};
use bstr::{BString, ByteSlice};

const NONE: Spec = Spec {
    options: &[],
    permute: true,
    usage: 1,
};

pub const UNAME: Utility = Utility {
    name: "uname",
    spec: Spec {
        options: &[
            flag('m', "machine"),
            flag('n', "nodename"),
            flag('o', "operating-system"),
            flag('s', "kernel-name"),
        ],
        ..NONE
    },
    run: uname,
};
pub const ARCH: Utility = Utility {
    name: "arch",
    spec: NONE,
    run: |spec, words| {
        none(&parse(spec, words).operands);
        line(&machine())
    },
};
pub const NPROC: Utility = Utility {
    name: "nproc",
    spec: Spec {
        options: &[flag('á', "all"), value('ĩ', "ignore")],
        ..NONE
    },
    run: nproc,
};
const ID_OPTIONS: &[Opt] = &[
    flag('g', "group"),
    flag('G', "groups"),
    flag('n', "name"),
    flag('r', "real"),
    flag('u', "user"),
    flag('z', "zero"),
];
pub const ID: Utility = Utility {
    name: "id",
    spec: Spec {
        options: ID_OPTIONS,
        ..NONE
    },
    run: id,
};
pub const WHOAMI: Utility = Utility {
    name: "whoami",
    spec: NONE,
    run: |spec, words| {
        none(&parse(spec, words).operands);
        match owner::user(user().0) {
            Some(name) => line(&name),
            None => {
                let text = format!("cannot find name for user ID {}", user().0);
                program::die(1, &[text.as_bytes()])
            }
        }
    },
};
pub const GROUPS: Utility = Utility {
    name: "groups",
    spec: NONE,
    run: |spec, words| {
        if !parse(spec, words).operands.is_empty() {
            program::refuse("the groups of a named user");
        }
        line(&named(owner::group, user().1))
    },
};
pub const LOGNAME: Utility = Utility {
    name: "logname",
    spec: NONE,
    run: |spec, words| {
        none(&parse(spec, words).operands);
        program::die(1, &[b"no login name"])
    },
};

fn line(text: &[u8]) -> u8 {
    io::put(text);
    io::put(b"\n");
    0
}

fn none(operands: &[BString]) {
    if let Some(extra) = operands.first() {
        program::usage_error(1, &[b"extra operand ", &quote::locale(extra)]);
    }
}

/// User and group of the process: those of the builder (docs/abi.md).
pub fn user() -> (u32, u32) {
    #[cfg(target_os = "wasi")]
    {
        (1000, 100)
    }
    #[cfg(unix)]
    {
        (
            rustix::process::getuid().as_raw(),
            rustix::process::getgid().as_raw(),
        )
    }
}

fn named(name: fn(u32) -> Option<BString>, number: u32) -> BString {
    name(number).unwrap_or_else(|| number.to_string().into())
}

/// The processor of the derivation's `system`, which stdenv exports.
fn machine() -> BString {
    let environment = process::environment();
    let system = process::variable(&environment, "system").unwrap_or_default();
    match system.split_once_str("-") {
        Some((machine, kernel)) if !machine.is_empty() && kernel == b"linux" => machine.into(),
        _ => program::refuse("the machine, without a variable 'system' that names it"),
    }
}

fn uname(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    none(&parsed.operands);
    let mut parts: Vec<BString> = Vec::new();
    if parsed.has('s') || parsed.options.is_empty() {
        parts.push("Linux".into());
    }
    if parsed.has('n') {
        parts.push("localhost".into());
    }
    if parsed.has('m') {
        parts.push(machine());
    }
    if parsed.has('o') {
        parts.push("GNU/Linux".into());
    }
    line(&bstr::join(" ", parts))
}

/// The sandbox runs one process at a time.
fn nproc(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    none(&parsed.operands);
    let environment = process::environment();
    for name in ["OMP_NUM_THREADS", "OMP_THREAD_LIMIT"] {
        if process::variable(&environment, name).is_some() {
            program::refuse(&format!("the variable {name}"));
        }
    }
    if let Some(text) = parsed.value('ĩ') {
        number::option(text, b"", 0, u64::MAX, "invalid number");
    }
    line(b"1")
}

fn id(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    if !parsed.operands.is_empty() {
        program::refuse("a named user");
    }
    let ways = ['u', 'g', 'G'];
    let chosen: Vec<char> = ways.into_iter().filter(|key| parsed.has(*key)).collect();
    if chosen.len() > 1 {
        program::die(1, &[b"cannot print \"only\" of more than one choice"]);
    }
    let Some(way) = chosen.first() else {
        if parsed.has('n') || parsed.has('r') {
            program::die(
                1,
                &[b"cannot print only names or real IDs in default format"],
            );
        }
        if parsed.has('z') {
            program::die(1, &[b"option --zero not permitted in default format"]);
        }
        let (user, group) = user();
        let shown = |name: Option<BString>| name.map(|it| format!("({it})")).unwrap_or_default();
        let group_name = shown(owner::group(group));
        let text = format!(
            "uid={user}{} gid={group}{group_name} groups={group}{group_name}",
            shown(owner::user(user))
        );
        return line(text.as_bytes());
    };
    let (name, number): (fn(u32) -> Option<BString>, u32) = match way {
        'u' => (owner::user, user().0),
        _ => (owner::group, user().1),
    };
    let text = if parsed.has('n') {
        named(name, number)
    } else {
        number.to_string().into()
    };
    io::put(&text);
    io::put(if parsed.has('z') { b"\0" } else { b"\n" });
    0
}
