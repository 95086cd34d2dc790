//! Where derivations and sources are looked up.
//!
//! Contract: the questions that reading a request asks of the store, so that tests can answer them
//! from memory.

use std::path::{Path, PathBuf};

use wasibuild_nix_compat::store_path::StorePath;

use super::RequestError;

/// The store, as [`super::Request::read`] sees it.
pub trait Library {
    /// Whether a path is valid.
    fn is_valid(&self, path: &StorePath) -> Result<bool, RequestError>;
    /// Where a path of the store lies on the disk, valid or not.
    fn real_path(&self, path: &StorePath) -> PathBuf;
    /// The directory of the store on the disk, `ROOT/nix/store`.
    fn real_store_dir(&self) -> &Path;
}
