//! `wasibuild sh`: the shell of the sandbox, started by hand.
//!
//! Contract: the same module, applets, files and bounds as in a build, so that a builder can be
//! debugged. Besides: `/bin` holds every applet (`PATH=/bin`), `/nix/store` all valid paths of the
//! store, and `/build` the content of `--dir`; standard input, output and error are the process's own.
//! The exit status is the shell's; where the sandbox ends it, the status is that of a failed build.

mod directory;
mod words;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex};

use bstr::BString;
use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_sandbox::{BuildError, BuildRequest, Console, Engine, Keep, LogSink, ProgramSource};

use crate::environment::BUILD_DIR;
use crate::error::Error;
use crate::exit_code;
use crate::interrupt::Interrupt;
use crate::options::{Common, Sh};
use crate::policy::Policy;
use crate::programs;
use crate::realise::error::RealiseError;
use crate::realise::executor::Sandbox;
use crate::realise::stop::Stop;
use crate::{directories, error};

/// Runs it and returns the exit code.
pub fn sh(common: &Common, options: &Sh) -> Result<u8, Error> {
    let policy = super::policy(common, &options.limits)?;
    let stop = Stop::new();
    let thrown = stop.clone();
    let interrupt = Interrupt::listen(move || thrown.stop()).map_err(Error::Signals)?;
    let sandbox = Sandbox::new(
        directories::cache().map(|cache| cache.join("modules")),
        &stop,
    );
    let engine = sandbox.engine().map_err(RealiseError::from)?;
    let mut request = request(&policy, &sandbox, &engine)?;
    request.limits = policy.limits.clone();
    let before = match &options.dir {
        Some(directory) => Some(directory::read(directory).map_err(Error::File)?),
        None => None,
    };
    if let Some(tree) = &before {
        request.trees.push((BUILD_DIR.into(), tree.clone()));
        request.keep = Keep::Always;
    }
    request.env.extend(
        options
            .env
            .iter()
            .map(|(name, value)| (name.as_str().into(), value.as_str().into())),
    );
    let words = words::words(&options.arguments, options.dir.as_deref(), &request.inputs)
        .map_err(Error::File)?;
    request.argv.extend(words.arguments);
    request.trees.extend(words.script);
    let mut left = BTreeMap::new();
    let result = engine.run_keeping(request, &mut Outside, sandbox.cancel(), Some(&mut left));
    if let (Some(directory), Some(before)) = (&options.dir, &before)
        && let Some(after) = left.get(&BString::from("build"))
    {
        directory::write_back(directory, before, after).map_err(Error::File)?;
    }
    let code = match result {
        Ok(_) => exit_code::SUCCESS,
        Err(BuildError::Exit { code, .. }) => code,
        Err(BuildError::Signal { signal, .. }) => 128_u8.saturating_add(signal),
        Err(problem) => {
            let problem = RealiseError::from(problem);
            let text = error::shown(&problem.to_string());
            let _ = writeln!(io::stderr(), "error: {text}");
            problem.failures().code()
        }
    };
    Ok(interrupt.exit_code().unwrap_or(code))
}

/// The request without what the options say.
fn request(policy: &Policy, sandbox: &Sandbox, engine: &Engine) -> Result<BuildRequest, Error> {
    let shell = ProgramSource::Linux(BString::from("/bin/sh"));
    let mut request = BuildRequest::new("sh", shell);
    request.programs = sandbox.programs(engine);
    request.bin = programs::names().map(str::to_owned).collect();
    request.argv = vec!["/bin/bash".into()];
    request.env = environment();
    request.console = Some(Console {
        input: Arc::new(Mutex::new(io::stdin())),
        terminals: [
            io::stdin().is_terminal(),
            io::stdout().is_terminal(),
            io::stderr().is_terminal(),
        ],
    });
    let default = || directories::default_store().filter(|root| root.join("nix/store").is_dir());
    if let Some(root) = policy.store.clone().or_else(default) {
        let store = wasibuild_store::Store::open(&root)?;
        for path in store.all_valid_paths()? {
            let place = store.real_path(&path);
            request.inputs.insert(path.basename().to_owned(), place);
        }
    }
    Ok(request)
}

/// The variables of a build that say where things are.
fn environment() -> BTreeMap<BString, BString> {
    let mut variables: BTreeMap<BString, BString> = [
        ("PATH", "/bin"),
        ("HOME", "/homeless-shelter"),
        ("NIX_STORE", "/nix/store"),
        ("NIX_BUILD_CORES", "1"),
        ("TERM", "xterm-256color"),
    ]
    .into_iter()
    .map(|(name, value)| (name.into(), value.into()))
    .collect();
    for name in ["NIX_BUILD_TOP", "TMPDIR", "TEMPDIR", "TMP", "TEMP", "PWD"] {
        variables.insert(name.into(), BUILD_DIR.into());
    }
    variables
}

/// The process's own standard output and error.
struct Outside;

impl LogSink for Outside {
    fn write(&mut self, bytes: &[u8]) {
        // Nobody reads any more: what is left to write has no place to go.
        let mut out = io::stdout().lock();
        let _ = out.write_all(bytes).and_then(|()| out.flush());
    }

    fn write_error(&mut self, bytes: &[u8]) {
        let _ = io::stderr().lock().write_all(bytes);
    }
}

/// A tree and where it goes in the sandbox.
type Planted = (BString, FileSystemObject);
