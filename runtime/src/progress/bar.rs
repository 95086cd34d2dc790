//! Progress as one bar at the bottom of a terminal, with the lines above it.
//!
//! Contract: the bar shows what runs now and how much is left; log lines and messages scroll past
//! above it. It vanishes at the end. indicatif draws it at most twenty times a second.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::lines::line;
use super::{Amount, Event, Progress, human_size};
use crate::printable::Escapes;

/// Draws a bar on standard error.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
    state: Mutex<State>,
    show_logs: bool,
}

#[derive(Debug, Default)]
struct State {
    planned: Amount,
    built: usize,
    fetched: usize,
    failed: usize,
    bytes: u64,
    running: BTreeMap<String, usize>,
}

impl Bar {
    /// A bar; builders' logs are shown above it only if `show_logs`.
    pub fn new(show_logs: bool) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(20));
        if let Ok(style) = ProgressStyle::with_template("[{bar:24}] {wide_msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        Bar {
            bar,
            state: Mutex::new(State::default()),
            show_logs,
        }
    }
}

impl Progress for Bar {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::LogLine { .. } if !self.show_logs => return,
            // On a terminal the bar says that builds run; a line for each would drown the logs.
            Event::BuildStarted { .. } | Event::FetchStarted { .. } | Event::BuildEnded { .. } => {}
            event => {
                if let Some(line) = line(event, Escapes::KeepColours) {
                    self.bar.println(line);
                }
            }
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.apply(event) {
            return;
        }
        if matches!(event, Event::Finished) {
            self.bar.finish_and_clear();
            return;
        }
        self.bar
            .set_length((state.planned.builds + state.planned.fetches) as u64);
        self.bar
            .set_position((state.built + state.fetched + state.failed) as u64);
        self.bar.set_message(state.message());
        if matches!(event, Event::Planned(_)) {
            self.bar.enable_steady_tick(Duration::from_millis(250));
        }
    }
}

impl State {
    /// Takes an event in; tells whether the bar looks different now.
    fn apply(&mut self, event: Event<'_>) -> bool {
        match event {
            Event::Planned(amount) => self.planned = amount,
            Event::BuildStarted { name, .. } => {
                *self.running.entry(name.to_owned()).or_default() += 1
            }
            Event::BuildEnded { name, ok, .. } => {
                if let Some(count) = self.running.get_mut(name) {
                    *count -= 1;
                    if *count == 0 {
                        self.running.remove(name);
                    }
                }
                if ok {
                    self.built += 1;
                } else {
                    self.failed += 1;
                }
            }
            Event::BuildSkipped => self.built += 1,
            Event::Fetched { bytes } => self.bytes = self.bytes.saturating_add(bytes),
            Event::FetchEnded { ok: true, .. } => self.fetched += 1,
            Event::FetchEnded { ok: false, .. } => self.failed += 1,
            Event::Finished => {}
            _ => return false,
        }
        true
    }

    fn message(&self) -> String {
        let mut parts = Vec::new();
        if self.planned.builds > 0 {
            parts.push(format!("{}/{} built", self.built, self.planned.builds));
        }
        if self.planned.fetches > 0 {
            let (done, all) = (self.fetched, self.planned.fetches);
            parts.push(format!("{done}/{all} fetched ({})", human_size(self.bytes)));
        }
        if self.failed > 0 {
            parts.push(format!("{} failed", self.failed));
        }
        let mut text = parts.join(", ");
        if !self.running.is_empty() {
            let names: Vec<_> = self.running.keys().map(String::as_str).collect();
            text = format!("{text}: {}", names.join(", "));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_counts_and_names() {
        let mut state = State::default();
        state.apply(Event::Planned(Amount {
            builds: 3,
            fetches: 2,
        }));
        state.apply(Event::FetchEnded {
            path: "p",
            ok: true,
        });
        state.apply(Event::Fetched { bytes: 2048 });
        state.apply(Event::BuildStarted {
            derivation: "d",
            name: "b",
        });
        state.apply(Event::BuildStarted {
            derivation: "e",
            name: "a",
        });
        state.apply(Event::BuildEnded {
            name: "b",
            time: Duration::ZERO,
            ok: false,
        });
        assert_eq!(
            state.message(),
            "0/3 built, 1/2 fetched (2.0 KiB), 1 failed: a"
        );
        assert!(!state.apply(Event::Warning("x")));
    }
}
