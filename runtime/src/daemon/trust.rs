//! What a client may do.
//!
//! Contract: whom the socket's permissions let in may ask, and may add what proves itself: content
//! that is named by its hash, or signed by a trusted key. Trusted clients (the server's own user and
//! root, whom nothing could keep from writing to the store) may bring anything, as the stock
//! remote-build client of Nix does with the inputs of a build. Nix's counterpart is `trusted-users`.

use std::os::unix::net::UnixStream;

use wasibuild_nix_compat::narinfo::{PublicKey, verify};
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_store::Store;

use super::error::OperationError;
use crate::platform;

/// Whether a client is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// It may bring anything.
    Trusted,
    /// It may bring what proves itself.
    Untrusted,
}

impl Trust {
    /// Whom the kernel says to be at the other end; who cannot be known is not trusted.
    pub fn of(stream: &UnixStream) -> Trust {
        match platform::peer_user(stream) {
            Ok(user) if user == 0 || user == platform::own_user() => Trust::Trusted,
            _ => Trust::Untrusted,
        }
    }

    /// Refuses what only trusted clients may do.
    pub(super) fn require(self, what: &str) -> Result<(), OperationError> {
        match self {
            Trust::Trusted => Ok(()),
            Trust::Untrusted => Err(OperationError::refused(format!(
                "you are not trusted to {what}\n\
                 hint: only the user who runs `wasibuild daemon` and root are"
            ))),
        }
    }
}

/// Refuses a path that needs a signature and has none. A content address needs none: the store checks
/// it against the content.
pub(super) fn check_signatures(
    info: &PathInfo,
    store: &Store,
    keys: &[PublicKey],
) -> Result<(), OperationError> {
    if info.ca.is_some() {
        return Ok(());
    }
    let fingerprint = info.fingerprint();
    if verify(&fingerprint, &info.signatures, keys).is_some() {
        return Ok(());
    }
    let own = [store.public_key()?];
    if verify(&fingerprint, &info.signatures, &own).is_some() {
        return Ok(());
    }
    Err(OperationError::refused(format!(
        "cannot add path '{}' because it lacks a signature by a trusted key",
        info.path.to_absolute_path()
    )))
}
