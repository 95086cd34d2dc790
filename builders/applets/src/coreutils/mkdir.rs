//! `mkdir` and `rmdir`.

use super::Utility;
use super::mode::Mode;
use crate::shared::options::{Spec, flag, parse, value};
use crate::shared::{fs, io, program, quote};
use bstr::BString;
use rustix::io::Errno;

pub const MKDIR: Utility = Utility {
    name: "mkdir",
    spec: Spec {
        options: &[
            value('m', "mode"),
            flag('p', "parents"),
            flag('v', "verbose"),
        ],
        permute: true,
        usage: 1,
    },
    run: mkdir,
};

pub const RMDIR: Utility = Utility {
    name: "rmdir",
    spec: Spec {
        options: &[
            flag('ï', "ignore-fail-on-non-empty"),
            flag('p', "parents"),
            flag('v', "verbose"),
        ],
        permute: true,
        usage: 1,
    },
    run: rmdir,
};

fn mkdir(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    if parsed.operands.is_empty() {
        program::usage_error(1, &[b"missing operand"]);
    }
    let mode = parsed.value('m').map(|text| match Mode::parse(text) {
        Some(mode) => mode.apply(0o777, true, fs::umask()),
        None => program::die(1, &[b"invalid mode ", &quote::locale(text)]),
    });
    let (parents, verbose) = (parsed.has('p'), parsed.has('v'));
    let mut status = 0;
    for path in &parsed.operands {
        let made = if parents {
            make_parents(path, verbose)
        } else {
            make(path, verbose).map(|()| true)
        };
        let result = match (made, mode) {
            (Ok(true), Some(mode)) => fs::chmod(path, mode).map_err(|errno| (path.clone(), errno)),
            (Ok(_), _) => Ok(()),
            (Err(error), _) => Err(error),
        };
        if let Err((path, errno)) = result {
            program::complain_errno(&[b"cannot create directory ", &quote::always(&path)], errno);
            status = 1;
        }
    }
    status
}

fn make(path: &[u8], verbose: bool) -> Result<(), (BString, Errno)> {
    fs::mkdir(path).map_err(|errno| (BString::from(path), errno))?;
    if verbose {
        let name = program::name();
        let what: &[u8] = match program::base_name() {
            b"install" => b": creating directory ",
            _ => b": created directory ",
        };
        for part in [name, what, &quote::always(path), b"\n"] {
            io::put(part);
        }
    }
    Ok(())
}

/// Makes the directory and those above it. Says whether it was not there before.
pub fn make_parents(path: &[u8], verbose: bool) -> Result<bool, (BString, Errno)> {
    // Most often all but the last is there.
    match make(path, verbose) {
        Ok(()) => return Ok(true),
        Err((_, Errno::NOENT)) if !path.is_empty() => {}
        Err((_, Errno::EXIST)) if fs::stat(path).is_ok_and(|meta| meta.is_dir()) => {
            return Ok(false);
        }
        Err((_, Errno::NOTDIR)) => {}
        Err(error) => return Err(error),
    }
    let mut made = false;
    let mut end = 0;
    while end < path.len() {
        let is_slash = |index: usize| path.get(index) == Some(&b'/');
        while is_slash(end) {
            end += 1;
        }
        while end < path.len() && !is_slash(end) {
            end += 1;
        }
        let part = path.get(..end).unwrap_or_default();
        match make(part, verbose) {
            Ok(()) => made = true,
            Err((_, errno)) => {
                made = false;
                match fs::stat(part) {
                    Ok(meta) if meta.is_dir() => {}
                    Ok(_)
                        if errno == Errno::EXIST && path.iter().skip(end).any(|it| *it != b'/') =>
                    {
                        return Err((part.into(), Errno::NOTDIR));
                    }
                    _ => return Err((part.into(), errno)),
                }
            }
        }
    }
    Ok(made)
}

fn rmdir(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    if parsed.operands.is_empty() {
        program::usage_error(1, &[b"missing operand"]);
    }
    let ignore = |errno: Errno| parsed.has('ï') && matches!(errno, Errno::NOTEMPTY | Errno::EXIST);
    let verbose = |path: &[u8]| {
        if parsed.has('v') {
            let name = program::name();
            for part in [name, b": removing directory, ", &quote::always(path), b"\n"] {
                io::put(part);
            }
        }
    };
    let mut status = 0;
    for path in &parsed.operands {
        verbose(path);
        if let Err(errno) = fs::rmdir(path) {
            if !ignore(errno) {
                program::complain_errno(&[b"failed to remove ", &quote::always(path)], errno);
                status = 1;
            }
            continue;
        }
        let mut path = fs::trim_slashes(path);
        while parsed.has('p') {
            let Some(at) = path.iter().rposition(|byte| *byte == b'/') else {
                break;
            };
            path = fs::trim_slashes(path.get(..at).unwrap_or_default());
            if path.is_empty() {
                break;
            }
            verbose(path);
            if let Err(errno) = fs::rmdir(path) {
                if !ignore(errno) {
                    let name = quote::always(path);
                    program::complain_errno(&[b"failed to remove directory ", &name], errno);
                    status = 1;
                }
                break;
            }
        }
    }
    status
}
