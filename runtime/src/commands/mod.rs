//! The program: reads the options, calls one command, prints its error, gives the exit code.
//!
//! Contract: results go to standard output, everything else to standard error. One function per
//! command; nothing here is needed by the library's other modules.

mod builders;
mod daemon;
mod external_builder;
mod generate;
mod hook;
mod log;
mod run;
mod sh;
mod show;
mod store;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_store::Store;

use crate::error::Error;
use crate::options::{Command, Common, Options};
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
        Command::Daemon(daemon) => {
            drop(out);
            return daemon::daemon(common, daemon);
        }
        Command::ExternalBuilder(options) => {
            drop(out);
            return external_builder::external_builder(options);
        }
        Command::Hook(options) => {
            drop(out);
            return hook::hook(options);
        }
        Command::Sh(sh) => {
            drop(out);
            return sh::sh(common, sh);
        }
        Command::Show(show) => show::show(common, show, &mut out)?,
        Command::Log(log) => log::log(common, log, &mut out)?,
        Command::Store(command) => store::store(common, command, &mut out)?,
        Command::Builders(command) => builders::builders(command, &mut out)?,
        Command::Man => generate::man(&mut out)?,
        Command::Completions { shell } => generate::completions(*shell, &mut out)?,
    }
    out.flush().map_err(Error::standard_output)?;
    Ok(exit_code::SUCCESS)
}

/// The root of the store that the options name.
fn store_root(common: &Common) -> Result<PathBuf, Error> {
    let root = common.store.clone().or_else(directories::default_store);
    root.ok_or(Error::NoStore)
}

/// Opens the store that the options name.
fn open_store(common: &Common) -> Result<Store, Error> {
    Ok(Store::open(&store_root(common)?)?)
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
