//! Which names of a package take part in `buildEnv`: `pathsToLink`, and the names it never links.
//!
//! All names are relative to the package and begin with `/`; the package itself is the empty name.

use crate::rules::Rules;
use bstr::{BString, ByteSlice};

/// The places that `pathsToLink` selects.
#[derive(Clone, Debug)]
pub struct Selection {
    paths: Vec<BString>,
}

impl Selection {
    /// Selects what is at or below one of these paths.
    pub fn new(paths: &[BString]) -> Self {
        Self {
            paths: paths.to_vec(),
        }
    }

    /// Whether the name is at or below a selected path, and so is linked.
    pub fn contains(&self, name: &[u8]) -> bool {
        let name = if name.is_empty() { b"/" } else { name };
        self.paths
            .iter()
            .any(|path| path == "/" || at_or_below(name, path))
    }

    /// Whether the name is at or above a selected path, and so has to be entered.
    pub fn leads_to(&self, name: &[u8]) -> bool {
        !self.paths.is_empty()
            && (name.is_empty() || self.paths.iter().any(|path| at_or_below(path, name)))
    }

    /// The selected paths and all their parents: these are directories in every case.
    ///
    /// `/a/b` gives the empty name, `/a` and `/a/b`. Empty components stay where they are in the
    /// middle, as nixpkgs' script leaves them.
    pub fn with_parents(&self) -> Vec<BString> {
        let mut names = vec![BString::default()];
        for path in &self.paths {
            let mut parts: Vec<&[u8]> = path.split_str("/").collect();
            while parts.last().is_some_and(|part| part.is_empty()) {
                parts.pop();
            }
            let mut name = BString::default();
            for part in parts {
                name.push(b'/');
                name.extend_from_slice(part);
                if name == "/" {
                    name.clear();
                }
                names.push(name.clone());
            }
        }
        names
    }
}

/// Whether `name` is `path` or begins with `path` and a slash.
fn at_or_below(name: &[u8], path: &[u8]) -> bool {
    name.strip_prefix(path)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// Names that are never linked: what belongs to one package alone, or is made anew for the whole.
pub fn never_linked(name: &[u8], base_name: &[u8], rules: &Rules) -> bool {
    let info_index = if rules.info_dir_anywhere {
        name.contains_str("info/dir")
    } else {
        // Perl's `$` also matches before a final newline.
        name.strip_suffix(b"\n")
            .unwrap_or(name)
            .ends_with(b"info/dir")
            || name.ends_with(b"info/dir")
    };
    info_index
        || name == b"/propagated-build-inputs"
        || name == b"/nix-support"
        || (name.starts_with(b"/share/mime/") && !name.starts_with(b"/share/mime/packages"))
        || base_name == b"perllocal.pod"
        || base_name == b"log"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(paths: &[&str]) -> Selection {
        let paths: Vec<_> = paths.iter().map(|path| BString::from(*path)).collect();
        Selection::new(&paths)
    }

    #[test]
    fn a_path_selects_itself_and_what_is_below() {
        let selection = selection(&["/bin", "/share/man"]);
        for name in ["/bin", "/bin/x", "/share/man", "/share/man/man1"] {
            assert!(selection.contains(name.as_bytes()), "{name}");
        }
        for name in ["", "/binary", "/share", "/share/mango", "/b"] {
            assert!(!selection.contains(name.as_bytes()), "{name}");
        }
        for name in ["", "/share", "/bin", "/share/man"] {
            assert!(selection.leads_to(name.as_bytes()), "{name}");
        }
        for name in ["/bin/x", "/sha", "/lib"] {
            assert!(!selection.leads_to(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn parents_are_directories() {
        let names = selection(&["/", "/a/b/", "/c//d"]).with_parents();
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["", "", "/a", "/a/b", "", "/c", "/c/", "/c//d"]);
    }

    #[test]
    fn a_trailing_slash_selects_nothing() {
        let selection = selection(&["/a/"]);
        assert!(!selection.contains(b"/a"));
        assert!(!selection.contains(b"/a/b"));
    }
}
