//! Ctrl-C: the first stops the builds and cleans up, the second ends the program at once.
//!
//! Contract: SIGINT and SIGTERM (and SIGHUP, when a terminal closes) are handled by one thread
//! that starts with the first build; before that the system's default applies, and nothing has
//! to be cleaned up. Nix's counterpart is `unix::signalHandlerThread` in `libutil/unix/signals.cc`.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::exit_code;

/// What the thread found out; shared with those who ask.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    signal: Arc<AtomicI32>,
}

impl Interrupt {
    /// Starts to listen. `on_first` runs in the listening thread at the first signal; the second
    /// ends the process with [`Interrupt::exit_code`].
    ///
    /// # Errors
    /// When the system refuses the handlers or the thread.
    pub fn listen(on_first: impl Fn() + Send + 'static) -> io::Result<Interrupt> {
        let interrupt = Interrupt::default();
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        let shared = interrupt.clone();
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                for signal in signals.forever() {
                    if shared.signal.swap(signal, Ordering::SeqCst) != 0 {
                        // Half-written paths are not registered; the next run removes them.
                        std::process::exit(i32::from(code(signal)));
                    }
                    on_first();
                }
            })?;
        Ok(interrupt)
    }

    /// Whether a signal came.
    pub fn happened(&self) -> bool {
        self.signal.load(Ordering::SeqCst) != 0
    }

    /// The exit code that tells of the signal, if one came.
    pub fn exit_code(&self) -> Option<u8> {
        match self.signal.load(Ordering::SeqCst) {
            0 => None,
            signal => Some(code(signal)),
        }
    }
}

fn code(signal: i32) -> u8 {
    if signal == SIGINT {
        exit_code::INTERRUPTED
    } else {
        exit_code::TERMINATED
    }
}
