//! `--exclude`, `--exclude-from` and `--exclude-vcs`: names that are left alone.
//!
//! Contract: a pattern stands for what it matches at the start of any component, and for all below
//! that; `*` matches slashes too. Counterpart: gnulib's `exclude.c` as tar calls it.

use super::{list_of, value_at};
use crate::findutils::glob;
use crate::shared::options::Parsed;
use crate::shared::program;
use bstr::BString;

/// What is left out.
#[derive(Debug, Default)]
pub struct Excluded {
    patterns: Vec<BString>,
    /// Names of components.
    vcs: bool,
}

/// What systems of version control leave in directories.
const VCS: &[&str] = &[
    "CVS",
    ".cvsignore",
    "RCS",
    "SCCS",
    ".git",
    ".gitignore",
    ".gitattributes",
    ".gitmodules",
    ".svn",
    ".arch-ids",
    "{arch}",
    "=RELEASE-ID",
    "=meta-update",
    "=update",
    ".bzr",
    ".bzrignore",
    ".bzrtags",
    ".hg",
    ".hgignore",
    ".hgrags",
    "_darcs",
];

impl Excluded {
    /// From the options.
    pub fn new(parsed: &Parsed) -> Excluded {
        let mut excluded = Excluded {
            patterns: Vec::new(),
            vcs: parsed.has('ν'),
        };
        for (key, text) in &parsed.options {
            match (key, text) {
                ('ε', Some(text)) => excluded.patterns.push(text.clone()),
                ('X', Some(file)) => {
                    for line in list_of(file, b'\n') {
                        let line = line.trim_ascii_end();
                        if !line.is_empty() {
                            excluded.patterns.push(line.into());
                        }
                    }
                }
                _ => {}
            }
        }
        if excluded.patterns.iter().any(|it| it.contains(&b'\\')) {
            program::refuse("a pattern of --exclude with a backslash");
        }
        excluded
    }

    /// Is this name left out? It has no slash at its end.
    pub fn has(&self, name: &[u8]) -> bool {
        if self.patterns.is_empty() && !self.vcs {
            return false;
        }
        let is_slash = |at: usize| value_at(name, at) == b'/';
        // A match may begin with any component, and end where one ends.
        let starts = (0..name.len())
            .filter(|at| *at == 0 || (is_slash(at - 1) && !is_slash(*at)))
            .map(|at| name.get(at..).unwrap_or_default());
        for rest in starts {
            if self.vcs && VCS.iter().any(|it| it.as_bytes() == rest) {
                return true;
            }
            let ends = memchr::memchr_iter(b'/', rest).chain([rest.len()]);
            for end in ends {
                let part = rest.get(..end).unwrap_or_default();
                let plain = glob::Options::default();
                if self
                    .patterns
                    .iter()
                    .any(|it| glob::matches(it, part, plain))
                {
                    return true;
                }
            }
        }
        false
    }
}
