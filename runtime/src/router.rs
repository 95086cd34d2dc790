//! Decides who builds a derivation.
//!
//! Contract: pure; looks at what the derivation says of itself and at nothing else, so that the
//! same derivation goes the same way on every host. There are two executors: the WebAssembly sandbox
//! with the derivation's own builder, and the shell in that sandbox for unmodified derivations for
//! Linux. Others (a virtual machine, Nix's own builders) are further variants of [`Executor`], and a
//! derivation that none takes is refused with the reason. Whether the shell gets through is known
//! only when it runs: a foreign program ends the attempt. Nix's counterpart is
//! `DerivationBuildingGoal::tryToBuild` with its build hook.

use std::collections::BTreeSet;

use bstr::{BStr, BString, ByteSlice};
use clap::ValueEnum;
use thiserror::Error;

use crate::{printable, programs};

/// The systems that the sandbox builds for.
pub const SANDBOX_SYSTEMS: [&str; 2] = ["wasm32-wasi", "wasm32-wasip1"];

/// Required features that no kernel and no hardware is needed for.
const HARMLESS_FEATURES: [&str; 3] = ["benchmark", "big-parallel", "ca-derivations"];

/// Who builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Executor {
    /// The WebAssembly sandbox of this program.
    Sandbox,
    /// The shell and the applets, in the same sandbox.
    Shell,
}

impl Executor {
    /// The name that plans and JSON print.
    pub fn name(self) -> &'static str {
        match self {
            Executor::Sandbox => "sandbox",
            Executor::Shell => "shell",
        }
    }
}

/// Which derivations for Linux are attempted in the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Attempt {
    /// Those that no binary cache has, as their attributes say
    #[default]
    Configuration,
    /// All whose builder is a shell
    All,
    /// None
    None,
}

/// What the decision rests on.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The derivation's `system`.
    pub system: &'a BStr,
    /// The derivation's `builder`.
    pub builder: &'a BStr,
    /// Its attributes.
    pub traits: &'a Traits,
    /// The user's choice.
    pub attempt: Attempt,
}

/// The attributes that say what kind of derivation it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traits {
    /// `preferLocalBuild`, or `allowSubstitutes = false`.
    pub local: bool,
    /// It has a `buildCommand` and no `src`.
    pub command_without_source: bool,
    /// Its content is known before (`outputHash`).
    pub fixed_output: bool,
    /// `requiredSystemFeatures`.
    pub required_features: BTreeSet<BString>,
}

/// Why nobody builds a derivation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The system is not one of ours.
    #[error(
        "it is for the system '{system}'; built here are {}, and configuration for Linux\n\
         hint: fetch its outputs from a binary cache (--substituters), or build them with Nix on such a system and `wasibuild store import` them",
        SANDBOX_SYSTEMS.map(|s| format!("'{s}'")).join(" and ")
    )]
    System {
        /// The system that the derivation names.
        system: String,
    },
    /// A derivation for Linux that the shell does not attempt.
    #[error(
        "it is for the system '{system}', and {reason}\n\
         hint: fetch its outputs from a binary cache (--substituters), or build them with Nix on such a system and `wasibuild store import` them"
    )]
    Linux {
        /// The system that the derivation names.
        system: String,
        /// Why the shell does not attempt it.
        reason: String,
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
    let system = question.system;
    if SANDBOX_SYSTEMS.iter().any(|ours| system == ours) {
        if question.builder.starts_with_str("/nix/store/") {
            return Ok(Executor::Sandbox);
        }
        return Err(Refusal::Builder {
            builder: printable::name(question.builder),
        });
    }
    if !system.ends_with_str("-linux") {
        return Err(Refusal::System {
            system: printable::name(system),
        });
    }
    match not_attempted(&question) {
        None => Ok(Executor::Shell),
        Some(reason) => Err(Refusal::Linux {
            system: printable::name(system),
            reason,
        }),
    }
}

/// Why the shell does not attempt a derivation for Linux.
fn not_attempted(question: &Question<'_>) -> Option<String> {
    let traits = question.traits;
    if question.attempt == Attempt::None {
        return Some("--shell=none forbids to attempt it in the shell".to_owned());
    }
    if traits.fixed_output {
        return Some(
            "fixed-output derivations, which fetch, are not built in the shell".to_owned(),
        );
    }
    let harmless = |feature: &&BString| !HARMLESS_FEATURES.iter().any(|known| feature == known);
    if let Some(feature) = traits.required_features.iter().find(harmless) {
        return Some(format!(
            "it requires the system feature '{}', which the sandbox does not have",
            printable::name(feature)
        ));
    }
    if !programs::is_shell(question.builder) {
        return Some(format!(
            "its builder '{}' is no bash of the store, so that the shell cannot stand for it",
            printable::name(question.builder)
        ));
    }
    if question.attempt == Attempt::All || traits.local || traits.command_without_source {
        return None;
    }
    Some(
        "it is a package: it has neither preferLocalBuild, nor allowSubstitutes = false, nor a \
         buildCommand without src (--shell=all attempts it all the same)"
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(system: &str, builder: &str) -> Result<Executor, Refusal> {
        route(Question {
            system: system.into(),
            builder: builder.into(),
            traits: &Traits::default(),
            attempt: Attempt::Configuration,
        })
    }

    const BASH: &str = "/nix/store/0c7vblp8bqv2gwv9vrghm2v9nb0cl4ak-bash-4.3-p42/bin/bash";

    fn linux(attempt: Attempt, traits: Traits) -> Result<Executor, String> {
        let question = Question {
            system: "x86_64-linux".into(),
            builder: BASH.into(),
            traits: &traits,
            attempt,
        };
        route(question).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn configuration_goes_to_the_shell() {
        let local = || Traits {
            local: true,
            ..Traits::default()
        };
        let command = Traits {
            command_without_source: true,
            ..Traits::default()
        };
        assert_eq!(linux(Attempt::Configuration, local()), Ok(Executor::Shell));
        assert_eq!(linux(Attempt::Configuration, command), Ok(Executor::Shell));
        assert_eq!(linux(Attempt::All, Traits::default()), Ok(Executor::Shell));
        let refused = |attempt, traits, text: &str| {
            let refusal = linux(attempt, traits).expect_err("refused");
            assert!(refusal.contains(text), "{refusal}");
        };
        refused(Attempt::Configuration, Traits::default(), "it is a package");
        refused(Attempt::None, local(), "--shell=none");
        let fixed = Traits {
            fixed_output: true,
            ..local()
        };
        refused(Attempt::All, fixed, "fixed-output");
        let kvm = Traits {
            required_features: ["big-parallel".into(), "kvm".into()].into(),
            ..local()
        };
        refused(Attempt::All, kvm, "'kvm'");
        let question = Question {
            system: "aarch64-linux".into(),
            builder: "builtin:fetchurl".into(),
            traits: &local(),
            attempt: Attempt::All,
        };
        let refusal = route(question).expect_err("refused").to_string();
        assert!(refusal.contains("is no bash of the store"), "{refusal}");
    }

    #[test]
    fn both_names_of_the_system_go_to_the_sandbox() {
        let builder = "/nix/store/0c7vblp8bqv2gwv9vrghm2v9nb0cl4ak-text.wasm";
        assert_eq!(ask("wasm32-wasi", builder), Ok(Executor::Sandbox));
        assert_eq!(ask("wasm32-wasip1", builder), Ok(Executor::Sandbox));
    }

    #[test]
    fn others_are_refused_by_name() {
        let system = ask("aarch64-darwin\x1b", "/nix/store/x")
            .expect_err("refused")
            .to_string();
        assert!(system.contains("'aarch64-darwin\\u{1b}'"), "{system}");
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
