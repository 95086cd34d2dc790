//! `env` and `printenv`.

use super::Utility;
use crate::shared::options::{Spec, flag, parse, value};
use crate::shared::{io, process, program, quote};
use bstr::{BString, ByteSlice};
use rustix::io::Errno;

pub const ENV: Utility = Utility {
    name: "env",
    spec: Spec {
        options: &[
            flag('0', "null"),
            value('C', "chdir"),
            flag('i', "ignore-environment"),
            value('u', "unset"),
        ],
        permute: false,
        usage: 125,
    },
    run: env,
};

pub const PRINTENV: Utility = Utility {
    name: "printenv",
    spec: Spec {
        options: &[flag('0', "null")],
        permute: false,
        usage: 2,
    },
    run: printenv,
};

fn env(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let mut environment = process::environment();
    let mut operands = parsed.operands.as_slice();
    let mut clear = parsed.has('i');
    if let Some((first, rest)) = operands.split_first()
        && *first == "-"
    {
        clear = true;
        operands = rest;
    }
    if clear {
        environment.clear();
    }
    for (key, name) in &parsed.options {
        if let ('u', Some(name)) = (key, name) {
            if name.is_empty() || name.contains(&b'=') {
                program::die_errno(125, &[b"cannot unset ", &quote::locale(name)], Errno::INVAL);
            }
            environment.retain(|word| name_of(word) != name.as_slice());
        }
    }
    while let Some((word, rest)) = operands.split_first() {
        if !word.contains(&b'=') {
            break;
        }
        operands = rest;
        let name = name_of(word).to_vec();
        if name.is_empty() {
            program::die_errno(125, &[b"cannot set ", &quote::locale(&name)], Errno::INVAL);
        }
        match environment.iter_mut().find(|it| name_of(it) == name) {
            Some(there) => *there = word.clone(),
            None => environment.push(word.clone()),
        }
    }
    let Some(command) = operands.first() else {
        if parsed.has('C') {
            program::usage_error(125, &[b"must specify command with --chdir (-C)"]);
        }
        let end: &[u8] = if parsed.has('0') { b"\0" } else { b"\n" };
        for word in &environment {
            io::put(word);
            io::put(end);
        }
        return 0;
    };
    if parsed.has('0') {
        program::usage_error(125, &[b"cannot specify --null (-0) with command"]);
    }
    if let Some(directory) = parsed.value('C')
        && let Err(error) = wasibuild_guest::host::chdir(directory)
    {
        let errno = crate::shared::errno::from_io(&error);
        program::die_errno(
            125,
            &[b"cannot change directory to ", &quote::always(directory)],
            errno,
        );
    }
    io::flush_quietly();
    match process::run(operands, &environment, true) {
        Ok(ended) => ended.code,
        Err(errno) => {
            let status = if errno == Errno::NOENT { 127 } else { 126 };
            program::complain_errno(&[&quote::always(command)], errno);
            if status == 127 && command.contains(&b' ') {
                program::complain(&[b"use -[v]S to pass options in shebang lines"]);
            }
            status
        }
    }
}

fn name_of(word: &[u8]) -> &[u8] {
    word.split_once_str("=").map_or(word, |(name, _)| name)
}

fn printenv(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let environment = process::environment();
    let end: &[u8] = if parsed.has('0') { b"\0" } else { b"\n" };
    if parsed.operands.is_empty() {
        for word in &environment {
            io::put(word);
            io::put(end);
        }
        return 0;
    }
    let mut missing = false;
    for name in &parsed.operands {
        match environment
            .iter()
            .find(|word| name_of(word) == name.as_slice() && !name.contains(&b'='))
        {
            Some(word) => {
                io::put(word.get(name.len() + 1..).unwrap_or_default());
                io::put(end);
            }
            None => missing = true,
        }
    }
    u8::from(missing)
}
