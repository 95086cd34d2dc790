//! Adding many derivations at once, as a request that found them beside a file does.
//!
//! Contract: as [`Store::add_text`] for each, in groups that become valid in one transaction. The
//! locks of a group are taken in sorted order, as those of one build's outputs, so that two processes
//! that add the same never wait for each other in a circle; a killed process leaves groups that are
//! valid, and removable rubbish. A derivation may need those before it, in its group too.

use std::collections::BTreeMap;

use wasibuild_nix_compat::content_address::{CaMethod, ContentAddress};
use wasibuild_nix_compat::derivation::Derivation;
use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_nix_compat::hash::{NixHash, sha256};
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::store_path::{StorePath, build_text_path};

use crate::Store;
use crate::error::{Error, Result};
use crate::outputs::{OutputLocks, PlacedOutputs};
use crate::register::Registration;
use crate::walk_tree::{archive_error, causes};
use crate::write_tree::TreeWriter;

/// How many derivations are registered at a time: their lock files are open until then.
const GROUP: usize = 64;

/// A `.drv` to add.
#[derive(Debug, Clone)]
pub struct NewDerivation {
    /// Its name in the store, with `.drv`.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What they mean: what was parsed from these bytes.
    pub derivation: Derivation,
}

impl Store {
    /// Adds derivations, inputs first, as they come; returns their paths. What is valid already is
    /// left alone.
    pub fn add_derivations<E: From<Error>>(
        &self,
        new: impl IntoIterator<Item = std::result::Result<NewDerivation, E>>,
    ) -> std::result::Result<Vec<StorePath>, E> {
        let mut paths = Vec::new();
        let mut group = Vec::new();
        for new in new {
            let new = new?;
            let references = new.derivation.references();
            let path = build_text_path(&new.name, &new.bytes, &references)
                .map_err(|error| bad_name(&new.name, &error))?;
            paths.push(path.clone());
            group.push((path, new));
            if group.len() == GROUP {
                self.add_group(&group)?;
                group.clear();
            }
        }
        self.add_group(&group)?;
        Ok(paths)
    }

    fn add_group(&self, group: &[(StorePath, NewDerivation)]) -> Result<()> {
        let mut missing = Vec::with_capacity(group.len());
        self.add_temp_roots(group.iter().map(|(path, _)| path))?;
        for (path, _) in group {
            if !self.is_valid(path)? {
                missing.push(path.clone());
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let locks = self.lock_outputs(&missing, |path| {
            tracing::info!("waiting for the lock on '{path}'");
        })?;
        let mut placed = PlacedOutputs::empty(self);
        for (path, new) in group {
            if !locks.covers(path) || self.is_valid(path)? {
                // Valid before, or made by another process meanwhile.
                continue;
            }
            self.place_derivation(path, new, &mut placed)?;
        }
        self.finish_group(placed, locks)
    }

    fn place_derivation(
        &self,
        path: &StorePath,
        new: &NewDerivation,
        placed: &mut PlacedOutputs,
    ) -> Result<()> {
        // Before anything is written: the outputs' paths, from inputs that are in place.
        let outputs: BTreeMap<String, StorePath> = self.check_derivation(path, &new.derivation)?;
        let object = FileSystemObject::file(new.bytes.clone());
        let (hash, size) = object.nar_hash().map_err(archive_error)?;
        let mut info = PathInfo::new(path.clone(), hash, size);
        info.references = new.derivation.references();
        info.ca = Some(ContentAddress {
            method: CaMethod::Text,
            hash: NixHash::sha256(sha256(&new.bytes)),
        });
        self.add_temp_roots(&info.references)?;
        let mut writer = TreeWriter::new(self.target(), path);
        self.explain(writer.object(&object))?;
        placed.note_written(path);
        self.explain(writer.finish(path))?;
        self.remember_hash(path, &new.derivation)?;
        placed.note(Registration { info, outputs });
        Ok(())
    }

    fn finish_group(&self, placed: PlacedOutputs, locks: OutputLocks) -> Result<()> {
        let placed = placed.with_locks(locks);
        self.register_placed(vec![placed]).into_iter().collect()
    }
}

fn bad_name(name: &str, error: &dyn std::error::Error) -> Error {
    Error::BadName {
        name: name.to_owned(),
        what: "the name of a derivation",
        problem: causes(error),
    }
}
