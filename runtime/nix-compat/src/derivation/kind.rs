//! What kind of derivation the outputs make.
//!
//! Contract: the same mixtures are refused as in Nix. Counterpart: `BasicDerivation::type`.

use super::{Derivation, Output};
use std::fmt;
use thiserror::Error;

/// How all outputs of a derivation get their paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DerivationKind {
    /// From the derivation.
    InputAddressed,
    /// From the content, known beforehand. Exactly one output, `out`.
    Fixed,
    /// From the content, not known beforehand.
    Floating,
    /// Like floating, and may differ at every build.
    Impure,
    /// From the derivation, once its floating inputs are built.
    Deferred,
}

impl fmt::Display for DerivationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InputAddressed => "input-addressed",
            Self::Fixed => "fixed-output",
            Self::Floating => "content-addressed (floating)",
            Self::Impure => "impure",
            Self::Deferred => "deferred, with a content-addressed input",
        })
    }
}

/// Outputs that make no derivation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DerivationKindError {
    /// None at all.
    #[error("the derivation has no outputs; at least one is required")]
    NoOutputs,
    /// Of different kinds.
    #[error("the derivation mixes {0} and {1} outputs; all must be of one kind")]
    Mixed(DerivationKind, DerivationKind),
    /// A fixed output beside another, or not named `out`.
    #[error("a fixed-output derivation must have exactly one output, named “out”; found {0}")]
    FixedOutputs(String),
}

impl Output {
    /// The kind of derivation that has such outputs.
    pub fn kind(&self) -> DerivationKind {
        match self {
            Self::InputAddressed { .. } => DerivationKind::InputAddressed,
            Self::Fixed { .. } => DerivationKind::Fixed,
            Self::Floating { .. } => DerivationKind::Floating,
            Self::Impure { .. } => DerivationKind::Impure,
            Self::Deferred => DerivationKind::Deferred,
        }
    }
}

impl Derivation {
    /// What kind the outputs make, if they go together.
    pub fn kind(&self) -> Result<DerivationKind, DerivationKindError> {
        let mut kinds = self.outputs.values().map(Output::kind);
        let kind = kinds.next().ok_or(DerivationKindError::NoOutputs)?;
        if let Some(other) = kinds.find(|other| *other != kind) {
            return Err(DerivationKindError::Mixed(kind, other));
        }
        if kind == DerivationKind::Fixed
            && !(self.outputs.len() == 1 && self.outputs.contains_key("out"))
        {
            let names: Vec<&str> = self.outputs.keys().map(String::as_str).collect();
            return Err(DerivationKindError::FixedOutputs(names.join(", ")));
        }
        Ok(kind)
    }
}
