//! Why nobody builds a derivation, in words for the user.
//!
//! Contract: says what it is for, why each route that comes into question passes it, and what to do.

use thiserror::Error;

use super::reason::Reason;
use super::{Considered, Outcome, Question, SANDBOX_SYSTEMS};
use crate::policy::Route;
use crate::printable;

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
    /// The policy leaves the system out.
    #[error(
        "it is for the system '{system}', which the setting `systems` leaves out\n\
         hint: `wasibuild config` tells where that is set"
    )]
    Excluded {
        /// The system that the derivation names.
        system: String,
    },
    /// A derivation for Linux that no route takes.
    #[error(
        "it is for the system '{system}', and {reasons}\n\
         hint: fetch its outputs from a binary cache (--substituters), or build them with Nix on such a system and `wasibuild store import` them"
    )]
    Linux {
        /// The system that the derivation names.
        system: String,
        /// Why the routes pass it.
        reasons: String,
    },
    /// The policy leaves it to Nix's other builders, which are not asked here.
    #[error(
        "it is for the system '{system}', and the setting `routes` leaves it to Nix's other remote builders, which only `wasibuild hook` asks\n\
         hint: build it with Nix, whose `build-hook` is wasibuild's (docs/nix.md); or put another route into `routes`, which `wasibuild config` shows"
    )]
    OnlyTheHook {
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
    /// The policy does not have the route that would take it.
    #[error(
        "it is for the system '{system}', but the setting `routes` does not let the {route} build it\n\
         hint: `wasibuild config` tells where that is set"
    )]
    Routes {
        /// The system that the derivation names.
        system: String,
        /// The route.
        route: &'static str,
    },
}

/// The refusal that follows from what was considered.
pub(super) fn refusal(question: &Question<'_>, considered: &[Considered]) -> Refusal {
    let system = printable::name(question.system);
    let passes = |route: Route| {
        considered.iter().find_map(|one| match &one.outcome {
            Outcome::Passes(reason) if one.route == route => Some(reason),
            _ => None,
        })
    };
    let is_ours = super::is_wasm(question.system) || super::is_linux(question.system);
    let others = |one: &Considered| matches!(one.route, Route::Nix | Route::Refuse);
    if is_ours && passes(Route::Nix) == Some(&Reason::OnlyTheHook) && considered.iter().all(others)
    {
        return Refusal::OnlyTheHook { system };
    }
    if !is_ours {
        return Refusal::System { system };
    }
    if let Some(Reason::SystemExcluded { .. }) = considered.iter().find_map(|one| one.passes()) {
        return Refusal::Excluded { system };
    }
    if super::is_wasm(question.system) {
        return match passes(Route::Sandbox) {
            Some(_) => Refusal::Builder {
                builder: printable::name(question.builder),
            },
            None => Refusal::Routes {
                system,
                route: "sandbox",
            },
        };
    }
    let reasons = [Route::Shell, Route::Vm].into_iter().filter_map(passes);
    let reasons: Vec<String> = reasons.map(ToString::to_string).collect();
    match reasons.is_empty() {
        true => Refusal::Routes {
            system,
            route: "shell or the virtual machine",
        },
        false => Refusal::Linux {
            system,
            reasons: reasons.join("; "),
        },
    }
}
