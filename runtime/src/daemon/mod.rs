//! Serves Nix's worker protocol, so that any Nix since 2.4 builds here by its own remote-build client
//! (`builders = unix://…`, `ssh-ng://…`).
//!
//! Contract: every connection has a thread and speaks for one client; all share the engine with its
//! compiled modules, and a number of builds that run at once. A client gets nothing into the store
//! that it is not trusted to bring: see [`trust`]. What a client sends is never believed, an error
//! never ends another client's connection, and a client that vanishes stops its builds. Nix's
//! counterparts are `src/libstore/daemon.cc` and `src/nix/unix/daemon.cc`.

mod additions;
mod answer;
mod builds;
mod client_log;
mod connection;
mod error;
mod hangup;
pub mod listen;
mod permits;
mod queries;
mod stoppable;
mod trust;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use wasibuild_nix_compat::narinfo::PublicKey;
use wasibuild_store::Store;

use crate::realise::Settings;
use crate::realise::executor::{Machine, Sandbox};
use crate::realise::stop::Stop;
use crate::router::Router;
use permits::Permits;

pub use stoppable::StoppableInput;
pub use trust::Trust;

/// How to serve.
#[derive(Debug, Clone)]
pub struct Config {
    /// The store's root.
    pub root: PathBuf,
    /// How to build. The number of jobs is shared by all clients.
    pub settings: Settings,
    /// Binary caches.
    pub substituters: Vec<String>,
    /// Keys of which one must have signed what is fetched, or what an untrusted client brings.
    pub trusted_public_keys: Vec<PublicKey>,
    /// Ask the caches for what can be built here, too.
    pub prefer_substitutes: bool,
    /// Who decides who builds.
    pub router: Arc<Router>,
}

/// What all connections share.
pub struct Server {
    config: Config,
    sandbox: Sandbox,
    machine: Arc<dyn Machine>,
    permits: Arc<Permits>,
    /// Open as long as there are connections: with the store its temporary roots go, so that a server
    /// that waits keeps nothing from being collected.
    store: Mutex<Weak<Store>>,
    connections: Mutex<Connections>,
}

#[derive(Default)]
struct Connections {
    next: u64,
    open: BTreeMap<u64, (Stop, Option<UnixStream>)>,
    closed: bool,
}

impl Server {
    /// A server whose sandbox keeps compiled modules in `cache`, and what `machine` builds.
    pub fn new(config: Config, cache: Option<PathBuf>, machine: Arc<dyn Machine>) -> Server {
        Server {
            sandbox: Sandbox::new(cache, &Stop::new()),
            machine,
            permits: Arc::new(Permits::new(config.settings.jobs)),
            store: Mutex::default(),
            connections: Mutex::default(),
            config,
        }
    }

    /// Serves one client until it leaves. `watched` is the descriptor that tells when it is gone.
    pub fn serve(
        &self,
        input: Box<dyn Read + Send>,
        output: Box<dyn Write + Send>,
        watched: BorrowedFd<'_>,
        trust: Trust,
        socket: Option<UnixStream>,
    ) {
        let stop = Stop::new();
        let Some(_entry) = self.enter(&stop, socket) else {
            return;
        };
        connection::serve(self, input, output, watched, trust, &stop);
    }

    /// Stops all builds and closes all connections; there will be no more.
    pub fn stop(&self) {
        let open: Vec<_> = {
            let mut connections = lock(&self.connections);
            connections.closed = true;
            std::mem::take(&mut connections.open)
                .into_values()
                .collect()
        };
        for (stop, socket) in open {
            stop.stop();
            if let Some(socket) = socket {
                // It may be closed already.
                let _ = socket.shutdown(std::net::Shutdown::Read);
            }
        }
    }

    fn enter(&self, stop: &Stop, socket: Option<UnixStream>) -> Option<Entry<'_>> {
        let mut connections = lock(&self.connections);
        if connections.closed {
            return None;
        }
        let number = connections.next;
        connections.next += 1;
        connections.open.insert(number, (stop.clone(), socket));
        Some(Entry {
            server: self,
            number,
        })
    }

    fn open_store(&self) -> Result<Arc<Store>, wasibuild_store::Error> {
        let mut shared = lock(&self.store);
        if let Some(store) = shared.upgrade() {
            return Ok(store);
        }
        let store = Arc::new(Store::open(&self.config.root)?);
        *shared = Arc::downgrade(&store);
        Ok(store)
    }
}

/// A connection in the server's list.
struct Entry<'s> {
    server: &'s Server,
    number: u64,
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        lock(&self.server.connections).open.remove(&self.number);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
