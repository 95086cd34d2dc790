//! `wasibuild daemon`: builds for Nix, see [`crate::daemon`].
//!
//! Contract: standard output belongs to the protocol (`--stdio`) or says nothing. The first Ctrl-C or
//! SIGTERM stops the builds and closes the connections; then the exit code tells of the signal.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::Duration;

use wasibuild_binary_cache::parse_public_key;

use super::{jobs, store_root};
use crate::daemon::listen::{Bound, listen};
use crate::daemon::{Config, Server, StoppableInput, Trust};
use crate::error::Error;
use crate::interrupt::Interrupt;
use crate::options::{Common, Daemon};
use crate::policy::{DaemonPolicy, Policy};
use crate::realise::Settings;
use crate::realise::executor::Machine;
use crate::realise::stop::Stop;
use crate::{directories, exit_code, platform, printable};

/// How long a daemon waits that a service manager starts again when it is needed.
const ACTIVATED_IDLE: u32 = 300;

/// Serves until it is stopped, or idle, or the client of standard input is gone.
pub fn daemon(common: &Common, options: &Daemon) -> Result<u8, Error> {
    let mut policy = super::policy(common, options)?;
    // As it was given: a path need not be UTF-8.
    policy.daemon.socket = options.socket.clone().or(policy.daemon.socket);
    policy.daemon.host_store = options.host_store.clone().or(policy.daemon.host_store);
    let machine = super::machine(&policy);
    let config = config(&policy, &machine, options)?;
    let root = config.root.clone();
    // Made now, so that what is wrong with it is known before a client comes.
    let first = wasibuild_store::OpenOptions::new().host_store(policy.daemon.host_store.clone());
    drop(first.open(&root)?);
    let cache = directories::cache().map(|cache| cache.join("modules"));
    let server = Arc::new(Server::new(config, cache, machine));
    let stop = Stop::new();
    let interrupt = {
        let stop = stop.clone();
        Interrupt::listen(move || stop.stop()).map_err(Error::Signals)?
    };
    if options.stdio {
        serve_standard_streams(&server, options, &stop)?;
    } else {
        let inherited = platform::inherited_listeners()
            .map_err(|error| failed("use the service manager's sockets", "LISTEN_FDS", error))?;
        serve_sockets(&server, options, &policy.daemon, inherited, &root, &stop)?;
    }
    Ok(interrupt.exit_code().unwrap_or(exit_code::SUCCESS))
}

fn config(policy: &Policy, machine: &Arc<dyn Machine>, options: &Daemon) -> Result<Config, Error> {
    let keys = policy.trusted_public_keys.iter().map(|key| {
        parse_public_key(key).map_err(|error| Error::BadKey {
            key: printable::name(key.as_bytes()),
            problem: error.to_string(),
        })
    });
    Ok(Config {
        root: store_root(policy)?,
        settings: Settings {
            jobs: jobs(policy),
            cores: policy.cores,
            limits: policy.limits.clone(),
            check: false,
            keep_failed: options.keep_failed,
            keep_going: false,
        },
        substituters: policy.substituters.clone(),
        trusted_public_keys: keys.collect::<Result<_, _>>()?,
        prefer_substitutes: policy.prefer_substitutes,
        router: Arc::new(super::router(policy, machine)),
    })
}

/// Who started us is the one who speaks, and could do by itself what it asks for.
fn serve_standard_streams(
    server: &Arc<Server>,
    options: &Daemon,
    stop: &Stop,
) -> Result<(), Error> {
    let trust = match options.force_untrusted {
        true => Trust::Untrusted,
        false => Trust::Trusted,
    };
    let open = || -> io::Result<(StoppableInput, File)> {
        let input = io::stdin().as_fd().try_clone_to_owned()?;
        let output = io::stdout().as_fd().try_clone_to_owned()?;
        Ok((StoppableInput::new(input.into(), stop)?, output.into()))
    };
    let (input, output) =
        open().map_err(|error| failed("use", "standard input and output", error))?;
    let stopped = server.clone();
    stop.on_stop(move || stopped.stop());
    server.serve(
        Box::new(input),
        Box::new(output),
        io::stdin().as_fd(),
        trust,
        None,
    );
    Ok(())
}

fn serve_sockets(
    server: &Arc<Server>,
    options: &Daemon,
    policy: &DaemonPolicy,
    inherited: Vec<UnixListener>,
    root: &std::path::Path,
    stop: &Stop,
) -> Result<(), Error> {
    let activated = !inherited.is_empty();
    let path = policy
        .socket
        .clone()
        .unwrap_or_else(|| root.join("nix/var/wasibuild/daemon.sock"));
    let in_use = |error| Error::Io {
        action: "listen on the socket",
        path: path.clone(),
        source: error,
    };
    let mut listeners = inherited;
    let _bound = match activated {
        true => None,
        false => {
            let bound = Bound::new(&path, policy.socket_mode).map_err(in_use)?;
            listeners.push(bound.listener().map_err(in_use)?);
            Some(bound)
        }
    };
    let idle = policy
        .idle_timeout
        .unwrap_or(if activated { ACTIVATED_IDLE } else { 0 });
    let idle = (idle != 0).then(|| Duration::from_secs(idle.into()));
    listen(server, &listeners, idle, options.force_untrusted, stop).map_err(in_use)
}

fn failed(action: &'static str, what: &str, source: io::Error) -> Error {
    Error::Io {
        action,
        path: what.into(),
        source,
    }
}
