//! `ln`.

use super::backup::Backup;
use super::target::{Target, decide};
use super::{Utility, resolve};
use crate::shared::options::{Parsed, Spec, flag, maybe, parse, value};
use crate::shared::{fs, io, program, quote};
use bstr::BString;
use rustix::io::Errno;
use std::collections::BTreeSet;

pub const LN: Utility = Utility {
    name: "ln",
    spec: Spec {
        options: &[
            flag('b', ""),
            maybe('ß', "backup"),
            flag('f', "force"),
            flag('L', "logical"),
            flag('n', "no-dereference"),
            flag('P', "physical"),
            flag('r', "relative"),
            flag('s', "symbolic"),
            value('S', "suffix"),
            value('t', "target-directory"),
            flag('T', "no-target-directory"),
            flag('v', "verbose"),
        ],
        permute: true,
        usage: 1,
    },
    run,
};

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let mut parsed = parse(spec, words);
    if parsed.has('r') && !parsed.has('s') {
        program::die(1, &[b"cannot do --relative without --symbolic"]);
    }
    if parsed.operands.len() == 1 && !parsed.has('t') && !parsed.has('T') {
        // One operand: a link of the same name here.
        parsed.operands.push(".".into());
    }
    let target = decide(&parsed, parsed.has('n'));
    let mut made = BTreeSet::new();
    let mut good = true;
    match target {
        Target::Name(source, name) => good = make(&parsed, &source, &name, &mut made),
        Target::Directory(directory, sources) => {
            for source in &sources {
                let name = fs::join(&directory, fs::base_name(source));
                good &= make(&parsed, source, &name, &mut made);
            }
        }
    }
    u8::from(!good)
}

fn make(parsed: &Parsed, source: &[u8], name: &[u8], made: &mut BTreeSet<BString>) -> bool {
    let (symbolic, force) = (parsed.has('s'), parsed.has('f'));
    let follow = parsed.last_of(&['L', 'P']) == Some('L');
    let mut source = BString::from(source);
    if !symbolic {
        let meta = if follow {
            fs::stat(&source)
        } else {
            fs::lstat(&source)
        };
        match meta {
            Err(errno) => {
                program::complain_errno(&[b"failed to access ", &quote::always(&source)], errno);
                return false;
            }
            Ok(meta) if meta.is_dir() => {
                let text = b": hard link not allowed for directory";
                program::complain(&[&quote::maybe(&source), text]);
                return false;
            }
            Ok(_) => {}
        }
    } else if parsed.has('r') {
        source = relative(&source, name);
    }
    let link = |name: &[u8]| {
        if symbolic {
            fs::symlink(&source, name)
        } else {
            fs::link(&source, name, follow)
        }
    };
    let backup = Backup::new(parsed);
    let mut aside = None;
    let mut result = link(name);
    if (force || backup.is_some()) && result == Err(Errno::EXIST) {
        if let Ok(there) = fs::lstat(name) {
            if there.is_dir() {
                program::complain(&[&quote::maybe(name), b": cannot overwrite directory"]);
                return false;
            }
            let numbered = backup.as_ref().is_some_and(Backup::is_numbered);
            if made.contains(name) && !numbered {
                let (name, source) = (quote::always(name), quote::always(&source));
                program::complain(&[
                    b"will not overwrite just-created ",
                    &name,
                    b" with ",
                    &source,
                ]);
                return false;
            }
            if same(&source, name, symbolic) {
                let (source, name) = (quote::always(&source), quote::always(name));
                program::complain(&[&source, b" and ", &name, b" are the same file"]);
                return false;
            }
        }
        result = match &backup {
            None => fs::unlink(name).and_then(|()| link(name)),
            Some(backup) => match backup.put_aside(name) {
                Ok(name_aside) => {
                    aside = name_aside;
                    link(name)
                }
                Err(errno) => {
                    program::complain_errno(&[b"cannot backup ", &quote::always(name)], errno);
                    return false;
                }
            },
        };
    }
    match result {
        Ok(()) => {
            if force || backup.is_some() {
                made.insert(name.into());
            }
            if parsed.has('v') {
                if let Some(aside) = &aside {
                    io::put(&quote::always(aside));
                    io::put(b" ~ ");
                }
                let arrow: &[u8] = if symbolic { b" -> " } else { b" => " };
                for part in [&quote::always(name), arrow, &quote::always(&source), b"\n"] {
                    io::put(part);
                }
            }
            true
        }
        Err(errno) => {
            let what: &[u8] = if symbolic {
                b"failed to create symbolic link "
            } else {
                b"failed to create hard link "
            };
            let (shown, shown_source) = (quote::always(name), quote::always(&source));
            let with_source = if symbolic {
                errno != Errno::NAMETOOLONG && source.is_empty()
            } else {
                !matches!(
                    errno,
                    Errno::EXIST | Errno::DQUOT | Errno::NOSPC | Errno::ROFS | Errno::MLINK
                )
            };
            let arrow: &[u8] = if symbolic { b" -> " } else { b" => " };
            if with_source {
                program::complain_errno(&[what, &shown, arrow, &shown_source], errno);
            } else {
                program::complain_errno(&[what, &shown], errno);
            }
            false
        }
    }
}

/// Would forcing the link remove its own source?
fn same(source: &[u8], name: &[u8], symbolic: bool) -> bool {
    if symbolic {
        // A symbolic link may point to itself by name only where both names are one entry.
        let entry = |path: &[u8]| {
            let directory = fs::stat(fs::dir_name(path)).ok()?;
            Some((
                directory.device,
                directory.inode,
                BString::from(fs::base_name(path)),
            ))
        };
        let one = entry(source);
        return one.is_some() && one == entry(name) && fs::lstat(source).is_ok();
    }
    match (fs::lstat(source), fs::lstat(name)) {
        (Ok(source_meta), Ok(name_meta)) => {
            source_meta.same_file(&name_meta) && {
                let directory = |path: &[u8]| fs::stat(fs::dir_name(path)).ok();
                let one_entry = match (directory(source), directory(name)) {
                    (Some(a), Some(b)) => {
                        a.same_file(&b) && fs::base_name(source) == fs::base_name(name)
                    }
                    _ => false,
                };
                one_entry || source_meta.links == 1
            }
        }
        _ => false,
    }
}

/// The target's path as seen from the link's directory.
fn relative(target: &[u8], name: &[u8]) -> BString {
    let directory = resolve::resolve(fs::dir_name(name), resolve::Missing::Any);
    let target_path = resolve::resolve(target, resolve::Missing::Any);
    match (directory, target_path) {
        (Ok(directory), Ok(path)) => resolve::relative(&path, &directory),
        _ => target.into(),
    }
}
