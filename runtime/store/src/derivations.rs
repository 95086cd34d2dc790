//! The `.drv` files of the store.
//!
//! Contract: a derivation is registered only if its outputs' paths follow from its
//! content. For that its inputs' hashes are needed; each is computed once for a store
//! handle, so that registering N derivations takes time linear in N.
//! Counterpart: `checkDerivationOutputs` and `readDerivation` in Nix.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;
use std::sync::{Arc, PoisonError};

use rustix::fs::{Mode, OFlags};
use wasibuild_nix_compat::derivation::{Derivation, DerivationKind, OutputPathError};
use wasibuild_nix_compat::store_path::StorePath;

use crate::Store;
use crate::error::{Context, Error, Result};
use crate::walk_tree::causes;

/// The modulo hashes that are known.
pub(crate) type ModuloHashes = HashMap<StorePath, [u8; 32]>;

/// The longest `.drv` that is read, far beyond any real one.
const MAX_DERIVATION: u64 = 256 << 20;

/// Room that is taken at once for a file of announced size; more is taken as it comes.
const MAX_PROBE: u64 = 1 << 20;

/// What the hash functions of nix-compat may give back.
enum HashError {
    Store(Error),
    Output(OutputPathError),
}

impl From<OutputPathError> for HashError {
    fn from(error: OutputPathError) -> Self {
        HashError::Output(error)
    }
}

impl HashError {
    fn of(self, path: &StorePath) -> Error {
        match self {
            HashError::Store(error) => error,
            HashError::Output(error) => problem(path, &error),
        }
    }
}

fn problem(path: &StorePath, error: &dyn std::error::Error) -> Error {
    Error::Derivation {
        path: path.clone(),
        problem: causes(error),
    }
}

impl Store {
    /// Reads a valid `.drv`.
    pub fn read_derivation(&self, path: &StorePath) -> Result<Derivation> {
        if !self.is_valid(path)? {
            return Err(self.not_valid(path));
        }
        self.parse_derivation(path, path.basename())
    }

    /// Reads a `.drv` that lies in the store directory under `name`, valid or not.
    pub(crate) fn parse_derivation(&self, path: &StorePath, name: &str) -> Result<Derivation> {
        let place = self.layout().store.join(name);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(self.dir(), name, flags, Mode::empty())
            .context("open the derivation", &place)?;
        let file = std::fs::File::from(fd);
        // One byte more than the file has, so that one read finds the end.
        let size = file.metadata().context("read the state of", &place)?.len();
        let room = usize::try_from(size.min(MAX_PROBE)).unwrap_or_default();
        let mut bytes = Vec::with_capacity(room + 1);
        std::io::Read::read_to_end(&mut file.take(MAX_DERIVATION), &mut bytes)
            .context("read the derivation", &place)?;
        Derivation::from_aterm_bytes(&bytes).map_err(|e| problem(path, &e))
    }

    /// Checks the outputs' paths of a `.drv` whose inputs are valid, and returns them.
    ///
    /// Kinds that wasibuild cannot build (floating, impure, deferred) are kept in the
    /// store unchecked: their paths do not stand in the file.
    pub(crate) fn check_derivation(
        &self,
        path: &StorePath,
        derivation: &Derivation,
    ) -> Result<BTreeMap<String, StorePath>> {
        if let (Ok(_), Some(name)) = (derivation.supported_kind(), path.derivation_name()) {
            derivation
                .validate_output_paths(name, |input| {
                    self.derivation_hash(input).map_err(HashError::Store)
                })
                .map_err(|e| e.of(path))?;
        }
        let paths = derivation.outputs.iter();
        Ok(paths
            .filter_map(|(n, o)| Some((n.clone(), o.path()?.clone())))
            .collect())
    }

    /// The modulo hash (`hashDerivationModulo`) of a derivation in this store, by which
    /// it enters the output paths of those that use it. Computed once, then remembered.
    pub fn derivation_hash(&self, path: &StorePath) -> Result<[u8; 32]> {
        let known = |path: &StorePath| self.modulo_hashes().get(path).copied();
        if let Some(hash) = known(path) {
            return Ok(hash);
        }
        // Depth first without recursion: real graphs are hundreds of steps deep.
        let mut stack = vec![(path.clone(), None::<Arc<Derivation>>)];
        let mut entered = BTreeSet::new();
        while let Some((path, derivation)) = stack.pop() {
            if known(&path).is_some() {
                continue;
            }
            let derivation = match derivation {
                Some(derivation) => derivation,
                None if !entered.insert(path.clone()) => {
                    return Err(Error::Derivation {
                        path,
                        problem: "it is an input of itself".to_owned(),
                    });
                }
                None => {
                    let derivation = Arc::new(self.parse_derivation(&path, path.basename())?);
                    // A fixed output's hash follows from its content alone.
                    let fixed = derivation.kind() == Ok(DerivationKind::Fixed);
                    let inputs = derivation.input_derivations.keys().filter(|_| !fixed);
                    let unknown: Vec<_> = inputs
                        .filter(|i| known(i).is_none())
                        .map(|i| (i.clone(), None))
                        .collect();
                    if !unknown.is_empty() {
                        stack.push((path, Some(derivation)));
                        // An input of two may be entered by both before it is known.
                        stack.extend(unknown.into_iter().filter(|(i, _)| !entered.contains(i)));
                        continue;
                    }
                    derivation
                }
            };
            let hash = derivation
                .hash_derivation_modulo(|input| {
                    known(input).ok_or_else(|| {
                        HashError::Store(Error::Derivation {
                            path: path.clone(),
                            problem: format!("its input '{input}' is an input of itself"),
                        })
                    })
                })
                .map_err(|e| e.of(&path))?;
            self.modulo_hashes().insert(path, hash);
        }
        known(path).ok_or_else(|| self.not_valid(path))
    }

    /// Computes the modulo hash of a derivation that is in place, as
    /// [`derivation_hash`](Self::derivation_hash) would from its file.
    pub(crate) fn remember_hash(&self, path: &StorePath, derivation: &Derivation) -> Result<()> {
        if derivation.supported_kind().is_err() {
            return Ok(());
        }
        let hash = derivation
            .hash_derivation_modulo(|input| self.derivation_hash(input).map_err(HashError::Store))
            .map_err(|e| e.of(path))?;
        self.modulo_hashes().insert(path.clone(), hash);
        Ok(())
    }

    fn modulo_hashes(&self) -> std::sync::MutexGuard<'_, ModuloHashes> {
        self.inner
            .modulo_hashes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
