//! `wasibuild doctor` and `wasibuild setup`: see [`crate::doctor`] and [`crate::setup`].
//!
//! Contract: the doctor changes nothing and ends with 0 if Nix hands builds over, else with 1. The set-up
//! changes nothing without `--apply` or `--undo`.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::doctor::Diagnosis;
use crate::doctor::machine::{self, Machine, NixProgram, Person};
use crate::doctor::sources::Sources;
use crate::error::Error;
use crate::options::{Common, Doctor, Setup, Where};
use crate::setup::change::Target;
use crate::setup::units::Service;
use crate::setup::{self, SetupError};
use crate::{directories, exit_code, platform};

/// Looks, and returns the exit code.
pub fn doctor(common: &Common, options: &Doctor, out: &mut dyn Write) -> Result<u8, Error> {
    let machine = look(common, &options.place);
    let diagnosis = Diagnosis::of(&machine);
    let text = match options.json {
        true => format!("{:#}\n", diagnosis.to_json()),
        false => crate::error::shown(&diagnosis.text()) + "\n",
    };
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(Error::standard_output)?;
    Ok(match diagnosis.is_well() {
        true => exit_code::SUCCESS,
        false => exit_code::OTHER,
    })
}

/// Prints the change, and makes it or takes it back.
pub fn setup(common: &Common, options: &Setup, out: &mut dyn Write) -> Result<(), Error> {
    let machine = look(common, &options.place);
    let target = Target {
        root: machine.root.clone(),
        record: record(&machine),
    };
    let mut say = |text: String| {
        out.write_all(text.as_bytes())
            .map_err(Error::standard_output)
    };
    if options.undo {
        if target.recorded()?.is_none() {
            return say("nothing to undo: nothing was set up\n".to_owned());
        }
        let left = target.undo()?;
        if let Some(path) = left.first() {
            return Err(Error::Setup(SetupError::Refused {
                path: path.clone(),
                problem: "somebody changed it since; everything else was taken back\nhint: take our lines out by hand, then run --undo again".to_owned(),
            }));
        }
        return say("undone; restart Nix's daemon, if there is one\n".to_owned());
    }
    let door = options.door.or_else(|| Diagnosis::of(&machine).recommended);
    let door = door.ok_or(Error::NoNix)?;
    let jobs = options
        .max_jobs
        .map_or_else(directories::default_jobs, usize::from);
    let service = options.service.unwrap_or_else(|| Service::of(&machine));
    let plan = setup::plan(&machine, door, jobs, service)?;
    say(format!("the door '{}'\n{}", door.name(), plan.text()))?;
    if options.apply {
        let changed = target.apply(&plan)?;
        say(match changed {
            true => "done; `wasibuild setup --undo` takes it back\n".to_owned(),
            false => "nothing to change: it is done already\n".to_owned(),
        })?;
    }
    Ok(())
}

fn record(machine: &Machine) -> PathBuf {
    match (
        machine.person.root || machine.multi_user,
        &machine.person.home,
    ) {
        (false, Some(home)) => home.join(".local/state/wasibuild/setup.json"),
        _ => PathBuf::from("/var/lib/wasibuild/setup.json"),
    }
}

/// Everything that is looked at.
fn look(common: &Common, place: &Where) -> Machine {
    let root = std::path::absolute(&place.root).unwrap_or_else(|_| place.root.clone());
    let here = root == Path::new("/");
    let person = person(&root, place.user.as_deref());
    let multi_user = asks_a_daemon(&root, here && place.user.is_none());
    // The variables are those of who runs this.
    let sources = Sources::of(&person, |name| match here && place.user.is_none() {
        true => directories::variable(name),
        false => None,
    });
    let (conf, own) = sources.read(&root, multi_user, false);
    let policy = super::policy(common, &()).map_err(|error| error.text());
    let store = policy.as_ref().ok().and_then(|policy| policy.store.clone());
    let default = || match &person.home {
        Some(home) if !here => Some(home.join(".local/share/wasibuild")),
        _ => directories::default_store(),
    };
    let store = store.or_else(default);
    let named = place.nix.clone();
    let named = named.or_else(|| policy.as_ref().ok().map(|policy| policy.nix.clone()));
    let nix = match (named, here, &place.nix) {
        (Some(program), true, _) | (Some(program), false, Some(_)) => Machine::ask(&program),
        _ => NixProgram::Missing,
    };
    let vm = || {
        let system = format!("{}-linux", std::env::consts::ARCH);
        let machine = super::machine(policy.as_ref().ok()?);
        Some(machine.machine(system.as_str().into()))
    };
    Machine {
        vm: here.then(vm).flatten(),
        nix,
        sources,
        conf,
        own,
        multi_user,
        policy,
        store,
        program: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("wasibuild")),
        path: directories::program_path(),
        person,
        root,
    }
}

/// Whether a daemon of Nix builds: one has a socket there, unless `NIX_REMOTE` says otherwise.
fn asks_a_daemon(root: &Path, variables: bool) -> bool {
    let remote = directories::variable("NIX_REMOTE").filter(|_| variables);
    let remote = remote.map(|value| value.to_string_lossy().into_owned());
    match remote.as_deref() {
        None | Some("" | "auto") => {
            machine::place_exists(root, "/nix/var/nix/daemon-socket/socket")
        }
        Some(uri) => uri == "daemon" || uri.starts_with("unix://"),
    }
}

fn person(root: &Path, name: Option<&str>) -> Person {
    let home = directories::variable("HOME")
        .map(PathBuf::from)
        .filter(|home| home.is_absolute());
    match name {
        Some(name) => machine::person(root, name, None, None),
        None => {
            let uid = platform::own_user();
            let name = directories::variable("USER").or_else(|| directories::variable("LOGNAME"));
            let name = name.map(|name| name.to_string_lossy().into_owned());
            let name = name.filter(|_| uid != 0).unwrap_or_else(|| {
                if uid == 0 {
                    "root".to_owned()
                } else {
                    uid.to_string()
                }
            });
            machine::person(root, &name, Some(uid), home)
        }
    }
}
