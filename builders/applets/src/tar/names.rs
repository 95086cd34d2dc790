//! Names as members: without what would lead out of the directory.
//!
//! Counterpart: GNU tar's `names.c`, `safer_name_suffix`.

use super::value_at;
use crate::shared::program;
use bstr::BString;
use std::collections::BTreeSet;

/// What was told of prefixes that were removed.
#[derive(Debug, Default)]
pub struct Safer {
    told: BTreeSet<(bool, BString)>,
    absolute: bool,
}

impl Safer {
    /// With nothing told yet; `absolute`: names stay as they are.
    pub fn new(absolute: bool) -> Safer {
        Safer {
            told: BTreeSet::new(),
            absolute,
        }
    }

    /// The name without its leading slashes, and without all up to the last `..`.
    pub fn suffix<'a>(&mut self, name: &'a [u8], link: bool) -> &'a [u8] {
        if self.absolute {
            return name;
        }
        let (mut prefix, mut at) = (0, 0);
        while at < name.len() {
            let part = name.get(at..).unwrap_or_default();
            if part == b".." || part.starts_with(b"../") {
                prefix = at + 2;
            }
            at = memchr::memchr(b'/', part).map_or(name.len(), |slash| at + slash + 1);
        }
        while value_at(name, prefix) == b'/' {
            prefix += 1;
        }
        let (removed, rest) = name.split_at(prefix);
        if !removed.is_empty() && self.told.insert((link, removed.into())) {
            let of: &[u8] = if link {
                b"hard link targets"
            } else {
                b"member names"
            };
            program::complain(&[b"Removing leading `", removed, b"' from ", of]);
        }
        if rest.is_empty() {
            program::refuse("a member without a name");
        }
        rest
    }
}
