//! `wasibuild run`: request, plan, effects, report.
//!
//! Contract: standard output holds the output paths of what was asked for, one a line (or the JSON);
//! nothing else goes there. The exit code tells how it went, see [`crate::exit_code`].

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;

use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_store::Store;

use super::{jobs, open_store};
use crate::directories;
use crate::error::Error;
use crate::exit_code;
use crate::interrupt::Interrupt;
use crate::options::{Common, Run};
use crate::plan::{Choices, Plan};
use crate::policy::Policy;
use crate::progress::{self, Event, Progress, human_time};
use crate::realise::executor::{Machine, Routed, Sandbox};
use crate::realise::report::{Report, Status};
use crate::realise::stop::Stop;
use crate::realise::timings::Timings;
use crate::realise::{Caches, Realiser, Settings, World, import, links};
use crate::request::{Extent, Request};
use crate::router::Router;

/// Runs it and returns the exit code.
pub fn run(common: &Common, options: &Run) -> Result<u8, Error> {
    let policy = super::policy(common, options)?;
    carry_out(&policy, &super::machine(&policy), options, true)
}

/// The same under a policy; `print` says whether results are printed.
pub fn carry_out(
    policy: &Policy,
    machine: &Arc<dyn Machine>,
    options: &Run,
    print: bool,
) -> Result<u8, Error> {
    let router = Arc::new(super::router(policy, machine));
    let progress = progress::for_standard_error(!options.no_build_output);
    let stop = Stop::new();
    let interrupt = listen(&progress, &stop)?;
    let store = open_store(policy)?;
    let caches = caches(policy, &progress, &stop);
    let sandbox = Sandbox::new(
        directories::cache().map(|cache| cache.join("modules")),
        &stop,
    );
    let timings = options.timings.then(|| Arc::new(Timings::default()));
    let sandbox = sandbox.timed(timings.clone());
    let executor = Routed {
        sandbox: &sandbox,
        machine: &**machine,
        stop: &stop,
        decisions: &router.decisions,
    };
    let realiser = Realiser {
        store: &store,
        executor: &executor,
        caches: &caches,
        progress: &*progress,
        stop: &stop,
        settings: settings(options, policy),
        known: Default::default(),
        memory: Default::default(),
    };
    let result = realise(&realiser, options, policy, &router);
    let interrupted = interrupt.exit_code();
    let (plan, report) = match (result, interrupted) {
        (Ok(Some(done)), _) => done,
        (_, Some(code)) => return Ok(code),
        (Ok(None), None) => return Ok(exit_code::SUCCESS),
        (Err(error), None) => return Err(error),
    };
    if print {
        finish(&store, &plan, &report, options, timings.as_deref())?;
    }
    summary(&report, &*progress);
    if let Some(timings) = &timings {
        let text = timings.text(&report);
        io::stderr()
            .lock()
            .write_all(text.as_bytes())
            .map_err(Error::File)?;
    }
    Ok(match interrupted {
        Some(code) => code,
        None if report.store_failed => exit_code::STORE,
        None => report.failures.code(),
    })
}

/// Everything between the options and the report; no report if nothing was to be done.
fn realise(
    realiser: &Realiser<'_>,
    options: &Run,
    policy: &Policy,
    router: &Arc<Router>,
) -> Result<Option<(Plan, Report)>, Error> {
    let mut world = World {
        store: realiser.store,
        caches: realiser.caches,
        expected: BTreeSet::new(),
    };
    let Request {
        graph,
        goals,
        imports,
    } = Request::read(&options.derivations, &world, Extent::Missing)?;
    let sources: BTreeSet<StorePath> = graph
        .ids()
        .flat_map(|id| graph.node(id).sources.iter().cloned())
        .collect();
    if options.dry_run {
        world.expected = imports.sources.keys().cloned().collect();
    } else {
        protect(realiser.store, &graph, &sources)?;
        if !imports.missing_sources.is_empty() {
            let plan = Plan::fetch(imports.missing_sources.clone(), &world)?;
            let report = realiser.run(&plan);
            if !report.errors.is_empty() || realiser.stop.is_stopped() {
                return Ok(Some((plan, report)));
            }
        }
        import::import(&imports, realiser.store)?;
    }
    let choices = Choices {
        prefer_substitutes: policy.prefer_substitutes,
        check: options.check,
        tolerant: false,
        router: Arc::clone(router),
    };
    let plan = Plan::make(graph, goals, &world, choices)?;
    if options.dry_run {
        let mut out = io::stdout().lock();
        write!(out, "{plan}")
            .and_then(|()| out.flush())
            .map_err(Error::standard_output)?;
        return Ok(None);
    }
    let report = realiser.run(&plan);
    Ok(Some((plan, report)))
}

/// Keeps a garbage collector away from everything that this run may touch, in one write.
fn protect(
    store: &Store,
    graph: &crate::plan::Graph,
    sources: &BTreeSet<StorePath>,
) -> Result<(), Error> {
    let nodes = || graph.ids().map(|id| graph.node(id));
    let derivations = nodes().map(|node| &node.derivation);
    let outputs = nodes().flat_map(|node| node.outputs.values());
    Ok(store.add_temp_roots(derivations.chain(outputs).chain(sources))?)
}

fn listen(progress: &Arc<dyn Progress>, stop: &Stop) -> Result<Interrupt, Error> {
    let (progress, stop) = (progress.clone(), stop.clone());
    Interrupt::listen(move || {
        progress.event(Event::Stopping);
        stop.stop();
    })
    .map_err(Error::Signals)
}

fn caches(policy: &Policy, progress: &Arc<dyn Progress>, stop: &Stop) -> Caches {
    let (urls, keys) = (
        policy.substituters.clone(),
        policy.trusted_public_keys.clone(),
    );
    Caches::new(urls, keys, progress.clone(), stop.clone())
}

fn settings(options: &Run, policy: &Policy) -> Settings {
    Settings {
        jobs: jobs(policy),
        cores: policy.cores,
        limits: policy.limits.clone(),
        check: options.check,
        keep_failed: options.keep_failed,
        keep_going: options.keep_going,
    }
}

/// Makes the links and prints the result.
fn finish(
    store: &Store,
    plan: &Plan,
    report: &Report,
    options: &Run,
    timings: Option<&Timings>,
) -> Result<(), Error> {
    let good = report
        .derivations
        .iter()
        .filter(|derivation| derivation.goal && derivation.status.is_ok());
    let valid: BTreeSet<StorePath> = good
        .flat_map(|derivation| derivation.outputs.values().cloned())
        .collect();
    if let Some(link) = &options.out_link {
        links::make(&links::names(plan, link), &valid, store)?;
    }
    let mut out = io::stdout().lock();
    let mut text = String::new();
    if options.json {
        let mut json = report.to_json(store);
        if let Some(timings) = timings {
            timings.add_to(&mut json, report);
        }
        text = format!("{json:#}\n");
    } else {
        for (goal, outputs) in &plan.goals {
            let node = plan.graph.node(*goal);
            let paths = node
                .outputs
                .iter()
                .filter(|(name, path)| outputs.contains(*name) && valid.contains(*path));
            paths.for_each(|(_, path)| text.push_str(&format!("{}\n", path.to_absolute_path())));
        }
    }
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(Error::standard_output)?;
    Ok(())
}

/// The last line: how many of what, and how long it took.
fn summary(report: &Report, progress: &dyn Progress) {
    let mut parts = Vec::new();
    for (status, word) in [
        (Status::Built, "built"),
        (Status::Checked, "built again without a difference"),
        (Status::Failed, "failed"),
        (Status::Refused, "refused"),
        (Status::DependencyFailed, "not built because of that"),
        (Status::Cancelled, "stopped"),
    ] {
        let count = report.count(status);
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    if !report.fetched.is_empty() {
        parts.push(format!("{} fetched", report.fetched.len()));
    }
    let valid = report.count(Status::Valid);
    if valid > 0 {
        parts.push(format!("{valid} already valid"));
    }
    if !parts.is_empty() {
        let text = format!("{} in {}", parts.join(", "), human_time(report.time));
        progress.event(Event::Summary(&text));
    }
}
