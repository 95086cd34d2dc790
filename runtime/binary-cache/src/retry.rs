//! How often and after which pause a failed request is made again.
//!
//! Contract: pauses double from [`Options::retry_delay`](crate::Options::retry_delay) up to
//! [`MAX_DELAY`], plus up to half of that again, so that many clients that failed together do not
//! come back together. That share is computed from the address and the attempt, not drawn, so
//! that a run can be repeated. A longer pause that the server asks for (`Retry-After`) is kept,
//! up to the same bound. Counterpart in Nix: `filetransfer.cc`, `maybeFinish`.

use std::io;
use std::time::Duration;

use wasibuild_nix_compat::hash::sha256;

use crate::error::Error;
use crate::location::Object;
use crate::progress::Event;
use crate::transport::{Cause, Context};

/// No pause is longer.
pub(crate) const MAX_DELAY: Duration = Duration::from_secs(60);

/// Counts the failures of one request or, for a download, those without progress.
pub(crate) struct Retries<'a> {
    context: &'a Context,
    object: &'a Object,
    failures: u32,
}

impl<'a> Retries<'a> {
    pub(crate) fn new(context: &'a Context, object: &'a Object) -> Self {
        Self::after(context, object, 0)
    }

    /// Goes on after `failures` failures.
    pub(crate) fn after(context: &'a Context, object: &'a Object, failures: u32) -> Self {
        Self {
            context,
            object,
            failures,
        }
    }

    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// Waits before the next attempt; the error when there is none. `received`: how many bytes
    /// have come so far.
    pub(crate) fn pause(
        &mut self,
        cause: Cause,
        after: Option<Duration>,
        received: u64,
    ) -> Result<(), Error> {
        self.context.cancel.check()?;
        self.failures = self.failures.saturating_add(1);
        let url = self.object.to_string();
        if self.failures >= self.context.options.attempts {
            return Err(match cause {
                Cause::Status(status) => Error::Status { url, status },
                Cause::Io(source) => Error::Network {
                    url,
                    attempts: self.failures,
                    received,
                    source: source.into(),
                },
            });
        }
        let delay = delay(self.context.options.retry_delay, self.failures, &url)
            .max(after.unwrap_or_default().min(MAX_DELAY));
        self.context.observer.event(&Event::Retrying {
            url: &url,
            attempt: self.failures,
            delay,
            reason: &cause.to_string(),
        });
        self.context.cancel.pause(delay)
    }
}

/// The pause after failure number `failures` (from 1).
fn delay(base: Duration, failures: u32, url: &str) -> Duration {
    let doubled = 2_u32
        .checked_pow(failures.saturating_sub(1))
        .and_then(|factor| base.checked_mul(factor))
        .map_or(MAX_DELAY, |delay| delay.min(MAX_DELAY));
    let [first, ..] = sha256(format!("{failures} {url}").as_bytes());
    let share = doubled / 2 * u32::from(first) / 255;
    (doubled + share).min(MAX_DELAY)
}

/// A broken connection that reported no error of its own.
pub(crate) fn ended_early() -> Cause {
    Cause::Io(io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the connection ended too early",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_bound_and_repeat_exactly() {
        let base = Duration::from_millis(250);
        for failures in 1..=40 {
            let pause = delay(base, failures, "https://h/x");
            assert_eq!(pause, delay(base, failures, "https://h/x"));
            let least = base
                .saturating_mul(1 << (failures - 1).min(20))
                .min(MAX_DELAY);
            assert!(
                pause >= least && pause <= MAX_DELAY,
                "{failures}: {pause:?}"
            );
        }
        assert_ne!(delay(base, 3, "https://h/a"), delay(base, 3, "https://h/b"));
    }
}
