//! Which store paths a build sees, asked for one at a time.
//!
//! Contract: a set never changes while a build has it. A closure of ten thousand paths need not be a
//! list: a build asks for the few names that it meets, and for all only when it lists the store.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;

/// The input closure of a build.
pub trait InputSet: Debug + Send + Sync {
    /// Where the store path with this base name lies on the disk; `None` if it is no input.
    fn place(&self, name: &str) -> Option<PathBuf>;

    /// All base names, in any order.
    fn names(&self) -> Vec<String>;

    /// SHA-256 of the input's NAR, if the store says so; `None` if that is not known or not to be
    /// relied on.
    fn nar_hash(&self, _name: &str) -> Option<[u8; 32]> {
        None
    }
}

impl InputSet for BTreeMap<String, PathBuf> {
    fn place(&self, name: &str) -> Option<PathBuf> {
        self.get(name).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }
}
