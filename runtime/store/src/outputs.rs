//! What a build writes: the locks on its outputs, and their registration.
//!
//! Contract: outputs are locked as Nix locks them, so that two processes never build one
//! path at once; all outputs of a build become valid in one transaction, signed with
//! the store's key and marked as built here. Several builds may share a transaction
//! ([`Store::register_placed`]). That is as safe as one each: until it commits, a tree is
//! in place but not valid, its path is locked and a temporary root, so that no other
//! process builds or collects it; a process that is killed then leaves removable rubbish.
//! Counterpart: `PathLocks` and `registerOutputs` in Nix.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use wasibuild_nix_compat::content_address::ContentAddress;
use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::refscan::{self, Candidates};
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

/// The outputs of one build, in their places and locked, but not valid yet. Dropped before
/// [`Store::register_placed`], the trees are removed.
#[derive(Debug)]
pub struct PlacedOutputs {
    registrations: Vec<Registration>,
    /// Those that were valid before.
    known: Vec<PathInfo>,
    // Removed trees before released locks: the fields are dropped in this order.
    written: Written,
    locks: Option<OutputLocks>,
}

impl PlacedOutputs {
    /// Nothing yet.
    pub(crate) fn empty(store: &Store) -> Self {
        PlacedOutputs {
            registrations: Vec::new(),
            known: Vec::new(),
            written: Written {
                store: store.clone(),
                names: Vec::new(),
            },
            locks: None,
        }
    }

    /// Notes a tree that is about to be in place, so that it goes when something fails.
    pub(crate) fn note_written(&mut self, path: &StorePath) {
        self.written.names.push(path.clone());
    }

    /// Notes a path that is in place.
    pub(crate) fn note(&mut self, registration: Registration) {
        self.registrations.push(registration);
    }

    /// The same, with the locks of all its paths.
    pub(crate) fn with_locks(mut self, locks: OutputLocks) -> Self {
        self.locks = Some(locks);
        self
    }

    /// The facts of all outputs, as they are or will be registered.
    pub fn infos(&self) -> impl Iterator<Item = &PathInfo> {
        let new = self.registrations.iter().map(|new| &new.info);
        self.known.iter().chain(new)
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
        candidates: &dyn Candidates,
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
        let mut placed = self.place(locks, outputs)?;
        self.register_all(std::slice::from_mut(&mut placed))?;
        let new = std::mem::take(&mut placed.registrations).into_iter();
        let mut known = std::mem::take(&mut placed.known);
        known.extend(new.map(|registration| registration.info));
        known.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(known)
    }

    /// Writes the outputs of one build, to be registered later together with other builds'.
    /// An output that is valid already is left as it is.
    pub fn place_outputs(
        &self,
        locks: OutputLocks,
        outputs: Vec<NewPath>,
    ) -> Result<PlacedOutputs> {
        let mut placed = self.place(&locks, outputs)?;
        placed.locks = Some(locks);
        Ok(placed)
    }

    /// Registers several builds in one transaction, then releases their locks. A build may
    /// refer to those that stand before or after it. If that fails, each is tried alone, in
    /// order, so that none suffers for another; the results stand in the builds' order.
    pub fn register_placed(&self, mut placed: Vec<PlacedOutputs>) -> Vec<Result<()>> {
        match self.register_all(&mut placed) {
            Ok(()) => placed.iter().map(|_| Ok(())).collect(),
            Err(error) if placed.len() == 1 => vec![Err(error)],
            Err(error) => {
                tracing::debug!(%error, "cannot register all at once");
                let mut results = Vec::with_capacity(placed.len());
                for mut one in placed {
                    results.push(self.register_all(std::slice::from_mut(&mut one)));
                }
                results
            }
        }
    }

    fn place(&self, locks: &OutputLocks, outputs: Vec<NewPath>) -> Result<PlacedOutputs> {
        for output in &outputs {
            if !locks.covers(&output.path) {
                return Err(Error::NotLocked {
                    path: output.path.clone(),
                });
            }
        }
        let mut placed = PlacedOutputs::empty(self);
        for output in outputs {
            if self.is_valid(&output.path)? {
                placed.known.extend(self.query_path_info(&output.path)?);
                continue;
            }
            let mut writer = TreeWriter::new(self.target(), &output.path);
            self.explain(writer.object(&output.object))?;
            placed.note_written(&output.path);
            self.explain(writer.finish(&output.path))?;
            let mut info = PathInfo::new(output.path, output.nar_hash, output.nar_size);
            info.references = output.references;
            info.deriver = output.deriver;
            info.ca = output.ca;
            info.ultimate = true;
            info.signatures = vec![self.sign(&info)?];
            placed.note(self.registration(info)?);
        }
        Ok(placed)
    }

    fn register_all(&self, placed: &mut [PlacedOutputs]) -> Result<()> {
        self.hooks()
            .pass("register the outputs", self.database().path())?;
        self.sync_key()?;
        let registrations: Vec<&Registration> = placed
            .iter()
            .flat_map(|placed| &placed.registrations)
            .collect();
        self.database().register(&registrations)?;
        for placed in placed {
            placed.written.names.clear();
        }
        self.hooks()
            .pass("after registration", self.database().path())
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
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) store: Store,
    pub(crate) names: Vec<StorePath>,
}

impl Drop for Written {
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
