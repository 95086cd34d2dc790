//! What became of each derivation: for the last lines of a run, and for `--json`.
//!
//! Contract: the JSON's members are documented in `docs/cli.md`; members may be added, none renamed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_store::Store;

use crate::exit_code::BuildFailures;

/// What became of a derivation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Its outputs were valid before.
    Valid,
    /// It was built.
    Built,
    /// Its outputs were fetched.
    Substituted,
    /// It was built again, and the result was the same.
    Checked,
    /// It failed.
    Failed,
    /// Its build was given up, because it needs a program that is not run here.
    Refused,
    /// It was not tried, because something that it needs failed.
    DependencyFailed,
    /// It was not tried, or stopped, because the run was stopped.
    Cancelled,
}

impl Status {
    /// The word in the JSON.
    pub fn name(self) -> &'static str {
        match self {
            Status::Valid => "valid",
            Status::Built => "built",
            Status::Substituted => "substituted",
            Status::Checked => "checked",
            Status::Failed => "failed",
            Status::Refused => "refused",
            Status::DependencyFailed => "dependency-failed",
            Status::Cancelled => "cancelled",
        }
    }

    /// Whether the outputs are valid now.
    pub fn is_ok(self) -> bool {
        matches!(
            self,
            Status::Valid | Status::Built | Status::Substituted | Status::Checked
        )
    }
}

/// One derivation.
#[derive(Debug, Clone)]
pub struct DerivationReport {
    /// The `.drv`.
    pub derivation: StorePath,
    /// Its outputs.
    pub outputs: BTreeMap<String, StorePath>,
    /// What became of it.
    pub status: Status,
    /// How long that took; none if nothing was done.
    pub time: Option<Duration>,
    /// Why it failed.
    pub error: Option<String>,
    /// Whether it was asked for, rather than needed by another.
    pub goal: bool,
}

/// A whole run.
#[derive(Debug, Default)]
pub struct Report {
    /// The derivations that something was decided about, inputs first.
    pub derivations: Vec<DerivationReport>,
    /// The paths that were fetched.
    pub fetched: Vec<StorePath>,
    /// Errors that belong to no derivation: paths that could not be fetched.
    pub errors: Vec<String>,
    /// How the failures count.
    pub failures: BuildFailures,
    /// Whether the store failed.
    pub store_failed: bool,
    /// How long everything took.
    pub time: Duration,
}

impl Report {
    /// How many derivations have a status.
    pub fn count(&self, status: Status) -> usize {
        self.derivations
            .iter()
            .filter(|report| report.status == status)
            .count()
    }

    /// The machine-readable result.
    pub fn to_json(&self, store: &Store) -> Value {
        let derivations: Vec<Value> = self
            .derivations
            .iter()
            .map(|report| derivation_json(report, store))
            .collect();
        let fetched: Vec<Value> = self
            .fetched
            .iter()
            .map(|path| path.to_absolute_path().into())
            .collect();
        json!({
            "store": store.root().to_string_lossy(),
            "success": self.derivations.iter().all(|report| report.status.is_ok()) && self.errors.is_empty(),
            "seconds": seconds(self.time),
            "derivations": derivations,
            "fetched": fetched,
            "errors": self.errors,
        })
    }
}

fn derivation_json(report: &DerivationReport, store: &Store) -> Value {
    let outputs: Map<String, Value> = report
        .outputs
        .iter()
        .map(|(name, path)| {
            let real = store.real_path(path);
            (
                name.clone(),
                json!({ "path": path.to_absolute_path(), "realPath": real.to_string_lossy() }),
            )
        })
        .collect();
    json!({
        "derivation": report.derivation.to_absolute_path(),
        "name": report.derivation.derivation_name(),
        "goal": report.goal,
        "status": report.status.name(),
        "outputs": outputs,
        "seconds": report.time.map(seconds),
        "error": report.error,
    })
}

/// Seconds with microseconds, which is all that a clock is good for here.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e6
}
