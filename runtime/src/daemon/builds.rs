//! Builds for a client: request, plan, effects, as `wasibuild run` does, with the client as who watches.
//!
//! Contract: a build goes through the same plan and the same executor as any other, so that its result
//! is the same whoever asked. When the client is gone, or the server ends, the build stops.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::sync::Arc;

use wasibuild_nix_compat::derivation::Derivation;
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_worker_protocol::{
    BuildMode, BuildResult, BuildStatus, DerivedPath, OutputSelection,
};

use super::answer::{Answer, Missing};
use super::connection::Connection;
use super::error::OperationError;
use super::permits::Limited;
use super::queries::not_valid;
use crate::hangup;
use crate::plan::{Choices, NodeId, Plan, Step};
use crate::platform;
use crate::realise::executor::Routed;
use crate::realise::report::{Report, Status};
use crate::realise::stop::Stop;
use crate::realise::{Realiser, Settings};
use crate::request::{Extent, Request, is_self_evident};

impl Connection<'_> {
    /// `BuildDerivation`: the client sends the derivation, its inputs are valid here.
    pub(super) fn build_derivation(
        &self,
        path: &StorePath,
        derivation: Derivation,
        mode: BuildMode,
    ) -> Result<Answer, OperationError> {
        Self::check_mode(mode)?;
        if !is_self_evident(&derivation) {
            self.trust.require(
                "build input-addressed derivations without the derivations of their inputs",
            )?;
        }
        self.store.take_over(&derivation.input_sources)?;
        let missing = self.invalid(&derivation.input_sources)?;
        if let Some(input) = missing.first() {
            let problem = format!(
                "'{}' cannot be built: its input '{}' is not valid here",
                path.to_absolute_path(),
                input.to_absolute_path()
            );
            let result = BuildResult::new(BuildStatus::InputRejected, problem);
            return Ok(Answer::Result(Box::new(result)));
        }
        let request = Request::given(path, derivation)?;
        let results = self.results(request, mode)?;
        match results.into_values().next() {
            Some(result) => Ok(Answer::Result(Box::new(result))),
            None => Err(OperationError::refused("nothing was built")),
        }
    }

    /// `BuildPaths`: one error for all that failed.
    pub(super) fn build_paths(
        &self,
        targets: Vec<DerivedPath>,
        mode: BuildMode,
    ) -> Result<Answer, OperationError> {
        let results = self.build_targets(targets, mode)?;
        let failed: Vec<String> = results
            .into_iter()
            .filter(|(_, result)| !result.status.is_success())
            .map(|(_, result)| result.message.to_string())
            .collect();
        match failed.is_empty() {
            true => Ok(Answer::Number(1)),
            false => Err(OperationError::refused(failed.join("\n"))),
        }
    }

    /// `BuildPathsWithResults`: one result for each target.
    pub(super) fn build_targets(
        &self,
        targets: Vec<DerivedPath>,
        mode: BuildMode,
    ) -> Result<Vec<(DerivedPath, BuildResult)>, OperationError> {
        Self::check_mode(mode)?;
        let mut wanted: BTreeMap<StorePath, BTreeSet<OutputSelection>> = BTreeMap::new();
        for target in &targets {
            if let DerivedPath::Built {
                derivation,
                outputs,
            } = target
            {
                let selections = wanted.entry(derivation.clone()).or_default();
                selections.insert(outputs.clone());
            }
        }
        let mut built = match self.build_wanted(&wanted, mode) {
            Ok(results) => results,
            Err(OperationError::Refused(text)) if wanted.len() > 1 => {
                // One of them spoils the plan of all: each for itself, so that each has its answer.
                let _ = text;
                let mut results = BTreeMap::new();
                for (derivation, outputs) in wanted {
                    results.extend(self.build_one(derivation, outputs, mode)?);
                }
                results
            }
            Err(OperationError::Refused(text)) => failure_of_all(&wanted, &text),
            Err(error) => return Err(error),
        };
        let mut results = Vec::with_capacity(targets.len());
        for target in targets {
            let result = match &target {
                DerivedPath::Opaque(path) => match self.ensure(path) {
                    Ok(status) => BuildResult::new(status, ""),
                    Err(OperationError::Refused(text)) => {
                        BuildResult::new(BuildStatus::NoSubstituters, text)
                    }
                    Err(error) => return Err(error),
                },
                DerivedPath::Built {
                    derivation,
                    outputs,
                } => select(built.get_mut(derivation).cloned(), outputs),
            };
            results.push((target, result));
        }
        Ok(results)
    }

    fn build_one(
        &self,
        derivation: StorePath,
        outputs: BTreeSet<OutputSelection>,
        mode: BuildMode,
    ) -> Result<BTreeMap<StorePath, BuildResult>, OperationError> {
        let wanted = BTreeMap::from([(derivation, outputs)]);
        match self.build_wanted(&wanted, mode) {
            Err(OperationError::Refused(text)) => Ok(failure_of_all(&wanted, &text)),
            result => result,
        }
    }

    fn build_wanted(
        &self,
        wanted: &BTreeMap<StorePath, BTreeSet<OutputSelection>>,
        mode: BuildMode,
    ) -> Result<BTreeMap<StorePath, BuildResult>, OperationError> {
        if wanted.is_empty() {
            return Ok(BTreeMap::new());
        }
        let request = self.request(wanted)?;
        self.results(request, mode)
    }

    /// Reads derivations of the store; only these: what lies in the machine's own `/nix/store` is not
    /// the client's to name.
    fn request(
        &self,
        wanted: &BTreeMap<StorePath, BTreeSet<OutputSelection>>,
    ) -> Result<Request, OperationError> {
        if let Some(path) = self.invalid(wanted.keys())?.first() {
            return Err(not_valid(path));
        }
        let arguments: Vec<OsString> = wanted
            .keys()
            .map(|path| path.to_absolute_path().into())
            .collect();
        let mut request = Request::read(&arguments, &self.world(), Extent::Missing)?;
        for (id, outputs) in &mut request.goals {
            let selections = wanted.get(&request.graph.node(*id).derivation);
            let Some(selections) = selections.filter(|all| !all.contains(&OutputSelection::All))
            else {
                continue;
            };
            outputs.clear();
            for selection in selections {
                if let OutputSelection::Names(names) = selection {
                    outputs.extend(names.iter().cloned());
                }
            }
        }
        Ok(request)
    }

    /// `EnsurePath`: a path is valid, or is fetched.
    pub(super) fn ensure(&self, path: &StorePath) -> Result<BuildStatus, OperationError> {
        self.store.add_temp_root(path)?;
        if self.store.is_valid(path)? {
            return Ok(BuildStatus::AlreadyValid);
        }
        if self.offers(&BTreeSet::from([path.clone()]))?.is_empty() {
            return Err(OperationError::refused(format!(
                "path '{}' is not valid, and no binary cache offers it",
                path.to_absolute_path()
            )));
        }
        let wanted = BTreeMap::from([(path.clone(), path.clone())]);
        let report = self
            .run(
                || Ok(Plan::fetch(wanted, &self.world())?),
                BuildMode::Normal,
            )?
            .1;
        match report.errors.first() {
            None if self.store.is_valid(path)? => Ok(BuildStatus::Substituted),
            error => Err(OperationError::refused(error.cloned().unwrap_or_else(
                || format!("fetching '{}' was stopped", path.to_absolute_path()),
            ))),
        }
    }

    /// Fetches what can be; what cannot be is not an error.
    pub(super) fn fetch_what_is_offered(
        &self,
        paths: &BTreeSet<StorePath>,
    ) -> Result<(), OperationError> {
        let missing = self.invalid(paths)?;
        let offered = self.offers(&missing)?;
        if offered.is_empty() {
            return Ok(());
        }
        let wanted = offered.into_iter().map(|(path, _)| (path.clone(), path));
        let wanted = wanted.collect();
        match self.run(
            || Ok(Plan::fetch(wanted, &self.world())?),
            BuildMode::Normal,
        ) {
            Ok(_) | Err(OperationError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// `QueryMissing`: what a build would do.
    pub(super) fn missing(&self, targets: Vec<DerivedPath>) -> Result<Missing, OperationError> {
        let mut missing = Missing::default();
        for target in targets {
            let plan = match &target {
                DerivedPath::Opaque(path) => {
                    if self.store.is_valid(path)? {
                        continue;
                    }
                    let wanted = BTreeMap::from([(path.clone(), path.clone())]);
                    Plan::fetch(wanted, &self.world()).map_err(Into::into)
                }
                DerivedPath::Built {
                    derivation,
                    outputs,
                } => {
                    let selection = BTreeSet::from([outputs.clone()]);
                    let wanted = BTreeMap::from([(derivation.clone(), selection)]);
                    self.request(&wanted)
                        .and_then(|request| self.plan(request, BuildMode::Normal))
                }
            };
            match plan {
                Ok(plan) => count(&plan, &mut missing),
                Err(OperationError::Refused(_)) => {
                    let (DerivedPath::Opaque(path)
                    | DerivedPath::Built {
                        derivation: path, ..
                    }) = target;
                    missing.unknown.insert(path);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(missing)
    }

    fn invalid<'p>(
        &self,
        paths: impl IntoIterator<Item = &'p StorePath>,
    ) -> Result<BTreeSet<StorePath>, OperationError> {
        let mut invalid = BTreeSet::new();
        for path in paths {
            if !self.store.is_valid(path)? {
                invalid.insert(path.clone());
            }
        }
        Ok(invalid)
    }

    fn plan(&self, request: Request, mode: BuildMode) -> Result<Plan, OperationError> {
        let choices = Choices {
            prefer_substitutes: self.server.config.prefer_substitutes
                && self.options.use_substitutes,
            check: mode == BuildMode::Check,
            tolerant: false,
            router: Arc::clone(&self.server.config.router),
        };
        let world = self.world();
        Ok(Plan::make(request.graph, request.goals, &world, choices)?)
    }

    /// Plans and builds; the results of what was asked for.
    fn results(
        &self,
        request: Request,
        mode: BuildMode,
    ) -> Result<BTreeMap<StorePath, BuildResult>, OperationError> {
        let began = platform::now();
        let graph = &request.graph;
        let nodes = || graph.ids().map(|id| graph.node(id));
        let derivations = nodes().map(|node| &node.derivation);
        let outputs = nodes().flat_map(|node| node.outputs.values());
        let sources = nodes().flat_map(|node| &node.sources);
        self.store
            .add_temp_roots(derivations.chain(outputs).chain(sources))?;
        let (plan, report) = self.run(|| self.plan(request, mode), mode)?;
        let times = (began, platform::now());
        let results = plan.goals.iter().map(|(id, outputs)| {
            let mut result = result(&plan, &report, *id, outputs);
            result.times = times;
            (plan.graph.node(*id).derivation.clone(), result)
        });
        Ok(results.collect())
    }

    /// Makes a plan and carries it out, as long as the client is there.
    fn run(
        &self,
        plan: impl FnOnce() -> Result<Plan, OperationError>,
        mode: BuildMode,
    ) -> Result<(Plan, Report), OperationError> {
        let stop = Stop::new();
        let (gone, ended) = (stop.clone(), stop.clone());
        self.stop.on_stop(move || ended.stop());
        let sandbox = self.server.sandbox.until(&stop);
        let routed = Routed {
            sandbox: &sandbox,
            machine: &*self.server.machine,
            stop: &stop,
            decisions: &self.server.config.router.decisions,
        };
        let executor = Limited::new(&routed, &self.server.permits, &stop);
        let realiser = Realiser {
            store: &self.store,
            executor: &executor,
            caches: &self.caches,
            progress: &*self.log,
            stop: &stop,
            settings: self.settings(mode),
            known: Default::default(),
            memory: Default::default(),
        };
        hangup::watch(
            self.watched,
            move || gone.stop(),
            || {
                let plan = plan()?;
                let report = realiser.run(&plan);
                Ok((plan, report))
            },
        )
        .map_err(|error| OperationError::refused(format!("cannot watch the connection: {error}")))?
    }

    /// The server's settings, with what is the client's to decide.
    fn settings(&self, mode: BuildMode) -> Settings {
        let mut settings = self.server.config.settings.clone();
        settings.check = mode == BuildMode::Check;
        settings.keep_failed |= self.options.keep_failed;
        settings.keep_going |= self.options.keep_going;
        let seconds =
            |seconds: u64| (seconds != 0).then(|| std::time::Duration::from_secs(seconds));
        let timeout = self.options.overrides.get(bstr::BStr::new("timeout"));
        let timeout = timeout
            .and_then(|text| std::str::from_utf8(text).ok()?.parse().ok())
            .and_then(seconds);
        let silence = seconds(self.options.max_silent_time);
        let limits = &mut settings.limits;
        limits.timeout = [limits.timeout, timeout].into_iter().flatten().min();
        limits.max_silent_time = [limits.max_silent_time, silence]
            .into_iter()
            .flatten()
            .min();
        settings
    }
}

fn count(plan: &Plan, missing: &mut Missing) {
    for id in plan.graph.ids() {
        if let Step::Build(_) = plan.steps[id] {
            missing
                .builds
                .insert(plan.graph.node(id).derivation.clone());
        }
    }
    for (path, offer) in &plan.fetches {
        if missing.fetches.insert(path.clone()) {
            missing.download_size += offer.download_size.unwrap_or_default();
            missing.nar_size += offer.nar_size;
        }
    }
}

fn failure_of_all(
    wanted: &BTreeMap<StorePath, BTreeSet<OutputSelection>>,
    text: &str,
) -> BTreeMap<StorePath, BuildResult> {
    let result = BuildResult::new(BuildStatus::InputRejected, text);
    wanted
        .keys()
        .map(|path| (path.clone(), result.clone()))
        .collect()
}

/// Leaves of a result the outputs that a target names.
fn select(result: Option<BuildResult>, outputs: &OutputSelection) -> BuildResult {
    let Some(mut result) = result else {
        return BuildResult::new(BuildStatus::MiscFailure, "it was not tried");
    };
    if let OutputSelection::Names(names) = outputs {
        result.outputs.retain(|name, _| names.contains(name));
    }
    result
}

fn result(plan: &Plan, report: &Report, id: NodeId, wanted: &BTreeSet<String>) -> BuildResult {
    let node = plan.graph.node(id);
    let mut found = report.derivations.iter();
    let found = found.find(|found| found.derivation == node.derivation);
    let status = found.map_or(Status::Cancelled, |found| found.status);
    let own = found.and_then(|found| found.error.clone());
    let others = || {
        let errors = report
            .derivations
            .iter()
            .filter_map(|found| found.error.as_ref());
        let errors: Vec<&str> = errors.chain(&report.errors).map(String::as_str).collect();
        errors.join("\n")
    };
    let failures = report.failures;
    let (status, message) = match status {
        Status::Valid => (BuildStatus::AlreadyValid, String::new()),
        Status::Built | Status::Checked => (BuildStatus::Built, String::new()),
        Status::Substituted => (BuildStatus::Substituted, String::new()),
        Status::Failed if report.store_failed => {
            (BuildStatus::TransientFailure, own.unwrap_or_default())
        }
        Status::Failed if failures.timed_out => (BuildStatus::TimedOut, own.unwrap_or_default()),
        Status::Failed if failures.hash_mismatch => {
            (BuildStatus::OutputRejected, own.unwrap_or_default())
        }
        Status::Failed if failures.not_deterministic => {
            (BuildStatus::NotDeterministic, own.unwrap_or_default())
        }
        Status::Failed => (BuildStatus::PermanentFailure, own.unwrap_or_default()),
        // The shell met what it cannot do.
        Status::Refused => (BuildStatus::MiscFailure, own.unwrap_or_default()),
        Status::DependencyFailed => (BuildStatus::DependencyFailed, others()),
        Status::Cancelled => (
            BuildStatus::MiscFailure,
            match others() {
                text if text.is_empty() => "the build was stopped".to_owned(),
                text => text,
            },
        ),
    };
    let mut result = BuildResult::new(status, crate::error::shown(&message));
    result.times_built = u64::from(status == BuildStatus::Built);
    if status.is_success() {
        let outputs = node
            .outputs
            .iter()
            .filter(|(name, _)| wanted.contains(*name));
        result.outputs = outputs
            .map(|(name, path)| (name.clone(), path.clone()))
            .collect();
    }
    result
}
