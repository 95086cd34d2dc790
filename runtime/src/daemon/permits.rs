//! How many builds run at once, over all clients.
//!
//! Contract: a build waits for its turn after its outputs are locked and before its builder starts;
//! the builder of another never waits for it, so that there is no circle. A build that is stopped
//! gives up waiting.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use wasibuild_nix_compat::file_system_object::FileSystemObject;

use crate::realise::error::RealiseError;
use crate::realise::executor::{Execute, Failure, Job};
use crate::realise::log::BuildLog;
use crate::realise::stop::Stop;

/// The free places.
pub(super) struct Permits {
    free: Mutex<usize>,
    changed: Condvar,
}

impl Permits {
    pub(super) fn new(count: usize) -> Self {
        Permits {
            free: Mutex::new(count.max(1)),
            changed: Condvar::new(),
        }
    }

    /// A place, or none if `stop` is thrown first. It must be told to [`Permits::wake`].
    fn take(&self, stop: &Stop) -> Option<Permit<'_>> {
        let mut free = super::lock(&self.free);
        loop {
            if stop.is_stopped() {
                return None;
            }
            if let Some(left) = free.checked_sub(1) {
                *free = left;
                return Some(Permit(self));
            }
            free = self
                .changed
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn wake(&self) {
        // Under the mutex, so that nobody is between looking at the switch and waiting.
        let _free = super::lock(&self.free);
        self.changed.notify_all();
    }
}

/// A place; dropping it frees it.
struct Permit<'p>(&'p Permits);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        *super::lock(&self.0.free) += 1;
        self.0.changed.notify_all();
    }
}

/// An executor that waits for a place.
pub(super) struct Limited<'a> {
    inner: &'a dyn Execute,
    permits: Arc<Permits>,
    stop: &'a Stop,
}

impl<'a> Limited<'a> {
    pub(super) fn new(inner: &'a dyn Execute, permits: &Arc<Permits>, stop: &'a Stop) -> Self {
        let waking = Arc::clone(permits);
        stop.on_stop(move || waking.wake());
        Limited {
            inner,
            permits: Arc::clone(permits),
            stop,
        }
    }
}

impl Execute for Limited<'_> {
    fn execute(
        &self,
        job: Job,
        log: &mut BuildLog<'_>,
    ) -> Result<BTreeMap<String, FileSystemObject>, Failure> {
        match self.permits.take(self.stop) {
            Some(_permit) => self.inner.execute(job, log),
            None => Err(RealiseError::Cancelled {
                derivation: job.derivation.to_absolute_path(),
            }
            .into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_back() {
        let (permits, stop) = (Permits::new(1), Stop::new());
        let first = permits.take(&stop).expect("a place");
        assert_eq!(*super::super::lock(&permits.free), 0);
        drop(first);
        assert!(permits.take(&stop).is_some());
    }

    #[test]
    fn who_is_stopped_gives_up() {
        let (permits, stop) = (Arc::new(Permits::new(1)), Stop::new());
        let waking = Arc::clone(&permits);
        stop.on_stop(move || waking.wake());
        let held = permits.take(&stop).expect("a place");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| permits.take(&stop).is_none());
            stop.stop();
            assert!(waiting.join().expect("no panic"));
        });
        drop(held);
    }
}
