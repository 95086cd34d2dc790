//! What was asked for: arguments become a checked graph of derivations.
//!
//! Contract: reads, and writes nothing. Every derivation that is returned was parsed, its path
//! follows from its content, and its output paths follow from it and from its inputs
//! (hashDerivationModulo; of derivations that are valid in the store that was checked when they were
//! registered), so that everything after this module can trust the graph. What was found
//! beside a loose file is listed in [`Request::imports`], for [`crate::realise`] to add to the store.
//! Nix's counterparts are `Derivation::checkInvariants` and `LocalStore::checkDerivationOutputs`.

mod argument;
mod beside;
mod error;
mod given;
mod library;
mod load;
mod stored;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use wasibuild_nix_compat::derivation::Derivation;
use wasibuild_nix_compat::store_path::StorePath;

use crate::plan::{Graph, NodeId};

pub use argument::Argument;
pub use beside::{SourceFile, SourceForm, list as list_sources};
pub use error::RequestError;
pub use given::{GivenError, is_self_evident};
pub use library::Library;
pub use load::{MAX_DERIVATION_SIZE, traits};

/// The derivations that were asked for, with everything that they need.
#[derive(Debug)]
pub struct Request {
    /// All derivations, inputs first.
    pub graph: Graph,
    /// Those that were asked for, in the order of the arguments, with all their outputs.
    pub goals: Vec<(NodeId, BTreeSet<String>)>,
    /// What has to be added to the store first.
    pub imports: Imports,
}

/// Files that were found beside a loose derivation and are not in the store.
#[derive(Debug, Default)]
pub struct Imports {
    /// Sources.
    pub sources: BTreeMap<StorePath, SourceFile>,
    /// Where more of them may be, that only those sources refer to.
    pub directories: Vec<PathBuf>,
    /// Derivations, inputs first, and their files.
    pub derivations: Vec<(StorePath, PathBuf)>,
    /// Sources of those derivations that are neither in the store nor beside the file, each with a
    /// derivation that needs it.
    pub missing_sources: BTreeMap<StorePath, StorePath>,
}

impl Imports {
    /// Whether the store has everything.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty() && self.derivations.is_empty()
    }
}

/// Reads and checks the form of one derivation, whose inputs need not be there.
///
/// # Errors
/// When it cannot be read, or its path does not follow from its content.
pub fn read_one(
    argument: &OsString,
    library: &dyn Library,
) -> Result<(StorePath, Derivation), RequestError> {
    match Argument::parse(argument, library)? {
        Argument::InStore(path) => {
            let derivation = read_file(&library.real_path(&path))?;
            Ok((path, derivation))
        }
        Argument::Loose(file) => read_loose_file(&file),
    }
}

/// Reads a `.drv` file of any name; its store path follows from its content.
///
/// # Errors
/// As [`read_one`].
pub fn read_loose_file(file: &Path) -> Result<(StorePath, Derivation), RequestError> {
    let (path, text) = load::read_loose(file)?;
    load::check_name(&path, file, &text)?;
    Ok((path, text.derivation))
}

/// Reads a `.drv` file whose path was checked before.
///
/// # Errors
/// When it cannot be read or parsed.
pub fn read_file(file: &Path) -> Result<Derivation, RequestError> {
    load::read(file).map(|text| text.derivation)
}

/// How much of what derivations need is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Everything,
    /// What building them takes: of derivations of the store not what is behind outputs that are valid.
    Missing,
}

impl Request {
    /// Reads the arguments of `wasibuild run`.
    ///
    /// # Errors
    /// [`RequestError`]: a file cannot be read, lies, is missing or needs itself.
    pub fn read(
        arguments: &[OsString],
        library: &dyn Library,
        extent: Extent,
    ) -> Result<Request, RequestError> {
        let arguments = arguments
            .iter()
            .map(|argument| Argument::parse(argument, library))
            .collect::<Result<Vec<_>, _>>()?;
        let stored = arguments.iter().map(|argument| match argument {
            Argument::InStore(path) => Some(path.clone()),
            Argument::Loose(_) => None,
        });
        match stored.collect() {
            Some(goals) => stored::read(goals, library, extent),
            None => load::Loader::new(library, &arguments).load(&arguments),
        }
    }
}

#[cfg(test)]
mod tests;
