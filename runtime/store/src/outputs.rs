//! What a build writes: the locks on its outputs, and their registration.
//!
//! Contract: outputs are locked as Nix locks them, so that two processes never build one
//! path at once; all outputs of a build become valid in one transaction, signed with
//! the store's key and marked as built here.
//! Counterpart: `PathLocks` and `registerOutputs` in Nix.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use wasibuild_nix_compat::content_address::ContentAddress;
use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::refscan;
use wasibuild_nix_compat::store_path::StorePath;

use crate::Store;
use crate::error::{Error, Result};
use crate::lock_file::PathLock;
use crate::register::Registration;
use crate::walk_tree::archive_error;
use crate::write_tree::TreeWriter;

/// The locks of some paths, in this process and against all others, Nix included.
/// Dropping it releases them.
#[derive(Debug)]
pub struct OutputLocks {
    locks: BTreeMap<StorePath, PathLock>,
}

impl OutputLocks {
    /// True if the path is among those that are locked.
    pub fn covers(&self, path: &StorePath) -> bool {
        self.locks.contains_key(path)
    }
}

/// A path to write and register: an output that was built here.
#[derive(Debug, Clone)]
pub struct NewPath {
    /// Where it goes.
    pub path: StorePath,
    /// The tree.
    pub object: FileSystemObject,
    /// What it refers to, itself included if it does.
    pub references: BTreeSet<StorePath>,
    /// The derivation that it is an output of.
    pub deriver: Option<StorePath>,
    /// The content address, for a fixed output.
    pub ca: Option<ContentAddress>,
    /// SHA-256 of the tree's NAR.
    pub nar_hash: [u8; 32],
    /// Length of the tree's NAR in bytes.
    pub nar_size: u64,
}

impl NewPath {
    /// Computes the NAR hash and size, and finds which of `candidates` (the input closure
    /// and the outputs) the tree refers to, all in one pass over it.
    pub fn scan(
        path: StorePath,
        object: FileSystemObject,
        candidates: &BTreeSet<StorePath>,
    ) -> Result<Self> {
        let scanned =
            refscan::scan(&object, candidates).map_err(|error| match archive_error(error) {
                Error::Archive { problem, .. } => Error::Archive {
                    what: path.to_absolute_path(),
                    problem,
                },
                other => other,
            })?;
        Ok(NewPath {
            path,
            object,
            references: scanned.references,
            deriver: None,
            ca: None,
            nar_hash: scanned.nar_hash,
            nar_size: scanned.nar_size,
        })
    }
}

impl Store {
    /// Locks the paths (in sorted order, so that nobody waits in a circle) and makes
    /// them temporary roots. If someone else holds one, `waiting` is called with it, once
    /// each, and this thread waits.
    pub fn lock_outputs(
        &self,
        paths: &[StorePath],
        mut waiting: impl FnMut(&StorePath),
    ) -> Result<OutputLocks> {
        let locks = self.acquire(paths, |path| {
            waiting(path);
            true
        })?;
        // `acquire` gives none only when told not to wait.
        Ok(locks.unwrap_or(OutputLocks {
            locks: BTreeMap::new(),
        }))
    }

    /// The same without waiting: none if someone else holds one of the paths.
    pub fn try_lock_outputs(&self, paths: &[StorePath]) -> Result<Option<OutputLocks>> {
        self.acquire(paths, |_| false)
    }

    fn acquire(
        &self,
        paths: &[StorePath],
        mut wait: impl FnMut(&StorePath) -> bool,
    ) -> Result<Option<OutputLocks>> {
        // First: a collector removes lock files of paths that are no roots.
        self.add_temp_roots(paths)?;
        let sorted: BTreeSet<&StorePath> = paths.iter().collect();
        let mut locks = BTreeMap::new();
        for path in sorted {
            let file = self.lock_file(path);
            match self.explain(PathLock::acquire(file, || wait(path)))? {
                Some(lock) => locks.insert(path.clone(), lock),
                None => return Ok(None),
            };
        }
        Ok(Some(OutputLocks { locks }))
    }

    fn lock_file(&self, path: &StorePath) -> PathBuf {
        self.layout().store.join(format!("{path}.lock"))
    }

    /// Writes the outputs of one build and registers them, in one transaction, as built
    /// here and signed. An output that is valid already is left as it is, as in Nix. An
    /// error leaves nothing behind. Returns the facts of all of them as registered.
    pub fn register_outputs(
        &self,
        locks: &OutputLocks,
        outputs: Vec<NewPath>,
    ) -> Result<Vec<PathInfo>> {
        let mut registrations = Vec::with_capacity(outputs.len());
        let mut known = Vec::new();
        for output in &outputs {
            if !locks.covers(&output.path) {
                return Err(Error::NotLocked {
                    path: output.path.clone(),
                });
            }
        }
        let mut written = Written {
            store: self,
            names: Vec::new(),
        };
        for output in outputs {
            if let Some(info) = self.query_path_info(&output.path)? {
                known.push(info);
                continue;
            }
            let mut writer = TreeWriter::new(self.target(), &output.path);
            self.explain(writer.object(&output.object))?;
            written.names.push(output.path.clone());
            self.explain(writer.finish(&output.path))?;
            let mut info = PathInfo::new(output.path, output.nar_hash, output.nar_size);
            info.references = output.references;
            info.deriver = output.deriver;
            info.ca = output.ca;
            info.ultimate = true;
            info.signatures = vec![self.sign(&info)?];
            registrations.push(self.registration(info)?);
        }
        self.hooks()
            .pass("register the outputs", self.database().path())?;
        self.database().register(&registrations)?;
        written.names.clear();
        self.hooks()
            .pass("after registration", self.database().path())?;
        known.extend(registrations.into_iter().map(|r| r.info));
        known.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(known)
    }

    /// Completes the facts of a path that is in place; a `.drv` is parsed and checked.
    pub(crate) fn registration(&self, info: PathInfo) -> Result<Registration> {
        let outputs = match info.path.is_derivation() {
            true => {
                let derivation = self.parse_derivation(&info.path, info.path.basename())?;
                self.check_derivation(&info.path, &derivation)?
            }
            false => BTreeMap::new(),
        };
        Ok(Registration { info, outputs })
    }
}

/// Trees that are in place but not registered: removed again when something fails.
pub(crate) struct Written<'a> {
    pub(crate) store: &'a Store,
    pub(crate) names: Vec<StorePath>,
}

impl Drop for Written<'_> {
    fn drop(&mut self) {
        for path in &self.names {
            // If the registration's outcome is not known, a valid path must keep its tree.
            if !matches!(self.store.is_valid(path), Ok(false)) {
                continue;
            }
            let dir = &self.store.layout().store;
            let name = path.basename().as_bytes();
            if let Err(error) = crate::remove_tree::remove_tree(self.store.dir(), dir, name) {
                tracing::warn!(%error, "cannot remove an unregistered path; `gc` will");
            }
        }
    }
}
