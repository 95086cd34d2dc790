//! Why a route takes a derivation, or passes it on.
//!
//! Contract: each names the command, the feature or the attribute that decides, and the setting by which
//! the user may decide otherwise; its text is a clause with the derivation as "it".

use serde_json::{Value, json};
use thiserror::Error;

use super::SANDBOX_SYSTEMS;
use crate::policy::{Attempt, Pattern};

/// The fact that decides about a route. What comes from derivations is printable.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Reason {
    /// The sandbox: it has a module of its own.
    #[error("its builder is a WebAssembly module of its own")]
    OwnModule,
    /// `preferLocalBuild`, or `allowSubstitutes = false`.
    #[error("it is configuration: it has preferLocalBuild or allowSubstitutes = false")]
    Local,
    /// A `buildCommand` and no `src`.
    #[error("it is configuration: it has a buildCommand and no src")]
    CommandWithoutSource,
    /// `shell.attempt = "all"`.
    #[error("all derivations whose builder is a shell are attempted (shell.attempt, --shell)")]
    AttemptAll,
    /// A pattern of `shell.also`.
    #[error("shell.also names it by '{0}'")]
    Also(Pattern),
    /// The machine builds whatever is for Linux.
    #[error("the virtual machine builds what is for Linux")]
    Machine,
    /// Nix's other builders are asked.
    #[error("Nix's other remote builders are asked")]
    Asked,
    /// Nobody builds it.
    #[error("the policy ends here")]
    End,

    /// `systems` does not have it.
    #[error("the setting `systems` does not have '{system}'")]
    SystemExcluded {
        /// The derivation's.
        system: String,
    },
    /// The sandbox: it is for another system.
    #[error(
        "it is for the system '{system}', not for {}",
        SANDBOX_SYSTEMS.map(|s| format!("'{s}'")).join(" or ")
    )]
    NotWasm {
        /// The derivation's.
        system: String,
    },
    /// It is not for Linux.
    #[error("it is for the system '{system}', not for Linux")]
    NotLinux {
        /// The derivation's.
        system: String,
    },
    /// The builder is a function of Nix, or a path that is not in the store.
    #[error("its builder '{builder}' is not in the store")]
    Outside {
        /// The builder.
        builder: String,
    },
    /// `shell.attempt = "none"`.
    #[error("--shell=none forbids to attempt it in the shell")]
    AttemptNone,
    /// A pattern of `shell.never`.
    #[error("shell.never names it by '{0}'")]
    Never(Pattern),
    /// It fetches.
    #[error("fixed-output derivations, which fetch, are not built in the shell")]
    FixedOutput,
    /// A feature that the sandbox does not have.
    #[error("it requires the system feature '{feature}', which the sandbox does not have")]
    Feature {
        /// The feature.
        feature: String,
    },
    /// A feature that the machine does not have.
    #[error("it requires the system feature '{feature}', which the virtual machine does not have")]
    MachineFeature {
        /// The feature.
        feature: String,
    },
    /// The builder is no bash.
    #[error(
        "its builder '{builder}' is no bash of the store, so that the shell cannot stand for it"
    )]
    NoBash {
        /// The builder.
        builder: String,
    },
    /// It is a package.
    #[error(
        "it is a package: it has neither preferLocalBuild, nor allowSubstitutes = false, nor a \
         buildCommand without src (--shell=all attempts it all the same)"
    )]
    Package,
    /// An earlier attempt met a foreign program.
    #[error("an earlier attempt met the foreign program '{program}': {problem}")]
    Remembered {
        /// The program.
        program: String,
        /// Why it is not run here.
        problem: String,
    },
    /// There is no machine for it.
    #[error("{problem}")]
    NoMachine {
        /// What is missing, and how to get it.
        problem: String,
    },
    /// The route is another door's.
    #[error("only `wasibuild hook` can pass a build on to Nix's other remote builders")]
    OnlyTheHook,
}

impl Reason {
    /// What decides, in a word that does not change.
    pub fn name(&self) -> &'static str {
        match self {
            Reason::OwnModule => "own-module",
            Reason::Local => "local",
            Reason::CommandWithoutSource => "command-without-source",
            Reason::AttemptAll => "attempt-all",
            Reason::Also(_) => "also",
            Reason::Machine => "linux",
            Reason::Asked => "asked",
            Reason::End => "refuse",
            Reason::SystemExcluded { .. } => "system-excluded",
            Reason::NotWasm { .. } | Reason::NotLinux { .. } => "system",
            Reason::Outside { .. } => "builder-outside",
            Reason::AttemptNone => "attempt-none",
            Reason::Never(_) => "never",
            Reason::FixedOutput => "fixed-output",
            Reason::Feature { .. } | Reason::MachineFeature { .. } => "feature",
            Reason::NoBash { .. } => "no-bash",
            Reason::Package => "package",
            Reason::Remembered { .. } => "remembered",
            Reason::NoMachine { .. } => "no-machine",
            Reason::OnlyTheHook => "only-the-hook",
        }
    }

    /// The same in a few words, for a line with many.
    pub fn brief(&self) -> String {
        match self {
            Reason::Feature { feature } | Reason::MachineFeature { feature } => {
                format!("needs the feature {feature}")
            }
            Reason::SystemExcluded { system }
            | Reason::NotWasm { system }
            | Reason::NotLinux { system } => format!("for {system}"),
            Reason::Outside { .. } => "its builder is not in the store".to_owned(),
            Reason::NoBash { .. } => "its builder is no bash".to_owned(),
            Reason::Package => "a package".to_owned(),
            Reason::FixedOutput => "fetches".to_owned(),
            Reason::Remembered { program, .. } => {
                let name = program.rsplit('/').next().unwrap_or(program);
                format!("an attempt met {name}")
            }
            Reason::Never(_) => "shell.never".to_owned(),
            Reason::AttemptNone => "--shell=none".to_owned(),
            other => other.to_string(),
        }
    }

    /// The setting that decides otherwise, if there is one.
    pub fn setting(&self) -> Option<&'static str> {
        match self {
            Reason::SystemExcluded { .. } => Some("systems"),
            Reason::AttemptAll
            | Reason::AttemptNone
            | Reason::Package
            | Reason::Local
            | Reason::CommandWithoutSource => Some("shell.attempt"),
            Reason::Also(_) => Some("shell.also"),
            Reason::Never(_) => Some("shell.never"),
            Reason::Feature { .. } => Some("features"),
            Reason::MachineFeature { .. } => Some("vm.features"),
            Reason::End => Some("routes"),
            _ => None,
        }
    }

    /// As JSON: the word, the text, and what it is about.
    pub fn to_json(&self) -> Value {
        let about = match self {
            Reason::Remembered { program, .. } => Some(("program", program.clone())),
            Reason::Feature { feature } | Reason::MachineFeature { feature } => {
                Some(("feature", feature.clone()))
            }
            Reason::Also(pattern) | Reason::Never(pattern) => {
                Some(("pattern", pattern.to_string()))
            }
            _ => None,
        };
        let mut json = json!({
            "reason": self.name(),
            "text": self.to_string(),
            "setting": self.setting(),
        });
        if let (Some((member, value)), Some(members)) = (about, json.as_object_mut()) {
            members.insert(member.to_owned(), value.into());
        }
        json
    }
}

/// The attempt that leaves a derivation out, as a reason.
pub(super) fn left_out(attempt: Attempt) -> Reason {
    match attempt {
        Attempt::None => Reason::AttemptNone,
        _ => Reason::Package,
    }
}
