//! Canonical paths: `readlink -f -e -m`, `realpath`.
//!
//! Counterpart: gnulib's `canonicalize.c`.

use crate::shared::errno::Result;
use crate::shared::fs;
use bstr::BString;
use rustix::io::Errno;
use std::collections::VecDeque;

/// Which components may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// None.
    None,
    /// The last.
    Last,
    /// Any.
    Any,
}

/// The working directory.
pub fn here() -> Result<BString> {
    match std::env::current_dir() {
        Ok(path) => Ok(wasibuild_guest::bytes::from_path(&path).to_owned()),
        Err(error) => Err(crate::shared::errno::from_io(&error)),
    }
}

/// The path without links, `.` and `..`.
pub fn resolve(path: &[u8], missing: Missing) -> Result<BString> {
    resolve_with(path, missing, true)
}

/// The same; without `links`, symbolic links stay.
pub fn resolve_with(path: &[u8], missing: Missing, links: bool) -> Result<BString> {
    if path.is_empty() {
        return Err(Errno::NOENT);
    }
    let mut done = if path.first() == Some(&b'/') {
        BString::from("/")
    } else {
        here()?
    };
    let split = |path: &[u8]| -> Vec<BString> {
        path.split(|byte| *byte == b'/')
            .filter(|part| !part.is_empty())
            .map(BString::from)
            .collect()
    };
    let mut parts: VecDeque<BString> = split(path).into();
    let mut must_be_dir = path.last() == Some(&b'/');
    let mut followed = 0;
    while let Some(part) = parts.pop_front() {
        if part == "." {
            must_be_dir |= parts.is_empty();
            continue;
        }
        if part == ".." {
            must_be_dir |= parts.is_empty();
            let head = fs::dir_name(&done).to_vec();
            done = head.into();
            continue;
        }
        let next = fs::join(&done, &part);
        let last = parts.is_empty();
        let meta = if links || missing != Missing::Any {
            fs::lstat(&next)
        } else {
            Err(Errno::NOENT)
        };
        match meta {
            Ok(meta) if meta.is_link() && links => {
                followed += 1;
                if followed > 40 {
                    if missing == Missing::Any {
                        done = next;
                        continue;
                    }
                    return Err(Errno::LOOP);
                }
                let target = fs::readlink(&next)?;
                if target.first() == Some(&b'/') {
                    done = "/".into();
                }
                if last && target.last() == Some(&b'/') {
                    must_be_dir = true;
                }
                for part in split(&target).into_iter().rev() {
                    parts.push_front(part);
                }
            }
            Ok(meta) => {
                let is_dir = meta.is_dir()
                    || (meta.is_link() && fs::stat(&next).is_ok_and(|it| it.is_dir()));
                if (!last || must_be_dir) && !is_dir && missing != Missing::Any {
                    return Err(Errno::NOTDIR);
                }
                done = next;
            }
            Err(errno) => {
                let allowed = match missing {
                    Missing::None => false,
                    Missing::Last => errno == Errno::NOENT && last,
                    Missing::Any => true,
                };
                if !allowed {
                    return Err(errno);
                }
                done = next;
            }
        }
    }
    Ok(done)
}

/// `path` as seen from `directory`; both canonical.
pub fn relative(path: &[u8], directory: &[u8]) -> BString {
    let parts = |path: &[u8]| -> Vec<BString> {
        path.split(|byte| *byte == b'/')
            .filter(|part| !part.is_empty())
            .map(BString::from)
            .collect()
    };
    let (path, directory) = (parts(path), parts(directory));
    let common = path
        .iter()
        .zip(&directory)
        .take_while(|(a, b)| a == b)
        .count();
    let ups = directory.iter().skip(common).map(|_| BString::from(".."));
    let all: Vec<BString> = ups.chain(path.into_iter().skip(common)).collect();
    if all.is_empty() {
        return ".".into();
    }
    bstr::join("/", all).into()
}
