//! How much of a build's log and archives may be on its way.
//!
//! Contract: each build begins with [`WINDOW`] bytes; who takes bytes in grants as many again. So a
//! reader that stands still stops only its own build, and who stands between needs no more memory
//! than the windows of the builds that run.

use crate::{ProtocolError, Result};

/// What a build may send before anything is granted, in bytes.
pub const WINDOW: u64 = 1 << 20;

/// What is left of the grants, as either side counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    left: u64,
}

impl Default for Window {
    fn default() -> Self {
        Window { left: WINDOW }
    }
}

impl Window {
    /// What may be sent now.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Bytes were sent, or came.
    ///
    /// # Errors
    /// When they are more than were granted.
    pub fn spend(&mut self, bytes: u64) -> Result<()> {
        self.left = self.left.checked_sub(bytes).ok_or(ProtocolError::Overrun {
            sent: bytes,
            granted: self.left,
        })?;
        Ok(())
    }

    /// Bytes were granted.
    pub fn grant(&mut self, bytes: u64) {
        self.left = self.left.saturating_add(bytes);
    }
}
