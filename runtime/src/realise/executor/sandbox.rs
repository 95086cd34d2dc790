//! The WebAssembly sandbox as an executor.
//!
//! Contract: the engine is made with the first build, so that a run that builds nothing does not pay
//! for it. Randomness follows from the derivation's path alone, so that every build of it, on every
//! host and with `--check`, is the same.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use wasibuild_nix_compat::file_system_object::{Contents, FileSystemObject};
use wasibuild_nix_compat::hash::sha256;
use wasibuild_sandbox::{
    BuildRequest, CancelToken, Engine, EngineError, EngineOptions, LogSink, ProgramSource,
};

use super::{Execute, Failure, Job};
use crate::programs::Programs;
use crate::realise::error::RealiseError;
use crate::realise::log::BuildLog;
use crate::realise::stop::Stop;
use crate::realise::timings::Timings;
use crate::router::Executor;

/// See the module.
pub struct Sandbox {
    cache: Option<PathBuf>,
    precompiled: Option<PathBuf>,
    cancel: CancelToken,
    engine: Mutex<Option<Engine>>,
    /// The applets, made with the first build that may use them.
    programs: OnceLock<Arc<Programs>>,
    /// Where what builds took is noted.
    timings: Option<Arc<Timings>>,
}

impl Sandbox {
    /// A sandbox that keeps compiled modules in `cache`, and whose builds end when `stop` is thrown.
    pub fn new(cache: Option<PathBuf>, stop: &Stop) -> Self {
        let cancel = CancelToken::new();
        let thrown = cancel.clone();
        stop.on_stop(move || thrown.cancel());
        Sandbox {
            cache,
            precompiled: None,
            cancel,
            engine: Mutex::new(None),
            programs: OnceLock::new(),
            timings: None,
        }
    }

    /// The same, noting what each build takes.
    pub fn timed(mut self, timings: Option<Arc<Timings>>) -> Self {
        self.timings = timings;
        self
    }

    /// The same, with a directory of compiled modules that others filled.
    pub fn precompiled(mut self, directory: Option<PathBuf>) -> Self {
        self.precompiled = directory;
        self
    }

    /// The engine, made now if it is not there yet.
    ///
    /// # Errors
    /// When wasmtime cannot work on this machine.
    pub fn engine(&self) -> Result<Engine, EngineError> {
        let mut engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = &*engine {
            return Ok(engine.clone());
        }
        let options = EngineOptions {
            cache_dir: self.cache.clone(),
            precompiled_dir: self.precompiled.clone(),
        };
        let made = Engine::new(options)?;
        *engine = Some(made.clone());
        Ok(made)
    }
}

/// A sandbox whose builds end when another switch is thrown, too: one engine for many clients.
pub struct Until<'s> {
    sandbox: &'s Sandbox,
    cancel: CancelToken,
}

impl Sandbox {
    /// The same sandbox, whose builds end when `stop` is thrown.
    pub fn until(&self, stop: &Stop) -> Until<'_> {
        let cancel = CancelToken::new();
        let thrown = cancel.clone();
        stop.on_stop(move || thrown.cancel());
        Until {
            sandbox: self,
            cancel,
        }
    }
}

impl Execute for Until<'_> {
    fn execute(
        &self,
        job: Job,
        log: &mut BuildLog<'_>,
    ) -> Result<BTreeMap<String, FileSystemObject>, Failure> {
        self.sandbox.run(job, log, &self.cancel)
    }
}

impl Sandbox {
    /// Ends the builds that were started with it.
    pub fn cancel(&self) -> &CancelToken {
        &self.cancel
    }

    /// What runs in place of programs for Linux.
    pub fn programs(&self, engine: &Engine) -> Arc<Programs> {
        let programs = self
            .programs
            .get_or_init(|| Arc::new(Programs::new(engine.clone())));
        Arc::clone(programs)
    }
}

impl Execute for Sandbox {
    fn execute(
        &self,
        job: Job,
        log: &mut BuildLog<'_>,
    ) -> Result<BTreeMap<String, FileSystemObject>, Failure> {
        self.run(job, log, &self.cancel)
    }
}

impl Sandbox {
    fn run(
        &self,
        job: Job,
        log: &mut BuildLog<'_>,
        cancel: &CancelToken,
    ) -> Result<BTreeMap<String, FileSystemObject>, Failure> {
        let start = Instant::now();
        let derivation = job.derivation.clone();
        let engine = self.engine()?;
        let program = match job.executor {
            Executor::Sandbox => ProgramSource::Path(job.builder),
            Executor::Shell => ProgramSource::Linux(job.builder),
            Executor::Vm => {
                let problem = "it goes to the virtual machine, not to the sandbox".to_owned();
                let derivation = job.derivation.to_absolute_path();
                return Err(RealiseError::Unsupported {
                    derivation,
                    problem,
                }
                .into());
            }
        };
        let mut request = BuildRequest::new(job.name, program);
        if job.executor == Executor::Shell {
            request.programs = self.programs(&engine);
            request.bin = vec!["sh".to_owned()];
        }
        request.argv = job.environment.arguments;
        request.env = job.environment.variables;
        request.closure = Some(job.inputs);
        request.outputs = job
            .outputs
            .into_iter()
            .map(|(name, path)| (name, path.basename().to_owned()))
            .collect();
        request.build_files = job
            .environment
            .files
            .into_iter()
            .map(|(name, contents)| (name, Contents::from(Vec::from(contents))))
            .collect();
        request.seed = sha256(format!("wasibuild seed 1:{}", job.derivation.basename()).as_bytes());
        request.limits = job.limits;
        request.memory = job.memory;
        let mut leftovers = BTreeMap::new();
        let keep = job.keep_failed.then_some(&mut leftovers);
        match engine.run_keeping(request, &mut Sink(log), cancel, keep) {
            Ok(outcome) => {
                if let Some(timings) = &self.timings {
                    timings.note(derivation, start.elapsed(), outcome.stats.programs);
                }
                Ok(outcome.outputs)
            }
            Err(error) => Err(Failure {
                error: error.into(),
                leftovers,
            }),
        }
    }
}

/// Hands the log on.
struct Sink<'a, 'p>(&'a mut BuildLog<'p>);

impl LogSink for Sink<'_, '_> {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }
}
