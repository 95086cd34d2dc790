//! Passes frames on between clients and the guest.
//!
//! Contract: a client's builds have other numbers at the guest; nothing else of a frame is changed, and
//! only its head is looked at. What a build may send is counted here as well, so that a guest that floods
//! ends, and a client that does not read holds up no other. A client that goes takes its builds with it.
//! A guest that does not answer while it builds is ended, and one for whose swap space the host has no room.

use std::collections::BTreeMap;
use std::io::{BufReader, ErrorKind};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wasibuild_vm_protocol::{
    Frame, FromGuest, GuestHello, Kind, ProtocolError, ToGuest, VERSION, Window,
};

use crate::scratch::Watch;

/// How often a guest that builds is asked whether it is there; more often if it has little time to answer.
const ASK: Duration = Duration::from_secs(20);

/// How often the host's disk is looked at while something is built.
const LOOK: Duration = Duration::from_secs(1);

type Reason = String;

/// When a machine ends.
#[derive(Debug)]
pub struct Bounds {
    /// After so long without a build.
    pub idle: Duration,
    /// After so long without an answer.
    pub patience: Duration,
    /// When the host has no room for what it swaps.
    pub disk: Option<Watch>,
}

/// A build, by its number at the guest.
#[derive(Debug)]
struct Route {
    /// Who wants it; none if that client is gone.
    client: Option<u64>,
    /// Its number there.
    number: u32,
    window: Window,
}

#[derive(Debug)]
struct State {
    clients: BTreeMap<u64, mpsc::Sender<Frame>>,
    last_client: u64,
    builds: BTreeMap<u32, Route>,
    last_build: u32,
    /// Since when nothing is built.
    idle_since: Instant,
    /// When the guest said something.
    heard: Instant,
    asked: Instant,
    ended: Option<Reason>,
}

#[derive(Debug)]
struct Relay {
    state: Mutex<State>,
    changed: Condvar,
    guest: Mutex<UnixStream>,
    hello: GuestHello,
}

/// Serves until the machine is to end; why.
pub fn run(
    stream: UnixStream,
    listener: &UnixListener,
    hello: GuestHello,
    bounds: &Bounds,
) -> Reason {
    let reader = match stream.try_clone() {
        Ok(reader) => reader,
        Err(error) => return error.to_string(),
    };
    if let Err(error) = stream.set_write_timeout(Some(bounds.patience)) {
        return error.to_string();
    }
    let now = Instant::now();
    let relay = Arc::new(Relay {
        state: Mutex::new(State {
            clients: BTreeMap::new(),
            last_client: 0,
            builds: BTreeMap::new(),
            last_build: 0,
            idle_since: now,
            heard: now,
            asked: now,
            ended: None,
        }),
        changed: Condvar::new(),
        guest: Mutex::new(stream),
        hello,
    });
    if let Err(error) = relay.to_guest(&ToGuest::Hello { version: VERSION }.frame()) {
        return error.to_string();
    }
    {
        let relay = Arc::clone(&relay);
        std::thread::spawn(move || {
            let reason = match relay.guest_speaks(reader) {
                Ok(()) => "QEMU ended".to_owned(),
                Err(error) => error.to_string(),
            };
            relay.end(reason);
        });
    }
    if let Ok(listener) = listener.try_clone() {
        let relay = Arc::clone(&relay);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { continue };
                let relay = Arc::clone(&relay);
                std::thread::spawn(move || relay.serve(client));
            }
        });
    }
    relay.wait(bounds)
}

impl Relay {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, reason: Reason) {
        self.state().ended.get_or_insert(reason);
        self.changed.notify_all();
    }

    /// Says something to the guest. One that does not listen is ended.
    fn to_guest(&self, frame: &Frame) -> Result<(), ProtocolError> {
        let mut guest = self.guest.lock().unwrap_or_else(PoisonError::into_inner);
        let result = frame.write(&mut *guest);
        drop(guest);
        if let Err(error) = &result {
            self.end(match error {
                ProtocolError::Io(error) if error.kind() == ErrorKind::WouldBlock => {
                    "it does not read what it is told (vm.patience)".to_owned()
                }
                other => other.to_string(),
            });
        }
        result
    }

    /// Waits for the end.
    fn wait(&self, bounds: &Bounds) -> Reason {
        let Bounds { idle, patience, .. } = *bounds;
        let ask = ASK.min(patience / 6);
        let mut state = self.state();
        loop {
            if let Some(reason) = &state.ended {
                return reason.clone();
            }
            let pause;
            if state.builds.is_empty() {
                let since = state.idle_since.elapsed();
                if since >= idle {
                    let reason = format!("nothing was built for {} s", idle.as_secs());
                    state.ended = Some(reason.clone());
                    return reason;
                }
                pause = idle.saturating_sub(since);
            } else if state.heard.elapsed() > patience {
                return format!(
                    "it did not answer for {} s (vm.patience)",
                    patience.as_secs()
                );
            } else if let Some(problem) = bounds.disk.as_ref().and_then(Watch::problem) {
                return problem;
            } else {
                if state.asked.elapsed() >= ask {
                    state.asked = Instant::now();
                    drop(state);
                    let _ = self.to_guest(&ToGuest::Ping(0).frame());
                    state = self.state();
                }
                pause = ask.min(LOOK);
            }
            let pause = pause.max(Duration::from_millis(1));
            state = self
                .changed
                .wait_timeout(state, pause)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Reads what the guest says.
    fn guest_speaks(&self, stream: UnixStream) -> Result<(), ProtocolError> {
        let mut reader = BufReader::with_capacity(64 << 10, stream);
        while let Some(mut frame) = Frame::read(&mut reader)? {
            let mut state = self.state();
            state.heard = Instant::now();
            let done = frame.kind == Kind::Finished;
            let size = match frame.kind {
                Kind::Log | Kind::Archive => frame.content.len() as u64,
                Kind::Ended | Kind::Output | Kind::OutputEnd | Kind::Finished => 0,
                Kind::Pong => continue,
                other => return Err(ProtocolError::WrongSide(other)),
            };
            let Some(route) = state.builds.get_mut(&frame.build) else {
                return Err(ProtocolError::Malformed {
                    what: "the number of a build",
                    problem: "there is no such build",
                });
            };
            route.window.spend(size)?;
            let (client, number) = (route.client, route.number);
            if done {
                state.builds.remove(&frame.build);
                state.idle_since = Instant::now();
                self.changed.notify_all();
            }
            frame.build = number;
            if let Some(sender) = client.and_then(|client| state.clients.get(&client)) {
                let _ = sender.send(frame);
            }
        }
        Ok(())
    }

    /// Serves one client to its end.
    fn serve(&self, stream: UnixStream) {
        let (sender, frames) = mpsc::channel::<Frame>();
        let client = {
            let mut state = self.state();
            if state.ended.is_some() {
                return;
            }
            state.last_client += 1;
            let client = state.last_client;
            let _ = sender.send(FromGuest::Hello(self.hello.clone()).frame());
            state.clients.insert(client, sender);
            client
        };
        if let Ok(mut writer) = stream.try_clone() {
            std::thread::spawn(move || {
                for frame in frames {
                    if frame.write(&mut writer).is_err() {
                        // Its reader learns of it.
                        let _ = writer.shutdown(std::net::Shutdown::Both);
                        return;
                    }
                }
            });
            if let Err(error) = self.client_speaks(client, stream) {
                eprintln!("wasibuild: a client was given up: {error}");
            }
        }
        self.leave(client);
    }

    fn client_speaks(&self, client: u64, stream: UnixStream) -> Result<(), ProtocolError> {
        let mut reader = BufReader::with_capacity(64 << 10, stream);
        while let Some(mut frame) = Frame::read(&mut reader)? {
            let number = frame.build;
            let mut state = self.state();
            match frame.kind {
                Kind::HostHello => {
                    if let ToGuest::Hello { version } = ToGuest::of(frame)?
                        && version != VERSION
                    {
                        return Err(ProtocolError::Version {
                            expected: VERSION,
                            found: version,
                        });
                    }
                    continue;
                }
                Kind::Ping => {
                    if let Some(sender) = state.clients.get(&client) {
                        let _ = sender.send(FromGuest::Pong(number).frame());
                    }
                    continue;
                }
                Kind::Shutdown => {
                    drop(state);
                    self.end("it was told to end".to_owned());
                    return Ok(());
                }
                Kind::Build => {
                    // What the guest cannot read would be the end of it, and of others' builds.
                    ToGuest::of(frame.clone())?;
                    if find(&state, client, number).is_some() {
                        return Err(ProtocolError::Malformed {
                            what: "the number of a build",
                            problem: "it is in use",
                        });
                    }
                    if state.ended.is_some() {
                        return Ok(());
                    }
                    let route = Route {
                        client: Some(client),
                        number,
                        window: Window::default(),
                    };
                    frame.build = loop {
                        state.last_build = state.last_build.wrapping_add(1).max(1);
                        if !state.builds.contains_key(&state.last_build) {
                            break state.last_build;
                        }
                    };
                    let now = Instant::now();
                    if state.builds.is_empty() {
                        (state.heard, state.asked) = (now, now);
                    }
                    state.builds.insert(frame.build, route);
                    self.changed.notify_all();
                }
                _ => {
                    // A build may have ended while its client spoke of it.
                    let Some(build) = find(&state, client, number) else {
                        continue;
                    };
                    frame.build = build;
                    if let ToGuest::Grant(build, bytes) = ToGuest::of(frame.clone())?
                        && let Some(route) = state.builds.get_mut(&build)
                    {
                        route.window.grant(bytes);
                    }
                }
            }
            drop(state);
            self.to_guest(&frame)?;
        }
        Ok(())
    }

    /// Ends what a client left.
    fn leave(&self, client: u64) {
        let mut state = self.state();
        state.clients.remove(&client);
        let mut left = Vec::new();
        for (build, route) in &mut state.builds {
            if route.client == Some(client) {
                route.client = None;
                left.push(*build);
            }
        }
        drop(state);
        for build in left {
            let _ = self.to_guest(&ToGuest::Kill(build).frame());
        }
    }
}

/// A client's build, as the guest knows it.
fn find(state: &State, client: u64, number: u32) -> Option<u32> {
    let mut builds = state.builds.iter();
    builds
        .find(|(_, route)| route.client == Some(client) && route.number == number)
        .map(|(build, _)| *build)
}
