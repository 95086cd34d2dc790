//! The hash that output paths follow from, and the check that a file does not lie about them.
//!
//! Contract: [`Derivation::hash_derivation_modulo`] stands for a derivation in the hashes of those that
//! use it; [`Derivation::calculate_output_paths`] gives the paths that Nix gives. The hashes of the
//! inputs come from the caller, who walks the graph (inputs first) and keeps them; nothing here
//! recurses. A fixed output's hash depends only on its content and path, so that a change in how a
//! source is fetched changes nothing downstream.
//! Counterpart: `hashDerivationModulo` in Nix, 2.4 and later.

use super::{
    Derivation, DerivationKind, DerivationKindError, Output,
    aterm::{self, Variant},
};
use crate::{
    hash::sha256,
    store_path::{StorePath, StorePathError, build_ca_path, build_output_path, output_path_name},
};
use bstr::{BString, ByteSlice};
use data_encoding::HEXLOWER;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// Why a derivation's output paths cannot be computed, or are not those that it says.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OutputPathError {
    /// The outputs are of kinds that do not go together.
    #[error(transparent)]
    Kind(#[from] DerivationKindError),
    /// The outputs' paths are not known before the build.
    #[error(
        "the derivation is {0}, which is not supported: its output paths are not known before it is built; \
         remove __contentAddressed or __impure from it and its inputs"
    )]
    Unsupported(DerivationKind),
    /// The path cannot be built, for example because the name is too long.
    #[error("output “{output}” cannot have a path")]
    Path {
        /// The output.
        output: String,
        /// Why.
        #[source]
        source: StorePathError,
    },
    /// The file says another path than follows from its content.
    #[error(
        "output “{output}” should be {} as follows from the derivation's content, but the file says {found}; \
         the file was altered or is not for {}",
        expected.to_absolute_path(), crate::store_path::STORE_DIR
    )]
    WrongPath {
        /// The output.
        output: String,
        /// What follows from the content.
        expected: StorePath,
        /// What the file says.
        found: BString,
    },
    /// The environment variable of the output's name says another path.
    #[error("environment variable “{output}” should be the output's path {}, but is {}",
        expected.to_absolute_path(),
        found.as_ref().map_or_else(|| "missing".to_owned(), |found| format!("“{found}”")))]
    WrongEnvironment {
        /// The output.
        output: String,
        /// What follows from the content.
        expected: StorePath,
        /// What the environment says.
        found: Option<BString>,
    },
}

impl Derivation {
    /// The hash by which this derivation enters the hashes of those that use it. Every output of it
    /// has the same one.
    ///
    /// `input_hash` gives the result of this function for each of [`Self::input_derivations`].
    pub fn hash_derivation_modulo<E: From<OutputPathError>>(
        &self,
        input_hash: impl FnMut(&StorePath) -> Result<[u8; 32], E>,
    ) -> Result<[u8; 32], E> {
        self.modulo(false, input_hash)
    }

    /// The output paths that follow from this derivation under the given name (that of the `.drv`
    /// file, without the suffix). Paths that it has already play no part.
    ///
    /// `input_hash` gives [`Self::hash_derivation_modulo`] of each input derivation.
    pub fn calculate_output_paths<E: From<OutputPathError>>(
        &self,
        name: &str,
        input_hash: impl FnMut(&StorePath) -> Result<[u8; 32], E>,
    ) -> Result<BTreeMap<String, StorePath>, E> {
        let kind = self.supported_kind()?;
        let masked = match kind {
            // The masked hash of a fixed output is not used for its path.
            DerivationKind::Fixed => [0; 32],
            _ => self.modulo(true, input_hash)?,
        };
        let path_of = |output_name: &str, output: &Output| match output {
            Output::Fixed { ca, .. } => build_ca_path(
                &output_path_name(name, output_name),
                ca.method,
                &ca.hash,
                &BTreeSet::new(),
                false,
            ),
            _ => build_output_path(name, output_name, &masked),
        };
        let paths = self.outputs.iter().map(|(output_name, output)| {
            let path = path_of(output_name, output).map_err(|source| OutputPathError::Path {
                output: output_name.clone(),
                source,
            })?;
            Ok((output_name.clone(), path))
        });
        Ok(paths.collect::<Result<_, OutputPathError>>()?)
    }

    /// Refuses a derivation whose output paths, as outputs or in the environment, are not those that
    /// follow from its content; also what is not supported (floating, impure, deferred).
    pub fn validate_output_paths<E: From<OutputPathError>>(
        &self,
        name: &str,
        input_hash: impl FnMut(&StorePath) -> Result<[u8; 32], E>,
    ) -> Result<(), E> {
        let paths = self.calculate_output_paths(name, input_hash)?;
        for (output, expected) in paths {
            let found = self.outputs.get(&output).and_then(Output::path);
            if found != Some(&expected) {
                return Err(E::from(OutputPathError::WrongPath {
                    output,
                    expected,
                    found: found
                        .map(StorePath::to_absolute_path)
                        .unwrap_or_default()
                        .into(),
                }));
            }
            let variable = self.environment.get(output.as_bytes().as_bstr());
            if variable.map(|value| value.as_slice())
                != Some(expected.to_absolute_path().as_bytes())
            {
                return Err(E::from(OutputPathError::WrongEnvironment {
                    output,
                    expected,
                    found: variable.cloned(),
                }));
            }
        }
        Ok(())
    }

    /// The kind, if its output paths are known before it is built.
    pub fn supported_kind(&self) -> Result<DerivationKind, OutputPathError> {
        match self.kind()? {
            kind @ (DerivationKind::InputAddressed | DerivationKind::Fixed) => Ok(kind),
            kind => Err(OutputPathError::Unsupported(kind)),
        }
    }

    fn modulo<E: From<OutputPathError>>(
        &self,
        mask_outputs: bool,
        mut input_hash: impl FnMut(&StorePath) -> Result<[u8; 32], E>,
    ) -> Result<[u8; 32], E> {
        self.supported_kind()?;
        if let Some(Output::Fixed { path, ca }) = self.outputs.values().next() {
            let text = format!(
                "fixed:out:{}:{}:{}",
                ca.method_and_algo(),
                ca.hash.to_hex(),
                path.to_absolute_path()
            );
            return Ok(sha256(text.as_bytes()));
        }
        let mut inputs: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for (path, outputs) in &self.input_derivations {
            inputs
                .entry(HEXLOWER.encode(&input_hash(path)?))
                .or_default()
                .extend(outputs.iter().map(String::as_str));
        }
        let variant = Variant::Modulo {
            inputs: &inputs,
            mask_outputs,
        };
        Ok(sha256(&aterm::write(self, variant)))
    }
}
