//! Names for trees on a case-insensitive disk, as Nix on macOS writes them.
//!
//! Contract: names that differ only in ASCII case cannot stand in one directory there, so each after
//! the first gets the suffix `~nix~case~hack~N`. [`CaseHack::disk_name`] gives the name for the disk
//! and [`logical_name`] takes it back; the names of a directory must be given in the order of the NAR.
//! A name that holds the suffix already could not be told from a renamed one, so it is refused.
//! Names that APFS takes for one for other reasons (accents, case beyond ASCII) are not handled, as
//! in Nix: whoever writes them must create files exclusively and report the collision.
//! Counterpart: `caseHackSuffix` and `use-case-hack` in `src/libutil/archive.cc`.

use bstr::{BString, ByteSlice};
use std::collections::{BTreeMap, btree_map::Entry};
use thiserror::Error;

/// What stands between a name and its number.
pub const SUFFIX: &[u8] = b"~nix~case~hack~";

/// A name that the case hack could not give back.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "file name “{0}” contains “~nix~case~hack~”, which on a case-insensitive disk marks renamed files; \
     this tree can only be stored on a case-sensitive one"
)]
pub struct ReservedName(pub BString);

/// The names given so far in one directory.
#[derive(Debug, Default)]
pub struct CaseHack {
    /// Lower-case name → how many names fell together with it so far.
    seen: BTreeMap<Vec<u8>, u32>,
}

impl CaseHack {
    /// For a new directory.
    pub fn new() -> Self {
        Self::default()
    }

    /// The name under which `name` is written to the disk.
    pub fn disk_name(&mut self, name: &[u8]) -> Result<Vec<u8>, ReservedName> {
        if name.contains_str(SUFFIX) {
            return Err(ReservedName(name.into()));
        }
        let mut disk_name = name.to_vec();
        match self.seen.entry(name.to_ascii_lowercase()) {
            Entry::Vacant(entry) => {
                entry.insert(0);
            }
            Entry::Occupied(mut entry) => {
                let number = entry.get().saturating_add(1);
                entry.insert(number);
                disk_name.extend_from_slice(SUFFIX);
                disk_name.extend_from_slice(number.to_string().as_bytes());
            }
        }
        Ok(disk_name)
    }
}

/// The name that a name on the disk stands for: what is before the suffix, if there is one.
pub fn logical_name(disk_name: &[u8]) -> &[u8] {
    disk_name
        .find(SUFFIX)
        .and_then(|position| disk_name.get(..position))
        .unwrap_or(disk_name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_as_nix_on_macos() {
        let mut names = CaseHack::new();
        let on_disk: Vec<Vec<u8>> = [&b"README"[..], b"ReadMe", b"other", b"readme"]
            .into_iter()
            .filter_map(|name| names.disk_name(name).ok())
            .collect();
        assert_eq!(
            on_disk,
            [
                &b"README"[..],
                b"ReadMe~nix~case~hack~1",
                b"other",
                b"readme~nix~case~hack~2"
            ]
        );
    }

    #[test]
    fn refuses_names_that_it_could_not_give_back() {
        assert!(CaseHack::new().disk_name(b"a~nix~case~hack~1").is_err());
    }

    proptest! {
        #[test]
        fn distinct_on_disk_and_back(names in prop::collection::btree_set("[abAB.]{1,4}", 0..40)) {
            let mut hack = CaseHack::new();
            let mut on_disk = BTreeSet::new();
            for name in &names {
                let disk_name = hack.disk_name(name.as_bytes()).unwrap();
                prop_assert_eq!(logical_name(&disk_name), name.as_bytes());
                prop_assert!(on_disk.insert(disk_name.to_ascii_lowercase()));
            }
        }
    }
}
