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

use crate::policy::Route;
use crate::realise::executor::Execute;
use crate::request::traits;
use crate::router::{self, Executor, Question, Router};
use delegate::{Answer, Delegate};
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
    /// Who decides who builds.
    pub router: Router,
    /// `NIX_BUILD_CORES`.
    pub cores: u16,
    /// Bounds of the build.
    pub limits: Limits,
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
        let chain = chain(config, place.as_ref(), &asked);
        let here: Vec<Executor> = chain.iter().copied().filter_map(Executor::of).collect();
        if chain.first() == Some(&Route::Nix) {
            if delegate.is_none() && !gone {
                delegate = Delegate::start(config, &settings)?;
            }
            let answer = match &mut delegate {
                Some(other) => other.ask(config, &settings, &asked, here.is_empty())?,
                None if here.is_empty() => {
                    reply("decline")?;
                    continue;
                }
                None => Answer::Declined,
            };
            match answer {
                Answer::Accepted => {
                    // From here on it is between Nix and its own hook.
                    let rest = reader;
                    drop(log);
                    return delegate.map_or(Ok(()), |other| other.finish(rest.into_inner()));
                }
                Answer::Declined => {}
                Answer::Gone => {
                    delegate = None;
                    gone = true;
                }
            }
            if here.is_empty() {
                continue;
            }
        }
        let Some(place) = place.as_ref().filter(|_| !here.is_empty()) else {
            reply("decline")?;
            continue;
        };
        let Some(ticket) = Ticket::take(config.slots.as_deref(), config.jobs) else {
            reply("postpone")?;
            continue;
        };
        reply("accept\nwasibuild")?;
        let accepted = Accepted::read(&mut reader)?;
        let slot = ticket.wait()?;
        let how = build::How {
            executor,
            with: &here,
            limits: settings.limits(&config.limits),
            keep_failed: settings
                .get("keep-failed")
                .is_some_and(|value| value == "true"),
        };
        let result = build::build(config, how, place, &asked, &accepted, log);
        drop(slot);
        return result;
    }
    Ok(())
}

/// Who may build it, first to last.
fn chain(config: &Config, place: Option<&Place>, asked: &Try) -> Vec<Route> {
    // What cannot be looked at is left to others.
    let others = || match config.router.routing.routes.contains(&Route::Nix) {
        true => vec![Route::Nix],
        false => Vec::new(),
    };
    let ours = router::is_wasm(asked.system.as_bstr()) || asked.system.ends_with(b"-linux");
    let Some(place) = place.filter(|_| ours) else {
        return others();
    };
    let Ok(derivation) = place.read_derivation(&asked.derivation) else {
        return others();
    };
    let known = derivation
        .kind()
        .is_ok_and(|kind| matches!(kind, DerivationKind::InputAddressed | DerivationKind::Fixed));
    if !known {
        return others();
    }
    let output = derivation.outputs.values().next();
    let question = Question {
        name: asked.derivation.derivation_name().unwrap_or_default(),
        output: output.and_then(|output| output.path()),
        system: derivation.system.as_bstr(),
        builder: derivation.builder.as_bstr(),
        traits: &traits(&derivation),
    };
    config.router.consider(&question).chain
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
