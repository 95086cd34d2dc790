//! Builds one derivation: lock, run, scan, check, register.
//!
//! Contract: outputs are locked as Nix locks them from before the build until they are registered; if
//! another process made them meanwhile, nothing is built. All outputs become valid in one
//! transaction, or none; several builds may share one ([`super::registrar`]). Nix's counterparts are `DerivationGoal::tryToBuild` and `registerOutputs`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wasibuild_nix_compat::derivation::{Derivation, DerivationKind};
use wasibuild_nix_compat::derivation_options::DerivationOptions;
use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_nix_compat::structured_attrs::StructuredAttrs;
use wasibuild_store::{NewPath, OutputLocks, Store};

use super::error::RealiseError;
use super::executor::{Failure, Job};
use super::known::InputClosure;
use super::log::BuildLog;
use super::registrar::Registrar;
use super::report::Status;
use super::{Realiser, check, fixed_output, keep};
use crate::environment::{self, EnvironmentError, References};
use crate::output_checks::{self, Facts};
use crate::plan::{Node, Plan};
use crate::progress::Event;

/// How often a lock that another process holds is tried.
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// Where a build hands its outputs in.
#[derive(Clone, Copy)]
pub(super) struct Registration<'r, 'a> {
    pub(super) registrar: &'r Registrar<'a>,
    pub(super) task: usize,
}

/// All that decides what a build gives.
struct Recipe {
    derivation: Arc<Derivation>,
    structured: Option<Arc<StructuredAttrs>>,
    options: DerivationOptions,
    closure: Arc<InputClosure>,
}

impl Realiser<'_> {
    /// Builds a derivation whose inputs are valid, or in place and about to be.
    pub(super) fn build(
        &self,
        plan: &Plan,
        node: &Node,
        to: Registration<'_, '_>,
    ) -> Result<Status, RealiseError> {
        let paths: Vec<StorePath> = node.outputs.values().cloned().collect();
        let name = node.name();
        let locks = self.lock(node, &paths)?;
        if !self.settings.check && self.all_valid(&paths)? {
            self.progress.event(Event::BuildSkipped);
            return Ok(Status::Valid);
        }
        let start = Instant::now();
        let derivation = node.derivation.to_absolute_path();
        let derivation = derivation.as_str();
        self.progress
            .event(Event::BuildStarted { derivation, name });
        let result = self.build_locked(plan, node, locks, to);
        let (time, ok) = (start.elapsed(), result.is_ok());
        self.progress.event(Event::BuildEnded { name, time, ok });
        result
    }

    fn build_locked(
        &self,
        plan: &Plan,
        node: &Node,
        locks: OutputLocks,
        to: Registration<'_, '_>,
    ) -> Result<Status, RealiseError> {
        let derivation = match &node.kept {
            Some(derivation) => derivation.clone(),
            None => Arc::new(self.store.read_derivation(&node.derivation)?),
        };
        let wrong = |source| RealiseError::Environment {
            derivation: node.derivation.to_absolute_path(),
            source,
        };
        let structured = match &node.structured {
            Some(structured) => Some(Arc::clone(structured)),
            None => {
                let read = derivation.structured_attrs();
                let read = read.map_err(|error| wrong(EnvironmentError::Options(error.into())))?;
                read.map(Arc::new)
            }
        };
        let options = DerivationOptions::with(&derivation, structured.as_deref())
            .map_err(|error| wrong(EnvironmentError::Options(error)))?;
        refuse_unsupported(node, &options)?;
        let recipe = Recipe {
            closure: Arc::new(self.input_closure(plan, node)?),
            derivation,
            structured,
            options,
        };
        let objects = self.run_builder(plan, node, &recipe, to)?;
        let outputs = self.scan(node, &recipe, objects)?;
        self.check_outputs(node, &recipe.options, &outputs, to)?;
        if self.settings.check {
            check::compare(self, node, outputs)?;
            return Ok(Status::Checked);
        }
        let placed = self.store.place_outputs(locks, outputs)?;
        self.known.note_placed(placed.infos());
        to.registrar.hand_in(to.task, placed);
        Ok(Status::Built)
    }

    /// Waits for the locks of the outputs; gives up when everything is stopped.
    fn lock(&self, node: &Node, paths: &[StorePath]) -> Result<OutputLocks, RealiseError> {
        let mut told = false;
        loop {
            if self.stop.is_stopped() {
                return Err(RealiseError::Cancelled {
                    derivation: node.derivation.to_absolute_path(),
                });
            }
            if let Some(locks) = self.store.try_lock_outputs(paths)? {
                return Ok(locks);
            }
            if !std::mem::replace(&mut told, true) {
                let path = paths
                    .first()
                    .map(StorePath::to_absolute_path)
                    .unwrap_or_default();
                self.progress.event(Event::WaitingForLock { path: &path });
            }
            std::thread::sleep(LOCK_PAUSE);
        }
    }

    fn all_valid(&self, paths: &[StorePath]) -> Result<bool, RealiseError> {
        for path in paths {
            if !self.store.is_valid(path)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What the builder may see.
    fn input_closure(&self, plan: &Plan, node: &Node) -> Result<InputClosure, RealiseError> {
        let outputs = node.inputs.iter().flat_map(|(input, outputs)| {
            let input = plan.graph.node(*input);
            outputs.iter().filter_map(|name| input.outputs.get(name))
        });
        let inputs = node.sources.iter().chain(outputs).cloned();
        let info = |path: &StorePath| info(self.store, path);
        Ok(self.known.closure(inputs, self.store, info)?)
    }

    fn run_builder(
        &self,
        plan: &Plan,
        node: &Node,
        recipe: &Recipe,
        to: Registration<'_, '_>,
    ) -> Result<BTreeMap<String, FileSystemObject>, RealiseError> {
        let Recipe {
            derivation,
            structured,
            options,
            closure,
        } = recipe;
        let references = StoreReferences {
            store: self.store,
            registrar: to.registrar,
            closure,
        };
        let environment = environment::prepare_with(
            derivation,
            structured.as_deref(),
            options,
            self.settings.cores,
            &references,
        )
        .map_err(|source| RealiseError::Environment {
            derivation: node.derivation.to_absolute_path(),
            source,
        })?;
        let (executor, next) = plan.executors(node);
        let job = Job {
            name: node.name().to_owned(),
            derivation: node.derivation.clone(),
            builder: node.builder.clone(),
            system: derivation.system.clone(),
            fixed_output: derivation.kind() == Ok(DerivationKind::Fixed),
            features: options.required_system_features.clone(),
            executor,
            next,
            environment,
            inputs: Arc::<InputClosure>::clone(closure),
            outputs: node.outputs.clone(),
            limits: self.settings.limits.clone(),
            keep_failed: self.settings.keep_failed,
            memory: Some(Arc::clone(&self.memory)),
        };
        let file = self.log_file(node)?;
        let mut log = BuildLog::new(file, self.progress, node.name());
        let result = self.executor.execute(job, &mut log);
        log.finish();
        drop(log);
        result.map_err(|failure| {
            if !self.settings.check
                && let Err(error) = self.store.create_empty_build_log(&node.derivation)
            {
                tracing::debug!(%error, "cannot make the log of a build that failed");
            }
            self.keep_leftovers(node, failure)
        })
    }

    /// With `--check` the log of the build that is in the store stays.
    fn log_file(&self, node: &Node) -> Result<Option<Box<dyn Write>>, RealiseError> {
        if self.settings.check {
            return Ok(None);
        }
        Ok(Some(Box::new(
            self.store.create_build_log(&node.derivation)?,
        )))
    }

    /// Writes what a failed build left into a directory, and says where.
    fn keep_leftovers(&self, node: &Node, failure: Failure) -> RealiseError {
        if failure.leftovers.is_empty() || failure.error.is_cancelled() {
            return failure.error;
        }
        let text = keep::keep_leftovers(node.name(), &failure.leftovers);
        self.progress.event(Event::Warning(&text));
        failure.error
    }

    /// Hashes the outputs and finds what they refer to; checks fixed ones.
    fn scan(
        &self,
        node: &Node,
        recipe: &Recipe,
        mut objects: BTreeMap<String, FileSystemObject>,
    ) -> Result<Vec<NewPath>, RealiseError> {
        let Recipe {
            derivation,
            options,
            closure,
            ..
        } = recipe;
        let candidates = closure.with_outputs(&node.outputs);
        let mut outputs = Vec::with_capacity(node.outputs.len());
        for (name, path) in &node.outputs {
            let Some(object) = objects.remove(name) else {
                return Err(RealiseError::Unsupported {
                    derivation: node.derivation.to_absolute_path(),
                    problem: format!("its executor gave no output '{name}'"),
                });
            };
            let mut output = NewPath::scan(path.clone(), object, &candidates)?;
            if options.unsafe_discard_references.contains(name) {
                output.references.clear();
            }
            output.deriver = Some(node.derivation.clone());
            output.ca = derivation
                .outputs
                .get(name)
                .and_then(|output| output.ca().cloned());
            if let Some(wanted) = &output.ca {
                let built = fixed_output::Output {
                    derivation: &node.derivation,
                    path,
                    object: &output.object,
                    nar_hash: output.nar_hash,
                    references: &output.references,
                };
                fixed_output::check(built, wanted)?;
            }
            outputs.push(output);
        }
        Ok(outputs)
    }

    fn check_outputs(
        &self,
        node: &Node,
        options: &DerivationOptions,
        outputs: &[NewPath],
        to: Registration<'_, '_>,
    ) -> Result<(), RealiseError> {
        let by_name = node
            .outputs
            .keys()
            .zip(outputs)
            .map(|(name, output)| {
                let facts = Facts {
                    path: output.path.clone(),
                    nar_size: output.nar_size,
                    references: output.references.clone(),
                };
                (name.clone(), facts)
            })
            .collect();
        let valid = |path: &StorePath| {
            to.registrar.flush();
            let info = info(self.store, path)?;
            Ok(Facts {
                path: info.path,
                nar_size: info.nar_size,
                references: info.references,
            })
        };
        output_checks::check(options, &by_name, &valid).map_err(|source| RealiseError::Rejected {
            derivation: node.derivation.to_absolute_path(),
            source,
        })
    }
}

/// Refuses attributes that would change the build if they were ignored.
fn refuse_unsupported(node: &Node, options: &DerivationOptions) -> Result<(), RealiseError> {
    let problem = if options.no_chroot {
        "it sets __noChroot, but there is no build outside the sandbox here\nhint: remove the attribute"
    } else if options
        .required_system_features
        .iter()
        .any(|feature| feature == "recursive-nix")
    {
        "it requires the feature 'recursive-nix', which is not supported\nhint: build what it needs beforehand"
    } else {
        return Ok(());
    };
    Err(RealiseError::Unsupported {
        derivation: node.derivation.to_absolute_path(),
        problem: problem.to_owned(),
    })
}

fn info(store: &Store, path: &StorePath) -> Result<PathInfo, wasibuild_store::Error> {
    store
        .query_path_info(path)?
        .ok_or_else(|| wasibuild_store::Error::NotValid {
            path: path.clone(),
            store: store.root().to_owned(),
        })
}

/// The store as `exportReferencesGraph` sees it.
struct StoreReferences<'r, 'a> {
    store: &'a Store,
    registrar: &'r Registrar<'a>,
    closure: &'a InputClosure,
}

impl References for StoreReferences<'_, '_> {
    type Error = wasibuild_store::Error;

    fn is_input(&self, path: &StorePath) -> bool {
        self.closure.contains(path)
    }

    fn info(&self, path: &StorePath) -> Result<PathInfo, Self::Error> {
        self.registrar.flush();
        info(self.store, path)
    }

    fn closure(&self, paths: &BTreeSet<StorePath>) -> Result<BTreeSet<StorePath>, Self::Error> {
        self.registrar.flush();
        self.store.query_closure(paths)
    }

    fn outputs(&self, derivation: &StorePath) -> Result<BTreeSet<StorePath>, Self::Error> {
        self.registrar.flush();
        Ok(self
            .store
            .query_derivation_outputs(derivation)?
            .into_values()
            .collect())
    }
}
