//! The only place of the sandbox that looks at the host's clock: time limits and cancelling.
//!
//! Contract: time never reaches a guest; it only ends the build, and tells the caller what took long.

use crate::error::Fatal;
use crate::limits::{LimitKind, Limits};
use crate::request::CancelToken;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Watches one build.
pub struct Watch {
    start: Instant,
    timeout: Option<Duration>,
    silence: Option<Duration>,
    /// Milliseconds from the start to the last output.
    last_output: AtomicU64,
    cancel: CancelToken,
}

impl Watch {
    /// Starts the clock.
    #[expect(
        clippy::disallowed_methods,
        reason = "this module owns the host's clock"
    )]
    pub fn new(limits: &Limits, cancel: &CancelToken) -> Watch {
        Watch {
            start: Instant::now(),
            timeout: limits.timeout,
            silence: limits.max_silent_time,
            last_output: AtomicU64::new(0),
            cancel: cancel.clone(),
        }
    }

    /// Time since the build began.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// The build wrote to its log.
    pub fn output(&self) {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_output.store(now, Ordering::Relaxed);
    }

    /// May the build go on?
    pub fn check(&self) -> Result<(), Fatal> {
        if self.cancel.is_cancelled() {
            return Err(Fatal::Cancelled);
        }
        if self.timeout.is_none() && self.silence.is_none() {
            return Ok(());
        }
        let elapsed = self.start.elapsed();
        if self.timeout.is_some_and(|timeout| elapsed >= timeout) {
            return Err(Fatal::Limit(LimitKind::Timeout));
        }
        let last = Duration::from_millis(self.last_output.load(Ordering::Relaxed));
        let silent = elapsed.saturating_sub(last);
        if self.silence.is_some_and(|silence| silent >= silence) {
            return Err(Fatal::Limit(LimitKind::Silence));
        }
        Ok(())
    }
}
