//! `rm`.

use super::Utility;
use crate::shared::options::{Parsed, Spec, flag, maybe, parse, value};
use crate::shared::{fs, io, program, quote};
use bstr::BString;
use rustix::io::Errno;

pub const RM: Utility = Utility {
    name: "rm",
    spec: Spec {
        options: &[
            flag('d', "dir"),
            flag('f', "force"),
            value('ï', "interactive"),
            flag('ñ', "no-preserve-root"),
            flag('ö', "one-file-system"),
            maybe('π', "preserve-root"),
            flag('r', "recursive"),
            flag('R', ""),
            flag('v', "verbose"),
        ],
        permute: true,
        usage: 1,
    },
    run,
};

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let asks = parsed
        .value('ï')
        .is_some_and(|it| *it != "never" && *it != "no" && *it != "none");
    if asks || parsed.value('π').is_some_and(|it| *it != "all") {
        program::refuse("--interactive but for never, or --preserve-root but for all");
    }
    let recursive = parsed.has('r') || parsed.has('R');
    let root = |path: &BString| {
        let same = |it| fs::stat(b"/").is_ok_and(|root| root.same_file(&it));
        recursive && fs::lstat(path).is_ok_and(same)
    };
    if parsed.operands.iter().any(root) {
        program::refuse("removing the root");
    }
    if parsed.operands.is_empty() {
        if parsed.has('f') {
            return 0;
        }
        program::usage_error(1, &[b"missing operand"]);
    }
    let mut good = true;
    for path in &parsed.operands {
        good &= remove_operand(&parsed, path);
    }
    u8::from(!good)
}

fn remove_operand(parsed: &Parsed, path: &[u8]) -> bool {
    let recursive = parsed.has('r') || parsed.has('R');
    let force = parsed.has('f');
    if recursive && matches!(fs::base_name(path), b"." | b"..") {
        let name = quote::always(path);
        program::complain(&[
            b"refusing to remove '.' or '..' directory: skipping ",
            &name,
        ]);
        return false;
    }
    let meta = match fs::lstat(path) {
        Ok(meta) => meta,
        Err(Errno::NOENT | Errno::NOTDIR) if force => return true,
        Err(errno) => return failed(path, errno),
    };
    if recursive && fs::stat(b"/").is_ok_and(|root| root.same_file(&meta)) {
        program::complain(&[
            b"it is dangerous to operate recursively on ",
            &quote::always(path),
        ]);
        program::complain(&[b"use --no-preserve-root to override this failsafe"]);
        return false;
    }
    if !meta.is_dir() {
        return unlink(parsed, path);
    }
    if !recursive {
        if parsed.has('d') {
            return rmdir(parsed, path);
        }
        return failed(path, Errno::ISDIR);
    }
    // Directories wait on the stack until they are empty.
    let mut good = true;
    let mut pending = vec![(BString::from(path), true)];
    while let Some((path, enter)) = pending.pop() {
        if !enter {
            // After a failure inside, `rm` says nothing more about what is around it.
            match fs::rmdir(&path) {
                Ok(()) => told(parsed, b"removed directory ", &path),
                Err(Errno::NOTEMPTY | Errno::EXIST) if !good => {}
                Err(Errno::NOENT | Errno::NOTDIR) if force => {}
                Err(errno) => good = failed(&path, errno),
            }
            continue;
        }
        let names = match fs::list(&path) {
            Ok(names) => names,
            Err(errno) => {
                // An unreadable directory that is empty goes all the same.
                if fs::rmdir(&path).is_err() {
                    good = failed(&path, errno);
                }
                continue;
            }
        };
        pending.push((path.clone(), false));
        let mut directories = Vec::new();
        for name in names {
            let inner = fs::join(&path, &name);
            match fs::lstat(&inner) {
                Ok(meta) if meta.is_dir() => directories.push((inner, true)),
                Ok(_) => good &= unlink(parsed, &inner),
                Err(errno) => good = failed(&inner, errno),
            }
        }
        pending.extend(directories.into_iter().rev());
    }
    good
}

fn told(parsed: &Parsed, what: &[u8], path: &[u8]) {
    if parsed.has('v') {
        for part in [what, &quote::always(path), b"\n"] {
            io::put(part);
        }
    }
}

fn failed(path: &[u8], errno: Errno) -> bool {
    program::complain_errno(&[b"cannot remove ", &quote::always(path)], errno);
    false
}

fn unlink(parsed: &Parsed, path: &[u8]) -> bool {
    match fs::unlink(path) {
        Ok(()) => {
            told(parsed, b"removed ", path);
            true
        }
        Err(errno) => failed(path, errno),
    }
}

fn rmdir(parsed: &Parsed, path: &[u8]) -> bool {
    match fs::rmdir(path) {
        Ok(()) => {
            told(parsed, b"removed directory ", path);
            true
        }
        Err(errno) => failed(path, errno),
    }
}
