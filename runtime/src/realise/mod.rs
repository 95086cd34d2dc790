//! Does what a plan says: fetches, builds, registers.
//!
//! Contract: the only part that changes the store. Works in parallel in an order that follows from
//! the plan alone. A failure never leaves a half path valid; what is done stays done, so that the
//! next run goes on from there. Nix's counterpart is `libstore/build/`.

mod build;
pub mod canonical;
mod check;
pub mod error;
pub mod executor;
mod fetch;
pub mod fixed_output;
pub mod import;
pub mod keep;
pub mod known;
pub mod links;
pub mod log;
mod registrar;
pub mod report;
pub mod schedule;
pub mod stop;
pub mod timings;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_sandbox::{Limits, RunMemory};
use wasibuild_store::Store;

use crate::plan::{NodeId, Plan, Step};
use crate::progress::{Amount, Event, Progress};
use error::RealiseError;
use executor::Execute;
use known::KnownPaths;
use registrar::Registrar;
use report::{DerivationReport, Report, Status};
use schedule::{Fate, Lane, Task, Verdict, Widths};
use stop::Stop;

pub use fetch::Caches;
pub use world::World;

/// How many paths are fetched at once.
const FETCHES: usize = 8;

/// How to realise.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Builds at a time.
    pub jobs: usize,
    /// `NIX_BUILD_CORES`.
    pub cores: u16,
    /// Bounds of each build.
    pub limits: Limits,
    /// Build what is valid, and compare.
    pub check: bool,
    /// Keep what failed builds leave.
    pub keep_failed: bool,
    /// Go on after a failure with what does not depend on it.
    pub keep_going: bool,
}

/// Realises plans.
pub struct Realiser<'a> {
    /// Where to.
    pub store: &'a Store,
    /// Who runs builders.
    pub executor: &'a dyn Execute,
    /// Where from.
    pub caches: &'a Caches,
    /// Whom to tell.
    pub progress: &'a dyn Progress,
    /// What stops it.
    pub stop: &'a Stop,
    /// How.
    pub settings: Settings,
    /// What paths refer to that are valid or in place, as far as it was asked for.
    pub known: Arc<KnownPaths>,
    /// What its builds remember for each other.
    pub memory: Arc<RunMemory>,
}

/// What one task does.
enum Work<'p> {
    Fetch(&'p StorePath),
    Build(NodeId),
}

/// How a task ended.
struct Ended {
    status: Status,
    time: Option<Duration>,
    error: Option<String>,
}

impl Realiser<'_> {
    /// Carries a plan out. Failures are in the report; they were also told to the progress.
    pub fn run(&self, plan: &Plan) -> Report {
        let start = Instant::now();
        let (work, tasks) = tasks(plan);
        let builds = work
            .iter()
            .filter(|work| matches!(work, Work::Build(_)))
            .count();
        self.progress.event(Event::Planned(Amount {
            builds,
            fetches: work.len() - builds,
        }));
        let report = Mutex::new(Report::default());
        let ended: Mutex<BTreeMap<usize, Ended>> = Mutex::default();
        let widths = Widths {
            builds: self.settings.jobs,
            fetches: FETCHES,
        };
        let registrar = Registrar::new(self.store);
        let one = |number: usize| {
            let began = Instant::now();
            let result = match &work[number] {
                Work::Fetch(path) => self.fetch(path),
                Work::Build(id) => {
                    let to = build::Registration {
                        registrar: &registrar,
                        task: number,
                    };
                    self.build(plan, plan.graph.node(*id), to)
                }
            };
            let mut end = Ended {
                status: Status::Failed,
                time: Some(began.elapsed()),
                error: None,
            };
            let verdict = match result {
                Ok(status) => {
                    end.status = status;
                    Verdict::Done
                }
                Err(error) => self.failed(error, &mut end, &mut lock(&report)),
            };
            lock(&ended).insert(number, end);
            // Failures of the store end everything, as soon as they are known.
            let late = self.late(registrar.failures(), &ended, &report);
            if late {
                Verdict::FailedStopAll
            } else {
                verdict
            }
        };
        let stopped = || self.stop.is_stopped();
        let fates = std::thread::scope(|scope| {
            let _closing = Closing(&registrar);
            // With one build there is nothing to wait for.
            if builds > 1 {
                scope.spawn(|| registrar.serve());
            }
            schedule::run(&tasks, widths, &stopped, &one)
        });
        registrar.flush();
        self.late(registrar.failures(), &ended, &report);
        let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
        let ended = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
        fill(&mut report, plan, &work, &fates, ended);
        report.time = start.elapsed();
        self.progress.event(Event::Finished);
        report
    }

    /// Counts outputs that could not be registered; whether there are any. The first is told, the
    /// others mostly fail for the same reason.
    fn late(
        &self,
        failures: Vec<(usize, RealiseError)>,
        ended: &Mutex<BTreeMap<usize, Ended>>,
        report: &Mutex<Report>,
    ) -> bool {
        let any = !failures.is_empty();
        for (number, error) in failures {
            let mut end = Ended {
                status: Status::Failed,
                time: None,
                error: None,
            };
            let mut report = lock(report);
            if report.store_failed {
                end.error = Some(error::chain(&error));
            } else {
                self.failed(error, &mut end, &mut report);
                report.store_failed = true;
                self.stop.stop();
            }
            lock(ended).insert(number, end);
        }
        any
    }

    /// Counts and tells an error, and decides whether anything else shall start.
    fn failed(&self, error: RealiseError, ended: &mut Ended, report: &mut Report) -> Verdict {
        if error.is_cancelled() && self.stop.is_stopped() {
            ended.status = Status::Cancelled;
            return Verdict::FailedStopAll;
        }
        let text = error::chain(&error);
        self.progress.event(Event::Error(&text));
        ended.error = Some(text);
        let new = error.failures();
        if new.refused {
            ended.status = Status::Refused;
        }
        let all = &mut report.failures;
        all.refused |= new.refused;
        all.failed |= new.failed;
        all.timed_out |= new.timed_out;
        all.hash_mismatch |= new.hash_mismatch;
        all.not_deterministic |= new.not_deterministic;
        report.store_failed |= error.is_store_failure();
        if self.settings.keep_going && !error.is_store_failure() {
            return Verdict::Failed;
        }
        self.stop.stop();
        Verdict::FailedStopAll
    }
}

/// Ends the registrar's thread, also when a task panics.
struct Closing<'r, 'a>(&'r Registrar<'a>);

impl Drop for Closing<'_, '_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The tasks of a plan: fetches, then builds, each with what it needs.
fn tasks(plan: &Plan) -> (Vec<Work<'_>>, Vec<Task>) {
    let fetches: BTreeMap<&StorePath, usize> = plan
        .fetches
        .keys()
        .enumerate()
        .map(|(number, path)| (path, number))
        .collect();
    let mut work: Vec<Work<'_>> = plan.fetches.keys().map(Work::Fetch).collect();
    let mut tasks: Vec<Task> = plan
        .fetches
        .iter()
        .map(|(path, offer)| {
            let references = offer
                .references
                .iter()
                .filter(|reference| *reference != path);
            let needs = references
                .filter_map(|reference| fetches.get(reference).copied())
                .collect();
            Task {
                lane: Lane::Fetch,
                needs,
            }
        })
        .collect();
    let mut builds: BTreeMap<NodeId, usize> = BTreeMap::new();
    for id in plan.builds() {
        let node = plan.graph.node(id);
        let mut needs: Vec<usize> = node
            .sources
            .iter()
            .filter_map(|source| fetches.get(source).copied())
            .collect();
        for (input, outputs) in &node.inputs {
            needs.extend(builds.get(input));
            let input = plan.graph.node(*input);
            let paths = outputs
                .iter()
                .filter_map(|output| input.outputs.get(output));
            needs.extend(paths.filter_map(|path| fetches.get(path).copied()));
        }
        builds.insert(id, tasks.len());
        tasks.push(Task {
            lane: Lane::Build,
            needs,
        });
        work.push(Work::Build(id));
    }
    (work, tasks)
}

/// Puts the outcome of the tasks into the report.
fn fill(
    report: &mut Report,
    plan: &Plan,
    work: &[Work<'_>],
    fates: &[Fate],
    mut ended: BTreeMap<usize, Ended>,
) {
    let mut built: BTreeMap<NodeId, Ended> = BTreeMap::new();
    let mut unfetched: BTreeMap<&StorePath, Status> = BTreeMap::new();
    for (number, (work, fate)) in work.iter().zip(fates).enumerate() {
        let end = ended.remove(&number).unwrap_or_else(|| {
            let status = if matches!(fate, Fate::Blocked(_)) {
                Status::DependencyFailed
            } else {
                Status::Cancelled
            };
            Ended {
                status,
                time: None,
                error: None,
            }
        });
        match work {
            Work::Build(id) => {
                built.insert(*id, end);
            }
            Work::Fetch(path) if end.status.is_ok() => report.fetched.push((*path).clone()),
            Work::Fetch(path) => {
                report.errors.extend(end.error);
                unfetched.insert(path, end.status);
            }
        }
    }
    let goals: BTreeSet<NodeId> = plan.goals.iter().map(|(goal, _)| *goal).collect();
    for id in plan.graph.ids() {
        let node = plan.graph.node(id);
        let end = match plan.steps[id] {
            Step::NotNeeded | Step::Refused => continue,
            Step::Valid => Ended {
                status: Status::Valid,
                time: None,
                error: None,
            },
            Step::Substitute => {
                let failed = node.outputs.values().find_map(|path| unfetched.get(path));
                Ended {
                    status: failed.copied().unwrap_or(Status::Substituted),
                    time: None,
                    error: None,
                }
            }
            Step::Build(_) => match built.remove(&id) {
                Some(end) => end,
                None => Ended {
                    status: Status::Cancelled,
                    time: None,
                    error: None,
                },
            },
        };
        report.derivations.push(DerivationReport {
            derivation: node.derivation.clone(),
            outputs: node.outputs.clone(),
            status: end.status,
            time: end.time,
            error: end.error,
            goal: goals.contains(&id),
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
