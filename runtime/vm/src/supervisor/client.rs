//! The way to a supervisor, which is started if there is none.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wasibuild_vm_protocol::{Frame, FromGuest, GuestHello, ProtocolError, ToGuest};

use super::{Place, Report};
use crate::error::io;
use crate::{Link, MachineError, platform};

/// How much longer than one guest a machine may take to come, with everything that is tried.
const MARGIN: Duration = Duration::from_secs(60);
/// How long a supervisor that listens may take to greet.
const GREETING: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);
/// How often it is looked whether another version's machine has ended.
const OTHER: Duration = Duration::from_millis(500);

/// A connection to a machine.
#[derive(Debug)]
pub struct Connection {
    /// The way to build.
    pub link: Link,
    /// What the guest is.
    pub hello: GuestHello,
}

/// Connects to the supervisor of `place`; none if there is none.
///
/// # Errors
/// When its place cannot be trusted, or it is another version's.
pub fn probe(place: &Place) -> Result<Option<Connection>, MachineError> {
    let socket = place.trusted_socket()?;
    let Ok(stream) = UnixStream::connect(&socket) else {
        return Ok(None);
    };
    let greeted = || -> Option<Result<FromGuest, ProtocolError>> {
        stream.set_read_timeout(Some(GREETING)).ok()?;
        let frame = Frame::read(&mut &stream).ok()??;
        stream.set_read_timeout(None).ok()?;
        Some(FromGuest::of(frame))
    };
    let hello = match greeted() {
        Some(Ok(FromGuest::Hello(hello))) => hello,
        Some(Err(error @ ProtocolError::Version { .. })) => return Err(error.into()),
        // One that is about to end does not greet.
        _ => return Ok(None),
    };
    Ok(Link::new(stream)
        .ok()
        .map(|link| Connection { link, hello }))
}

/// Ends the machine of `place`, whatever version of the protocol it speaks, and waits until it is gone; whether there
/// was one.
///
/// # Errors
/// When its place cannot be trusted.
pub fn stop(place: &Place) -> Result<bool, MachineError> {
    let socket = place.trusted_socket()?;
    let Ok(mut stream) = UnixStream::connect(&socket) else {
        return Ok(false);
    };
    // One that ends at this moment does not listen.
    let _ = ToGuest::Shutdown.frame().write(&mut stream);
    let mut buffer = [0; 4096];
    while let Ok(1..) = stream.read(&mut buffer) {}
    Ok(true)
}

/// Connects to the supervisor of `place`, which `supervisor` starts if there is none. `notice` gets what
/// the user should know; `cancelled` is asked now and then; a guest has `patience` to come. A machine of another
/// version, in which others may build, is waited for.
///
/// # Errors
/// When no machine comes.
pub fn connect(
    place: &Place,
    patience: Duration,
    supervisor: &dyn Fn() -> Command,
    notice: &mut dyn FnMut(&str),
    cancelled: &dyn Fn() -> bool,
) -> Result<Connection, MachineError> {
    let start = Instant::now();
    let mut other = None;
    while start.elapsed() < patience + MARGIN && !cancelled() {
        match probe(place) {
            Ok(Some(connection)) => return Ok(connection),
            Ok(None) => {}
            Err(MachineError::Protocol(error)) => {
                if other.is_none() {
                    notice("a machine of another version of wasibuild runs; waiting until it ends");
                }
                other = Some(MachineError::Protocol(error));
                std::thread::sleep(OTHER);
                continue;
            }
            Err(error) => return Err(error),
        }
        match begin(place, supervisor(), notice, cancelled)? {
            Report::Ready => {}
            // Another program was faster; its machine comes soon.
            _ => std::thread::sleep(PAUSE),
        }
    }
    Err(other.unwrap_or_else(|| MachineError::Gone {
        problem: "no machine came in time".to_owned(),
    }))
}

/// Starts a supervisor and reads its report.
fn begin(
    place: &Place,
    mut supervisor: Command,
    notice: &mut dyn FnMut(&str),
    cancelled: &dyn Fn() -> bool,
) -> Result<Report, MachineError> {
    place.make()?;
    let log = place.log();
    let log = File::create(&log).map_err(io("write", &log))?;
    supervisor
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log);
    platform::detach(&mut supervisor);
    let mut child = supervisor.spawn().map_err(|error| MachineError::Gone {
        problem: format!("its supervisor cannot be started: {error}"),
    })?;
    let (lines, received) = std::sync::mpsc::channel();
    if let Some(output) = child.stdout.take() {
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                let Ok(line) = line else { return };
                if lines.send(line).is_err() {
                    return;
                }
            }
        });
    }
    let result = loop {
        match received.recv_timeout(PAUSE) {
            Ok(line) => match Report::read(&line) {
                Some((Report::Notice, text)) => notice(&text),
                Some((Report::Failed, text)) => break Err(MachineError::Told(text)),
                Some((report, _)) => break Ok(report),
                None => {}
            },
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => {
                break Err(MachineError::Gone {
                    problem: format!(
                        "its supervisor ended before it was ready; '{}' may say why",
                        place.log().display()
                    ),
                });
            }
            // The machine may be for others, too: it is left alone, and ends when nobody needs it.
            Err(_) if cancelled() => break Ok(Report::Taken),
            Err(_) => {}
        }
    };
    // So that it does not stay behind as a zombie if it ends before this program.
    std::thread::spawn(move || child.wait());
    result
}
