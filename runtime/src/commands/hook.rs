//! `wasibuild hook`: see [`crate::hook`].
//!
//! Contract: standard output and standard error are Nix's reply pipe; errors go there as messages that
//! Nix shows. Exit code 0 if the build was done or there was none, else 1. Nix before 2.9 gives a hook no
//! arguments but its level of verbosity, so that the name `wasibuild-hook` means `wasibuild hook`.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use crate::error::{Error, shown};
use crate::hook::{Config, HookError, complain, serve};
use crate::options::{Common, Hook};
use crate::realise::error::chain;
use crate::realise::executor::{Routed, Sandbox};
use crate::realise::stop::Stop;
use crate::{directories, exit_code, hangup, platform};

/// The name of a link to this program that makes it a hook.
const LINK: &str = "wasibuild-hook";

/// The arguments of this process, with the command if only its name says it.
pub(super) fn arguments(given: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut given: Vec<OsString> = given.collect();
    let name = given.first().and_then(|name| Path::new(name).file_name());
    if name.is_some_and(|name| name == LINK) {
        given.insert(1, "hook".into());
    }
    given
}

/// Serves Nix and returns the exit code.
pub fn hook(common: &Common, options: &Hook) -> Result<u8, Error> {
    let failed = |what: &str| {
        let path = what.into();
        move |source| Error::Io {
            action: "use",
            path,
            source,
        }
    };
    let mut policy = super::policy(common, options)?;
    policy.routing.shell.attempt = policy.hook_shell;
    let machine = super::machine(&policy);
    let mut router = super::router(&policy, &machine);
    router.others = true;
    platform::keep_hook_descriptors();
    let log = platform::hook_log().map_err(failed(
        "descriptor 4: this command is for Nix's setting `build-hook`",
    ))?;
    let input = io::stdin().as_fd().try_clone_to_owned();
    let input = input.map_err(failed("standard input"))?;
    let cache = directories::cache();
    let stop = Stop::new();
    let sandbox = Sandbox::new(cache.as_ref().map(|cache| cache.join("modules")), &stop);
    let config = Config {
        verbosity: options.verbosity.clone(),
        // As it was given: a path need not be UTF-8.
        nix: options.nix.clone().unwrap_or(policy.nix.clone()),
        slots: cache.map(|cache| cache.join("hook")),
        jobs: super::jobs(&policy),
        cores: policy.cores,
        limits: policy.limits,
        router,
    };
    let executor = Routed {
        sandbox: &sandbox,
        machine: &*machine,
        stop: &stop,
        decisions: &config.router.decisions,
    };
    // Linux kills a hook with its Nix, macOS does not: a build for nobody could go on for ever.
    let served = hangup::watch(
        io::stderr().as_fd(),
        || stop.stop(),
        || serve(&config, &executor, input.into(), log),
    );
    match served.map_err(failed("standard error"))? {
        Ok(()) => Ok(exit_code::SUCCESS),
        Err(HookError::Delegate) => Ok(exit_code::OTHER),
        Err(error) => {
            complain(&shown(&chain(&error)));
            Ok(exit_code::OTHER)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_command() {
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let read = |given: &[&str]| arguments(words(given).into_iter());
        assert_eq!(
            read(&["/x/wasibuild-hook", "3"]),
            words(&["/x/wasibuild-hook", "hook", "3"])
        );
        assert_eq!(
            read(&["/x/wasibuild", "run"]),
            words(&["/x/wasibuild", "run"])
        );
        assert_eq!(read(&[]), words(&[]));
    }
}
