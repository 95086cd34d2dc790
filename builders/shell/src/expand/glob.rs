//! Pathname expansion: the names that match a pattern, in order of bytes, with `globstar`,
//! `dotglob`, `nullglob`, `failglob`, `nocaseglob` and `GLOBIGNORE`.

use super::Field;
use crate::pattern::{self, Pattern};
use crate::state::{Shell, Unwind};
use crate::sys::{self, FileKind};

/// Most directories that `**` goes down.
const MAX_DEPTH: usize = 200;

impl Shell {
    /// Appends the pathnames that a field matches, or the field itself.
    pub(super) fn glob_field(&self, field: Field, out: &mut Vec<Vec<u8>>) -> Result<(), Unwind> {
        if self.st.options.noglob() || !field.may_glob() {
            out.push(field.text);
            return Ok(());
        }
        let pattern = field.pattern();
        if !pattern::is_pattern(&pattern, self.st.options.extglob()) {
            out.push(field.text);
            return Ok(());
        }
        let mut found = self.glob(&pattern);
        self.ignore(&mut found);
        if found.is_empty() {
            if self.st.options.failglob() {
                self.error([b"no match: ", field.text.as_slice()].concat());
                return Err(Unwind::Discard(1));
            }
            if !self.st.options.nullglob() {
                out.push(field.text);
            }
            return Ok(());
        }
        out.append(&mut found);
        Ok(())
    }

    /// `GLOBIGNORE`
    fn ignore(&self, found: &mut Vec<Vec<u8>>) {
        let Some(list) = self.get(b"GLOBIGNORE").filter(|t| !t.is_empty()) else {
            return;
        };
        let options = pattern::Options {
            extglob: true,
            nocase: false,
            utf8: self.st.utf8,
        };
        let slashes = |text: &[u8]| text.iter().filter(|c| **c == b'/').count();
        // A star does not match a slash here, but at the end of a pattern it matches all that follows.
        let patterns: Vec<(usize, bool, Pattern)> = split_colons(&list)
            .into_iter()
            .map(|text| {
                let head = text
                    .strip_suffix(b"*")
                    .filter(|head| !head.ends_with(b"\\"));
                let pattern = pattern::compile(head.unwrap_or(&text), options);
                (slashes(&text), head.is_some(), pattern)
            })
            .collect();
        let ignored = |path: &[u8]| {
            patterns.iter().any(|(count, open, pattern)| {
                let least = if *open { 0 } else { path.len() };
                (least..=path.len())
                    .filter_map(|end| path.get(..end))
                    .any(|start| slashes(start) == *count && pattern.matches(start))
            })
        };
        found.retain(|path| {
            let base = path.rsplit(|c| *c == b'/').next().unwrap_or_default();
            base != b"." && base != b".." && !ignored(path)
        });
    }

    /// The pathnames that match, sorted.
    pub fn glob(&self, pattern: &[u8]) -> Vec<Vec<u8>> {
        let absolute = pattern.first() == Some(&b'/');
        let mut prefix = Vec::new();
        let lead = pattern.iter().take_while(|c| **c == b'/').count();
        prefix.extend(std::iter::repeat_n(b'/', lead));
        let rest = pattern.get(lead..).unwrap_or_default();
        let mut found = Vec::new();
        let components = split_slashes(rest);
        self.glob_from(&prefix, &components, &mut found, absolute);
        found.sort();
        found.dedup();
        found
    }

    fn glob_from(
        &self,
        prefix: &[u8],
        components: &[Component],
        found: &mut Vec<Vec<u8>>,
        _absolute: bool,
    ) {
        let Some((first, rest)) = components.split_first() else {
            found.push(prefix.to_vec());
            return;
        };
        let extglob = self.st.options.extglob();
        if first.text.is_empty() {
            // A trailing slash: only directories.
            if self.is_dir(prefix) {
                found.push(prefix.to_vec());
            }
            return;
        }
        if first.text == b"**" && self.st.options.globstar() {
            self.globstar(prefix, rest, first, found);
            return;
        }
        if !pattern::is_pattern(&first.text, extglob) {
            let mut path = prefix.to_vec();
            path.extend(unescape(&first.text));
            if rest.is_empty() {
                if sys::stat(&self.absolute(&path), false).is_ok() {
                    found.push(path);
                }
                return;
            }
            path.extend(std::iter::repeat_n(b'/', first.slashes));
            if sys::stat(&self.absolute(&path), true).is_ok() {
                self.glob_from(&path, rest, found, true);
            }
            return;
        }
        let options = pattern::Options {
            extglob,
            nocase: self.st.options.nocaseglob(),
            utf8: self.st.utf8,
        };
        let pattern = pattern::compile(&first.text, options);
        let dots = self.shows_dots() || pattern.matches_leading_dot();
        for (name, kind) in self.list(prefix) {
            if name.first() == Some(&b'.') && !dots {
                continue;
            }
            if !pattern.matches(&name) {
                continue;
            }
            let mut path = prefix.to_vec();
            path.extend_from_slice(&name);
            if rest.is_empty() {
                found.push(path);
                continue;
            }
            if matches!(kind, Some(FileKind::Regular)) || !self.is_dir(&path) {
                continue;
            }
            path.extend(std::iter::repeat_n(b'/', first.slashes));
            self.glob_from(&path, rest, found, true);
        }
    }

    /// `**`: this directory and all below it, without following links.
    fn globstar(
        &self,
        prefix: &[u8],
        rest: &[Component],
        star: &Component,
        found: &mut Vec<Vec<u8>>,
    ) {
        let mut queue = vec![(prefix.to_vec(), 0)];
        while let Some((dir, depth)) = queue.pop() {
            if rest.is_empty() {
                if !dir.is_empty() && depth == 0 {
                    found.push(dir.clone());
                }
            } else {
                self.glob_from(&dir, rest, found, true);
            }
            for (name, kind) in self.list(&dir) {
                if name.first() == Some(&b'.') && !self.shows_dots() {
                    continue;
                }
                let mut path = dir.clone();
                path.extend_from_slice(&name);
                let kind =
                    kind.or_else(|| sys::stat(&self.absolute(&path), false).ok().map(|s| s.kind));
                if rest.is_empty() {
                    found.push(path.clone());
                }
                if kind == Some(FileKind::Directory) && depth < MAX_DEPTH {
                    path.extend(std::iter::repeat_n(b'/', star.slashes.max(1)));
                    queue.push((path, depth + 1));
                }
            }
        }
    }

    fn shows_dots(&self) -> bool {
        self.st.options.dotglob() || self.get(b"GLOBIGNORE").is_some_and(|t| !t.is_empty())
    }

    fn list(&self, prefix: &[u8]) -> Vec<(Vec<u8>, Option<FileKind>)> {
        let dir = if prefix.is_empty() {
            self.st.cwd.to_vec()
        } else {
            self.absolute(prefix)
        };
        let mut entries = sys::read_dir(&dir).unwrap_or_default();
        if !self.st.options.globskipdots() {
            entries.push((b".".to_vec(), Some(FileKind::Directory)));
            entries.push((b"..".to_vec(), Some(FileKind::Directory)));
        }
        entries
    }

    fn is_dir(&self, path: &[u8]) -> bool {
        sys::stat(&self.absolute(path), true).is_ok_and(|s| s.kind == FileKind::Directory)
    }
}

struct Component {
    text: Vec<u8>,
    /// Slashes behind it.
    slashes: usize,
}

/// Splits at slashes that no bracket or group holds.
fn split_slashes(pattern: &[u8]) -> Vec<Component> {
    let mut out = Vec::new();
    let mut text = Vec::new();
    let mut at = 0;
    let mut depth = 0u32;
    while let Some(&c) = pattern.get(at) {
        match c {
            b'\\' => {
                text.push(c);
                at += 1;
                text.extend(pattern.get(at));
            }
            b'/' if depth == 0 => {
                let slashes = pattern
                    .get(at..)
                    .unwrap_or_default()
                    .iter()
                    .take_while(|c| **c == b'/')
                    .count();
                out.push(Component {
                    text: std::mem::take(&mut text),
                    slashes,
                });
                at += slashes;
                continue;
            }
            b'(' => {
                depth += u32::from(
                    matches!(text.last(), Some(b'?' | b'*' | b'+' | b'@' | b'!')) || depth > 0,
                );
                text.push(c);
            }
            b')' => {
                depth = depth.saturating_sub(1);
                text.push(c);
            }
            c => text.push(c),
        }
        at += 1;
    }
    out.push(Component { text, slashes: 0 });
    out
}

fn split_colons(list: &[u8]) -> Vec<Vec<u8>> {
    let mut out = vec![Vec::new()];
    let mut bracket = false;
    for c in list {
        match c {
            b'[' => bracket = true,
            b']' => bracket = false,
            b':' if !bracket => {
                out.push(Vec::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = out.last_mut() {
            last.push(*c);
        }
    }
    out.retain(|p| !p.is_empty());
    out
}

/// The text behind escapes.
pub fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(c) = bytes.next() {
        match c {
            b'\\' => out.extend(bytes.next().or(Some(&b'\\'))),
            c => out.push(*c),
        }
    }
    out
}
