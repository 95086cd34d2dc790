//! Decides who builds a derivation.
//!
//! Contract: pure; looks at what the derivation says of itself and at nothing else, so that the
//! same derivation goes the same way on every host. Today there is one executor, the WebAssembly
//! sandbox; others (a shell for unmodified derivations, a virtual machine, Nix's own builders) are
//! further variants of [`Executor`], and a derivation that none takes is refused with the reason.
//! Nix's counterpart is `DerivationBuildingGoal::tryToBuild` with its build hook.

use bstr::{BStr, ByteSlice};
use thiserror::Error;

use crate::printable;

/// The systems that the sandbox builds for.
pub const SANDBOX_SYSTEMS: [&str; 2] = ["wasm32-wasi", "wasm32-wasip1"];

/// Who builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Executor {
    /// The WebAssembly sandbox of this program.
    Sandbox,
}

impl Executor {
    /// The name that plans and JSON print.
    pub fn name(self) -> &'static str {
        match self {
            Executor::Sandbox => "sandbox",
        }
    }
}

/// What the decision rests on.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The derivation's `system`.
    pub system: &'a BStr,
    /// The derivation's `builder`.
    pub builder: &'a BStr,
}

/// Why nobody builds a derivation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The system is not one of ours.
    #[error(
        "it is for the system '{system}', and only {} are built here\n\
         hint: fetch its outputs from a binary cache (--substituters), or build them with Nix on such a system and `wasibuild store import` them",
        SANDBOX_SYSTEMS.map(|s| format!("'{s}'")).join(" and ")
    )]
    System {
        /// The system that the derivation names.
        system: String,
    },
    /// The builder is a function of Nix, or a path that is not in the store.
    #[error(
        "its builder '{builder}' is not in the store\n\
         hint: the builder must be a WASI preview 1 module that the derivation refers to, such as those that `wasibuild builders export` writes"
    )]
    Builder {
        /// The builder that the derivation names.
        builder: String,
    },
}

/// Who builds this derivation.
///
/// # Errors
/// [`Refusal`], when nobody does.
pub fn route(question: Question<'_>) -> Result<Executor, Refusal> {
    if !SANDBOX_SYSTEMS
        .iter()
        .any(|system| question.system == system)
    {
        return Err(Refusal::System {
            system: printable::name(question.system),
        });
    }
    if !question.builder.starts_with_str("/nix/store/") {
        return Err(Refusal::Builder {
            builder: printable::name(question.builder),
        });
    }
    Ok(Executor::Sandbox)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(system: &str, builder: &str) -> Result<Executor, Refusal> {
        route(Question {
            system: system.into(),
            builder: builder.into(),
        })
    }

    #[test]
    fn both_names_of_the_system_go_to_the_sandbox() {
        let builder = "/nix/store/0c7vblp8bqv2gwv9vrghm2v9nb0cl4ak-text.wasm";
        assert_eq!(ask("wasm32-wasi", builder), Ok(Executor::Sandbox));
        assert_eq!(ask("wasm32-wasip1", builder), Ok(Executor::Sandbox));
    }

    #[test]
    fn others_are_refused_by_name() {
        let system = ask("aarch64-linux\x1b", "/nix/store/x")
            .expect_err("refused")
            .to_string();
        assert!(system.contains("'aarch64-linux\\u{1b}'"), "{system}");
        assert!(
            system.contains("'wasm32-wasi' and 'wasm32-wasip1'"),
            "{system}"
        );
        let builder = ask("wasm32-wasi", "builtin:fetchurl")
            .expect_err("refused")
            .to_string();
        assert!(
            builder.contains("'builtin:fetchurl' is not in the store"),
            "{builder}"
        );
    }
}
