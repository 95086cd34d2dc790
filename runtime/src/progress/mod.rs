//! What a user sees while builds run.
//!
//! Contract: [`Progress`] is told what happens and decides how to show it; it never decides what
//! happens. Everything goes to standard error, so that standard output holds results only. Log
//! lines are prefixed by the derivation's name and made safe ([`crate::printable`]), as Nix does
//! with `--print-build-logs` (`libmain/progress-bar.cc`).

mod bar;
mod lines;

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

pub use bar::Bar;
pub use lines::Lines;

/// How much there is to do, as known so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// Derivations to build.
    pub builds: usize,
    /// Paths to fetch.
    pub fetches: usize,
}

/// One thing that happened.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// The plan is made.
    Planned(Amount),
    /// A build begins: the derivation's path, and the name that prefixes its log.
    BuildStarted {
        /// The absolute path of the `.drv`.
        derivation: &'a str,
        /// The derivation's name.
        name: &'a str,
    },
    /// A line of a build's log, without its newline.
    LogLine {
        /// The derivation's name.
        name: &'a str,
        /// The line, as the builder wrote it.
        line: &'a [u8],
    },
    /// A build ended.
    BuildEnded {
        /// The derivation's name.
        name: &'a str,
        /// How long it took.
        time: Duration,
        /// Whether its outputs are valid now.
        ok: bool,
    },
    /// A build was not necessary any more: another process made the outputs meanwhile.
    BuildSkipped,
    /// Another process holds the lock of an output.
    WaitingForLock {
        /// The path that is locked.
        path: &'a str,
    },
    /// A path is being fetched.
    FetchStarted {
        /// The store path.
        path: &'a str,
        /// The cache's URL.
        from: &'a str,
        /// The size of its NAR in bytes.
        bytes: u64,
    },
    /// Bytes of a NAR came in.
    Fetched {
        /// How many.
        bytes: u64,
    },
    /// A path was fetched, or could not be.
    FetchEnded {
        /// The store path.
        path: &'a str,
        /// Whether it is valid now.
        ok: bool,
    },
    /// Something that the user should know but that stops nothing.
    Warning(&'a str),
    /// An error, as soon as it happens; the run may go on with other builds.
    Error(&'a str),
    /// The last line of a run.
    Summary(&'a str),
    /// The first Ctrl-C.
    Stopping,
    /// Nothing more will come.
    Finished,
}

/// Takes events from all threads.
pub trait Progress: Send + Sync {
    /// Shows one event.
    fn event(&self, event: Event<'_>);
}

/// A bar on a terminal, plain lines elsewhere.
pub fn for_standard_error(show_logs: bool) -> Arc<dyn Progress> {
    if std::io::stderr().is_terminal() {
        Arc::new(Bar::new(show_logs))
    } else {
        Arc::new(Lines::new(std::io::stderr(), show_logs))
    }
}

/// Shows nothing.
#[derive(Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn event(&self, _: Event<'_>) {}
}

/// A time as people read it: `12 ms`, `3.4 s`, `2 min 5 s`.
pub fn human_time(time: Duration) -> String {
    let millis = time.as_millis();
    match millis {
        0 => "under 1 ms".to_owned(),
        1..1000 => format!("{millis} ms"),
        1000..60_000 => format!("{:.1} s", time.as_secs_f64()),
        _ => format!("{} min {} s", time.as_secs() / 60, time.as_secs() % 60),
    }
}

/// A size as people read it: `17 bytes`, `1.2 KiB`, `3.4 MiB`.
pub fn human_size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return if bytes == 1 {
            "1 byte".to_owned()
        } else {
            format!("{bytes} bytes")
        };
    }
    let mut size = bytes as f64 / 1024.0;
    let mut unit = UNITS[0];
    for larger in &UNITS[1..] {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    format!("{size:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_readable() {
        assert_eq!(human_time(Duration::from_micros(20)), "under 1 ms");
        assert_eq!(human_time(Duration::from_millis(999)), "999 ms");
        assert_eq!(human_time(Duration::from_millis(3440)), "3.4 s");
        assert_eq!(human_time(Duration::from_secs(125)), "2 min 5 s");
        assert_eq!(human_size(0), "0 bytes");
        assert_eq!(human_size(1), "1 byte");
        assert_eq!(human_size(1536), "1.5 KiB");
        assert_eq!(human_size(5 << 40), "5.0 TiB");
        assert_eq!(human_size(u64::MAX), "16384.0 PiB");
    }
}
