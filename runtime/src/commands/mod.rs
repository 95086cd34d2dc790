//! The program: reads the options, calls one command, prints its error, gives the exit code.
//!
//! Contract: results go to standard output, everything else to standard error. One function per
//! command; nothing here is needed by the library's other modules.

mod builders;
mod config;
mod daemon;
mod doctor;
mod external_builder;
mod forecast;
mod generate;
mod hook;
mod log;
mod run;
mod sh;
mod show;
mod store;
mod verify;
mod vm;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_store::Store;

use crate::error::Error;
use crate::machine::Vm;
use crate::options::{Command, Common, Options};
use crate::policy::{self, Override, Overrides, Policy, Settings, Sources};
use crate::realise::executor::Machine;
use crate::router::{Decisions, Machines, Router};
use crate::{directories, exit_code, printable};

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    // Usage errors end here with code 2, `--help` and `--version` with 0.
    let options = Options::parse_from(hook::arguments(std::env::args_os()));
    match dispatch(options) {
        Ok(code) => exit_code::process(code),
        Err(error) if error.is_broken_pipe() => exit_code::process(exit_code::SUCCESS),
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {}", error.text());
            exit_code::process(error.exit_code())
        }
    }
}

fn dispatch(options: Options) -> Result<u8, Error> {
    let common = &options.common;
    let mut out = io::stdout().lock();
    match &options.command {
        Command::Run(run) => {
            drop(out);
            return run::run(common, run);
        }
        Command::Verify(options) => {
            drop(out);
            return verify::verify(common, options);
        }
        Command::Daemon(daemon) => {
            drop(out);
            return daemon::daemon(common, daemon);
        }
        Command::ExternalBuilder(options) => {
            drop(out);
            return external_builder::external_builder(common, options);
        }
        Command::Hook(options) => {
            drop(out);
            return hook::hook(common, options);
        }
        Command::Sh(sh) => {
            drop(out);
            return sh::sh(common, sh);
        }
        Command::Plan(options) => forecast::plan(common, options, &mut out)?,
        Command::Explain(options) => forecast::explain(common, options, &mut out)?,
        Command::Show(show) => show::show(common, show, &mut out)?,
        Command::Log(log) => log::log(common, log, &mut out)?,
        Command::Store(command) => store::store(common, command, &mut out)?,
        Command::Vm(command) => {
            let code = vm::vm(common, command, &mut out)?;
            out.flush().map_err(Error::standard_output)?;
            return Ok(code);
        }
        Command::Builders(command) => builders::builders(command, &mut out)?,
        Command::Doctor(options) => return doctor::doctor(common, options, &mut out),
        Command::Setup(options) => doctor::setup(common, options, &mut out)?,
        Command::Config(config) => config::config(common, config, &mut out)?,
        Command::Man => generate::man(&mut out)?,
        Command::Completions { shell } => generate::completions(*shell, &mut out)?,
    }
    out.flush().map_err(Error::standard_output)?;
    Ok(exit_code::SUCCESS)
}

/// What the user decided: the file, the environment, and the options.
fn policy(common: &Common, options: &dyn Overrides) -> Result<Policy, Error> {
    let named = common.config.clone();
    let named = named.or_else(|| directories::variable("WASIBUILD_CONFIG").map(PathBuf::from));
    let mut overrides = options.overrides();
    if let Some(store) = &common.store {
        let store = std::path::absolute(store).unwrap_or_else(|_| store.clone());
        overrides.push(Override {
            key: "store",
            value: policy::value::Value::Text(store.to_string_lossy().into_owned()),
            option: "--store",
        });
    }
    let settings = Settings::load(Sources {
        named,
        places: directories::configurations(),
        sets: &common.set,
        overrides,
        variable: Some(&directories::variable),
    })?;
    let mut policy = Policy::from(settings);
    // As it was given: a path need not be UTF-8.
    policy.store = common.store.clone().or(policy.store);
    Ok(policy)
}

/// The root of the store that the policy names.
fn store_root(policy: &Policy) -> Result<PathBuf, Error> {
    let root = policy.store.clone().or_else(directories::default_store);
    root.ok_or(Error::NoStore)
}

/// Opens the store that the policy names.
fn open_store(policy: &Policy) -> Result<Store, Error> {
    Ok(Store::open(&store_root(policy)?)?)
}

/// What earlier attempts met.
fn decisions(policy: &Policy) -> Decisions {
    let state = policy.state.clone().or_else(directories::state);
    Decisions::at(state.as_deref())
}

/// The virtual machine; it is started with the first build that needs it.
fn machine(policy: &Policy) -> Arc<dyn Machine> {
    Arc::new(Vm::new(policy))
}

/// Who decides who builds.
fn router(policy: &Policy, machine: &Arc<dyn Machine>) -> Router {
    let mut router = Router::new(policy.routing.clone(), decisions(policy));
    router.machines = Arc::clone(machine) as Arc<dyn Machines>;
    router
}

/// How many builds run at once.
fn jobs(policy: &Policy) -> usize {
    policy
        .max_jobs
        .map_or_else(directories::default_jobs, usize::from)
}

/// An argument that names a path of the store: `/nix/store/…`, a place below its directory, or a
/// link to it (such as `--out-link` makes).
fn store_path(argument: &OsString, store: &Store) -> Result<StorePath, Error> {
    use std::os::unix::ffi::OsStrExt;
    let bad = |problem: String| Error::BadPath {
        argument: printable::name(argument.as_bytes()),
        problem,
    };
    let parse = |bytes: &[u8]| StorePath::split_absolute_path(bytes).map(|(path, _)| path);
    if let Ok(path) = parse(argument.as_bytes()) {
        return Ok(path);
    }
    let place = std::path::Path::new(argument);
    if let Ok(target) = std::fs::read_link(place)
        && let Ok(path) = parse(target.as_os_str().as_bytes())
    {
        return Ok(path);
    }
    let real = std::fs::canonicalize(place).map_err(|error| bad(error.to_string()))?;
    let below = real
        .strip_prefix(store.store_dir())
        .ok()
        .and_then(|rest| rest.components().next());
    match below {
        Some(name) => StorePath::from_basename(name.as_os_str().as_bytes())
            .map_err(|error| bad(error.to_string())),
        None => Err(bad(format!(
            "it is neither in /nix/store nor in '{}'",
            store.store_dir().display()
        ))),
    }
}
