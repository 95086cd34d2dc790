//! Stops lookups, downloads and retry pauses from another thread (Ctrl-C, a failed sibling).
//!
//! Contract: after [`Cancel::cancel`] returns, no pause lasts on, blocked socket reads end, and
//! every operation that shares the handle fails with [`Error::Cancelled`](crate::Error::Cancelled)
//! soon. Cancelling twice is harmless. Counterpart in Nix: `checkInterrupt`.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::Error;

type Hook = Box<dyn FnOnce() + Send>;

/// A handle that is cheap to clone; all clones stop together.
#[derive(Clone, Default)]
pub struct Cancel {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    cancelled: bool,
    hooks: Vec<Hook>,
}

impl Cancel {
    /// A handle that nobody has cancelled yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops everything that shares this handle.
    pub fn cancel(&self) {
        let hooks = {
            let mut state = self.lock();
            state.cancelled = true;
            std::mem::take(&mut state.hooks)
        };
        self.inner.wake.notify_all();
        for hook in hooks {
            hook();
        }
    }

    /// Whether [`Cancel::cancel`] was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.lock().cancelled
    }

    /// [`Error::Cancelled`] once cancelled.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.is_cancelled() {
            Err(Error::Cancelled)
        } else {
            Ok(())
        }
    }

    /// Waits for `duration`, or less when cancelled meanwhile (then an error).
    pub(crate) fn pause(&self, duration: Duration) -> Result<(), Error> {
        let state = self.lock();
        let (state, _) = self
            .inner
            .wake
            .wait_timeout_while(state, duration, |state| !state.cancelled)
            .unwrap_or_else(PoisonError::into_inner);
        if state.cancelled {
            Err(Error::Cancelled)
        } else {
            Ok(())
        }
    }

    /// Runs `hook` when cancelled; at once if that has happened already.
    pub(crate) fn on_cancel(&self, hook: impl FnOnce() + Send + 'static) {
        {
            let mut state = self.lock();
            if !state.cancelled {
                state.hooks.push(Box::new(hook));
                return;
            }
        }
        hook();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is two plain fields, whole at every moment, so poison says nothing here.
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Cancel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Cancel")
            .field("cancelled", &self.is_cancelled())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn a_pause_ends_when_cancelled() {
        let cancel = Cancel::new();
        let other = cancel.clone();
        let sleeper = std::thread::spawn(move || other.pause(Duration::from_secs(3600)));
        cancel.cancel();
        assert!(matches!(sleeper.join(), Ok(Err(Error::Cancelled))));
    }

    #[test]
    fn a_hook_runs_whether_it_comes_before_or_after() {
        for before in [true, false] {
            let cancel = Cancel::new();
            let ran = Arc::new(AtomicBool::new(false));
            let flag = ran.clone();
            let hook = move || flag.store(true, Ordering::SeqCst);
            if before {
                cancel.on_cancel(hook);
                assert!(!ran.load(Ordering::SeqCst));
                cancel.cancel();
            } else {
                cancel.cancel();
                cancel.on_cancel(hook);
            }
            assert!(ran.load(Ordering::SeqCst), "before = {before}");
        }
    }
}
