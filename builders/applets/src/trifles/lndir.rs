//! `lndir`.
//!
//! Counterpart: xorg's `lndir.c` 1.0.4, for what builds use: `lndir [-silent] FROM [TO]`.

use crate::shared::{errno, fs, io, program};
use bstr::BString;
use rustix::io::Errno;

pub fn lndir(words: Vec<BString>) -> u8 {
    let mut silent = false;
    let mut operands = Vec::new();
    for word in words {
        match word.as_slice() {
            b"-silent" => silent = true,
            [b'-', ..] => program::refuse(&format!("the option '{word}' is beyond this applet")),
            _ => operands.push(word),
        }
    }
    let (from, to) = match operands.as_slice() {
        [from] => (from.clone(), BString::from(".")),
        [from, to] => (from.clone(), to.clone()),
        _ => program::refuse("lndir without directories"),
    };
    if from.first() != Some(&b'/') {
        program::refuse("lndir from a relative directory");
    }
    if let Err(error) = wasibuild_guest::host::chdir(&to) {
        program::die_errno(1, &[&to], errno::from_io(&error));
    }
    match fs::stat(&from) {
        Ok(meta) if meta.is_dir() => {}
        Ok(_) => program::die(2, &[&from, b": Not a directory"]),
        Err(number) => program::die_errno(2, &[&from], number),
    }
    link_all(&from, silent)
}

/// Links what is in `from` into the working directory, directories made anew.
fn link_all(from: &BString, silent: bool) -> u8 {
    let mut status = 0;
    let mut pending = vec![(from.clone(), BString::default())];
    while let Some((from, to)) = pending.pop() {
        let names = match fs::list(&from) {
            Ok(names) => names,
            Err(number) => program::die_errno(1, &[&from], number),
        };
        if !silent && !to.is_empty() {
            io::put(&from);
            io::put(b":\n");
        }
        for name in names {
            let (source, target) = (fs::join(&from, &name), fs::join(&to, &name));
            // Folders of version control and backups are left out; what else that means is open.
            let skipped = [
                b"BitKeeper".as_slice(),
                b"RCS",
                b"SCCS",
                b"CVS",
                b"CVS.adm",
                b".svn",
                b".git",
                b".hg",
            ];
            if name.last() == Some(&b'~') || skipped.contains(&name.as_slice()) {
                program::refuse(&format!("lndir of '{name}'"));
            }
            let is_dir = fs::lstat(&source).is_ok_and(|meta| meta.is_dir());
            if is_dir {
                match fs::mkdir(&target) {
                    Ok(()) | Err(Errno::EXIST) => pending.push((source, target)),
                    Err(number) => {
                        program::complain_errno(&[&target], number);
                        status = 1;
                    }
                }
                continue;
            }
            // A link is copied, not linked to.
            let source = fs::readlink(&source).unwrap_or(source);
            match fs::symlink(&source, &target) {
                Ok(()) => {}
                // The same link is there already, or something else, of which lndir tells.
                Err(Errno::EXIST) if fs::readlink(&target).is_ok_and(|it| it == source) => {}
                Err(_) => program::refuse(&format!("lndir over '{target}'")),
            }
        }
    }
    status
}
