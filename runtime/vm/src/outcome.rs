//! How a build in a machine fails.

use thiserror::Error;
use wasibuild_vm_protocol::ProtocolError;

/// Which bound was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitKind {
    /// Wall time.
    Timeout,
    /// Wall time without a log.
    Silence,
    /// Bytes of log.
    LogSize,
    /// Memory.
    Memory,
    /// Bytes of outputs.
    OutputSize,
}

/// Why a build in a machine has no outputs. The texts do not name the derivation: who asked does.
#[derive(Debug, Error)]
pub enum BuildFailure {
    /// The builder's status.
    #[error("the builder failed with exit code {0}")]
    Exited(u8),
    /// A signal ended it.
    #[error("the builder was ended by signal {0}")]
    Signalled(u8),
    /// It passed a bound.
    #[error("it passed its bound ({0:?})")]
    Limit(LimitKind),
    /// The caller ended it.
    #[error("it was cancelled")]
    Cancelled,
    /// The builder ended well, but an output is not there.
    #[error("the builder did not make the output '{0}'")]
    MissingOutput(String),
    /// An output is not what a store can hold, or the guest lied about it.
    #[error("the output '{output}' cannot be read: {problem}")]
    BadOutput {
        /// Its name.
        output: String,
        /// What is wrong.
        problem: String,
    },
    /// The agent could not start the builder, or read what it made.
    #[error("{0}")]
    Agent(String),
    /// The machine is gone. The build may be tried in another one.
    #[error("the machine ended in the middle of the build: {0}")]
    Gone(String),
    /// The machine is gone, and another one would go, too.
    #[error("the machine was given up in the middle of the build: {0}")]
    GivenUp(String),
    /// The guest said what it may not.
    #[error("the machine does not keep to the protocol: {0}")]
    Protocol(#[from] ProtocolError),
}
