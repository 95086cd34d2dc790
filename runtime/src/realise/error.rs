//! Why one derivation was not realised.
//!
//! Contract: each error tells how it counts in the exit code; the texts name the derivation.

use std::path::PathBuf;

use thiserror::Error;
use wasibuild_binary_cache::Error as CacheError;
use wasibuild_sandbox::{BuildError as SandboxError, EngineError, LimitKind};
use wasibuild_store::Error as StoreError;

use super::fixed_output::FixedOutputError;
use crate::environment::EnvironmentError;
use crate::exit_code::BuildFailures;
use crate::output_checks::RejectedOutput;

/// Why a derivation has no valid outputs, or `--check` found something.
#[derive(Debug, Error)]
pub enum RealiseError {
    /// The builder failed.
    #[error(transparent)]
    Builder(#[from] SandboxError),
    /// There is no engine to run builders.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The derivation's attributes make no sense.
    #[error("cannot build '{derivation}': {source}")]
    Environment {
        /// The absolute path of the `.drv`.
        derivation: String,
        /// What is wrong.
        source: EnvironmentError<StoreError>,
    },
    /// An attribute asks for what is not supported.
    #[error("cannot build '{derivation}': {problem}")]
    Unsupported {
        /// The absolute path of the `.drv`.
        derivation: String,
        /// What it asks for, and what to do.
        problem: String,
    },
    /// An output breaks a rule of the derivation.
    #[error("'{derivation}': {source}")]
    Rejected {
        /// The absolute path of the `.drv`.
        derivation: String,
        /// The rule.
        source: RejectedOutput<StoreError>,
    },
    /// A fixed output is another.
    #[error(transparent)]
    FixedOutput(#[from] FixedOutputError),
    /// `--check` built something else.
    #[error(
        "derivation '{derivation}' may not be deterministic: output '{path}' differs\n{differences}{kept}"
    )]
    NotDeterministic {
        /// The absolute path of the `.drv`.
        derivation: String,
        /// The absolute path of the output.
        path: String,
        /// What differs, ready to print.
        differences: String,
        /// Where the other version was kept, ready to print.
        kept: String,
    },
    /// The caches failed.
    #[error("cannot fetch '{path}': {problem}")]
    Fetch {
        /// The absolute path.
        path: String,
        /// Why.
        problem: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file outside the store cannot be used.
    #[error("cannot {action} '{path}': {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Ctrl-C, or another build failed.
    #[error("'{derivation}' was cancelled")]
    Cancelled {
        /// The absolute path of the `.drv`, or of what was fetched.
        derivation: String,
    },
}

impl RealiseError {
    /// How this counts, as Nix counts.
    pub fn failures(&self) -> BuildFailures {
        let mut failures = BuildFailures {
            failed: true,
            ..BuildFailures::default()
        };
        match self {
            RealiseError::Builder(SandboxError::Limit { kind, .. }) => {
                failures.timed_out = matches!(kind, LimitKind::Timeout | LimitKind::Silence);
            }
            RealiseError::Builder(SandboxError::Foreign { .. }) => {
                failures = BuildFailures {
                    refused: true,
                    ..BuildFailures::default()
                };
            }
            RealiseError::FixedOutput(FixedOutputError::Mismatch { .. }) => {
                failures.hash_mismatch = true
            }
            RealiseError::NotDeterministic { .. } => {
                failures = BuildFailures {
                    not_deterministic: true,
                    ..BuildFailures::default()
                };
            }
            _ => {}
        }
        failures
    }

    /// Whether the store is what failed, so that other builds would fail, too.
    pub fn is_store_failure(&self) -> bool {
        matches!(
            self,
            RealiseError::Store(_)
                | RealiseError::Environment {
                    source: EnvironmentError::Graph(crate::environment::GraphError::Store(_)),
                    ..
                }
                | RealiseError::Rejected {
                    source: RejectedOutput::Store(_),
                    ..
                }
        )
    }

    /// Whether it was stopped rather than failed.
    pub fn is_cancelled(&self) -> bool {
        matches!(
            self,
            RealiseError::Cancelled { .. } | RealiseError::Builder(SandboxError::Cancelled { .. })
        )
    }

    /// A failed download.
    pub fn fetch(path: String, error: CacheError) -> Self {
        match error {
            CacheError::Cancelled => RealiseError::Cancelled { derivation: path },
            error => RealiseError::Fetch {
                path,
                problem: chain(&error),
            },
        }
    }
}

/// An error and its causes in one line, leaving out what was said already.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
