//! `exportReferencesGraph`: the closures that a builder asked to know.
//!
//! Contract: only what is in the input closure can be exported. If a closure has derivations, their
//! outputs' closures belong to it, too. The plain form is a file in the format that
//! `nix-store --register-validity` reads, without derivers and hashes; the structured form becomes
//! JSON in `.attrs.json`. Counterparts: `Store::exportReferences` and
//! `Store::makeValidityRegistration` in `libstore/store-api.cc`.

use std::collections::{BTreeMap, BTreeSet};

use bstr::BString;
use thiserror::Error;
use wasibuild_nix_compat::derivation_options::{DerivationOptions, registration};
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_nix_compat::structured_attrs::GraphNode;

/// The store, as graphs see it.
pub trait References {
    /// Why a question has no answer.
    type Error: std::error::Error + 'static;
    /// Whether a path is in the derivation's input closure.
    fn is_input(&self, path: &StorePath) -> bool;
    /// The facts of a valid path.
    fn info(&self, path: &StorePath) -> Result<PathInfo, Self::Error>;
    /// The closure of valid paths.
    fn closure(&self, paths: &BTreeSet<StorePath>) -> Result<BTreeSet<StorePath>, Self::Error>;
    /// The outputs of a valid derivation.
    fn outputs(&self, derivation: &StorePath) -> Result<BTreeSet<StorePath>, Self::Error>;
}

/// Why a graph cannot be made.
#[derive(Debug, Error)]
pub enum GraphError<E: std::error::Error + 'static> {
    /// Something that is no input.
    #[error(
        "exportReferencesGraph names '{path}', which is not in the input closure of the derivation\n\
         hint: refer to it in an attribute, so that it becomes an input"
    )]
    NotAnInput {
        /// The absolute path.
        path: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(E),
}

/// The files of the plain form, by name.
pub(super) fn plain<R: References>(
    options: &DerivationOptions,
    references: &R,
) -> Result<BTreeMap<BString, BString>, GraphError<R::Error>> {
    let mut files = BTreeMap::new();
    for (name, paths) in &options.export_references_graph {
        let mut infos = Vec::new();
        for path in export(paths, references)? {
            infos.push(references.info(&path).map_err(GraphError::Store)?);
        }
        let text = registration(&infos);
        files.insert(name.clone(), text.into());
    }
    Ok(files)
}

/// The graphs of the structured form, by name.
pub(super) fn structured<R: References>(
    options: &DerivationOptions,
    references: &R,
) -> Result<BTreeMap<BString, Vec<GraphNode>>, GraphError<R::Error>> {
    let mut graphs = BTreeMap::new();
    for (name, paths) in &options.export_references_graph {
        let mut nodes = Vec::new();
        for path in export(paths, references)? {
            let info = references.info(&path).map_err(GraphError::Store)?;
            let mut closure_size = 0u64;
            for part in references
                .closure(&BTreeSet::from([path]))
                .map_err(GraphError::Store)?
            {
                let part = references.info(&part).map_err(GraphError::Store)?;
                closure_size = closure_size.saturating_add(part.nar_size);
            }
            nodes.push(GraphNode { info, closure_size });
        }
        graphs.insert(name.clone(), nodes);
    }
    Ok(graphs)
}

/// The closure of inputs, with the closures of the outputs of the derivations in it.
fn export<R: References>(
    paths: &BTreeSet<StorePath>,
    references: &R,
) -> Result<BTreeSet<StorePath>, GraphError<R::Error>> {
    if let Some(path) = paths.iter().find(|path| !references.is_input(path)) {
        return Err(GraphError::NotAnInput {
            path: path.to_absolute_path(),
        });
    }
    let mut closure = references.closure(paths).map_err(GraphError::Store)?;
    let mut outputs = BTreeSet::new();
    for derivation in closure.iter().filter(|path| path.is_derivation()) {
        outputs.extend(references.outputs(derivation).map_err(GraphError::Store)?);
    }
    if !outputs.is_empty() {
        closure.extend(references.closure(&outputs).map_err(GraphError::Store)?);
    }
    Ok(closure)
}
