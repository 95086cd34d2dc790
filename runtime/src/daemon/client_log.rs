//! What the client sees while it waits, and the end of its waiting.
//!
//! Contract: messages are sent only between a request and its answer, one after the other from
//! whatever thread they come; one that cannot be sent is dropped, since whether the client is still
//! there is noticed elsewhere. Nix's counterpart is `TunnelLogger`.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use wasibuild_worker_protocol::{Activity, Field, Message, ProtocolError, Writer};

use super::lock;
use crate::progress::{Event, Progress};

/// The client's end of the connection.
pub(super) type Output = Writer<BufWriter<Box<dyn Write + Send>>>;

/// `Verbosity` in Nix.
const LEVEL_INFO: u64 = 3;
/// `actSubstitute` in Nix.
const SUBSTITUTE: u64 = 108;

/// See the module.
pub(super) struct ClientLog {
    state: Mutex<State>,
    next_activity: AtomicU64,
}

struct State {
    output: Output,
    /// Whether the client waits for messages.
    working: bool,
    /// The activity of each build that runs and of each path that is fetched.
    activities: BTreeMap<String, u64>,
}

impl ClientLog {
    pub(super) fn new(output: Output) -> Self {
        ClientLog {
            state: Mutex::new(State {
                output,
                working: false,
                activities: BTreeMap::new(),
            }),
            // Not small numbers: Nix's own activities have those, and some versions mix them.
            next_activity: AtomicU64::new(1 << 32),
        }
    }

    /// From now on messages are sent.
    pub(super) fn begin(&self) {
        lock(&self.state).working = true;
    }

    /// No more messages; the last one is `message`, then the answer.
    pub(super) fn end(
        &self,
        message: &Message,
        answer: impl FnOnce(&mut Output) -> Result<(), ProtocolError>,
    ) -> Result<(), ProtocolError> {
        let mut state = lock(&self.state);
        state.working = false;
        state.activities.clear();
        message.write(&mut state.output)?;
        answer(&mut state.output)?;
        Ok(state.output.get_mut().flush()?)
    }

    fn start(&self, key: String, kind: u64, text: String, fields: Vec<Field>) {
        let id = self.next_activity.fetch_add(1, Ordering::Relaxed);
        let mut state = lock(&self.state);
        state.activities.insert(key, id);
        state.say(&Message::StartActivity(Activity {
            id,
            level: LEVEL_INFO,
            kind,
            text: text.into(),
            fields,
            parent: 0,
        }));
    }

    fn stop(&self, key: &str) {
        let mut state = lock(&self.state);
        if let Some(id) = state.activities.remove(key) {
            state.say(&Message::StopActivity(id));
        }
    }

    fn say(&self, text: String) {
        lock(&self.state).say(&Message::Next(text.into()));
    }
}

impl State {
    fn say(&mut self, message: &Message) {
        if !self.working {
            return;
        }
        let sent = message
            .write(&mut self.output)
            .and_then(|()| Ok(self.output.get_mut().flush()?));
        if sent.is_err() {
            self.working = false;
        }
    }
}

impl Progress for ClientLog {
    fn event(&self, event: Event<'_>) {
        let text = |text: &str| Field::Text(text.into());
        match event {
            Event::BuildStarted { derivation, name } => self.start(
                build(name),
                Message::BUILD,
                format!("building '{derivation}'"),
                vec![
                    text(derivation),
                    text(""),
                    Field::Number(1),
                    Field::Number(1),
                ],
            ),
            Event::LogLine { name, line } => {
                let mut state = lock(&self.state);
                let activity = state.activities.get(&build(name)).copied();
                state.say(&Message::log_line(activity.unwrap_or_default(), line));
            }
            Event::BuildEnded { name, .. } => self.stop(&build(name)),
            Event::FetchStarted { path, from, .. } => self.start(
                path.to_owned(),
                SUBSTITUTE,
                format!("copying path '{path}' from '{from}'"),
                vec![text(path), text(from)],
            ),
            Event::FetchEnded { path, .. } => self.stop(path),
            Event::Warning(text) => self.say(format!("warning: {text}\n")),
            Event::WaitingForLock { path } => {
                self.say(format!("waiting for the lock on '{path}'\n"))
            }
            // Errors are the answer; the rest is for terminals.
            _ => {}
        }
    }
}

/// The key of a build: its log lines carry no more than the derivation's name.
fn build(name: &str) -> String {
    format!("build {name}")
}
