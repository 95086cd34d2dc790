//! The process that owns a machine, for all programs of a user.
//!
//! Contract: one for each architecture and store, held by a lock, so that programs that start at once
//! get the same. It listens on a socket in a directory that only its user may enter, passes frames on
//! between its clients and the guest ([`relay`]), and ends when nothing was built for a while, when it is
//! told to, or when the guest ends. QEMU ends with it, however it ends. Its first lines on standard
//! output tell who started it how it went ([`Report`]).

mod client;
mod inputs;
mod place;
mod preparing;
mod relay;
#[cfg(test)]
mod tests;

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::os::unix::net::UnixListener;
use std::time::Duration;

pub use client::{Connection, connect, probe};
pub use place::Place;

use crate::MachineError;
use crate::error::io;
use crate::guest::{Guest, Start};
use inputs::Inputs;

/// What a supervisor's log says at the machine's end, before the reason.
pub const ENDED: &str = "wasibuild: the machine ended: ";

/// The same, where another machine would end so, too.
pub const GIVEN_UP: &str = "wasibuild: the machine was given up: ";

/// What a supervisor says about its start: a word, and for some a text on the same line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Report {
    /// The socket is there.
    Ready,
    /// Another supervisor has the lock.
    Taken,
    /// Something to tell the user; more follows.
    Notice,
    /// There is no machine; the text, of which line ends are `\x1f`, says why.
    Failed,
}

impl Report {
    const ALL: [Report; 4] = [Report::Ready, Report::Taken, Report::Notice, Report::Failed];

    fn word(self) -> &'static str {
        match self {
            Report::Ready => "ready",
            Report::Taken => "taken",
            Report::Notice => "notice",
            Report::Failed => "failed",
        }
    }

    fn write(self, sink: &mut dyn Write, text: &str) {
        // Who started it may be gone already; the machine is for others, too.
        let _ = writeln!(sink, "{} {}", self.word(), text.replace('\n', "\x1f"));
        let _ = sink.flush();
    }

    fn read(line: &str) -> Option<(Self, String)> {
        let (word, text) = line.split_once(' ').unwrap_or((line, ""));
        let report = Self::ALL.into_iter().find(|one| one.word() == word)?;
        Some((report, text.replace('\x1f', "\n")))
    }
}

/// Owns a machine until it is not needed any more. `report` is read by who started this process.
///
/// # Errors
/// Those that could not be told to `report`; none when another supervisor is there.
pub fn supervise(
    start: &Start,
    place: &Place,
    idle: Duration,
    report: &mut dyn Write,
) -> Result<(), MachineError> {
    let result = begin(start, place, report);
    let (mut guest, listener, _lock) = match result {
        Ok(Some(begun)) => begun,
        Ok(None) => {
            Report::Taken.write(report, "");
            return Ok(());
        }
        Err(error) => {
            Report::Failed.write(report, &error.to_string());
            return Err(error);
        }
    };
    Report::Ready.write(report, "");
    let Some(stream) = guest.take_stream() else {
        return Ok(());
    };
    let bounds = relay::Bounds {
        idle,
        patience: start.patience,
        disk: guest.take_disk(),
    };
    let inputs = match guest.take_images() {
        Some(images) => Inputs::Images(images),
        None => Inputs::Shared(start.store.clone()),
    };
    let end = relay::run(stream, &listener, guest.hello.clone(), inputs, &bounds);
    // New clients shall start a new machine, and not wait for this one.
    let _ = fs::remove_file(place.socket());
    guest.kill();
    let (how, reason) = match end {
        relay::End::Reason(reason) => (ENDED, reason),
        relay::End::GivenUp(reason) => (GIVEN_UP, reason),
    };
    crate::say!("{how}{reason}{}", guest.console_tail());
    let _ = fs::remove_file(place.description());
    Ok(())
}

/// The guest, the socket, and the lock; none if another supervisor has that.
fn begin(
    start: &Start,
    place: &Place,
    report: &mut dyn Write,
) -> Result<Option<(Guest, UnixListener, File)>, MachineError> {
    place.make()?;
    let lock_file = place.lock();
    let lock = File::create(&lock_file).map_err(io("open", &lock_file))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(io("lock", &lock_file)(error).into()),
    }
    let socket = place.socket();
    // Of a supervisor that was killed: whoever has the lock owns the name.
    let _ = fs::remove_file(&socket);
    let guest = Guest::start(start, &mut |text| Report::Notice.write(report, text))?;
    let listener = UnixListener::bind(&socket).map_err(io("listen on", &socket))?;
    let description = format!(
        "supervisor {}\nqemu {}\naccelerator {}\nboot-milliseconds {}\nstore {}\nshown-by {}\n",
        std::process::id(),
        guest.process(),
        guest.accelerator,
        guest.boot.as_millis(),
        start.store.display(),
        guest.share(),
    );
    let file = place.description();
    fs::write(&file, description).map_err(io("write", &file))?;
    Ok(Some((guest, listener, lock)))
}
