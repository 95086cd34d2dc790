//! Where a path leads when all symlinks are followed, by the rules of Perl's `Cwd::abs_path`.
//!
//! It is the `realpath` of BSD: only the last component may be missing, also after links; a missing
//! one before it, or too many links, gives no path. GNU's `realpath` differs, and `buildEnv` decides
//! by this whether two colliding paths are the same.
//!
//! Directories that are no links are remembered, so that many paths below the same package cost one
//! look each.

use crate::source::{Kind, Source};
use bstr::{BString, ByteSlice};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// Perl allows one link more than `MAXSYMLINKS`, which is 20 on Linux.
const MOST_LINKS: u32 = 21;
/// `PATH_MAX` of Linux; a longer path resolves to nothing.
const LONGEST_PATH: usize = 4096;

/// Resolves paths and remembers plain directories.
pub struct RealPaths<'a> {
    source: &'a dyn Source,
    directories: RefCell<BTreeSet<BString>>,
}

impl<'a> RealPaths<'a> {
    /// A resolver without memory yet.
    pub fn new(source: &'a dyn Source) -> Self {
        Self {
            source,
            directories: RefCell::default(),
        }
    }

    /// The resolved path, or `None` where there is none.
    pub fn resolve(&self, path: &[u8]) -> Option<BString> {
        let mut resolved = BString::from("/");
        // What is left, the next component last.
        let mut remaining: Vec<BString> = components(path);
        let mut links = 0;
        while let Some(component) = remaining.pop() {
            match component.as_slice() {
                b"" | b"." => continue,
                b".." => {
                    strip_last(&mut resolved);
                    continue;
                }
                _ => {}
            }
            if resolved.len() > 1 {
                resolved.push(b'/');
            }
            resolved.extend_from_slice(&component);
            if resolved.len() >= LONGEST_PATH {
                return None;
            }
            if self.directories.borrow().contains(&resolved) {
                continue;
            }
            match self.source.kind(&resolved) {
                // A trailing slash leaves an empty component behind, and so is not the last one.
                None if remaining.is_empty() && self.may_be_missing(&resolved) => {
                    return Some(resolved);
                }
                None => return None,
                Some(Kind::Symlink) => {
                    links += 1;
                    if links > MOST_LINKS {
                        return None;
                    }
                    let target = self.source.link_target(&resolved).ok()?;
                    if target.starts_with(b"/") {
                        resolved.truncate(1);
                    } else {
                        strip_last(&mut resolved);
                    }
                    let ends_in_slash = target.ends_with(b"/");
                    let mut parts = components(&target);
                    if ends_in_slash && !remaining.is_empty() {
                        // The slash that joins is the one that is there already.
                        parts.remove(0);
                    }
                    remaining.append(&mut parts);
                }
                Some(Kind::Directory) => {
                    self.directories.borrow_mut().insert(resolved.clone());
                }
                Some(Kind::File | Kind::Other) => {}
            }
        }
        Some(resolved)
    }

    /// The name may be missing where its directory is one; below a file there is nothing at all.
    fn may_be_missing(&self, path: &[u8]) -> bool {
        match path.rfind_byte(b'/') {
            None | Some(0) => true,
            Some(end) => {
                let parent = path.get(..end).unwrap_or_default();
                self.source.kind(parent) == Some(Kind::Directory)
            }
        }
    }
}

/// The components of a path, the first one last.
fn components(path: &[u8]) -> Vec<BString> {
    path.split(|byte| *byte == b'/')
        .rev()
        .map(BString::from)
        .collect()
}

/// Cuts the last component off; the root stays.
fn strip_last(path: &mut BString) {
    let end = path.rfind_byte(b'/').unwrap_or(0);
    path.truncate(end.max(1));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Disk, Modes};
    use std::os::unix::fs::symlink;
    use wasibuild_guest::bytes;

    /// The answers of `perl -MCwd -e 'print Cwd::abs_path(…)'`, written down.
    #[test]
    fn resolves_as_perl_does() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("d")).unwrap();
        std::fs::write(root.join("f"), "").unwrap();
        symlink("d", root.join("to-d")).unwrap();
        symlink("missing", root.join("dangling")).unwrap();
        symlink("missing/below", root.join("far")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        symlink("to-d/../f", root.join("round")).unwrap();
        let disk = Disk::new(Modes::Unknown);
        let paths = RealPaths::new(&disk);
        let base = bytes::from_path(&root).to_string();
        for (path, expected) in [
            ("d", Some("d")),
            ("d/", Some("d")),
            ("./d//.", Some("d")),
            ("to-d", Some("d")),
            ("to-d/x", Some("d/x")),
            ("dangling", Some("missing")),
            ("far", None),
            ("loop", None),
            ("round", Some("f")),
            ("f/x", None),
            ("missing/..", None),
            ("missing/", None),
            ("d/../f", Some("f")),
        ] {
            let found = paths.resolve(format!("{base}/{path}").as_bytes());
            let expected = expected.map(|path| BString::from(format!("{base}/{path}")));
            assert_eq!(found, expected, "{path}");
        }
        assert_eq!(paths.resolve(b"/.."), Some(BString::from("/")));
    }
}
