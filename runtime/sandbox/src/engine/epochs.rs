//! The epochs of the engine: how often a running guest is asked whether it may go on.
//!
//! Contract: a thread moves the epoch every 10 ms while a build runs, and sleeps when none does, so
//! that an idle daemon is never woken. It ends with the engine.

use super::lock;
use crate::error::EngineError;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use wasmtime::{Engine, EngineWeak};

/// The time between two epochs.
const EPOCH: Duration = Duration::from_millis(10);

/// What the thread shares with the engine.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// How many builds run.
    builds: usize,
    /// Whether the thread waits for one.
    asleep: bool,
    /// Whether the engine is gone.
    over: bool,
    engines: Vec<EngineWeak>,
}

/// The thread's handle; dropping it ends the thread.
pub(super) struct Epochs(Arc<Shared>);

/// Lives as long as a build.
pub(crate) struct Ticking<'e>(&'e Shared);

impl Epochs {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`EngineError::Setup`] if there can be no thread more.
    pub(super) fn start(engine: &Engine) -> Result<Epochs, EngineError> {
        let shared = Arc::new(Shared::default());
        lock(&shared.state).engines.push(engine.weak());
        let served = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("wasibuild-epoch".to_owned())
            .spawn(move || served.serve())
            .map(|_| Epochs(shared))
            .map_err(|error| EngineError::Setup(format!("cannot start a thread: {error}")))
    }

    /// Moves the epoch of another engine, too.
    pub(super) fn also(&self, engine: &Engine) {
        lock(&self.0.state).engines.push(engine.weak());
    }

    /// A build begins.
    pub(super) fn ticking(&self) -> Ticking<'_> {
        let mut state = lock(&self.0.state);
        state.builds += 1;
        if state.asleep {
            self.0.changed.notify_one();
        }
        Ticking(&self.0)
    }
}

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).builds -= 1;
    }
}

impl Drop for Epochs {
    fn drop(&mut self) {
        lock(&self.0.state).over = true;
        self.0.changed.notify_one();
    }
}

impl Shared {
    fn serve(&self) {
        while self.wait_for_builds() {
            std::thread::sleep(EPOCH);
            for engine in &lock(&self.state).engines {
                if let Some(engine) = engine.upgrade() {
                    engine.increment_epoch();
                }
            }
        }
    }

    /// Waits until a build runs; false if none ever will.
    fn wait_for_builds(&self) -> bool {
        let mut state = lock(&self.state);
        while state.builds == 0 && !state.over {
            state.asleep = true;
            let woken = self.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
        state.asleep = false;
        !state.over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits, for at most ten seconds, until the thread is asleep or not.
    fn wait_until(shared: &Shared, asleep: bool) -> bool {
        for _ in 0..1000 {
            if lock(&shared.state).asleep == asleep {
                return true;
            }
            std::thread::sleep(EPOCH);
        }
        false
    }

    #[test]
    fn the_thread_sleeps_unless_a_build_runs_and_ends_with_the_engine() {
        let engine = Engine::default();
        let epochs = Epochs::start(&engine).unwrap();
        let shared = Arc::clone(&epochs.0);
        assert!(wait_until(&shared, true), "it should sleep at first");
        let (one, two) = (epochs.ticking(), epochs.ticking());
        assert!(wait_until(&shared, false), "it should wake for a build");
        drop(one);
        std::thread::sleep(3 * EPOCH);
        assert!(wait_until(&shared, false), "another build still runs");
        drop(two);
        assert!(wait_until(&shared, true), "it should sleep again");
        drop(epochs);
        let ended = (0..1000).any(|_| {
            std::thread::sleep(EPOCH);
            Arc::strong_count(&shared) == 1
        });
        assert!(ended, "the thread should end with the engine");
    }
}
