//! Nix's own hook, for what the sandbox does not build.
//!
//! Contract: it hears what Nix said to us, and Nix hears what it answers, save that it never makes Nix
//! stop asking: that it has no machines says nothing of the sandbox. It writes build logs to Nix itself,
//! through the descriptor that it inherits.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};

use super::request::{Settings, Try};
use super::{Config, HookError};
use crate::platform;

/// What it answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It builds.
    Accepted,
    /// Not, or not now.
    Declined,
    /// It declined, and will not be asked again.
    Gone,
}

/// How Nix's own hook is called: since 2.9 by an argument, before by the name of a link to `nix`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Argument,
    Name,
}

/// The process.
pub(super) struct Delegate {
    child: Child,
    commands: BufWriter<ChildStdin>,
    replies: BufReader<io::PipeReader>,
    call: Call,
}

impl Delegate {
    /// Starts it; none if there is no such program.
    pub(super) fn start(config: &Config, settings: &Settings) -> Result<Option<Self>, HookError> {
        Self::call(config, settings, Call::Argument)
    }

    fn call(
        config: &Config,
        settings: &Settings,
        call: Call,
    ) -> Result<Option<Delegate>, HookError> {
        let mut command = Command::new(&config.nix);
        match call {
            Call::Argument => command.arg("__build-remote"),
            Call::Name => command.arg0("build-remote"),
        };
        command.arg(&config.verbosity).stdin(Stdio::piped());
        let (reader, writer) = io::pipe()?;
        command.stdout(writer.try_clone()?).stderr(writer);
        let started = platform::with_hook_descriptors(|| command.spawn());
        // The command holds our ends of the pipe.
        drop(command);
        let mut child = match started {
            Ok(child) => child,
            Err(error) => {
                tracing::debug!(%error, "there is no hook of Nix");
                return Ok(None);
            }
        };
        let Some(commands) = child.stdin.take() else {
            return Ok(None);
        };
        let mut delegate = Delegate {
            child,
            commands: BufWriter::new(commands),
            replies: BufReader::new(reader),
            call,
        };
        // If it does not even listen, the first question shows it.
        let _ = delegate.send(|writer| settings.write(writer));
        Ok(Some(delegate))
    }

    fn send(
        &mut self,
        write: impl FnOnce(
            &mut wasibuild_worker_protocol::Writer<&mut BufWriter<ChildStdin>>,
        ) -> wasibuild_worker_protocol::Result<()>,
    ) -> Result<(), HookError> {
        let mut writer = wasibuild_worker_protocol::Writer::new(&mut self.commands);
        write(&mut writer)?;
        Ok(self.commands.flush()?)
    }

    /// Asks it, and tells Nix what it says: that it accepts in any case, anything else if `last`, that is if
    /// nobody else will be asked.
    pub(super) fn ask(
        &mut self,
        config: &Config,
        settings: &Settings,
        asked: &Try,
        last: bool,
    ) -> Result<Answer, HookError> {
        loop {
            // If it has ended, the next line shows it.
            let _ = self.send(|writer| asked.write(writer));
            let mut said = Vec::new();
            let answer = self.answer(&mut said)?;
            if answer.is_none() && self.call == Call::Argument {
                // It ended without an answer: an old Nix that takes the argument for a command, or one
                // that has no machines any more.
                let other = Self::call(config, settings, Call::Name)?;
                if let Some(other) = other {
                    let mut old = std::mem::replace(self, other);
                    drop(old.commands);
                    old.child.wait()?;
                    continue;
                }
            }
            if last || answer == Some(Answer::Accepted) {
                tell(&said)?;
            }
            if last && answer.is_none() {
                super::reply("decline")?;
            }
            return Ok(answer.unwrap_or(Answer::Gone));
        }
    }

    /// Its answer, the last line of what it said; none if it ended instead.
    fn answer(&mut self, said: &mut Vec<u8>) -> Result<Option<Answer>, HookError> {
        loop {
            let begin = said.len();
            if self.replies.read_until(b'\n', said)? == 0 {
                return Ok(None);
            }
            let answer = match said.get(begin..).unwrap_or_default() {
                b"# decline-permanently\n" => Answer::Gone,
                b"# decline\n" | b"# postpone\n" => Answer::Declined,
                b"# accept\n" => Answer::Accepted,
                _ => continue,
            };
            if answer == Answer::Gone {
                said.truncate(begin);
                said.extend_from_slice(b"# decline\n");
            }
            return Ok(Some(answer));
        }
    }

    /// Hands everything else on until it ends.
    pub(super) fn finish(mut self, mut nix: impl Read + Send) -> Result<(), HookError> {
        let mut commands = self.commands;
        let mut replies = self.replies;
        std::thread::scope(|scope| {
            scope.spawn(move || {
                // What Nix says last; then it closes its end, and so do we.
                let _ = io::copy(&mut nix, &mut commands).and_then(|_| commands.flush());
            });
            let mut line = Vec::new();
            while replies.read_until(b'\n', &mut line)? != 0 {
                tell(&line)?;
                line.clear();
            }
            Ok::<_, HookError>(())
        })?;
        match self.child.wait()? {
            status if status.success() => Ok(()),
            // It has said why.
            _ => Err(HookError::Delegate),
        }
    }
}

fn tell(line: &[u8]) -> io::Result<()> {
    let mut pipe = io::stderr();
    pipe.write_all(line)?;
    pipe.flush()
}
