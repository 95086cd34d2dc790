//! Finds which store objects a stream refers to.
//!
//! Contract: a reference is any occurrence of a candidate's 32-digit hash part, wherever it stands and
//! however the stream is cut into writes. What is scanned is the NAR, so names and link targets count.
//! Counterpart: `RefScanSink` in `src/libstore/references.cc`.

use crate::{
    file_system_object::FileSystemObject,
    hash::Sha256Writer,
    nar::NarError,
    nixbase32::{NO_DIGIT, VALUES},
    store_path::{HASH_PART_LEN, StorePath},
};
use std::{
    collections::{BTreeSet, HashMap},
    io::{self, Write},
};

/// What a scanner looks for.
///
/// A closure of many thousand paths need not be a list for this: whoever has a table of all paths
/// that it knows answers for the few hash parts that do occur.
pub trait Candidates {
    /// Whether a candidate's hash part may have this [`beginning`]. A wrong yes only takes time.
    fn may_begin(&self, beginning: usize) -> bool;
    /// The candidates with this hash part, normally one.
    fn with_hash_part(&self, hash_part: &[u8; HASH_PART_LEN]) -> Vec<StorePath>;
}

/// The first three digits of a hash part as a number below [`BEGINNINGS`].
pub fn beginning(hash_part: &[u8; HASH_PART_LEN]) -> usize {
    let [a, b, c, ..] = *hash_part;
    let [a, b, c] = [a, b, c].map(|byte| usize::from(value(byte) & 31));
    (a << 10) | (b << 5) | c
}

/// How many different [`beginning`]s there are.
pub const BEGINNINGS: usize = 1 << 15;

/// Candidates that are listed.
pub struct CandidateSet {
    by_hash_part: HashMap<[u8; HASH_PART_LEN], Vec<StorePath>>,
    /// One bit for each beginning.
    beginnings: Vec<bool>,
}

impl CandidateSet {
    /// These store objects.
    pub fn new(candidates: &BTreeSet<StorePath>) -> Self {
        let mut set = Self {
            by_hash_part: HashMap::new(),
            beginnings: vec![false; BEGINNINGS],
        };
        for candidate in candidates {
            let hash_part = candidate.hash_part_bytes();
            if let Some(known) = set.beginnings.get_mut(beginning(&hash_part)) {
                *known = true;
            }
            let same = set.by_hash_part.entry(hash_part).or_default();
            same.push(candidate.clone());
        }
        set
    }
}

impl Candidates for CandidateSet {
    fn may_begin(&self, beginning: usize) -> bool {
        self.beginnings.get(beginning).is_some_and(|known| *known)
    }

    fn with_hash_part(&self, hash_part: &[u8; HASH_PART_LEN]) -> Vec<StorePath> {
        self.by_hash_part
            .get(hash_part)
            .cloned()
            .unwrap_or_default()
    }
}

/// A sink that looks for the hash parts of candidates in what is written to it.
pub struct ReferenceScanner<'c> {
    candidates: &'c dyn Candidates,
    /// Hash parts that were found.
    seen: BTreeSet<[u8; HASH_PART_LEN]>,
    found: BTreeSet<StorePath>,
    /// The last bytes of what was written, fewer than a hash part has.
    tail: Vec<u8>,
}

fn value(byte: u8) -> u8 {
    VALUES.get(usize::from(byte)).copied().unwrap_or(NO_DIGIT)
}

/// How many bytes a hash part can have before the border of two writes.
const OVERLAP: usize = HASH_PART_LEN - 1;

impl<'c> ReferenceScanner<'c> {
    /// Looks for these store objects.
    pub fn new(candidates: &'c dyn Candidates) -> Self {
        Self {
            candidates,
            seen: BTreeSet::new(),
            found: BTreeSet::new(),
            tail: Vec::with_capacity(2 * OVERLAP),
        }
    }

    /// The candidates that were found.
    pub fn found(self) -> BTreeSet<StorePath> {
        self.found
    }

    fn search(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        // How many bytes at the start of `rest` are known to be digits, so that no byte is looked at
        // twice.
        let mut digits = 0;
        while let Some(window) = rest.first_chunk::<HASH_PART_LEN>() {
            // The last byte that is no digit rules out every start up to it.
            let unknown = window.get(digits..).unwrap_or_default();
            let last_other = unknown.iter().rposition(|&byte| value(byte) == NO_DIGIT);
            let skip = match last_other {
                Some(position) => digits + position + 1,
                None => {
                    if self.candidates.may_begin(beginning(window)) && !self.seen.contains(window) {
                        let paths = self.candidates.with_hash_part(window);
                        if !paths.is_empty() {
                            self.seen.insert(*window);
                            self.found.extend(paths);
                        }
                    }
                    1
                }
            };
            digits = HASH_PART_LEN - skip;
            rest = rest.get(skip..).unwrap_or_default();
        }
    }
}

impl Write for ReferenceScanner<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut border = std::mem::take(&mut self.tail);
        border.extend_from_slice(bytes.get(..OVERLAP).unwrap_or(bytes));
        self.search(&border);
        self.search(bytes);
        // When `bytes` is short, `border` holds all that matters; else the end of `bytes` does.
        let last = if bytes.len() >= OVERLAP {
            bytes
        } else {
            &border
        };
        let keep = last.len().saturating_sub(OVERLAP);
        self.tail = last.get(keep..).unwrap_or_default().to_vec();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What one pass over a tree's NAR gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    /// SHA-256 of the NAR.
    pub nar_hash: [u8; 32],
    /// Its length in bytes.
    pub nar_size: u64,
    /// Those of the candidates that it refers to.
    pub references: BTreeSet<StorePath>,
}

/// Hashes a tree and finds its references in one pass.
pub fn scan(object: &FileSystemObject, candidates: &dyn Candidates) -> Result<Scanned, NarError> {
    let mut sink = HashAndScan {
        hash: Sha256Writer::new(),
        scanner: ReferenceScanner::new(candidates),
    };
    object.write_nar(&mut sink)?;
    let (nar_hash, nar_size) = sink.hash.finish();
    Ok(Scanned {
        nar_hash,
        nar_size,
        references: sink.scanner.found(),
    })
}

struct HashAndScan<'c> {
    hash: Sha256Writer,
    scanner: ReferenceScanner<'c>,
}

impl Write for HashAndScan<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hash.write_all(bytes)?;
        self.scanner.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn paths(digests: &[[u8; 20]]) -> BTreeSet<StorePath> {
        digests
            .iter()
            .map(|digest| StorePath::from_digest(digest, "x").unwrap())
            .collect()
    }

    #[test]
    fn finds_names_and_link_targets() {
        let all = paths(&[[1; 20], [2; 20], [3; 20], [4; 20]]);
        let [a, b, c, _]: [StorePath; 4] = Vec::from_iter(all.clone()).try_into().unwrap();
        let tree = FileSystemObject::directory([
            (a.basename().into(), FileSystemObject::file("x")),
            ("l".into(), FileSystemObject::symlink(b.to_absolute_path())),
            (
                "t".into(),
                FileSystemObject::file(format!("zzz{}zzz", c.hash_part()).into_bytes()),
            ),
        ]);
        let scanned = scan(&tree, &CandidateSet::new(&all)).unwrap();
        assert_eq!(scanned.references, BTreeSet::from([a, b, c]));
        assert_eq!(
            (scanned.nar_hash, scanned.nar_size),
            tree.nar_hash().unwrap()
        );
    }

    #[test]
    fn two_paths_with_one_hash_part_are_both_found() {
        let both = BTreeSet::from([
            StorePath::from_digest(&[1; 20], "x").unwrap(),
            StorePath::from_digest(&[1; 20], "y").unwrap(),
        ]);
        let tree = FileSystemObject::symlink(both.first().unwrap().to_absolute_path());
        assert_eq!(
            scan(&tree, &CandidateSet::new(&both)).unwrap().references,
            both
        );
    }

    proptest! {
        #[test]
        fn the_cuts_between_writes_do_not_matter(
            parts in prop::collection::vec(
                prop_oneof![(0..5u8).prop_map(Ok), "[a-z0-9/-]{0,40}".prop_map(Err)], 0..10),
            cuts in prop::collection::vec(1..50usize, 1..20),
        ) {
            let candidates = paths(&[[0; 20], [1; 20], [2; 20], [3; 20], [4; 20]]);
            let mut text = String::new();
            let mut expected = BTreeSet::new();
            for part in parts {
                match part {
                    Ok(digest) => {
                        let path = paths(&[[digest; 20]]).pop_first().unwrap();
                        text.push_str(path.hash_part());
                        expected.insert(path);
                    }
                    Err(other) => text.push_str(&other),
                }
            }
            let set = CandidateSet::new(&candidates);
            let mut scanner = ReferenceScanner::new(&set);
            let mut rest = text.as_bytes();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, left) = rest.split_at((*cut).min(rest.len()));
                scanner.write_all(piece).unwrap();
                rest = left;
            }
            // Digits of the parts around may complete another hash part, so at least these.
            let naive: BTreeSet<StorePath> =
                candidates.iter().filter(|path| text.contains(path.hash_part())).cloned().collect();
            prop_assert!(naive.is_superset(&expected));
            prop_assert_eq!(scanner.found(), naive);
        }
    }
}
