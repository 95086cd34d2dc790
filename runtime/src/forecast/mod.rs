//! What would happen to derivations and all that they need, and why: `wasibuild plan` and `explain`.
//!
//! Contract: rests on the plan that `wasibuild run` would make, and changes nothing. Facts and guesses are
//! kept apart: that an attempt met a foreign program is a fact which the router remembers; what a text
//! looks as if it would start ([`scan`]) is a guess, and is called one. The order is always the same.

mod explain;
mod json;
mod scan;
mod summary;
mod svg;
mod tree;

use std::collections::BTreeMap;

use wasibuild_nix_compat::store_path::StorePath;

use crate::plan::{Node, NodeId, Plan, Step};
use crate::router::{Executor, Reason, Verdict};

pub use explain::{explain, explain_json};
pub use scan::{Guess, Programs};
pub use summary::summary;
pub use tree::tree;

/// What would happen with a derivation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Its outputs are valid.
    Valid,
    /// Its outputs are fetched.
    Substitute,
    /// Its own module runs in the sandbox.
    Sandbox,
    /// The shell runs it in the sandbox.
    Shell,
    /// The virtual machine builds it.
    Vm,
    /// Only a virtual machine could, and there is none.
    NeedsVm,
    /// Nobody builds it.
    Refused,
    /// Nobody needs it.
    NotNeeded,
}

impl Fate {
    /// All, in the order of legends.
    pub const ALL: [Fate; 8] = [
        Fate::Valid,
        Fate::Substitute,
        Fate::Sandbox,
        Fate::Shell,
        Fate::Vm,
        Fate::NeedsVm,
        Fate::Refused,
        Fate::NotNeeded,
    ];

    /// The word in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Fate::Valid => "valid",
            Fate::Substitute => "substitute",
            Fate::Sandbox => "sandbox",
            Fate::Shell => "shell",
            Fate::Vm => "vm",
            Fate::NeedsVm => "needs-vm",
            Fate::Refused => "refused",
            Fate::NotNeeded => "not-needed",
        }
    }

    /// The words for people.
    pub fn words(self) -> &'static str {
        match self {
            Fate::Valid => "valid",
            Fate::Substitute => "fetched",
            Fate::Sandbox => "sandbox",
            Fate::Shell => "shell in the sandbox",
            Fate::Vm => "virtual machine",
            Fate::NeedsVm => "need a virtual machine that is not there",
            Fate::Refused => "refused",
            Fate::NotNeeded => "not needed",
        }
    }

    /// Whether it is built here, so that what it needs is needed.
    pub fn is_built(self) -> bool {
        matches!(self, Fate::Sandbox | Fate::Shell | Fate::Vm | Fate::NeedsVm)
    }
}

/// One derivation.
#[derive(Debug, Clone)]
pub struct Outlook {
    /// What would happen.
    pub fate: Fate,
    /// What the router says; none if it is not built.
    pub verdict: Option<Verdict>,
    /// Programs that it looks as if it would start, and that the shell has not.
    pub guesses: Vec<Guess>,
}

impl Outlook {
    /// What is special about it, in a few words; none if nothing is.
    fn special(&self) -> Option<String> {
        let verdict = self.verdict.as_ref()?;
        match self.fate {
            Fate::NeedsVm | Fate::Refused | Fate::Vm => passed(verdict).map(Reason::brief),
            Fate::Shell if verdict.last_resort => verdict.reason().map(Reason::brief),
            _ => None,
        }
    }

    /// Why this happens, in a clause about "it".
    pub fn reason(&self) -> String {
        match self.fate {
            Fate::Valid => return "its outputs are valid".to_owned(),
            Fate::Substitute => return "a binary cache has its outputs".to_owned(),
            Fate::NotNeeded => return "nothing that is built needs it".to_owned(),
            _ => {}
        }
        let Some(verdict) = &self.verdict else {
            return String::new();
        };
        match self.fate {
            Fate::NeedsVm | Fate::Refused | Fate::Vm => {
                passed(verdict).map(ToString::to_string).unwrap_or_default()
            }
            _ => verdict
                .reason()
                .map(ToString::to_string)
                .unwrap_or_default(),
        }
    }
}

/// Why neither sandbox nor shell builds it.
fn passed(verdict: &Verdict) -> Option<&Reason> {
    let shell = verdict.why(crate::policy::Route::Shell);
    let first = shell.or_else(|| verdict.why(crate::policy::Route::Sandbox));
    first.or_else(|| verdict.reason())
}

/// See the module.
#[derive(Debug)]
pub struct Forecast<'p> {
    /// The plan that it rests on.
    pub plan: &'p Plan,
    /// What would happen with each derivation.
    pub outlooks: BTreeMap<NodeId, Outlook>,
}

impl<'p> Forecast<'p> {
    /// Looks at every derivation of a plan, which was made tolerant.
    pub fn new(plan: &'p Plan, programs: &dyn Programs) -> Self {
        let mut outlooks = BTreeMap::new();
        for id in plan.graph.ids() {
            outlooks.insert(id, outlook(plan, id, programs));
        }
        Forecast { plan, outlooks }
    }

    /// The derivations that something happens with, inputs first.
    pub fn needed(&self) -> impl Iterator<Item = (NodeId, &Node, &Outlook)> {
        self.outlooks.iter().filter_map(|(id, outlook)| {
            let needed = outlook.fate != Fate::NotNeeded;
            needed.then(|| (*id, self.plan.graph.node(*id), outlook))
        })
    }

    /// How many have this fate.
    pub fn count(&self, fate: Fate) -> usize {
        let outlooks = self.outlooks.values();
        outlooks.filter(|outlook| outlook.fate == fate).count()
    }

    /// The derivations that a derivation needs and that something happens with.
    fn inputs(&self, id: NodeId) -> impl Iterator<Item = (NodeId, &Outlook)> {
        let inputs = self.plan.graph.node(id).inputs.iter();
        let built = self
            .outlooks
            .get(&id)
            .is_some_and(|outlook| outlook.fate.is_built());
        inputs.filter(move |_| built).filter_map(|(input, _)| {
            let outlook = self.outlooks.get(input)?;
            (outlook.fate != Fate::NotNeeded).then_some((*input, outlook))
        })
    }

    /// The bytes to download, as far as the caches say.
    fn download(&self) -> u64 {
        let sizes = self
            .plan
            .fetches
            .values()
            .filter_map(|offer| offer.download_size);
        sizes.fold(0, u64::saturating_add)
    }

    /// The forecast as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        json::forecast(self)
    }

    /// The forecast as a picture.
    pub fn to_svg(&self) -> String {
        svg::draw(self)
    }
}

fn outlook(plan: &Plan, id: NodeId, programs: &dyn Programs) -> Outlook {
    let node = plan.graph.node(id);
    let step = plan.steps[id];
    let asked = matches!(step, Step::Build(_) | Step::Refused);
    let verdict = asked.then(|| plan.router.consider(&node.question()));
    let fate = match step {
        Step::NotNeeded => Fate::NotNeeded,
        Step::Valid => Fate::Valid,
        Step::Substitute => Fate::Substitute,
        Step::Build(Executor::Sandbox) => Fate::Sandbox,
        Step::Build(Executor::Shell) => Fate::Shell,
        Step::Build(Executor::Vm) => Fate::Vm,
        Step::Refused if verdict.as_ref().is_some_and(Verdict::lacks_machine) => Fate::NeedsVm,
        Step::Refused => Fate::Refused,
    };
    let known = verdict.as_ref().is_some_and(|verdict| verdict.last_resort);
    let guesses = match fate {
        Fate::Shell if !known => scan::guesses(node, programs),
        _ => Vec::new(),
    };
    Outlook {
        fate,
        verdict,
        guesses,
    }
}

/// The output under which an attempt is remembered.
pub fn key(node: &Node) -> Option<&StorePath> {
    node.outputs.values().next()
}

#[cfg(test)]
mod tests;
