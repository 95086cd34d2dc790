//! What happens during lookups and downloads, told to whoever shows it.
//!
//! Contract: events come from several threads at once, so an [`Observer`] is `Sync` and quick. No
//! event carries a time: whoever shows rates reads the clock itself. [`Event::Progress`] comes
//! at most once per [`PROGRESS_STEP_BYTES`] and path.

use std::time::Duration;

use wasibuild_nix_compat::store_path::StorePath;

use crate::error::Error;

/// How many compressed bytes pass between two progress events of a path.
pub const PROGRESS_STEP_BYTES: u64 = 128 * 1024;

/// See the module. Addresses come without credentials.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A path was looked up in the caches.
    LookedUp {
        /// The path.
        path: &'a StorePath,
        /// Whether a cache has it.
        found: bool,
    },
    /// A cache, a narinfo or a NAR cannot be used; the next cache is asked.
    Fault {
        /// The path that it was asked for, if it was for one.
        path: Option<&'a StorePath>,
        /// What is wrong.
        error: &'a Error,
    },
    /// A download begins (again, with another cache, after [`Event::Fault`]).
    Started {
        /// The path.
        path: &'a StorePath,
        /// The NAR file's address.
        url: &'a str,
        /// Compressed size in bytes, if the cache says.
        download_size: Option<u64>,
        /// Uncompressed size in bytes.
        nar_size: u64,
    },
    /// A download goes on.
    Progress {
        /// The path.
        path: &'a StorePath,
        /// Compressed bytes so far.
        downloaded: u64,
    },
    /// Something failed that may pass; it is tried again.
    Retrying {
        /// The file's address.
        url: &'a str,
        /// The attempt that failed, from 1.
        attempt: u32,
        /// The pause before the next.
        delay: Duration,
        /// What failed.
        reason: &'a str,
    },
    /// A broken download goes on.
    Resumed {
        /// The file's address.
        url: &'a str,
        /// Where it goes on, in bytes.
        offset: u64,
        /// Whether the server sends the rest only; otherwise the beginning is skipped.
        ranged: bool,
    },
    /// A path is complete and verified, and the receiver has taken it or had it already.
    Finished {
        /// The path.
        path: &'a StorePath,
        /// Compressed bytes received.
        downloaded: u64,
        /// Uncompressed bytes.
        nar_size: u64,
    },
}

/// Receives events.
pub trait Observer: Send + Sync {
    /// Called from any thread.
    fn event(&self, event: &Event<'_>);
}

impl<F: Fn(&Event<'_>) + Send + Sync> Observer for F {
    fn event(&self, event: &Event<'_>) {
        self(event);
    }
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _: &Event<'_>) {}
}
