//! One switch that stops everything: builds, downloads, waiting for locks.
//!
//! Contract: cheap to clone, may be thrown from any thread and more than once. What must be woken
//! registers a hook, which runs once, at once if the switch was thrown before.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

type Hook = Box<dyn FnOnce() + Send>;

/// See the module.
#[derive(Clone, Default)]
pub struct Stop {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    stopped: AtomicBool,
    hooks: Mutex<Vec<Hook>>,
}

impl Stop {
    /// A switch that is not thrown.
    pub fn new() -> Self {
        Self::default()
    }

    /// Throws it.
    pub fn stop(&self) {
        let hooks = {
            let mut hooks = self
                .inner
                .hooks
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            self.inner.stopped.store(true, Ordering::SeqCst);
            std::mem::take(&mut *hooks)
        };
        hooks.into_iter().for_each(|hook| hook());
    }

    /// Whether it is thrown.
    pub fn is_stopped(&self) -> bool {
        self.inner.stopped.load(Ordering::SeqCst)
    }

    /// Runs `hook` when it is thrown.
    pub fn on_stop(&self, hook: impl FnOnce() + Send + 'static) {
        {
            let mut hooks = self
                .inner
                .hooks
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if !self.is_stopped() {
                hooks.push(Box::new(hook));
                return;
            }
        }
        hook();
    }
}

impl std::fmt::Debug for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stop")
            .field("stopped", &self.is_stopped())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_run_once_whenever_they_come() {
        let stop = Stop::new();
        let count = Arc::new(Mutex::new(0));
        for _ in 0..2 {
            let count = count.clone();
            stop.on_stop(move || *count.lock().expect("count") += 1);
        }
        assert!(!stop.is_stopped());
        stop.clone().stop();
        stop.stop();
        let late = count.clone();
        stop.on_stop(move || *late.lock().expect("count") += 1);
        assert!(stop.is_stopped());
        assert_eq!(*count.lock().expect("count"), 3);
    }
}
