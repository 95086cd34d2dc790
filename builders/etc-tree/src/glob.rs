//! Pathname expansion of a source that is a pattern.
//!
//! Semantics: those of Bash's unquoted `$src` in the C locale: words between blanks, each expanded
//! with `*`, `?` and `[…]`, sorted; one that matches nothing stands for itself. Names that begin
//! with a dot match only a pattern that does. Character classes and backslashes are refused.
//!
//! Source: POSIX.1-2017, Shell Command Language, 2.13.

use bstr::{BString, ByteSlice};
use wasibuild_guest::{Error, Result, bytes, input};

/// The paths that a source stands for.
pub fn expand(source: &BString) -> Result<Vec<BString>> {
    let mut paths = Vec::new();
    for word in bytes::words(source) {
        for refused in ["\\", "[:", "[.", "[="] {
            if word.contains_str(refused) {
                return Err(Error::Refused(format!(
                    "the pattern {word} contains `{refused}`, which is not supported here"
                )));
            }
        }
        if !word.starts_with(b"/") || word.ends_with(b"/") {
            return Err(Error::Refused(format!(
                "the pattern {word} must begin with `/` and name files; `etc-tree` does not guess \
                 a directory to start from"
            )));
        }
        let matches = matches(&word)?;
        if matches.is_empty() {
            eprintln!("etc-tree: warning: {word} matches nothing and is linked as it stands");
            paths.push(word);
        } else {
            paths.extend(matches);
        }
    }
    Ok(paths)
}

/// The existing paths that an absolute pattern matches, sorted by their bytes.
fn matches(pattern: &BString) -> Result<Vec<BString>> {
    let mut found = vec![BString::default()];
    let mut parts = pattern.split_str("/").peekable();
    parts.next();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        let mut next = Vec::new();
        for directory in &found {
            let mut below = directory.clone();
            below.push(b'/');
            if !has_wildcard(part) {
                below.extend_from_slice(part);
                if !last || is_there(&below) {
                    next.push(below);
                }
                continue;
            }
            // What is not a directory, or not there, matches nothing.
            let Ok(names) = input::list_directory(&bytes::to_path(&below)) else {
                continue;
            };
            for name in names {
                if is_match(part, &name) {
                    let mut path = below.clone();
                    path.extend_from_slice(&name);
                    next.push(path);
                }
            }
        }
        found = next;
    }
    found.retain(is_there);
    found.sort();
    Ok(found)
}

fn is_there(path: &BString) -> bool {
    std::fs::symlink_metadata(bytes::to_path(path)).is_ok()
}

fn has_wildcard(part: &[u8]) -> bool {
    part.iter().any(|byte| b"*?[".contains(byte))
}

/// Whether a file name matches one part of a pattern.
pub fn is_match(pattern: &[u8], name: &[u8]) -> bool {
    if name.starts_with(b".") && !pattern.starts_with(b".") {
        return false;
    }
    // Where to go on when what follows the last `*` does not fit: one byte later.
    let mut retry: Option<(usize, usize)> = None;
    let (mut at, mut here) = (0, 0);
    loop {
        match (pattern.get(at), name.get(here)) {
            (None, None) => return true,
            (Some(b'*'), _) => {
                retry = Some((at + 1, here));
                at += 1;
                continue;
            }
            (Some(_), Some(byte)) => {
                if let Some(length) = match_one(pattern.get(at..).unwrap_or_default(), *byte) {
                    at += length;
                    here += 1;
                    continue;
                }
            }
            _ => {}
        }
        match retry {
            Some((after, from)) if from < name.len() => {
                retry = Some((after, from + 1));
                (at, here) = (after, from + 1);
            }
            _ => return false,
        }
    }
}

/// Matches one byte against the front of a pattern; says how long that front is.
fn match_one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern {
        [b'?', ..] => Some(1),
        [b'[', rest @ ..] => match bracket(rest, byte) {
            Some((length, true)) => Some(length + 1),
            Some((_, false)) => None,
            // A bracket that is not closed is an ordinary character.
            None => (byte == b'[').then_some(1),
        },
        [first, ..] => (*first == byte).then_some(1),
        [] => None,
    }
}

/// Reads `…]`; gives its length and whether it matches. `None`: there is no `]`.
fn bracket(pattern: &[u8], byte: u8) -> Option<(usize, bool)> {
    let negated = matches!(pattern.first(), Some(b'!' | b'^'));
    let mut at = usize::from(negated);
    let first = at;
    let mut found = false;
    loop {
        let low = *pattern.get(at)?;
        if low == b']' && at > first {
            return Some((at + 1, found != negated));
        }
        match (pattern.get(at + 1), pattern.get(at + 2)) {
            (Some(b'-'), Some(high)) if *high != b']' => {
                found |= (low..=*high).contains(&byte);
                at += 3;
            }
            _ => {
                found |= low == byte;
                at += 1;
            }
        }
    }
}
