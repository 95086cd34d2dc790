//! The plan: what is valid, what will be fetched, what will be built, and in which order.
//!
//! Contract: a pure function of the graph, of what is wanted, and of [`Facts`] about the store and
//! the caches. It touches nothing, can be printed (`--dry-run`) and tested without running, and
//! takes time linear in the number of derivations. Nix's counterpart is `Store::queryMissing` in
//! `libstore/misc.cc`.

mod graph;
mod print;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use thiserror::Error;
use wasibuild_nix_compat::store_path::StorePath;

use crate::router::{Executor, Refusal, Router, Verdict};

pub use graph::{Graph, Node, NodeId, PerNode};

/// What planning asks about the world.
pub trait Facts {
    /// Why a question has no answer.
    type Error;
    /// Whether a path is valid in the store.
    fn is_valid(&self, path: &StorePath) -> Result<bool, Self::Error>;
    /// Which of these paths a cache offers. Asked for many at once, so that it can be parallel.
    fn offered(
        &self,
        paths: &BTreeSet<StorePath>,
    ) -> Result<BTreeMap<StorePath, Offer>, Self::Error>;
}

/// What a cache says about a path that it has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offer {
    /// What the path refers to, itself perhaps included.
    pub references: BTreeSet<StorePath>,
    /// The size of its NAR in bytes.
    pub nar_size: u64,
    /// The size of what is downloaded in bytes, if the cache says so.
    pub download_size: Option<u64>,
}

/// What happens with a derivation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nobody needs it.
    NotNeeded,
    /// All outputs that are needed are valid.
    Valid,
    /// The outputs that are missing come from a cache.
    Substitute,
    /// It is built.
    Build(Executor),
    /// Nobody builds it, and no cache has it; only with [`Choices::tolerant`].
    Refused,
}

/// Choices that shape a plan.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// Ask the caches for what the sandbox can build, too. (What cannot be built is always asked for, and so
    /// is what needs a virtual machine.)
    pub prefer_substitutes: bool,
    /// Build the derivations that were asked for even though they are valid, to compare.
    pub check: bool,
    /// Go on where something cannot be done, to tell of everything; such a plan is not carried out.
    pub tolerant: bool,
    /// Who decides who builds.
    pub router: Arc<Router>,
}

/// What will be done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The derivations.
    pub graph: Graph,
    /// What happens with each.
    pub steps: PerNode<Step>,
    /// What is fetched, with what the cache says of it.
    pub fetches: BTreeMap<StorePath, Offer>,
    /// The derivations that were asked for, in that order, with the outputs that were.
    pub goals: Vec<(NodeId, BTreeSet<String>)>,
    /// Paths that are neither valid nor offered, each with one that needs it; only with
    /// [`Choices::tolerant`].
    pub missing: BTreeMap<StorePath, StorePath>,
    /// Who decided who builds.
    pub router: Arc<Router>,
}

/// Why there is no plan.
#[derive(Debug, Error)]
pub enum PlanError<E> {
    /// A derivation that must be built cannot be.
    #[error("cannot build '{derivation}': {refusal}")]
    Refused {
        /// The absolute path of the `.drv`.
        derivation: String,
        /// Why.
        #[source]
        refusal: Refusal,
    },
    /// A source is neither valid nor offered.
    #[error(
        "'{path}' is missing; '{needed_by}' needs it\n\
         hint: no binary cache offers it; add it to the store (`wasibuild store add` or `import`), or name a cache that has it (--substituters)"
    )]
    Missing {
        /// The absolute path.
        path: String,
        /// The absolute path of what needs it.
        needed_by: String,
    },
    /// The output that `--check` shall compare with is not there.
    #[error(
        "cannot check '{derivation}': its output '{path}' is not valid, so there is nothing to compare with\n\
         hint: run without --check first"
    )]
    NothingToCheck {
        /// The absolute path of the `.drv`.
        derivation: String,
        /// The absolute path of the output.
        path: String,
    },
    /// Outputs that were valid when the request was read are gone.
    #[error(
        "the outputs of '{derivation}' were removed from the store after its users were read\n\
         hint: something collects garbage at the same time; run it again"
    )]
    Collected {
        /// The absolute path of the `.drv`.
        derivation: String,
    },
    /// A derivation was asked for an output that it does not have.
    #[error("'{derivation}' has no output '{output}'; it has {available}")]
    NoSuchOutput {
        /// The absolute path of the `.drv`.
        derivation: String,
        /// The output.
        output: String,
        /// Those that it has.
        available: String,
    },
    /// The store or the caches could not say.
    #[error(transparent)]
    Facts(E),
}

impl Plan {
    /// Makes the plan.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub fn make<F: Facts>(
        graph: Graph,
        goals: Vec<(NodeId, BTreeSet<String>)>,
        facts: &F,
        choices: Choices,
    ) -> Result<Plan, PlanError<F::Error>> {
        let mut planner = Planner::new(graph, goals, facts, choices);
        planner.run()?;
        Ok(planner.plan)
    }

    /// A plan that builds nothing and fetches paths, each with one that needs it, and their closures.
    ///
    /// # Errors
    /// [`PlanError::Missing`], when no cache has one of them.
    pub fn fetch<F: Facts>(
        paths: BTreeMap<StorePath, StorePath>,
        facts: &F,
    ) -> Result<Plan, PlanError<F::Error>> {
        let mut planner = Planner::new(Graph::new(), Vec::new(), facts, Choices::default());
        planner.to_fetch = paths;
        planner.run()?;
        Ok(planner.plan)
    }

    /// Who builds a derivation, and who does if that meets a program that it cannot run; the sandbox
    /// if nobody does.
    pub fn executors(&self, node: &Node) -> (Executor, Vec<Executor>) {
        let first = match self.graph.find(&node.derivation).map(|id| self.steps[id]) {
            Some(Step::Build(executor)) => executor,
            _ => Executor::Sandbox,
        };
        let all = self.router.consider(&node.question()).executors();
        let rest = all.into_iter().skip_while(|next| *next != first).skip(1);
        (first, rest.collect())
    }

    /// The derivations to build, inputs first.
    pub fn builds(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.graph
            .ids()
            .filter(|&id| matches!(self.steps[id], Step::Build(_)))
    }
}

struct Planner<'f, F> {
    facts: &'f F,
    choices: Choices,
    plan: Plan,
    /// The outputs that somebody needs of each node.
    wanted: PerNode<BTreeSet<String>>,
    /// The nodes whose `wanted` has grown since they were decided.
    frontier: BTreeSet<NodeId>,
    /// The sources of what is built, each with one who needs it; `None` once they are dealt with.
    sources: BTreeMap<StorePath, Option<StorePath>>,
    /// Paths to fetch whose references were not looked at yet, each with one who needs it.
    to_fetch: BTreeMap<StorePath, StorePath>,
}

impl<'f, F: Facts> Planner<'f, F> {
    fn new(
        graph: Graph,
        goals: Vec<(NodeId, BTreeSet<String>)>,
        facts: &'f F,
        choices: Choices,
    ) -> Self {
        Planner {
            facts,
            wanted: PerNode::filled(&graph, BTreeSet::new()),
            plan: Plan {
                steps: PerNode::filled(&graph, Step::NotNeeded),
                graph,
                fetches: BTreeMap::new(),
                goals,
                missing: BTreeMap::new(),
                router: Arc::clone(&choices.router),
            },
            choices,
            frontier: BTreeSet::new(),
            sources: BTreeMap::new(),
            to_fetch: BTreeMap::new(),
        }
    }

    fn run(&mut self) -> Result<(), PlanError<F::Error>> {
        for (id, outputs) in self.plan.goals.clone() {
            let node = self.plan.graph.node(id);
            if let Some(output) = outputs
                .iter()
                .find(|output| !node.outputs.contains_key(*output))
            {
                return Err(no_such_output(node, output));
            }
            if self.choices.check {
                self.plan_check(id)?;
            } else {
                self.want(id, outputs);
            }
        }
        while !self.frontier.is_empty() {
            self.decide_frontier()?;
        }
        self.fetch_sources()?;
        while !self.to_fetch.is_empty() {
            self.follow_references()?;
        }
        Ok(())
    }

    /// With `--check` what was asked for is built although it is valid.
    fn plan_check(&mut self, id: NodeId) -> Result<(), PlanError<F::Error>> {
        let node = self.plan.graph.node(id);
        for path in node.outputs.values() {
            if !self.valid(path)? {
                return Err(PlanError::NothingToCheck {
                    derivation: node.derivation.to_absolute_path(),
                    path: path.to_absolute_path(),
                });
            }
        }
        let (executor, _) = self.route(node).map_err(|refusal| refused(node, refusal))?;
        self.build(id, executor)
    }

    fn want(&mut self, id: NodeId, outputs: BTreeSet<String>) {
        if matches!(self.plan.steps[id], Step::Build(_) | Step::Refused) {
            return; // All its outputs will be there, or none.
        }
        let wanted = &mut self.wanted[id];
        let before = wanted.len();
        wanted.extend(outputs);
        if wanted.len() > before || (before == 0 && self.plan.steps[id] == Step::NotNeeded) {
            self.frontier.insert(id);
        }
    }

    /// Decides what happens with the nodes that were reached last.
    fn decide_frontier(&mut self) -> Result<(), PlanError<F::Error>> {
        let mut undecided = Vec::new();
        let mut questions = BTreeSet::new();
        for id in std::mem::take(&mut self.frontier) {
            let missing = self.missing_outputs(id)?;
            if missing.is_empty() {
                self.plan.steps[id] = Step::Valid;
                continue;
            }
            let node = self.plan.graph.node(id);
            let route = self.route(node);
            let costly = match &route {
                Err(_) => true,
                Ok((executor, verdict)) => {
                    let costly = *executor == Executor::Vm || verdict.last_resort;
                    (costly || self.choices.prefer_substitutes) && node.allow_substitutes
                }
            };
            if costly {
                questions.extend(missing.iter().cloned());
            }
            undecided.push((id, missing, route));
        }
        let offers = self.offered(&questions)?;
        for (id, missing, route) in undecided {
            if missing.iter().all(|path| offers.contains_key(path)) {
                self.plan.steps[id] = Step::Substitute;
                let derivation = self.plan.graph.node(id).derivation.clone();
                for path in missing {
                    self.to_fetch
                        .entry(path)
                        .or_insert_with(|| derivation.clone());
                }
                continue;
            }
            match route {
                Ok((executor, _)) => self.build(id, executor)?,
                Err(_) if self.choices.tolerant => self.give_up(id)?,
                Err(refusal) => return Err(refused(self.plan.graph.node(id), refusal)),
            }
        }
        Ok(())
    }

    /// Nobody builds it; a virtual machine, if there were one, would need its inputs.
    fn give_up(&mut self, id: NodeId) -> Result<(), PlanError<F::Error>> {
        self.plan.steps[id] = Step::Refused;
        let verdict = self
            .choices
            .router
            .consider(&self.plan.graph.node(id).question());
        match verdict.lacks_machine() {
            true => self.want_inputs(id),
            false => Ok(()),
        }
    }

    fn build(&mut self, id: NodeId, executor: Executor) -> Result<(), PlanError<F::Error>> {
        self.plan.steps[id] = Step::Build(executor);
        let node = self.plan.graph.node(id);
        for source in &node.sources {
            self.sources
                .entry(source.clone())
                .or_insert_with(|| Some(node.derivation.clone()));
        }
        self.want_inputs(id)
    }

    fn want_inputs(&mut self, id: NodeId) -> Result<(), PlanError<F::Error>> {
        let node = self.plan.graph.node(id);
        if node.inputs_unread {
            return Err(PlanError::Collected {
                derivation: node.derivation.to_absolute_path(),
            });
        }
        for (input, outputs) in node.inputs.clone() {
            let node = self.plan.graph.node(input);
            if let Some(output) = outputs
                .iter()
                .find(|output| !node.outputs.contains_key(*output))
            {
                return Err(no_such_output(node, output));
            }
            self.want(input, outputs);
        }
        Ok(())
    }

    fn route(&self, node: &Node) -> Result<(Executor, Verdict), Refusal> {
        let question = node.question();
        let verdict = self.choices.router.route(&question)?;
        match verdict.executors().first() {
            Some(&executor) => Ok((executor, verdict)),
            None => Err(self.choices.router.refusal(&question)),
        }
    }

    fn missing_outputs(&self, id: NodeId) -> Result<Vec<StorePath>, PlanError<F::Error>> {
        let node = self.plan.graph.node(id);
        let mut missing = Vec::new();
        for output in &self.wanted[id] {
            if let Some(path) = node.outputs.get(output)
                && !self.valid(path)?
            {
                missing.push(path.clone());
            }
        }
        Ok(missing)
    }

    fn fetch_sources(&mut self) -> Result<(), PlanError<F::Error>> {
        for (path, needed_by) in &mut self.sources {
            if let Some(needed_by) = needed_by.take()
                && !self.facts.is_valid(path).map_err(PlanError::Facts)?
            {
                self.to_fetch.insert(path.clone(), needed_by);
            }
        }
        Ok(())
    }

    /// One level of the closure of what is fetched.
    fn follow_references(&mut self) -> Result<(), PlanError<F::Error>> {
        let level = std::mem::take(&mut self.to_fetch);
        let offers = self.offered(&level.keys().cloned().collect())?;
        for (path, needed_by) in level {
            let Some(offer) = offers.get(&path) else {
                if self.choices.tolerant {
                    self.plan.missing.insert(path, needed_by);
                    continue;
                }
                return Err(PlanError::Missing {
                    path: path.to_absolute_path(),
                    needed_by: needed_by.to_absolute_path(),
                });
            };
            for reference in &offer.references {
                let known = *reference == path
                    || self.plan.fetches.contains_key(reference)
                    || offers.contains_key(reference)
                    || self.to_fetch.contains_key(reference);
                if !known && !self.valid(reference)? {
                    self.to_fetch.insert(reference.clone(), path.clone());
                }
            }
            self.plan.fetches.insert(path, offer.clone());
        }
        Ok(())
    }

    fn valid(&self, path: &StorePath) -> Result<bool, PlanError<F::Error>> {
        self.facts.is_valid(path).map_err(PlanError::Facts)
    }

    fn offered(
        &self,
        paths: &BTreeSet<StorePath>,
    ) -> Result<BTreeMap<StorePath, Offer>, PlanError<F::Error>> {
        if paths.is_empty() {
            return Ok(BTreeMap::new());
        }
        self.facts.offered(paths).map_err(PlanError::Facts)
    }
}

fn refused<E>(node: &Node, refusal: Refusal) -> PlanError<E> {
    PlanError::Refused {
        derivation: node.derivation.to_absolute_path(),
        refusal,
    }
}

fn no_such_output<E>(node: &Node, output: &str) -> PlanError<E> {
    PlanError::NoSuchOutput {
        derivation: node.derivation.to_absolute_path(),
        output: crate::printable::name(output.as_bytes()),
        available: node
            .outputs
            .keys()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", "),
    }
}

#[cfg(test)]
mod tests;
