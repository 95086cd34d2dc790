//! Progress as plain lines, for files, pipes and CI.
//!
//! Contract: one event gives at most one line, written whole, so that the lines of parallel builds
//! never mix. A standard error that is closed is no reason to stop building.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use super::{Event, Progress, human_size, human_time};
use crate::error::shown;
use crate::printable::{self, Escapes};

/// Writes lines to a stream.
#[derive(Debug)]
pub struct Lines<W> {
    out: Mutex<W>,
    show_logs: bool,
}

impl<W: Write> Lines<W> {
    /// Lines on `out`; builders' logs only if `show_logs`.
    pub fn new(out: W, show_logs: bool) -> Self {
        Lines {
            out: Mutex::new(out),
            show_logs,
        }
    }

    fn write(&self, line: &str) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = out
            .write_all(format!("{line}\n").as_bytes())
            .and_then(|()| out.flush());
    }
}

impl<W: Write + Send> Progress for Lines<W> {
    fn event(&self, event: Event<'_>) {
        if let Event::LogLine { .. } = event
            && !self.show_logs
        {
            return;
        }
        if let Some(line) = line(event, Escapes::Plain) {
            self.write(&line);
        }
    }
}

/// The line that tells of an event, if it deserves one.
pub(super) fn line(event: Event<'_>, escapes: Escapes) -> Option<String> {
    Some(match event {
        Event::Planned(amount) => match (amount.builds, amount.fetches) {
            (0, 0) => return None,
            (builds, 0) => format!("{} to build", derivations(builds)),
            (0, fetches) => format!("{} to fetch", paths(fetches)),
            (builds, fetches) => format!(
                "{} to build, {} to fetch",
                derivations(builds),
                paths(fetches)
            ),
        },
        Event::BuildStarted { derivation, .. } => format!("building '{derivation}'..."),
        Event::LogLine { name, line } => format!("{name}> {}", printable::log_line(line, escapes)),
        Event::BuildEnded {
            name,
            time,
            ok: true,
        } => format!("built {name} in {}", human_time(time)),
        Event::BuildEnded { ok: false, .. } => return None,
        Event::WaitingForLock { path } => {
            format!("waiting for another process that is building or fetching '{path}'...")
        }
        Event::FetchStarted { path, from, bytes } => {
            format!("fetching '{path}' ({}) from {from}...", human_size(bytes))
        }
        Event::Fetched { .. }
        | Event::FetchEnded { .. }
        | Event::BuildSkipped
        | Event::Finished => return None,
        Event::Summary(text) => text.to_owned(),
        Event::Warning(text) => format!("warning: {}", shown(text)),
        Event::Error(text) => format!("error: {}", shown(text)),
        Event::Stopping => "stopping; press Ctrl-C again to end at once".to_owned(),
    })
}

fn derivations(n: usize) -> String {
    if n == 1 {
        "1 derivation".to_owned()
    } else {
        format!("{n} derivations")
    }
}

fn paths(n: usize) -> String {
    if n == 1 {
        "1 path".to_owned()
    } else {
        format!("{n} paths")
    }
}

#[cfg(test)]
mod tests {
    use super::super::Amount;
    use super::*;
    use std::time::Duration;

    fn shown(show_logs: bool, events: &[Event<'_>]) -> String {
        let mut bytes = Vec::new();
        let lines = Lines::new(&mut bytes, show_logs);
        events.iter().for_each(|event| lines.event(*event));
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn a_run_reads_like_this() {
        let events = [
            Event::Planned(Amount {
                builds: 2,
                fetches: 1,
            }),
            Event::FetchStarted {
                path: "/nix/store/x-lib",
                from: "https://cache.nixos.org",
                bytes: 2048,
            },
            Event::Fetched { bytes: 2048 },
            Event::FetchEnded {
                path: "/nix/store/x-lib",
                ok: true,
            },
            Event::BuildStarted {
                derivation: "/nix/store/y-a.drv",
                name: "a",
            },
            Event::LogLine {
                name: "a",
                line: b"hello \x1b[31mred\x1b[0m \x07\r",
            },
            Event::BuildEnded {
                name: "a",
                time: Duration::from_millis(1234),
                ok: true,
            },
            Event::BuildEnded {
                name: "b",
                time: Duration::from_millis(1),
                ok: false,
            },
            Event::Finished,
        ];
        assert_eq!(
            shown(true, &events),
            "2 derivations to build, 1 path to fetch\n\
             fetching '/nix/store/x-lib' (2.0 KiB) from https://cache.nixos.org...\n\
             building '/nix/store/y-a.drv'...\n\
             a> hello red ^G\n\
             built a in 1.2 s\n"
        );
        assert!(!shown(false, &events).contains("a>"));
    }

    #[test]
    fn nothing_to_do_says_nothing() {
        assert_eq!(
            shown(true, &[Event::Planned(Amount::default()), Event::Finished]),
            ""
        );
    }
}
