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
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    /// Open as long as there are connections, and a little longer ([`Server::rest`]): Nix makes a connection
    /// for each build, and opening it takes as long as building.
    store: Mutex<Option<Arc<Store>>>,
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
        if let Some(store) = &*shared {
            return Ok(store.clone());
        }
        let store = Arc::new(Store::open(&self.config.root)?);
        *shared = Some(store.clone());
        Ok(store)
    }

    /// Closes the store if nobody is connected, so that a server that waits holds nothing.
    pub fn rest(&self) {
        let connections = lock(&self.connections);
        if connections.open.is_empty() {
            *lock(&self.store) = None;
        }
    }
}

/// A connection in the server's list.
struct Entry<'s> {
    server: &'s Server,
    number: u64,
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let mut connections = lock(&self.server.connections);
        connections.open.remove(&self.number);
        // Without clients nothing is kept from being collected. Nobody can come in meanwhile.
        if connections.open.is_empty()
            && let Some(store) = &*lock(&self.server.store)
        {
            store.release_temp_roots();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
