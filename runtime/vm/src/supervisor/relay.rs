//! Passes frames on between clients and the guest.
//!
//! Contract: a client's builds have other numbers at the guest, and their inputs other places ([`super::inputs`]);
//! nothing else of a frame is changed. What a build needs may take a while: meanwhile its client's other frames pass,
//! and what is said of it is kept ([`super::preparing`]). What a build may send is counted here as well, so that a guest that floods
//! ends, and a client that does not read holds up no other. A client that goes takes its builds with it.
//! A guest that does not answer while it builds is ended, and one for whose swap space the host has no room.

use std::collections::BTreeMap;
use std::io::{BufReader, ErrorKind};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wasibuild_vm_protocol::{
    BuildSpec, Ending, Frame, FromGuest, GuestHello, Kind, MAX_REQUEST, ProtocolError, ToGuest,
    VERSION, Window,
};

use super::inputs::Inputs;
use super::preparing::Preparing;
use crate::scratch::Watch;

/// How often a guest that builds is asked whether it is there; more often if it has little time to answer.
const ASK: Duration = Duration::from_secs(20);

/// How often the host's disk is looked at while something is built.
const LOOK: Duration = Duration::from_secs(1);

type Reason = String;

/// Why a machine ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// What another machine may be spared.
    Reason(Reason),
    /// What another one would meet as well.
    GivenUp(Reason),
}

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
    /// If the guest does not know of it yet.
    preparing: Option<Preparing>,
}

impl Route {
    /// Whether the guest may speak of it.
    fn is_told(&self) -> bool {
        self.preparing.as_ref().is_none_or(Preparing::is_told)
    }
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
    inputs: Inputs,
}

/// Serves until the machine is to end; why.
pub fn run(
    stream: UnixStream,
    listener: &UnixListener,
    hello: GuestHello,
    inputs: Inputs,
    bounds: &Bounds,
) -> End {
    let reader = match stream.try_clone() {
        Ok(reader) => reader,
        Err(error) => return End::Reason(error.to_string()),
    };
    if let Err(error) = stream.set_write_timeout(Some(bounds.patience)) {
        return End::Reason(error.to_string());
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
        inputs,
    });
    if let Err(error) = relay.to_guest(&ToGuest::Hello { version: VERSION }.frame()) {
        return End::Reason(error.to_string());
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
    fn wait(&self, bounds: &Bounds) -> End {
        let Bounds { idle, patience, .. } = *bounds;
        let ask = ASK.min(patience / 6);
        let mut state = self.state();
        loop {
            if let Some(reason) = &state.ended {
                return End::Reason(reason.clone());
            }
            let pause;
            if state.builds.is_empty() {
                let since = state.idle_since.elapsed();
                if since >= idle {
                    let reason = format!("nothing was built for {} s", idle.as_secs());
                    state.ended = Some(reason.clone());
                    return End::Reason(reason);
                }
                pause = idle.saturating_sub(since);
            } else if state.heard.elapsed() > patience {
                return End::Reason(format!(
                    "it did not answer for {} s (vm.patience)",
                    patience.as_secs()
                ));
            } else if let Some(problem) = bounds.disk.as_ref().and_then(Watch::problem) {
                return End::GivenUp(problem);
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
            let known = state.builds.get_mut(&frame.build);
            let Some(route) = known.filter(|route| route.is_told()) else {
                return Err(ProtocolError::Malformed {
                    what: "the number of a build",
                    problem: "there is no such build",
                });
            };
            route.window.spend(size)?;
            let (client, number) = (route.client, route.number);
            if done {
                self.over(&mut state, frame.build);
            }
            frame.build = number;
            if let Some(sender) = client.and_then(|client| state.clients.get(&client)) {
                let _ = sender.send(frame);
            }
        }
        Ok(())
    }

    /// Serves one client to its end.
    fn serve(self: &Arc<Self>, stream: UnixStream) {
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
                crate::say!("wasibuild: a client was given up: {error}");
            }
        }
        self.leave(client);
    }

    fn client_speaks(
        self: &Arc<Self>,
        client: u64,
        stream: UnixStream,
    ) -> Result<(), ProtocolError> {
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
                    let ToGuest::Build(_, spec) = ToGuest::of(frame)? else {
                        continue;
                    };
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
                        preparing: Some(Preparing::default()),
                    };
                    let build = loop {
                        state.last_build = state.last_build.wrapping_add(1).max(1);
                        if !state.builds.contains_key(&state.last_build) {
                            break state.last_build;
                        }
                    };
                    let now = Instant::now();
                    if state.builds.is_empty() {
                        (state.heard, state.asked) = (now, now);
                    }
                    state.builds.insert(build, route);
                    self.changed.notify_all();
                    drop(state);
                    if self.inputs.are_shared() {
                        self.begin(build, spec);
                    } else {
                        let relay = Arc::clone(self);
                        std::thread::spawn(move || relay.begin(build, spec));
                    }
                    continue;
                }
                _ => {
                    // A build may have ended while its client spoke of it.
                    let Some(build) = find(&state, client, number) else {
                        continue;
                    };
                    frame.build = build;
                    let message = ToGuest::of(frame.clone())?;
                    // Who is no machine's owner has no say in what it shows.
                    if matches!(message, ToGuest::Image(_) | ToGuest::DropImage(_)) {
                        return Err(ProtocolError::WrongSide(frame.kind));
                    }
                    let Some(route) = state.builds.get_mut(&build) else {
                        continue;
                    };
                    if let ToGuest::Grant(_, bytes) = message {
                        route.window.grant(bytes);
                    }
                    if let Some(preparing) = &mut route.preparing {
                        preparing.keep(frame);
                        continue;
                    }
                }
            }
            drop(state);
            self.to_guest(&frame)?;
        }
        Ok(())
    }

    /// Sees to it that the guest can show a build what it needs, and tells it of the build.
    fn begin(&self, build: u32, mut spec: Box<BuildSpec>) {
        let preparing = |state: &mut State, then: &mut dyn FnMut(&mut Preparing)| {
            let route = state.builds.get_mut(&build);
            let preparing = route.and_then(|route| route.preparing.as_mut());
            preparing.map(then).is_some()
        };
        let mut stop = Default::default();
        preparing(&mut self.state(), &mut |one| stop = one.stop());
        let mut tell = |message: &ToGuest| self.to_guest(&message.frame());
        let prepared = self
            .inputs
            .prepare(build, &mut spec.inputs, &stop, &mut tell);
        let frame = ToGuest::Build(build, spec).frame();
        let mut ending = match prepared {
            Err(problem) => Some(Ending::Failed(problem.to_string().into())),
            Ok(()) if frame.content.len() > MAX_REQUEST as usize => {
                Some(Ending::Failed("its description is too long".into()))
            }
            Ok(()) => None,
        };
        let mut state = self.state();
        preparing(&mut state, &mut |one| {
            if one.is_stopped() {
                ending = Some(Ending::Killed);
            }
            one.tell();
        });
        if let Some(ending) = ending {
            self.refuse(&mut state, build, ending);
            return;
        }
        drop(state);
        if self.to_guest(&frame).is_err() {
            return;
        }
        // What its client said of it in the meantime, until there is no more of that.
        loop {
            let mut state = self.state();
            let Some(route) = state.builds.get_mut(&build) else {
                return;
            };
            let later = route.preparing.as_mut().map(Preparing::later);
            let later = later.unwrap_or_default();
            if later.is_empty() {
                route.preparing = None;
                return;
            }
            drop(state);
            for frame in later {
                if self.to_guest(&frame).is_err() {
                    return;
                }
            }
        }
    }

    /// Ends a build of which the guest was not told.
    fn refuse(&self, state: &mut State, build: u32, ending: Ending) {
        let route = state.builds.get(&build);
        let found = route.and_then(|route| Some((route.client?, route.number)));
        self.over(state, build);
        let Some((client, number)) = found else {
            return;
        };
        if let Some(sender) = state.clients.get(&client) {
            let _ = sender.send(FromGuest::Ended(number, ending).frame());
            let _ = sender.send(FromGuest::Finished(number).frame());
        }
    }

    /// A build is over: its number is free, and what was kept for it.
    fn over(&self, state: &mut State, build: u32) {
        state.builds.remove(&build);
        state.idle_since = Instant::now();
        self.inputs.release(build);
        self.changed.notify_all();
    }

    /// Ends what a client left.
    fn leave(&self, client: u64) {
        let mut state = self.state();
        state.clients.remove(&client);
        let mut left = Vec::new();
        for (build, route) in &mut state.builds {
            if route.client == Some(client) {
                route.client = None;
                let kill = ToGuest::Kill(*build).frame();
                match &mut route.preparing {
                    Some(preparing) => preparing.keep(kill),
                    None => left.push(kill),
                }
            }
        }
        drop(state);
        for kill in left {
            let _ = self.to_guest(&kill);
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
