//! Builds over a control stream, that of a guest or that of a supervisor.
//!
//! Contract: any number of builds at once, each called from a thread of its own. What comes is granted
//! as it is used, so that memory is bounded by the windows of the builds. When the stream ends, every
//! build fails with what is known; nothing waits for ever.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bstr::BString;
use wasibuild_nix_compat::file_system_object::{FileSystemObject, FromNarError, Limits};
use wasibuild_vm_protocol::{
    BUILD_DIRECTORY, BuildSpec, Ending, Frame, FromGuest, ProtocolError, ToGuest, VERSION, WINDOW,
    Window,
};

use crate::outcome::{BuildFailure, LimitKind};

/// How often a build looks whether it was cancelled.
const TICK: Duration = Duration::from_millis(50);

/// Bytes are granted when so many were used: a guest needs a moment for each message. The rest of the window
/// keeps it busy meanwhile.
const GRANT: u64 = WINDOW / 4;

/// How long a build that was ended may take to be gone, before the machine counts as hanging.
const MERCY: Duration = Duration::from_secs(30);

/// What a build may take, beside the bounds that the guest holds.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Wall time.
    pub timeout: Option<Duration>,
    /// Wall time without a log.
    pub max_silent_time: Option<Duration>,
    /// Bytes of log.
    pub log_size: u64,
    /// Outputs.
    pub outputs: Limits,
}

/// What a failed build left.
#[derive(Debug, Default)]
pub struct Leftovers {
    /// By the names under which the builder saw it: `build`, or an output's base name.
    pub trees: BTreeMap<BString, FileSystemObject>,
    /// Why there is no more.
    pub problem: Option<BuildFailure>,
}

/// See the module.
#[derive(Debug)]
pub struct Link {
    writer: Mutex<UnixStream>,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    last: u32,
    builds: BTreeMap<u32, Open>,
    /// Why nothing comes any more.
    ended: Option<String>,
}

#[derive(Debug)]
struct Open {
    events: mpsc::Sender<FromGuest>,
    window: Window,
}

impl Link {
    /// Greets on a stream whose other side has greeted.
    ///
    /// # Errors
    /// When the stream fails.
    pub fn new(stream: UnixStream) -> Result<Self, ProtocolError> {
        let shared = Arc::new(Mutex::new(Shared::default()));
        let reader = BufReader::with_capacity(64 << 10, stream.try_clone()?);
        let link = Link {
            writer: Mutex::new(stream),
            shared: Arc::clone(&shared),
        };
        link.send(&ToGuest::Hello { version: VERSION })?;
        std::thread::spawn(move || {
            let reason = match receive(reader, &shared) {
                Ok(()) => "the control stream ended".to_owned(),
                Err(error) => error.to_string(),
            };
            let mut shared = lock(&shared);
            shared.ended = Some(reason);
            // Their receivers learn that nothing will come.
            shared.builds.clear();
        });
        Ok(link)
    }

    /// Ends the machine.
    ///
    /// # Errors
    /// When the stream fails.
    pub fn shutdown(&self) -> Result<(), ProtocolError> {
        self.send(&ToGuest::Shutdown)
    }

    /// Why nothing comes any more, if so.
    pub fn ended(&self) -> Option<String> {
        lock(&self.shared).ended.clone()
    }

    fn send(&self, message: &ToGuest) -> Result<(), ProtocolError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        message.frame().write(&mut *writer)
    }

    /// Types for an interactive build.
    ///
    /// # Errors
    /// When the stream fails.
    pub fn input(&self, build: u32, bytes: Vec<u8>) -> Result<(), ProtocolError> {
        self.send(&ToGuest::Input(build, bytes))
    }

    /// Builds; the outputs by name. `log` gets what is printed, `started` the build's number, and
    /// `cancelled` is asked now and then. What the builder leaves if it fails by itself goes to `left`, if `spec`
    /// asks for it.
    ///
    /// # Errors
    /// [`BuildFailure`].
    pub fn build(
        &self,
        spec: BuildSpec,
        bounds: &Bounds,
        log: &mut dyn FnMut(&[u8]),
        cancelled: &dyn Fn() -> bool,
        started: &mut dyn FnMut(u32),
        left: &mut Leftovers,
    ) -> Result<BTreeMap<String, FileSystemObject>, BuildFailure> {
        let (events, receiver) = mpsc::channel();
        let number = {
            let mut shared = lock(&self.shared);
            if let Some(reason) = &shared.ended {
                return Err(BuildFailure::Gone(reason.clone()));
            }
            let number = loop {
                shared.last = shared.last.wrapping_add(1).max(1);
                if !shared.builds.contains_key(&shared.last) {
                    break shared.last;
                }
            };
            let window = Window::default();
            shared.builds.insert(number, Open { events, window });
            number
        };
        let names: Vec<String> = spec
            .outputs
            .iter()
            .map(|(name, _)| name.to_string())
            .collect();
        let kept: Vec<BString> = spec
            .keep_failed
            .then(|| std::iter::once(BUILD_DIRECTORY.into()))
            .into_iter()
            .flatten()
            .chain(spec.outputs.iter().map(|(_, base)| base.clone()))
            .collect();
        let keep = spec.keep_failed;
        let now = Instant::now();
        let mut build = Building {
            link: self,
            number,
            receiver,
            start: now,
            last_log: now,
            bounds,
            cancelled,
            ended: false,
            finished: false,
            used: 0,
        };
        let message = ToGuest::Build(number, Box::new(spec));
        let result = match self.send(&message) {
            Ok(()) => {
                started(number);
                build.run(&names, log)
            }
            Err(ProtocolError::Io(error)) => Err(BuildFailure::Gone(error.to_string())),
            Err(error) => Err(error.into()),
        };
        if let Err(failure) = &result
            && keep
            && build.ended
            && !build.finished
            && !matches!(failure, BuildFailure::Gone(_) | BuildFailure::Protocol(_))
        {
            left.problem = build.leftovers(&kept, &mut left.trees).err();
        }
        if result.is_err() && !build.finished {
            build.end();
        }
        lock(&self.shared).builds.remove(&number);
        result
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands messages to their builds.
fn receive(mut reader: impl Read, shared: &Mutex<Shared>) -> Result<(), ProtocolError> {
    while let Some(frame) = Frame::read(&mut reader)? {
        let number = frame.build;
        let message = FromGuest::of(frame)?;
        let mut shared = lock(shared);
        let Some(open) = shared.builds.get_mut(&number) else {
            // Of a build that was given up.
            continue;
        };
        if let FromGuest::Log(_, bytes) | FromGuest::Archive(_, bytes) = &message {
            open.window.spend(bytes.len() as u64)?;
        }
        let _ = open.events.send(message);
    }
    Ok(())
}

/// One build, as who called sees it.
struct Building<'l> {
    link: &'l Link,
    number: u32,
    receiver: Receiver<FromGuest>,
    start: Instant,
    last_log: Instant,
    bounds: &'l Bounds,
    cancelled: &'l dyn Fn() -> bool,
    /// Whether the builder failed by itself.
    ended: bool,
    /// Whether the guest said that nothing more comes.
    finished: bool,
    /// Bytes that were used and not granted again.
    used: u64,
}

impl Building<'_> {
    fn run(
        &mut self,
        names: &[String],
        log: &mut dyn FnMut(&[u8]),
    ) -> Result<BTreeMap<String, FileSystemObject>, BuildFailure> {
        let mut outputs = BTreeMap::new();
        let mut logged = 0_u64;
        let mut succeeded = false;
        loop {
            match self.next()? {
                FromGuest::Log(_, bytes) if !succeeded => {
                    self.last_log = Instant::now();
                    logged = logged.saturating_add(bytes.len() as u64);
                    if logged > self.bounds.log_size {
                        return Err(BuildFailure::Limit(LimitKind::LogSize));
                    }
                    log(&bytes);
                    self.grant(bytes.len())?;
                }
                FromGuest::Ended(_, Ending::Exited(0)) if !succeeded => succeeded = true,
                FromGuest::Ended(_, ending) => {
                    self.ended = !succeeded;
                    return Err(failure_of(ending));
                }
                FromGuest::Output(_, name) if succeeded => {
                    let name = name.to_string();
                    if !names.contains(&name) || outputs.contains_key(&name) {
                        return Err(BuildFailure::BadOutput {
                            output: name,
                            problem: "the machine sent it although it was not asked for".to_owned(),
                        });
                    }
                    let object = self.output(&name)?;
                    outputs.insert(name, object);
                }
                FromGuest::Finished(_) if succeeded => break,
                other => return Err(unexpected(&other)),
            }
        }
        match names.iter().find(|name| !outputs.contains_key(*name)) {
            Some(missing) => Err(BuildFailure::MissingOutput(missing.clone())),
            None => Ok(outputs),
        }
    }

    /// What a builder that failed left, to the last message.
    fn leftovers(
        &mut self,
        names: &[BString],
        trees: &mut BTreeMap<BString, FileSystemObject>,
    ) -> Result<(), BuildFailure> {
        loop {
            match self.next()? {
                FromGuest::Output(_, name)
                    if names.contains(&name) && !trees.contains_key(&name) =>
                {
                    let tree = self.output(&name.to_string())?;
                    trees.insert(name, tree);
                }
                FromGuest::Finished(_) => return Ok(()),
                FromGuest::Ended(_, ending) => return Err(failure_of(ending)),
                other => return Err(unexpected(&other)),
            }
        }
    }

    /// The next message, unless time is up.
    fn next(&mut self) -> Result<FromGuest, BuildFailure> {
        loop {
            match self.receiver.recv_timeout(TICK) {
                Ok(message) => {
                    self.finished |= matches!(message, FromGuest::Finished(_));
                    return Ok(message);
                }
                Err(RecvTimeoutError::Disconnected) => return Err(self.gone()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if (self.cancelled)() {
                return Err(BuildFailure::Cancelled);
            }
            let passed = |bound: Option<Duration>, since: Instant| {
                bound.is_some_and(|bound| since.elapsed() > bound)
            };
            if passed(self.bounds.timeout, self.start) {
                return Err(BuildFailure::Limit(LimitKind::Timeout));
            }
            if passed(self.bounds.max_silent_time, self.last_log) {
                return Err(BuildFailure::Limit(LimitKind::Silence));
            }
        }
    }

    fn gone(&self) -> BuildFailure {
        let reason = self.link.ended();
        BuildFailure::Gone(reason.unwrap_or_else(|| "the control stream ended".to_owned()))
    }

    fn grant(&mut self, bytes: usize) -> Result<(), BuildFailure> {
        self.used = self.used.saturating_add(bytes as u64);
        if self.used < GRANT {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.used);
        if let Some(open) = lock(&self.link.shared).builds.get_mut(&self.number) {
            open.window.grant(bytes);
        }
        match self.link.send(&ToGuest::Grant(self.number, bytes)) {
            Err(ProtocolError::Io(_)) => Err(self.gone()),
            other => Ok(other?),
        }
    }

    /// Reads an archive to its last byte.
    fn output(&mut self, name: &str) -> Result<FileSystemObject, BuildFailure> {
        let limits = self.bounds.outputs;
        let mut archive = Archive {
            build: self,
            rest: Vec::new(),
            used: 0,
            complete: false,
            failure: None,
        };
        let result = FileSystemObject::from_nar(&mut archive, &limits, &mut tempfile::tempfile);
        if let Some(failure) = archive.failure {
            return Err(failure);
        }
        let bad = |problem: String| BuildFailure::BadOutput {
            output: name.to_owned(),
            problem,
        };
        let object = match result {
            Ok(object) => object,
            Err(FromNarError::TooManyNodes(_) | FromNarError::TooLarge(_)) => {
                return Err(BuildFailure::Limit(LimitKind::OutputSize));
            }
            Err(error) => return Err(bad(with_sources(&error))),
        };
        match archive.read(&mut [0]) {
            Ok(0) => Ok(object),
            Ok(_) => Err(bad("bytes follow its archive".to_owned())),
            Err(error) => Err(archive.failure.unwrap_or_else(|| bad(error.to_string()))),
        }
    }

    /// Ends the build, and waits until the guest says that it is gone.
    fn end(&mut self) {
        if self.link.send(&ToGuest::Kill(self.number)).is_err() {
            return;
        }
        let start = Instant::now();
        while start.elapsed() < MERCY {
            match self.receiver.recv_timeout(TICK) {
                Ok(FromGuest::Finished(_)) | Err(RecvTimeoutError::Disconnected) => return,
                _ => {}
            }
        }
    }
}

/// An error with what caused it.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

/// A builder's end that is no success.
fn failure_of(ending: Ending) -> BuildFailure {
    match ending {
        Ending::Exited(status) => BuildFailure::Exited(status),
        Ending::Signalled(signal) => BuildFailure::Signalled(signal),
        Ending::Killed => BuildFailure::Cancelled,
        Ending::OutOfMemory => BuildFailure::Limit(LimitKind::Memory),
        Ending::Failed(words) => BuildFailure::Agent(String::from_utf8_lossy(&words).into_owned()),
    }
}

fn unexpected(message: &FromGuest) -> BuildFailure {
    let what = match message {
        FromGuest::Log(..) => "a log after the builder's end",
        FromGuest::Output(..) | FromGuest::Archive(..) | FromGuest::OutputEnd(_) => {
            "an output in the wrong place"
        }
        FromGuest::Finished(_) => "an end before the builder's",
        _ => "a message that is not about a build",
    };
    BuildFailure::Agent(format!("the machine's agent sent {what}"))
}

/// An archive's bytes as they come.
struct Archive<'b, 'l> {
    build: &'b mut Building<'l>,
    rest: Vec<u8>,
    used: usize,
    complete: bool,
    /// Why reading failed, where it was not the archive's fault.
    failure: Option<BuildFailure>,
}

impl Read for Archive<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let rest = self.rest.get(self.used..).unwrap_or_default();
            if !rest.is_empty() || self.complete {
                let count = rest.len().min(buffer.len());
                for (to, from) in buffer.iter_mut().zip(rest) {
                    *to = *from;
                }
                self.used += count;
                return Ok(count);
            }
            let step = match self.build.next() {
                Ok(FromGuest::Archive(_, bytes)) => {
                    let granted = self.build.grant(bytes.len());
                    self.rest = bytes;
                    self.used = 0;
                    granted
                }
                Ok(FromGuest::OutputEnd(_)) => {
                    self.complete = true;
                    Ok(())
                }
                Ok(FromGuest::Ended(_, Ending::Failed(words))) => Err(BuildFailure::Agent(
                    String::from_utf8_lossy(&words).into_owned(),
                )),
                Ok(other) => Err(unexpected(&other)),
                Err(failure) => Err(failure),
            };
            if let Err(failure) = step {
                let text = failure.to_string();
                self.failure = Some(failure);
                return Err(io::Error::other(text));
            }
        }
    }
}
