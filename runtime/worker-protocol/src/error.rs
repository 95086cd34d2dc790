//! Why a message cannot be read or written.
//!
//! Contract: after any of these the two sides no longer agree on where a message begins, so that the
//! connection must end, save for [`ProtocolError::Value`] and [`ProtocolError::UnknownOperation`],
//! which a server may still answer before it closes.

use std::io;

use thiserror::Error;

/// See the module.
#[derive(Debug, Error)]
pub enum ProtocolError {
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    /// The stream ended within a message.
    #[error("the connection was closed in the middle of a message; expected {what}")]
    Truncated {
        /// What should have come.
        what: &'static str,
    },
    /// A string is longer than it may be.
    #[error("{what} is announced with {length} bytes; at most {limit} are accepted")]
    TooLong {
        /// What it is.
        what: &'static str,
        /// The length announced.
        length: u64,
        /// The bound.
        limit: u64,
    },
    /// A message is larger than it may be.
    #[error(
        "the message is larger than the {limit} bytes that are accepted; it went on with {what}"
    )]
    TooMuch {
        /// What would have come next.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// The zeros after a string are not zeros.
    #[error("the padding after {what} is not zero")]
    Padding {
        /// After what.
        what: &'static str,
    },
    /// A value makes no sense.
    #[error("{what} is wrong: {problem}")]
    Value {
        /// What it should be.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The stream does not begin as this protocol does.
    #[error(
        "the other side does not speak Nix's worker protocol: expected {expected:#x}, found {found:#x}"
    )]
    Magic {
        /// The number that begins the protocol.
        expected: u64,
        /// The number that was there.
        found: u64,
    },
    /// The other side is too old.
    #[error(
        "the other side speaks version {found} of Nix's worker protocol; at least {min} (Nix 2.4) is needed"
    )]
    TooOld {
        /// Its version.
        found: crate::Version,
        /// The oldest that is spoken here.
        min: crate::Version,
    },
    /// An operation that nobody knows.
    #[error("invalid operation {0}")]
    UnknownOperation(u64),
    /// A message of the server that nobody knows.
    #[error("unknown message {0:#x} from the server")]
    UnknownMessage(u64),
}

impl ProtocolError {
    /// A value that makes no sense.
    pub fn value(what: &'static str, problem: impl ToString) -> Self {
        Self::Value {
            what,
            problem: problem.to_string(),
        }
    }
}
