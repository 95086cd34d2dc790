//! Nix's build hook: Nix asks for each build whether somebody else does it, and what the sandbox builds
//! is done here, in place, without a second store.
//!
//! Contract: the answer comes at once, before anything slow, since Nix stands still until then. What is
//! not for the sandbox is asked of Nix's own hook (`nix __build-remote`), so that other builders go on
//! working. While an accepted build runs, Nix holds the locks of its outputs; the outputs are written
//! where they belong and made known by `nix-store --load-db`, which takes no lock. Nix's counterparts
//! are `src/nix/build-remote/` and `tryBuildHook` in `libstore/build/derivation-building-goal.cc`.

mod build;
mod delegate;
mod place;
mod request;
mod slots;

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::PathBuf;

use bstr::ByteSlice;
use serde_json::json;
use wasibuild_nix_compat::derivation::DerivationKind;
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_sandbox::Limits;
use wasibuild_worker_protocol::Reader;

use crate::realise::executor::Execute;
use crate::request::traits;
use crate::router::{self, Attempt, Executor, Question};
use delegate::Delegate;
use place::Place;
use request::{Accepted, Settings, Try};
use slots::Ticket;

pub use build::HookError;

/// How to serve.
pub struct Config {
    /// Nix's level of verbosity, handed on.
    pub verbosity: String,
    /// The program `nix`.
    pub nix: PathBuf,
    /// Where the places of running builds are counted; none if they are not.
    pub slots: Option<PathBuf>,
    /// Builds at once, over all hooks of this user.
    pub jobs: usize,
    /// Which derivations for Linux are attempted in the shell.
    pub attempt: Attempt,
    /// `NIX_BUILD_CORES`.
    pub cores: u16,
    /// Bounds of the build.
    pub limits: Limits,
}

/// What to do with a request.
enum Decision {
    Accept(Ticket, Executor),
    /// Too many wait already.
    Postpone,
    /// It is not for the sandbox.
    Delegate,
}

/// Answers Nix until it leaves or a build is done. `log` is where the builder's log goes; `input` is
/// Nix's end of the commands.
///
/// # Errors
/// When Nix says something that makes no sense, or the build fails.
pub fn serve(
    config: &Config,
    executor: &dyn Execute,
    input: File,
    log: File,
) -> Result<(), HookError> {
    let mut reader = Reader::new(BufReader::new(input));
    let settings = Settings::read(&mut reader)?;
    let place = Place::of(&settings);
    let mut delegate: Option<Delegate> = None;
    // It said that it need not be asked again.
    let mut gone = false;
    while let Some(asked) = Try::read(&mut reader)? {
        match decide(config, place.as_ref(), &asked) {
            Decision::Accept(ticket, with) => {
                let Some(place) = &place else { continue };
                reply("accept\nwasibuild")?;
                let accepted = Accepted::read(&mut reader)?;
                let slot = ticket.wait()?;
                let how = build::How {
                    executor,
                    with,
                    limits: settings.limits(&config.limits),
                    keep_failed: settings
                        .get("keep-failed")
                        .is_some_and(|value| value == "true"),
                };
                let result = build::build(config, how, place, &asked, &accepted, log);
                drop(slot);
                return result;
            }
            Decision::Postpone => reply("postpone")?,
            Decision::Delegate => {
                if delegate.is_none() && !gone {
                    delegate = Delegate::start(config, &settings)?;
                }
                let Some(other) = &mut delegate else {
                    reply("decline")?;
                    continue;
                };
                match other.ask(config, &settings, &asked)? {
                    delegate::Answer::Accepted => {
                        // From here on it is between Nix and its own hook.
                        let rest = reader;
                        drop(log);
                        return delegate.map_or(Ok(()), |other| other.finish(rest.into_inner()));
                    }
                    delegate::Answer::Declined => {}
                    delegate::Answer::Gone => {
                        delegate = None;
                        gone = true;
                    }
                }
            }
        }
    }
    Ok(())
}

fn decide(config: &Config, place: Option<&Place>, asked: &Try) -> Decision {
    let Some(place) = place else {
        return Decision::Delegate;
    };
    let ours = router::SANDBOX_SYSTEMS
        .iter()
        .any(|system| asked.system == *system);
    if !ours && config.attempt == Attempt::None {
        return Decision::Delegate;
    }
    let Ok(derivation) = place.read_derivation(&asked.derivation) else {
        return Decision::Delegate;
    };
    let known = derivation
        .kind()
        .is_ok_and(|kind| matches!(kind, DerivationKind::InputAddressed | DerivationKind::Fixed));
    let question = Question {
        system: derivation.system.as_bstr(),
        builder: derivation.builder.as_bstr(),
        traits: &traits(&derivation),
        attempt: config.attempt,
    };
    let with = match router::route(question) {
        Ok(with) if known => with,
        _ => return Decision::Delegate,
    };
    match Ticket::take(config.slots.as_deref(), config.jobs) {
        Some(ticket) => Decision::Accept(ticket, with),
        None => Decision::Postpone,
    }
}

/// Answers Nix. Standard output and standard error are the same pipe.
fn reply(answer: &str) -> io::Result<()> {
    let mut pipe = io::stderr();
    pipe.write_all(format!("# {answer}\n").as_bytes())?;
    pipe.flush()
}

/// Shows an error to the user: while a build runs, Nix keeps nothing but such lines.
pub fn complain(text: &str) {
    message(0, text);
}

/// Tells the user something that is no error.
fn say(text: &str) {
    message(1, text);
}

fn message(level: u8, text: &str) {
    let message = json!({ "action": "msg", "level": level, "msg": text });
    let _ = writeln!(io::stderr(), "@nix {message}");
}

/// The paths of outputs as Nix names them.
fn absolute(path: &StorePath) -> String {
    path.to_absolute_path()
}
