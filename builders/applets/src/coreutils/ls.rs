//! `ls`, where it lists names one to a line, as it does when no terminal reads.

use super::Utility;
use crate::shared::options::{Parsed, Spec, flag, parse};
use crate::shared::{fs, io, program, quote};
use bstr::BString;

pub const LS: Utility = Utility {
    name: "ls",
    spec: Spec {
        options: &[
            flag('1', ""),
            flag('a', "all"),
            flag('A', "almost-all"),
            flag('d', "directory"),
            flag('r', "reverse"),
            flag('R', "recursive"),
        ],
        permute: true,
        usage: 2,
    },
    run,
};

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let mut parsed = parse(spec, words);
    if parsed.operands.is_empty() {
        parsed.operands.push(".".into());
    }
    let reverse = |names: &mut Vec<BString>| {
        names.sort();
        if parsed.has('r') {
            names.reverse();
        }
    };
    let mut status = 0;
    let (mut files, mut directories) = (Vec::new(), Vec::new());
    for path in &parsed.operands {
        let found = match fs::stat(path) {
            // A dangling link is shown itself.
            Err(_) if fs::lstat(path).is_ok() => fs::lstat(path),
            other => other,
        };
        match found {
            Ok(meta) if meta.is_dir() && !parsed.has('d') => directories.push(path.clone()),
            Ok(_) => files.push(path.clone()),
            Err(errno) => {
                program::complain_errno(&[b"cannot access ", &quote::always(path)], errno);
                status = 2;
            }
        }
    }
    reverse(&mut files);
    reverse(&mut directories);
    for name in &files {
        io::put(name);
        io::put(b"\n");
    }
    let titles = parsed.operands.len() > 1 || parsed.has('R');
    let mut first = files.is_empty();
    let mut pending: Vec<(BString, bool)> = directories
        .into_iter()
        .rev()
        .map(|path| (path, true))
        .collect();
    while let Some((path, operand)) = pending.pop() {
        let mut names = match names(&path, &parsed) {
            Ok(names) => names,
            Err(errno) => {
                program::complain_errno(&[b"cannot open directory ", &quote::always(&path)], errno);
                status = if operand { 2 } else { status.max(1) };
                continue;
            }
        };
        reverse(&mut names);
        if !std::mem::replace(&mut first, false) {
            io::put(b"\n");
        }
        if titles {
            io::put(&path);
            io::put(b":\n");
        }
        for name in &names {
            io::put(name);
            io::put(b"\n");
        }
        if parsed.has('R') {
            for name in names
                .iter()
                .rev()
                .filter(|name| *name != "." && *name != "..")
            {
                let inner = fs::join(&path, name);
                if fs::lstat(&inner).is_ok_and(|meta| meta.is_dir()) {
                    pending.push((inner, false));
                }
            }
        }
    }
    status
}

fn names(path: &[u8], parsed: &Parsed) -> crate::shared::errno::Result<Vec<BString>> {
    let mut names = fs::list(path)?;
    match parsed.last_of(&['a', 'A']) {
        Some('a') => names.extend([".".into(), "..".into()]),
        Some(_) => {}
        None => names.retain(|name| name.first() != Some(&b'.')),
    }
    Ok(names)
}
