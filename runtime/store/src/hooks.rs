//! Fault injection for the tests: the store passes named points, and a test may stop
//! the process there (`kill -9`) or let the step fail (disk full).
//!
//! Contract: in a program no hook is set, and a point costs one comparison.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Context, Result};

/// Called with the name of the point; an error is treated as that of the system call
/// that follows.
pub type FaultHook = Arc<dyn Fn(&'static str) -> io::Result<()> + Send + Sync>;

/// The hook of one store, mostly none.
#[derive(Clone, Default)]
pub(crate) struct Hooks(Option<FaultHook>);

impl Hooks {
    pub(crate) fn new(hook: Option<FaultHook>) -> Self {
        Self(hook)
    }

    /// Passes the point `name`, just before it works on `path`.
    pub(crate) fn pass(&self, name: &'static str, path: &Path) -> Result<()> {
        match &self.0 {
            None => Ok(()),
            Some(hook) => hook(name).context(name, path),
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "Hooks(set)"
        } else {
            "Hooks(none)"
        })
    }
}
