//! Where `cp`, `mv`, `ln` and `install` put things: the last operand, `-t`, `-T`.

use crate::shared::options::Parsed;
use crate::shared::{fs, program, quote};
use bstr::BString;
use rustix::io::Errno;

/// What goes where.
pub enum Target {
    /// Each source into this directory.
    Directory(BString, Vec<BString>),
    /// One source to exactly this name.
    Name(BString, BString),
}

/// Decides by the options `t` and `T` and the operands. `no_dereference`: a symbolic link to a
/// directory counts as a file.
pub fn decide(parsed: &Parsed, no_dereference: bool) -> Target {
    let mut operands = parsed.operands.clone();
    let exact = parsed.has('T');
    let given = parsed.value('t');
    if operands.len() <= usize::from(given.is_none()) {
        match operands.first() {
            None => program::usage_error(1, &[b"missing file operand"]),
            Some(only) if given.is_none() => {
                let name = quote::always(only);
                program::usage_error(1, &[b"missing destination file operand after ", &name])
            }
            _ => {}
        }
    }
    if exact {
        if given.is_some() {
            program::die(
                1,
                &[b"cannot combine --target-directory (-t) and --no-target-directory (-T)"],
            );
        }
        if let Some(extra) = operands.get(2) {
            program::usage_error(1, &[b"extra operand ", &quote::always(extra)]);
        }
    }
    if let Some(directory) = given {
        match fs::stat(directory) {
            Ok(meta) if meta.is_dir() => {}
            Ok(_) => complain_target(b"target directory ", directory, Errno::NOTDIR),
            Err(errno) => complain_target(b"target directory ", directory, errno),
        }
        return Target::Directory(directory.clone(), operands);
    }
    let last = operands.pop().unwrap_or_default();
    let is_directory = !exact && {
        let through_link = !no_dereference || !fs::lstat(&last).is_ok_and(|meta| meta.is_link());
        through_link && fs::stat(&last).is_ok_and(|meta| meta.is_dir())
    };
    if is_directory {
        return Target::Directory(last, operands);
    }
    if operands.len() > 1 {
        let errno = fs::stat(&last).err().unwrap_or(Errno::NOTDIR);
        complain_target(b"target ", &last, errno);
    }
    Target::Name(operands.pop().unwrap_or_default(), last)
}

fn complain_target(what: &[u8], name: &[u8], errno: Errno) -> ! {
    program::die_errno(1, &[what, &quote::always(name)], errno)
}
