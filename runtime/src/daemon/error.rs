//! Why an operation has no answer.
//!
//! Contract: a refusal is told to the client and the connection goes on; a failed connection ends.

use wasibuild_worker_protocol::ProtocolError;

use crate::error::shown;
use crate::plan::PlanError;
use crate::realise::error::{RealiseError, chain};
use crate::request::{GivenError, RequestError};

/// See the module.
#[derive(Debug)]
pub(super) enum OperationError {
    /// The client is told this text.
    Refused(String),
    /// There is nobody to tell.
    Connection(ProtocolError),
}

impl OperationError {
    pub(super) fn refused(text: impl Into<String>) -> Self {
        OperationError::Refused(text.into())
    }

    fn of(error: &dyn std::error::Error) -> Self {
        OperationError::Refused(shown(&chain(error)))
    }
}

impl From<ProtocolError> for OperationError {
    fn from(error: ProtocolError) -> Self {
        OperationError::Connection(error)
    }
}

impl From<wasibuild_store::Error> for OperationError {
    fn from(error: wasibuild_store::Error) -> Self {
        OperationError::of(&error)
    }
}

impl From<RequestError> for OperationError {
    fn from(error: RequestError) -> Self {
        OperationError::of(&error)
    }
}

impl From<GivenError> for OperationError {
    fn from(error: GivenError) -> Self {
        OperationError::of(&error)
    }
}

impl From<PlanError<RealiseError>> for OperationError {
    fn from(error: PlanError<RealiseError>) -> Self {
        OperationError::of(&error)
    }
}

impl From<RealiseError> for OperationError {
    fn from(error: RealiseError) -> Self {
        OperationError::of(&error)
    }
}
