//! Makes finished builds valid, several in one transaction.
//!
//! Contract: a transaction takes longer than a small build, so builds are handed in when their
//! outputs are in place, and those that come within [`DELAY`] become valid together. What needs
//! them may be built meanwhile: their trees are complete, locked, and temporary roots, and what they
//! refer to is known. Builds are registered in the order in which they were handed in, so that an
//! output never becomes valid before what it refers to. After a kill only valid paths and removable
//! rubbish are left; builds of the last moments are done again.

use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use wasibuild_store::{PlacedOutputs, Store};

use super::error::RealiseError;
use super::lock;

/// How long a finished build waits for others.
const DELAY: Duration = Duration::from_millis(10);
/// How many builds are registered at a time: their lock files are open until then.
const MOST: usize = 64;

/// See the module.
pub(super) struct Registrar<'a> {
    store: &'a Store,
    waiting: Mutex<Waiting>,
    changed: Condvar,
    /// Held while builds are taken out and registered, so that their order stays.
    order: Mutex<()>,
    failures: Mutex<Vec<(usize, RealiseError)>>,
}

#[derive(Default)]
struct Waiting {
    /// Tasks and what they made, oldest first.
    builds: Vec<(usize, PlacedOutputs)>,
    since: Option<Instant>,
    closed: bool,
}

impl<'a> Registrar<'a> {
    pub(super) fn new(store: &'a Store) -> Self {
        Registrar {
            store,
            waiting: Mutex::default(),
            changed: Condvar::new(),
            order: Mutex::default(),
            failures: Mutex::default(),
        }
    }

    /// Takes what a task made.
    pub(super) fn hand_in(&self, task: usize, placed: PlacedOutputs) {
        let mut waiting = lock(&self.waiting);
        waiting.builds.push((task, placed));
        if waiting.since.is_none() {
            waiting.since = Some(Instant::now());
            self.changed.notify_all();
        }
        if waiting.builds.len() >= MOST {
            drop(waiting);
            self.flush();
        }
    }

    /// Registers everything that was handed in before. Whatever asks the store about outputs of
    /// this run calls this first.
    pub(super) fn flush(&self) {
        let _order = lock(&self.order);
        let builds = {
            let mut waiting = lock(&self.waiting);
            waiting.since = None;
            std::mem::take(&mut waiting.builds)
        };
        if builds.is_empty() {
            return;
        }
        let (tasks, placed): (Vec<usize>, Vec<PlacedOutputs>) = builds.into_iter().unzip();
        let results = self.store.register_placed(placed);
        for (task, result) in tasks.into_iter().zip(results) {
            if let Err(error) = result {
                lock(&self.failures).push((task, error.into()));
            }
        }
    }

    /// Registers builds that have waited long enough, until [`close`](Self::close).
    pub(super) fn serve(&self) {
        let mut waiting = lock(&self.waiting);
        while !waiting.closed {
            waiting = match waiting.since.map(|since| since.elapsed()) {
                None => self.wait(waiting, Duration::from_secs(3600)),
                Some(age) if age < DELAY => self.wait(waiting, DELAY - age),
                Some(_) => {
                    drop(waiting);
                    self.flush();
                    lock(&self.waiting)
                }
            };
        }
    }

    fn wait<'w>(&self, guard: MutexGuard<'w, Waiting>, time: Duration) -> MutexGuard<'w, Waiting> {
        let (guard, _) = self
            .changed
            .wait_timeout(guard, time)
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        guard
    }

    /// Ends [`serve`](Self::serve). What is handed in later waits for a flush.
    pub(super) fn close(&self) {
        lock(&self.waiting).closed = true;
        self.changed.notify_all();
    }

    /// The tasks whose outputs could not be registered so far, and why; each is told once.
    pub(super) fn failures(&self) -> Vec<(usize, RealiseError)> {
        std::mem::take(&mut *lock(&self.failures))
    }
}
