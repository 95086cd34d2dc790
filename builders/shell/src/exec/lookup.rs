//! Finding programs in `PATH`.

use std::rc::Rc;

use crate::state::Shell;
use crate::sys::{self, Access, FileKind};

impl Shell {
    /// The path of a program: as given if it has a slash, else the first in `PATH`.
    pub fn find_program(&mut self, name: &[u8]) -> Option<Vec<u8>> {
        if name.contains(&b'/') {
            return Some(name.to_vec());
        }
        if let Some(path) = self.st.hashed.get(name) {
            return Some(path.clone());
        }
        let found = self.search_path(name, false).into_iter().next()?;
        Rc::make_mut(&mut self.st.hashed).insert(name.to_vec(), found.clone());
        Some(found)
    }

    /// Everything in `PATH` of that name, in order. `all`: not only the first.
    pub fn search_path(&self, name: &[u8], all: bool) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        if name.is_empty() || name.contains(&b'/') {
            return out;
        }
        let path = self.get(b"PATH").unwrap_or_default();
        let mut second = None;
        for dir in path.split(|c| *c == b':') {
            let dir = if dir.is_empty() { b"." } else { dir };
            let mut candidate = dir.to_vec();
            if candidate.last() != Some(&b'/') {
                candidate.push(b'/');
            }
            candidate.extend_from_slice(name);
            let absolute = self.absolute(&candidate);
            let Ok(stat) = sys::stat(&absolute, true) else {
                continue;
            };
            if stat.kind == FileKind::Directory {
                continue;
            }
            if sys::access(&absolute, Access::Execute) {
                out.push(candidate);
                if !all {
                    return out;
                }
            } else if second.is_none() {
                second = Some(candidate);
            }
        }
        // A file that may not be executed is better than none: its error says so.
        if out.is_empty() {
            out.extend(second);
        }
        out
    }

    /// A file for `source`, found in `PATH` like a program but need not be executable.
    pub fn search_source(&self, name: &[u8]) -> Option<Vec<u8>> {
        if name.contains(&b'/') {
            return Some(name.to_vec());
        }
        if self.st.options.sourcepath() {
            let path = self.get(b"PATH").unwrap_or_default();
            for dir in path.split(|c| *c == b':') {
                let dir = if dir.is_empty() { b"." } else { dir };
                let candidate = [dir, b"/", name].concat();
                if sys::stat(&self.absolute(&candidate), true)
                    .is_ok_and(|s| s.kind != FileKind::Directory)
                {
                    return Some(candidate);
                }
            }
        }
        (!self.st.options.posix()).then(|| name.to_vec())
    }
}
