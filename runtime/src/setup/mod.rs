//! `wasibuild setup`: makes the change that opens a door, and takes it back.
//!
//! Contract: what is done is printed first, and done only with `--apply`. Every file is written beside and
//! renamed, with its owner and permissions; doing it twice changes nothing; undoing it restores every byte,
//! since a record ([`record`]) says what was made. What somebody changed since is not touched, but told. In
//! files that others own, our lines stand between two marks ([`block`]).

pub mod block;
pub mod change;
pub mod record;
pub mod units;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::doctor::doors::{self, Door};
use crate::doctor::machine::Machine;
use crate::doctor::nix_conf::NixConf;
use change::{Change, Plan};

/// Why a change is not made.
#[derive(Debug, Error)]
pub enum SetupError {
    /// This Nix does not have the door.
    #[error(
        "the door '{door}' cannot be opened: {problem}\nhint: `wasibuild doctor` recommends one"
    )]
    Impossible {
        /// The door.
        door: &'static str,
        /// Why.
        problem: String,
    },
    /// A file is not ours to change.
    #[error("'{}' is not changed: {problem}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why, and what to do.
        problem: String,
    },
    /// A file cannot be read or written.
    #[error("cannot {action} '{}': {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl SetupError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SetupError + use<> {
        let path = path.to_owned();
        move |source| SetupError::Io {
            action,
            path,
            source,
        }
    }
}

/// The systems that a door is given.
const SYSTEMS: &str = "wasm32-wasip1,wasm32-wasi";
/// Where builders are compiled for all users.
const PRECOMPILED: &str = "/var/cache/wasibuild";
/// Where the machine's own store is.
const STORE: &str = "/var/lib/wasibuild/store";
/// Where a link stands for Nix before 2.9, which gives its hook no arguments.
const LINK: &str = "/var/lib/wasibuild/wasibuild-hook";

/// The place itself: macOS has links in front of it, which neither Nix nor we follow on the way to a store.
fn place(path: &str, service: units::Service) -> PathBuf {
    match cfg!(target_os = "macos") || service == units::Service::Launchd {
        true => PathBuf::from(format!("/private{path}")),
        false => PathBuf::from(path),
    }
}

/// What opens a door on a machine.
///
/// # Errors
/// [`SetupError`].
pub fn plan(
    machine: &Machine,
    door: Door,
    jobs: usize,
    service: units::Service,
) -> Result<Plan, SetupError> {
    let impossible = |problem: &str| SetupError::Impossible {
        door: door.name(),
        problem: problem.to_owned(),
    };
    let version = machine
        .version()
        .ok_or_else(|| impossible("there is no Nix"))?;
    let mut plan = Plan::default();
    let system = machine.multi_user || machine.person.root;
    let file = conf_file(machine, system)?;
    // What there is without us: our lines are made anew.
    let (conf, own) = machine
        .sources
        .read(&machine.root, machine.multi_user, true);
    let before = if system { &conf } else { &own };
    let program = machine.program.display();
    let lines = match door {
        Door::Daemon => {
            let store = store(machine, system, service)
                .ok_or_else(|| impossible("there is no place for a store: HOME is not set"))?;
            let socket = store.join("nix/var/wasibuild/daemon.sock");
            let units = units::units(service, machine, &store, &socket, system)?;
            plan.changes.extend(units.files);
            plan.then.extend(units.then);
            let machines = doors::machines(machine);
            let before = before.text("builders", &machines);
            let uri = format!("unix://{}?root={}", socket.display(), store.display());
            // The others stay, but for one that is this one.
            let others: String = before
                .split(';')
                .map(str::trim)
                .filter(|line| !line.is_empty() && !line.starts_with(&uri))
                .map(|line| format!("{line} ; "))
                .collect();
            vec![format!("builders = {others}{uri} {SYSTEMS} - {jobs}")]
        }
        Door::ExternalBuilder => {
            if !version.has_external_builders() {
                return Err(impossible(&format!(
                    "{version} has no external builders (Nix since 2.32, Determinate Nix since 3.8.3)"
                )));
            }
            let mut arguments = "\"external-builder\"".to_owned();
            // Where Nix builds as who asks, that user's own cache does.
            if system {
                let directory = place(PRECOMPILED, service);
                let directory = directory.display();
                arguments.push_str(&format!(",\"--precompiled\",\"{directory}\""));
                let program = units::shell(&machine.program);
                plan.then
                    .push(format!("{program} builders precompile {directory}"));
            }
            plan.then.extend(units::restart_nix(service, machine));
            let ours = format!(
                "{{\"systems\":[\"wasm32-wasip1\",\"wasm32-wasi\"],\"program\":{},\"args\":[{arguments}]}}",
                serde_json::Value::from(program.to_string())
            );
            let mut entries = others(before)?;
            entries.push(ours);
            vec![
                "extra-experimental-features = external-builders".to_owned(),
                format!("external-builders = [{}]", entries.join(",")),
            ]
        }
        Door::Hook => {
            if version.ignores_build_hook() {
                return Err(impossible(&format!(
                    "{version} ignores `build-hook` in its configuration (a bug of 2.25 to 2.33)"
                )));
            }
            plan.then.extend(units::restart_nix(service, machine));
            if version.number < (2, 9) {
                plan.changes.push(Change::Link {
                    path: PathBuf::from(LINK),
                    target: machine.program.clone(),
                });
                vec![format!("build-hook = {LINK}")]
            } else {
                vec![format!("build-hook = {program} hook")]
            }
        }
    };
    plan.changes.push(Change::Lines { path: file, lines });
    Ok(plan)
}

/// The file that the lines go to.
fn conf_file(machine: &Machine, system: bool) -> Result<PathBuf, SetupError> {
    let own = machine.sources.own.first().filter(|_| !system);
    let file = own.map_or_else(|| machine.system_conf().to_owned(), Clone::clone);
    // Determinate Nix writes its file anew, and reads this one for the user's part.
    let custom = file.with_file_name("nix.custom.conf");
    let text = std::fs::read_to_string(machine.place(&file)).unwrap_or_default();
    let includes = text.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        matches!(words.as_slice(), ["include" | "!include", other] if *other == "nix.custom.conf" || Path::new(other) == custom)
    });
    let file = if includes { custom } else { file };
    if machine.has_link(&file) {
        return Err(SetupError::Refused {
            path: file,
            problem: "it is a symbolic link, so that something else writes it, such as NixOS or nix-darwin\nhint: use the module of nix-plugin/ there, or put the lines into the configuration that makes the file".to_owned(),
        });
    }
    Ok(file)
}

/// The root of the daemon's store.
fn store(machine: &Machine, system: bool, service: units::Service) -> Option<PathBuf> {
    let named = machine
        .policy
        .as_ref()
        .ok()
        .and_then(|policy| policy.store.clone());
    match (named, system) {
        (Some(store), _) => Some(store),
        (None, true) => Some(place(STORE, service)),
        (None, false) => machine.store.clone(),
    }
}

/// The other entries of `external-builders`, as they stand there.
fn others(conf: &NixConf) -> Result<Vec<String>, SetupError> {
    let Some(value) = conf.get("external-builders") else {
        return Ok(Vec::new());
    };
    let refused = |problem: String| SetupError::Refused {
        path: value.file.clone(),
        problem: format!("line {}: `external-builders`: {problem}", value.line),
    };
    doors::externals(value).map_err(refused)?;
    let inner = value
        .text
        .trim()
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let inner = inner.unwrap_or_default().trim();
    Ok(if inner.is_empty() {
        Vec::new()
    } else {
        vec![inner.to_owned()]
    })
}

#[cfg(test)]
mod tests;
