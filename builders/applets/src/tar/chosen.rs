//! Which members are asked for.
//!
//! Counterpart: GNU tar's `names.c`, `name_match` and `names_notfound`.

use super::quoting::escaped;
use super::{change_directory, names_in};
use crate::findutils::glob;
use crate::shared::options::Parsed;
use crate::shared::program;
use bstr::{BString, ByteSlice};

/// Which members are asked for.
pub struct Chosen {
    /// The words, each with what of it is there.
    wanted: Vec<(BString, bool)>,
    wildcards: bool,
}

impl Chosen {
    /// Those with these names, and what is in them; all if there are none. Goes to the directory
    /// of `-C`.
    pub fn new(parsed: &Parsed) -> Chosen {
        let mut wanted = Vec::new();
        let mut named = false;
        for step in names_in(parsed) {
            if let Some(directory) = &step.directory {
                if named {
                    program::refuse("-C behind a name");
                }
                change_directory(directory);
            }
            if let Some(name) = step.name {
                named = true;
                let name = name.trim_end_with(|it| it == '/');
                wanted.push((BString::from(name), false));
            }
        }
        if wanted.is_empty() && parsed.has('T') {
            program::refuse("an empty list of members");
        }
        Chosen {
            wanted,
            wildcards: parsed.has('ω'),
        }
    }

    /// Is this one of them?
    pub fn has(&mut self, name: &[u8]) -> bool {
        if self.wanted.is_empty() {
            return true;
        }
        for (wanted, seen) in &mut self.wanted {
            let matches = if self.wildcards {
                let ends = memchr::memchr_iter(b'/', name).chain([name.len()]);
                let mut starts = ends.map(|end| name.get(..end).unwrap_or_default());
                starts.any(|part| glob::matches(wanted, part, glob::Options::default()))
            } else {
                match name.strip_prefix(wanted.as_slice()) {
                    Some(rest) => rest.is_empty() || rest.starts_with(b"/"),
                    None => false,
                }
            };
            // The first that fits has it.
            if matches {
                *seen = true;
                return true;
            }
        }
        false
    }

    /// Tells which were not there; true if any.
    pub fn finish(&self) -> bool {
        let missing = self.wanted.iter().filter(|(_, seen)| !seen);
        let mut failed = false;
        for (name, _) in missing {
            failed = true;
            program::complain(&[&escaped(name), b": Not found in archive"]);
        }
        failed
    }
}
