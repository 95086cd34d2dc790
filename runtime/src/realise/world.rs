//! The store and the caches, as planning and requests see them.
//!
//! Contract: answers questions, changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_store::Store;

use super::Caches;
use super::error::RealiseError;
use crate::plan::{Facts, Offer};
use crate::request::{Library, RequestError};

/// See the module.
pub struct World<'a> {
    /// The store.
    pub store: &'a Store,
    /// The caches.
    pub caches: &'a Caches,
    /// Paths that are not valid yet, but will be when the plan is carried out.
    pub expected: BTreeSet<StorePath>,
}

impl Facts for World<'_> {
    type Error = RealiseError;

    fn is_valid(&self, path: &StorePath) -> Result<bool, RealiseError> {
        Ok(self.expected.contains(path) || self.store.is_valid(path)?)
    }

    fn offered(
        &self,
        paths: &BTreeSet<StorePath>,
    ) -> Result<BTreeMap<StorePath, Offer>, RealiseError> {
        self.caches.offered(paths)
    }
}

impl Library for World<'_> {
    fn is_valid(&self, path: &StorePath) -> Result<bool, RequestError> {
        Ok(self.store.is_valid(path)?)
    }

    fn real_path(&self, path: &StorePath) -> PathBuf {
        self.store.real_path(path)
    }

    fn real_store_dir(&self) -> &Path {
        self.store.store_dir()
    }
}
