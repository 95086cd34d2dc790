//! `cp --parents`: the directories of the source's name, made below the target.
//!
//! Counterpart: coreutils' `cp.c` (`make_dir_parents_private`, `re_protect`).

use super::copy::Options;
use crate::shared::fs::Meta;
use crate::shared::{fs, io, program, quote};
use bstr::{BString, ByteSlice};
use rustix::io::Errno;

/// Directories whose mode and times may change once the copy is there, the outermost first.
pub struct Parents(Vec<Parent>);

struct Parent {
    path: BString,
    meta: Meta,
    /// The mode that it had when it was made, if that keeps its owner out.
    closed: Option<u32>,
}

/// The target of a source below a directory.
pub fn target(directory: &[u8], source: &[u8]) -> BString {
    let source = fs::trim_slashes(source);
    let directory = fs::trim_slashes(directory);
    let between: &[u8] = if source.starts_with(b"/") || directory == b"/" {
        b""
    } else {
        b"/"
    };
    [directory, between, source].concat().into()
}

/// Makes the directories of `source` below `directory`. `None`: it failed, which was told.
pub fn make(directory: &[u8], source: &[u8], options: &Options, umask: u32) -> Option<Parents> {
    let mut parents = Parents(Vec::new());
    let trimmed = fs::trim_slashes(source);
    let Some(end) = trimmed.rfind_byte(b'/') else {
        return Some(parents);
    };
    if trimmed.get(..end)?.iter().all(|it| *it == b'/') {
        return Some(parents);
    }
    let whole = target(directory, trimmed.get(..end)?);
    match fs::stat(&whole) {
        Ok(meta) if meta.is_dir() => return Some(parents),
        Ok(_) => return not_a_directory(&whole),
        Err(_) => {}
    }
    let keeps = options.keep_mode || options.keep_times || options.keeps_owner;
    for at in 0..=end {
        let inner = trimmed.get(at).is_some_and(|it| *it == b'/')
            && at
                .checked_sub(1)
                .is_some_and(|at| trimmed.get(at) != Some(&b'/'));
        let Some(part) = trimmed.get(..at).filter(|_| inner) else {
            continue;
        };
        let to = target(directory, part);
        let there = fs::stat(&to);
        if let Ok(meta) = &there
            && !meta.is_dir()
        {
            return not_a_directory(&to);
        }
        if there.is_ok() && !keeps {
            continue;
        }
        let meta = match fs::stat(part) {
            Ok(meta) if meta.is_dir() => Ok(meta),
            Ok(_) => Err(Errno::NOTDIR),
            Err(errno) => Err(errno),
        };
        let meta = match meta {
            Ok(meta) => meta,
            Err(errno) => {
                let shown = quote::always(part);
                program::complain_errno(&[b"failed to get attributes of ", &shown], errno);
                return None;
            }
        };
        let mut closed = None;
        if there.is_err() {
            if let Err(errno) = fs::mkdir(&to) {
                program::complain_errno(&[b"cannot make directory ", &quote::always(&to)], errno);
                return None;
            }
            if options.verbose {
                for piece in [part, b" -> ", &to, b"\n"] {
                    io::put(piece);
                }
            }
            let mode = if options.ignore_mode {
                0o777
            } else {
                meta.mode & 0o777
            } & !umask;
            closed = (mode & 0o700 != 0o700).then_some(mode);
            _ = fs::chmod(&to, mode | 0o700);
        }
        let path = to;
        parents.0.push(Parent { path, meta, closed });
    }
    Some(parents)
}

fn not_a_directory(path: &[u8]) -> Option<Parents> {
    program::complain(&[&quote::always(path), b" exists but is not a directory"]);
    None
}

impl Parents {
    /// Gives them their modes and times, the innermost first.
    pub fn finish(&self, options: &Options) -> bool {
        for parent in self.0.iter().rev() {
            let shown = quote::always(&parent.path);
            if options.keep_times {
                let [read, written, _] = parent.meta.times.map(Some);
                if let Err(errno) = fs::set_times(&parent.path, [read, written], true) {
                    program::complain_errno(&[b"failed to preserve times for ", &shown], errno);
                    return false;
                }
            }
            let mode = if options.keep_mode {
                Some(parent.meta.mode)
            } else {
                parent.closed
            };
            if let Some(mode) = mode
                && let Err(errno) = fs::chmod(&parent.path, mode)
            {
                let what: &[u8] = b"failed to preserve permissions for ";
                program::complain_errno(&[what, &shown], errno);
                return false;
            }
        }
        true
    }
}
