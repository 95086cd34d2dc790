//! What is wrong with a stream.
//!
//! Contract: the text says what was expected and found; who reads it adds which side sent it.

use std::io;

use thiserror::Error;

/// Why a frame or a message cannot be used.
#[derive(Debug, Error)]
pub enum ProtocolError {
    /// The stream failed.
    #[error("the control stream failed: {0}")]
    Io(#[from] io::Error),
    /// The stream ended inside a frame.
    #[error("the control stream ended inside {0}")]
    Truncated(&'static str),
    /// A number that names no kind of frame.
    #[error("a frame of the unknown kind {0}")]
    UnknownKind(u8),
    /// A kind that this side does not take.
    #[error("a frame of the kind {0:?}, which this side does not take")]
    WrongSide(super::Kind),
    /// More bytes than a frame of that kind may have.
    #[error("a frame of the kind {kind:?} announces {length} bytes; at most {limit} are allowed")]
    TooLong {
        /// The kind.
        kind: super::Kind,
        /// What was announced.
        length: u32,
        /// What is allowed.
        limit: u32,
    },
    /// A frame whose content is not what its kind demands.
    #[error("{what}: {problem}")]
    Malformed {
        /// The field.
        what: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The other side speaks another version.
    #[error(
        "the other side speaks version {found} of the protocol, this one {expected}; \
         they come from different versions of wasibuild: stop the machine (`wasibuild vm stop`) and try again"
    )]
    Version {
        /// Ours.
        expected: u32,
        /// Theirs.
        found: u32,
    },
    /// More data than was granted.
    #[error("the other side sent {sent} bytes of a build, but only {granted} were granted")]
    Overrun {
        /// What came.
        sent: u64,
        /// What was left of the grant.
        granted: u64,
    },
}

impl ProtocolError {
    /// A frame whose content is wrong.
    pub(crate) fn malformed(what: &'static str, problem: &'static str) -> Self {
        ProtocolError::Malformed { what, problem }
    }
}
