//! Finding programs in `PATH`.

use std::rc::Rc;

use crate::state::Shell;
use crate::sys::{self, Access, FileKind};

/// Ends a directory's path so that a name can follow.
fn with_slash(path: &mut Vec<u8>) {
    if path.last() != Some(&b'/') {
        path.push(b'/');
    }
}

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
    pub fn search_path(&mut self, name: &[u8], all: bool) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        if name.is_empty() || name.contains(&b'/') {
            return out;
        }
        let path = self.vars.get(b"PATH").and_then(|v| v.text());
        let cwd = self.st.cwd.clone();
        let mut second = None;
        let mut absolute = Vec::with_capacity(128);
        for dir in self.search_path.places(path.unwrap_or_default(), name) {
            absolute.clear();
            if dir.first() != Some(&b'/') {
                absolute.extend_from_slice(&cwd);
                with_slash(&mut absolute);
            }
            let start = absolute.len();
            absolute.extend_from_slice(dir);
            with_slash(&mut absolute);
            absolute.extend_from_slice(name);
            // Most of the places hold nothing of that name.
            if !sys::exists(&absolute) {
                continue;
            }
            let Ok(stat) = sys::stat(&absolute, true) else {
                continue;
            };
            if stat.kind == FileKind::Directory {
                continue;
            }
            let candidate = absolute.get(start..).unwrap_or_default().to_vec();
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

    /// What `$BASH` says: the name that the shell was called by, as a path of its own, from `PATH`, from
    /// the current directory, or in the end the user's login shell (`get_bash_name` of bash).
    pub(super) fn own_name(&mut self, login_shell: Vec<u8>) -> Vec<u8> {
        let name = sys::args().into_iter().next().unwrap_or_default();
        let name = name.strip_prefix(b"-").unwrap_or(&name);
        if name.contains(&b'/') {
            return self.absolute(name);
        }
        let found = self.search_path(name, false).into_iter().next();
        if let Some(found) = found {
            return self.absolute(&found);
        }
        let here = self.absolute(name);
        let is_file = sys::stat(&here, true).is_ok_and(|stat| stat.kind != FileKind::Directory);
        if !name.is_empty() && is_file && sys::access(&here, Access::Execute) {
            return here;
        }
        login_shell
    }

    /// The user's shell in `/etc/passwd`, which `$SHELL` is if the environment has none.
    pub(super) fn login_shell(&mut self) -> Vec<u8> {
        let user = sys::user_id().to_string().into_bytes();
        let users = self.read_file(b"/etc/passwd").unwrap_or_default();
        users
            .split(|c| *c == b'\n')
            .map(|line| line.split(|c| *c == b':'))
            .find(|fields| fields.clone().nth(2) == Some(&user))
            .and_then(|mut fields| fields.nth(6))
            .filter(|shell| !shell.is_empty())
            .unwrap_or(b"/bin/sh")
            .to_vec()
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
