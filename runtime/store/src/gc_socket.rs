//! The collector's socket: processes that start to use a path while a collection runs
//! say so here, and wait until the path is safe.
//!
//! Contract, from Nix's `gc.cc`: `gc-socket/socket` accepts lines with absolute store
//! paths and answers each with `1`, but not while a path with the same digest is being
//! deleted. Digests are compared, so that `PATH.lock`, `PATH.chroot` and our temporary
//! names (`DIGEST-tmp-…`) are protected with their path.

use std::collections::HashSet;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags, poll};
use wasibuild_nix_compat::store_path::StorePath;

use crate::error::{Context, Result};
use crate::layout::{Layout, make_dirs};

/// The longest path that fits into a socket's address on every system (macOS: 104).
const MAX_ADDRESS: usize = 100;

/// The longest line that is read: a store path has 255 characters at most.
const MAX_LINE: u64 = 1024;

/// Where the socket is.
pub(crate) fn path(layout: &Layout) -> PathBuf {
    layout.state.join("gc-socket/socket")
}

/// Connects to a running collector.
pub(crate) fn connect(socket: &Path) -> io::Result<UnixStream> {
    with_short_name(socket, |name| UnixStream::connect(name))
}

/// Runs `call` with a name for `socket` that fits into an address: if need be through a
/// short symbolic link to its directory, which is removed again.
fn with_short_name<T>(socket: &Path, call: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    if socket.as_os_str().len() <= MAX_ADDRESS {
        return call(socket);
    }
    let (Some(dir), Some(name)) = (socket.parent(), socket.file_name()) else {
        return call(socket);
    };
    let temporary = tempfile::Builder::new()
        .prefix("wasibuild-")
        .tempdir_in("/tmp")?;
    let link = temporary.path().join("s");
    std::os::unix::fs::symlink(dir, &link)?;
    call(&link.join(name))
}

#[derive(Debug, Default)]
struct Protected {
    /// Digests of temporary roots.
    roots: HashSet<String>,
    /// The digest of the path that is being deleted.
    pending: Option<String>,
}

/// What the server's threads and the collector share.
#[derive(Debug, Default)]
struct Shared {
    protected: Mutex<Protected>,
    changed: Condvar,
    clients: Mutex<Vec<(UnixStream, JoinHandle<()>)>>,
}

/// The collector's side; dropping it ends the server.
#[derive(Debug)]
pub(crate) struct RootServer {
    shared: Arc<Shared>,
    stop: UnixStream,
    thread: Option<JoinHandle<()>>,
    socket: PathBuf,
}

impl RootServer {
    /// Starts to listen. The caller holds the exclusive `gc.lock`, so no other does.
    pub(crate) fn start(layout: &Layout) -> Result<Self> {
        let socket = path(layout);
        if let Some(dir) = socket.parent() {
            make_dirs(dir)?;
        }
        match fs::remove_file(&socket) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(e).context("remove the old socket", &socket);
            }
            _ => {}
        }
        let listener = with_short_name(&socket, |name| UnixListener::bind(name))
            .context("listen on the socket", &socket)?;
        let _ = fs::set_permissions(&socket, fs::Permissions::from_mode(0o666));
        listener
            .set_nonblocking(true)
            .context("listen on the socket", &socket)?;
        let (stop, stopped) = UnixStream::pair().context("listen on the socket", &socket)?;
        let shared = Arc::new(Shared::default());
        let thread = {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name("gc-roots".to_owned())
                .spawn(move || serve(&listener, &stopped, &shared))
                .context("listen on the socket", &socket)?
        };
        Ok(RootServer {
            shared,
            stop,
            thread: Some(thread),
            socket,
        })
    }

    fn protected(&self) -> MutexGuard<'_, Protected> {
        self.shared
            .protected
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the root of a process that wrote it before the collection began.
    pub(crate) fn add_root(&self, path: &StorePath) {
        self.protected().roots.insert(path.hash_part().to_owned());
    }

    /// True if some process uses a path with this digest.
    pub(crate) fn is_root(&self, digest: &str) -> bool {
        self.protected().roots.contains(digest)
    }

    /// Announces that the path is about to be deleted; false if it has become a root.
    /// From now until [`finish`](Self::finish) who asks for it waits.
    pub(crate) fn begin(&self, path: &StorePath) -> bool {
        let mut protected = self.protected();
        if protected.roots.contains(path.hash_part()) {
            return false;
        }
        protected.pending = Some(path.hash_part().to_owned());
        true
    }

    /// The deletion is over.
    pub(crate) fn finish(&self) {
        self.protected().pending = None;
        self.shared.changed.notify_all();
    }
}

impl Drop for RootServer {
    fn drop(&mut self) {
        self.finish();
        let _ = fs::remove_file(&self.socket);
        let _ = self.stop.shutdown(std::net::Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let clients = std::mem::take(
            &mut *self
                .shared
                .clients
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for (stream, thread) in clients {
            let _ = stream.shutdown(std::net::Shutdown::Both);
            let _ = thread.join();
        }
    }
}

fn serve(listener: &UnixListener, stopped: &UnixStream, shared: &Arc<Shared>) {
    loop {
        let mut fds = [
            PollFd::new(listener, PollFlags::IN),
            PollFd::new(stopped, PollFlags::IN),
        ];
        match poll(&mut fds, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
        let [incoming, stop] = &fds;
        if !stop.revents().is_empty() {
            return;
        }
        if incoming.revents().is_empty() {
            continue;
        }
        let Ok((stream, _)) = listener.accept() else {
            continue;
        };
        // On macOS an accepted socket inherits the non-blocking mode.
        let (Ok(()), Ok(copy)) = (stream.set_nonblocking(false), stream.try_clone()) else {
            continue;
        };
        let for_thread = Arc::clone(shared);
        let thread = std::thread::Builder::new()
            .name("gc-client".to_owned())
            .spawn(move || answer(stream, &for_thread));
        if let Ok(thread) = thread {
            let mut clients = shared
                .clients
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            clients.retain(|(_, thread)| !thread.is_finished());
            clients.push((copy, thread));
        }
    }
}

fn answer(stream: UnixStream, shared: &Shared) {
    let Ok(reader) = stream.try_clone() else {
        return;
    };
    let mut reader = BufReader::new(reader);
    let mut writer = stream;
    loop {
        let mut line = Vec::new();
        match io::Read::take(&mut reader, MAX_LINE).read_until(b'\n', &mut line) {
            Ok(_) if line.ends_with(b"\n") => {}
            _ => return,
        }
        line.pop();
        if let Ok(path) = StorePath::from_absolute_path(&line) {
            let digest = path.hash_part();
            let mut protected = shared
                .protected
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            protected.roots.insert(digest.to_owned());
            while protected.pending.as_deref() == Some(digest) {
                protected = shared
                    .changed
                    .wait(protected)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        }
        if writer.write_all(b"1").is_err() {
            return;
        }
    }
}
