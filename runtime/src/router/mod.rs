//! Decides who builds a derivation; one router for `wasibuild run`, the daemon, the external builder and
//! the hook.
//!
//! Contract: goes by what the derivation says of itself, by the user's [`Routing`], by what a machine could
//! do, and by what earlier attempts met; it starts nothing. The routes are asked in the order of the policy;
//! the first that takes a derivation builds it, and if that meets a program that it cannot run, the next
//! does. Everything that was considered can be told ([`Router::consider`]). Nix's counterpart is
//! `DerivationBuildingGoal::tryToBuild` with its build hook.

mod decisions;
mod reason;
mod refusal;

use std::collections::BTreeSet;
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};
use wasibuild_nix_compat::store_path::StorePath;

use crate::policy::{Attempt, Pattern, Route, Routing};
use crate::{printable, programs};

pub use decisions::{Decisions, Remembered};
pub use reason::Reason;
pub use refusal::Refusal;

/// The systems that the sandbox builds for.
pub const SANDBOX_SYSTEMS: [&str; 2] = ["wasm32-wasi", "wasm32-wasip1"];

/// Who builds here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Executor {
    /// The WebAssembly sandbox of this program.
    Sandbox,
    /// The shell and the applets, in the same sandbox.
    Shell,
    /// The virtual machine.
    Vm,
}

impl Executor {
    /// The name that plans and JSON print.
    pub fn name(self) -> &'static str {
        self.route().name()
    }

    /// The route that leads to it.
    pub fn route(self) -> Route {
        match self {
            Executor::Sandbox => Route::Sandbox,
            Executor::Shell => Route::Shell,
            Executor::Vm => Route::Vm,
        }
    }

    /// Who a route leads to, if it is somebody here.
    pub fn of(route: Route) -> Option<Executor> {
        match route {
            Route::Sandbox => Some(Executor::Sandbox),
            Route::Shell => Some(Executor::Shell),
            Route::Vm => Some(Executor::Vm),
            Route::Nix | Route::Refuse => None,
        }
    }
}

/// Whether there is a virtual machine for a system.
pub trait Machines: std::fmt::Debug + Send + Sync {
    /// Why there is none, and what to do; `Ok` if there is one, or can be started.
    ///
    /// # Errors
    /// The reason, as a clause.
    fn machine(&self, system: &BStr) -> Result<(), String>;
}

/// No machine for any system.
#[derive(Debug)]
pub struct NoMachines;

impl Machines for NoMachines {
    fn machine(&self, _system: &BStr) -> Result<(), String> {
        Err("there is no virtual machine yet: this program has none".to_owned())
    }
}

/// What the decision rests on.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The derivation's name.
    pub name: &'a str,
    /// One of its outputs, the first by name, under which it is remembered.
    pub output: Option<&'a StorePath>,
    /// The derivation's `system`.
    pub system: &'a BStr,
    /// The derivation's `builder`.
    pub builder: &'a BStr,
    /// Its attributes.
    pub traits: &'a Traits,
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

/// What became of asking a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It takes the derivation.
    Takes(Reason),
    /// It takes it if no other does: it is known to fail.
    LastResort(Reason),
    /// It does not.
    Passes(Reason),
}

/// A route that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Considered {
    /// Which.
    pub route: Route,
    /// What it said.
    pub outcome: Outcome,
}

impl Considered {
    /// Why it passes, if it does.
    fn passes(&self) -> Option<&Reason> {
        match &self.outcome {
            Outcome::Passes(reason) => Some(reason),
            _ => None,
        }
    }
}

/// The decision about a derivation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The routes that were asked, in order.
    pub considered: Vec<Considered>,
    /// Those that may build it: the first does, the others if it meets a foreign program. Empty if
    /// nobody builds it.
    pub chain: Vec<Route>,
    /// Whether an earlier attempt failed and there is nobody else.
    pub last_resort: bool,
}

impl Verdict {
    /// Who builds it.
    pub fn route(&self) -> Route {
        self.chain.first().copied().unwrap_or(Route::Refuse)
    }

    /// Those of the chain that are here.
    pub fn executors(&self) -> Vec<Executor> {
        self.chain
            .iter()
            .copied()
            .filter_map(Executor::of)
            .collect()
    }

    /// Whether nothing is missing but a virtual machine.
    pub fn lacks_machine(&self) -> bool {
        let lacks = |one: &Considered| matches!(one.passes(), Some(Reason::NoMachine { .. }));
        self.chain.is_empty() && self.considered.iter().any(lacks)
    }

    /// What a route that was asked said.
    pub fn why(&self, route: Route) -> Option<&Reason> {
        let found = self.considered.iter().find(|one| one.route == route)?;
        let (Outcome::Takes(reason) | Outcome::LastResort(reason) | Outcome::Passes(reason)) =
            &found.outcome;
        Some(reason)
    }

    /// What decided: why the first of the chain takes it, or why it is not even attempted.
    pub fn reason(&self) -> Option<&Reason> {
        let route = self.chain.first();
        let of = |one: &&Considered| route.is_none_or(|route| one.route == *route);
        let found = self.considered.iter().find(of)?;
        let (Outcome::Takes(reason) | Outcome::LastResort(reason) | Outcome::Passes(reason)) =
            &found.outcome;
        Some(reason)
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Router {
    /// The policy.
    pub routing: Routing,
    /// Whether builds can be passed on to Nix's other remote builders.
    pub others: bool,
    /// The machines.
    pub machines: Arc<dyn Machines>,
    /// What earlier attempts met.
    pub decisions: Decisions,
}

impl Default for Router {
    fn default() -> Self {
        Router::new(Routing::default(), Decisions::none())
    }
}

impl Router {
    /// A router without machines and without other builders.
    pub fn new(routing: Routing, decisions: Decisions) -> Self {
        Router {
            routing,
            others: false,
            machines: Arc::new(NoMachines),
            decisions,
        }
    }

    /// Who builds a derivation, first to last.
    ///
    /// # Errors
    /// [`Refusal`], when nobody does.
    pub fn route(&self, question: &Question<'_>) -> Result<Verdict, Refusal> {
        let verdict = self.consider(question);
        match verdict.chain.is_empty() {
            true => Err(refusal::refusal(question, &verdict.considered)),
            false => Ok(verdict),
        }
    }

    /// Why nobody builds it here, as an error says it.
    pub fn refusal(&self, question: &Question<'_>) -> Refusal {
        refusal::refusal(question, &self.consider(question).considered)
    }

    /// Asks every route.
    pub fn consider(&self, question: &Question<'_>) -> Verdict {
        let mut considered = Vec::with_capacity(self.routing.routes.len());
        for &route in &self.routing.routes {
            let outcome = match route {
                Route::Refuse => Outcome::Passes(Reason::End),
                Route::Sandbox | Route::Shell | Route::Vm
                    if (is_wasm(question.system) || is_linux(question.system))
                        && !self.routing.has_system(question.system) =>
                {
                    Outcome::Passes(Reason::SystemExcluded {
                        system: printable::name(question.system),
                    })
                }
                Route::Sandbox => sandbox(question),
                Route::Shell => self.shell(question),
                Route::Vm => self.machine(question),
                Route::Nix if self.others => Outcome::Takes(Reason::Asked),
                Route::Nix => Outcome::Passes(Reason::OnlyTheHook),
            };
            considered.push(Considered { route, outcome });
            if route == Route::Refuse {
                break;
            }
        }
        let takers = considered.iter().filter_map(|one| match one.outcome {
            Outcome::Takes(_) => Some(one.route),
            _ => None,
        });
        let mut chain: Vec<Route> = takers.collect();
        let last = considered
            .iter()
            .find(|one| matches!(one.outcome, Outcome::LastResort(_)));
        let last_resort = chain.is_empty() && last.is_some();
        if last_resort {
            chain.extend(last.map(|one| one.route));
        }
        Verdict {
            considered,
            chain,
            last_resort,
        }
    }

    fn shell(&self, question: &Question<'_>) -> Outcome {
        let reason = match self.attempted(question) {
            Ok(reason) => reason,
            Err(reason) => return Outcome::Passes(reason),
        };
        let remembered = question
            .output
            .and_then(|output| self.decisions.recall(output));
        match remembered {
            Some(remembered) => Outcome::LastResort(Reason::Remembered {
                program: remembered.program,
                problem: remembered.problem,
            }),
            None => Outcome::Takes(reason),
        }
    }

    /// Why a derivation for Linux is attempted in the shell, or why not.
    fn attempted(&self, question: &Question<'_>) -> Result<Reason, Reason> {
        let (policy, traits) = (&self.routing.shell, question.traits);
        let system = || printable::name(question.system);
        if !is_linux(question.system) {
            return Err(Reason::NotLinux { system: system() });
        }
        let named = |patterns: &[Pattern]| -> Option<Pattern> {
            let mut patterns = patterns.iter();
            patterns
                .find(|pattern| pattern.matches(question.name.as_bytes()))
                .cloned()
        };
        if let Some(pattern) = named(&policy.never) {
            return Err(Reason::Never(pattern));
        }
        let also = named(&policy.also);
        if policy.attempt == Attempt::None && also.is_none() {
            return Err(Reason::AttemptNone);
        }
        if traits.fixed_output {
            return Err(Reason::FixedOutput);
        }
        if let Some(feature) = missing(&traits.required_features, &self.routing.features) {
            return Err(Reason::Feature { feature });
        }
        if !programs::is_shell(question.builder) {
            return Err(Reason::NoBash {
                builder: printable::name(question.builder),
            });
        }
        match (also, policy.attempt) {
            (Some(pattern), _) => Ok(Reason::Also(pattern)),
            (None, Attempt::All) => Ok(Reason::AttemptAll),
            _ if traits.local => Ok(Reason::Local),
            _ if traits.command_without_source => Ok(Reason::CommandWithoutSource),
            (None, attempt) => Err(reason::left_out(attempt)),
        }
    }

    fn machine(&self, question: &Question<'_>) -> Outcome {
        if !is_linux(question.system) {
            return Outcome::Passes(Reason::NotLinux {
                system: printable::name(question.system),
            });
        }
        if let Err(problem) = self.machines.machine(question.system) {
            return Outcome::Passes(Reason::NoMachine { problem });
        }
        let features = &question.traits.required_features;
        match missing(features, &self.routing.vm_features) {
            // Only the machine knows whether it has that one.
            Some(feature) if feature != "kvm" => {
                Outcome::Passes(Reason::MachineFeature { feature })
            }
            _ => Outcome::Takes(Reason::Machine),
        }
    }
}

fn sandbox(question: &Question<'_>) -> Outcome {
    if !is_wasm(question.system) {
        return Outcome::Passes(Reason::NotWasm {
            system: printable::name(question.system),
        });
    }
    match question.builder.starts_with_str("/nix/store/") {
        true => Outcome::Takes(Reason::OwnModule),
        false => Outcome::Passes(Reason::Outside {
            builder: printable::name(question.builder),
        }),
    }
}

fn missing(required: &BTreeSet<BString>, known: &[String]) -> Option<String> {
    let unknown = |feature: &&BString| !known.iter().any(|known| **feature == known.as_str());
    required
        .iter()
        .find(unknown)
        .map(|feature| printable::name(feature))
}

/// Whether derivations for a system bring a WebAssembly module of their own.
pub fn is_wasm(system: &BStr) -> bool {
    SANDBOX_SYSTEMS.iter().any(|ours| system == ours)
}

fn is_linux(system: &BStr) -> bool {
    system.ends_with_str("-linux")
}

#[cfg(test)]
mod tests;
