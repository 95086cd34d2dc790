//! wasibuild's side: what the program does, in this process.
//!
//! Contract: the same calls as `wasibuild run`, with the progress turned off.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, ensure};
use wasibuild::plan::{Choices, Plan};
use wasibuild::policy::{Attempt, Routing};
use wasibuild::progress::{Event, Progress};
use wasibuild::realise::executor::Sandbox;
use wasibuild::realise::stop::Stop;
use wasibuild::realise::{Caches, Realiser, Settings, World, import};
use wasibuild::request::{Extent, Request};
use wasibuild::router::{Decisions, Router};
use wasibuild_sandbox::Limits;
use wasibuild_store::Store;

struct Silent;

impl Progress for Silent {
    fn event(&self, _: Event<'_>) {}
}

/// A store and everything that a run needs.
pub struct Host {
    /// The store.
    pub store: Store,
    caches: Caches,
    sandbox: Arc<Sandbox>,
    stop: Stop,
    jobs: usize,
    attempt: Attempt,
}

impl Host {
    /// Opens the store at `root`; compiled modules are kept in `modules`.
    ///
    /// # Errors
    /// When the store cannot be made.
    pub fn open(root: &Path, modules: &Path, jobs: usize) -> Result<Host> {
        let stop = Stop::new();
        Ok(Host {
            store: Store::open(root)?,
            caches: Caches::new(Vec::new(), Vec::new(), Arc::new(Silent), stop.clone()),
            sandbox: Arc::new(Sandbox::new(Some(modules.to_owned()), &stop)),
            stop,
            jobs,
            attempt: Attempt::default(),
        })
    }

    /// The same, attempting also derivations for Linux that look like packages (`--shell=all`).
    pub fn attempting_all(mut self) -> Host {
        self.attempt = Attempt::All;
        self
    }

    /// Another store for the same engine, which runs already.
    ///
    /// # Errors
    /// When the store cannot be made.
    pub fn beside(&self, root: &Path) -> Result<Host> {
        Ok(Host {
            store: Store::open(root)?,
            caches: Caches::new(Vec::new(), Vec::new(), Arc::new(Silent), self.stop.clone()),
            sandbox: Arc::clone(&self.sandbox),
            stop: self.stop.clone(),
            jobs: self.jobs,
            attempt: self.attempt,
        })
    }

    fn world(&self) -> World<'_> {
        World {
            store: &self.store,
            caches: &self.caches,
            expected: BTreeSet::new(),
        }
    }

    /// Adds loose derivations and all that they need to the store, and plans them.
    ///
    /// # Errors
    /// As `wasibuild run`.
    pub fn import(&self, arguments: &[OsString]) -> Result<Plan> {
        let request = Request::read(arguments, &self.world(), Extent::Missing)?;
        import::import(&request.imports, &self.store)?;
        self.plan(request)
    }

    fn plan(&self, request: Request) -> Result<Plan> {
        let mut routing = Routing::default();
        routing.shell.attempt = self.attempt;
        let choices = Choices {
            prefer_substitutes: false,
            check: false,
            tolerant: false,
            router: Arc::new(Router::new(routing, Decisions::none())),
        };
        Ok(Plan::make(
            request.graph,
            request.goals,
            &self.world(),
            choices,
        )?)
    }

    /// Reads derivations from the store, plans and builds them. Returns how many were built.
    ///
    /// # Errors
    /// As `wasibuild run`.
    pub fn run(&self, arguments: &[OsString]) -> Result<usize> {
        let plan = self.plan(Request::read(arguments, &self.world(), Extent::Missing)?)?;
        let nodes = || plan.graph.ids().map(|id| plan.graph.node(id));
        let outputs = nodes().flat_map(|node| node.outputs.values());
        // As the program does: in one write, not one for each build.
        self.store
            .add_temp_roots(nodes().map(|node| &node.derivation).chain(outputs))?;
        let realiser = Realiser {
            store: &self.store,
            executor: &*self.sandbox,
            caches: &self.caches,
            progress: &Silent,
            stop: &self.stop,
            settings: Settings {
                jobs: self.jobs,
                cores: 1,
                limits: Limits::default(),
                check: false,
                keep_failed: false,
                keep_going: false,
            },
            known: Default::default(),
            memory: Default::default(),
        };
        let report = realiser.run(&plan);
        ensure!(report.errors.is_empty(), "{}", report.errors.join("\n"));
        Ok(report.derivations.len())
    }
}
