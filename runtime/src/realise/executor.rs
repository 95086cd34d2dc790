//! The seam between realising and those who run builders.
//!
//! Contract: an executor gets everything that decides the result, and gives back the outputs as
//! trees; it writes nothing into the store. Locks, checks, references and registration are the same
//! for all executors ([`super::build`]), so that what one may do, no other can do differently.

mod routed;
mod sandbox;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bstr::BString;
use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_sandbox::{InputSet, Limits, RunMemory};

use super::error::RealiseError;
use super::log::BuildLog;
use crate::environment::Environment;
use crate::router::Executor;

pub use routed::{Machine, Routed};
pub use sandbox::{Sandbox, Until};

/// Everything that decides the result of a build.
#[derive(Debug, Clone)]
pub struct Job {
    /// The derivation's name.
    pub name: String,
    /// The `.drv`.
    pub derivation: StorePath,
    /// The builder, as the derivation names it.
    pub builder: BString,
    /// The system that it is for.
    pub system: BString,
    /// Whether its content is known before, so that it may use the network.
    pub fixed_output: bool,
    /// The system features that it requires.
    pub features: BTreeSet<BString>,
    /// How it is run.
    pub executor: Executor,
    /// Who tries next, from the start, if that meets a program that it cannot run.
    pub next: Vec<Executor>,
    /// Variables, arguments, files.
    pub environment: Environment,
    /// The input closure.
    pub inputs: Arc<dyn InputSet>,
    /// The outputs.
    pub outputs: BTreeMap<String, StorePath>,
    /// Bounds.
    pub limits: Limits,
    /// Whether a failed build should give its files back.
    pub keep_failed: bool,
    /// What the builds of its run remember for each other.
    pub memory: Option<Arc<RunMemory>>,
}

/// A build that failed.
#[derive(Debug)]
pub struct Failure {
    /// Why.
    pub error: RealiseError,
    /// What it left, by the names under which the builder saw it (`build`, or an output's base
    /// name), if [`Job::keep_failed`] asked for it.
    pub leftovers: BTreeMap<BString, FileSystemObject>,
}

impl<E: Into<RealiseError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure {
            error: error.into(),
            leftovers: BTreeMap::new(),
        }
    }
}

/// Runs builders.
pub trait Execute: Send + Sync {
    /// Runs one and returns its outputs by name.
    ///
    /// # Errors
    /// When the builder fails, leaves an output out, or is stopped.
    fn execute(
        &self,
        job: Job,
        log: &mut BuildLog<'_>,
    ) -> Result<BTreeMap<String, FileSystemObject>, Failure>;
}
