//! Derivations: one build step, as a `.drv` file holds it.
//!
//! Contract: [`Derivation::from_aterm_bytes`] accepts only what [`Derivation::to_aterm_bytes`] writes
//! back identically, which is what Nix writes. Parsing checks form alone; that the output paths follow
//! from the rest is checked by [`Derivation::validate_output_paths`], with the hashes of the inputs.
//! Strings that reach the builder are bytes. Counterpart: `src/libstore/derivations.cc`.

mod aterm;
mod error;
mod json;
mod kind;
mod modulo;
mod output_fields;
mod parser;

pub use error::ParseError;
pub use kind::{DerivationKind, DerivationKindError};
pub use modulo::OutputPathError;
pub use output_fields::OutputFieldsError;

use crate::{
    content_address::{CaMethod, ContentAddress},
    hash::HashAlgo,
    store_path::{StorePath, StorePathError, build_text_path},
};
use bstr::BString;
use std::collections::{BTreeMap, BTreeSet};

/// One output of a derivation, by the way in which its path is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// The path follows from the derivation (hashDerivationModulo).
    InputAddressed {
        /// Where the output will be.
        path: StorePath,
    },
    /// The content is known beforehand.
    Fixed {
        /// Where the output will be.
        path: StorePath,
        /// What it will be.
        ca: ContentAddress,
    },
    /// Content-addressed, the content not known beforehand (`__contentAddressed`). Not supported.
    Floating {
        /// How the content will be hashed.
        method: CaMethod,
        /// With which algorithm.
        algo: HashAlgo,
    },
    /// Like floating, but may differ at every build (`__impure`). Not supported.
    Impure {
        /// How the content will be hashed.
        method: CaMethod,
        /// With which algorithm.
        algo: HashAlgo,
    },
    /// Input-addressed, but an input is floating, so the path is not known yet. Not supported.
    Deferred,
}

impl Output {
    /// The path, where the derivation says it.
    pub fn path(&self) -> Option<&StorePath> {
        match self {
            Self::InputAddressed { path } | Self::Fixed { path, .. } => Some(path),
            Self::Floating { .. } | Self::Impure { .. } | Self::Deferred => None,
        }
    }

    /// The content address of a fixed output.
    pub fn ca(&self) -> Option<&ContentAddress> {
        match self {
            Self::Fixed { ca, .. } => Some(ca),
            _ => None,
        }
    }
}

/// A build step. Its name is not part of it: it is that of the `.drv` path, without `.drv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derivation {
    /// By name (`out`, `dev`, …).
    pub outputs: BTreeMap<String, Output>,
    /// The derivations whose outputs are inputs, and which outputs.
    pub input_derivations: BTreeMap<StorePath, BTreeSet<String>>,
    /// The store objects that are inputs as they are.
    pub input_sources: BTreeSet<StorePath>,
    /// What the builder runs on, such as `wasm32-wasip1`.
    pub system: BString,
    /// The program: a path, or `builtin:NAME`.
    pub builder: BString,
    /// The program's arguments, without its own name.
    pub arguments: Vec<BString>,
    /// The environment, and the attributes that Nix interprets itself.
    pub environment: BTreeMap<BString, BString>,
}

impl Derivation {
    /// Reads a `.drv` file. Refuses every text that Nix would not write for this derivation.
    pub fn from_aterm_bytes(bytes: &[u8]) -> Result<Self, ParseError> {
        let derivation = parser::parse(bytes)?;
        let written = derivation.to_aterm_bytes();
        if written == bytes {
            return Ok(derivation);
        }
        let offset = written
            .iter()
            .zip(bytes)
            .take_while(|(ours, theirs)| ours == theirs)
            .count();
        Err(ParseError::NotCanonical { offset })
    }

    /// Writes a `.drv` file as Nix does.
    pub fn to_aterm_bytes(&self) -> Vec<u8> {
        aterm::write(self, aterm::Variant::Plain)
    }

    /// The store objects that the `.drv` file refers to: all its inputs.
    pub fn references(&self) -> BTreeSet<StorePath> {
        self.input_sources
            .iter()
            .chain(self.input_derivations.keys())
            .cloned()
            .collect()
    }

    /// The path of the `.drv` file, for a derivation of that name (without `.drv`).
    pub fn calculate_derivation_path(&self, name: &str) -> Result<StorePath, StorePathError> {
        build_text_path(
            &format!("{name}.drv"),
            &self.to_aterm_bytes(),
            &self.references(),
        )
    }
}

#[cfg(test)]
mod tests;
