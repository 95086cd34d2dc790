//! Waits for clients: sockets, their permissions, and the end of it all.
//!
//! Contract: a socket that is made here appears under its name with its permissions, in one step, in
//! place of one whose server is gone, and goes when the server ends; a second server for the same
//! socket is refused. Each client gets a thread. Who waits is told when the server has been idle for
//! long enough, when a connection ends, or when it shall stop.

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::{Server, Trust};
use crate::realise::stop::Stop;

/// How many clients are served at once; others wait to be accepted.
const MAX_CLIENTS: usize = 256;
/// How long the store stays open without a client.
const LINGER: Duration = Duration::from_secs(1);
/// How long to wait when the system has no more descriptors.
const PAUSE: Duration = Duration::from_millis(200);

/// A socket that is removed again.
#[derive(Debug)]
pub struct Bound {
    listener: UnixListener,
    path: PathBuf,
    /// Held as long as the socket is served, so that nobody else takes its name.
    _lock: fs::File,
}

impl Bound {
    /// Makes the socket `path` with these permissions.
    ///
    /// # Errors
    /// When another server has it, or the system refuses.
    pub fn new(path: &Path, mode: u32) -> io::Result<Bound> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut lock_name = name.to_owned();
        lock_name.push(".lock");
        let lock = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(directory.join(lock_name))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(io::Error::new(
                    io::ErrorKind::AddrInUse,
                    "another wasibuild daemon listens there",
                ));
            }
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
        match path.symlink_metadata() {
            Ok(there) if !there.file_type().is_socket() => {
                return Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    "something that is not a socket is there",
                ));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Nobody else can reach a socket in a directory of our own, so that it never has other
        // permissions than it shall have.
        let private = tempfile::Builder::new()
            .prefix(".w")
            .tempdir_in(directory)?;
        let made = private.path().join("s");
        let listener = UnixListener::bind(&made)?;
        fs::set_permissions(&made, fs::Permissions::from_mode(mode))?;
        fs::rename(&made, path)?;
        Ok(Bound {
            listener,
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// The listening end.
    ///
    /// # Errors
    /// When the system has no more descriptors.
    pub fn listener(&self) -> io::Result<UnixListener> {
        self.listener.try_clone()
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Accepts clients until `stop` is thrown, or nobody has been there for `idle`; returns when the last
/// one is gone.
///
/// # Errors
/// When waiting fails.
pub fn listen(
    server: &Arc<Server>,
    listeners: &[UnixListener],
    idle: Option<Duration>,
    force_untrusted: bool,
    stop: &Stop,
) -> io::Result<()> {
    let (wake, woken) = UnixStream::pair()?;
    woken.set_nonblocking(true)?;
    wake.set_nonblocking(true)?;
    for listener in listeners {
        listener.set_nonblocking(true)?;
    }
    let wake = Arc::new(wake);
    {
        let (wake, server) = (wake.clone(), server.clone());
        stop.on_stop(move || {
            server.stop();
            let _ = (&*wake).write(b"s");
        });
    }
    let clients = Arc::new(AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let mut woken = &woken;
        let mut accept_all = || -> io::Result<()> {
            // Whether the server has closed what a client needs.
            let mut rests = false;
            while !stop.is_stopped() {
                let now = clients.load(Ordering::SeqCst);
                let timeout = match idle {
                    _ if now > 0 => None,
                    _ if !rests => Some(idle.map_or(LINGER, |idle| idle.min(LINGER))),
                    idle => idle.map(|idle| idle.saturating_sub(LINGER)),
                };
                let Some(ready) = wait(listeners, woken, now < MAX_CLIENTS, timeout)? else {
                    if rests || idle.is_some_and(|idle| idle <= LINGER) {
                        return Ok(());
                    }
                    server.rest();
                    rests = true;
                    continue;
                };
                rests = false;
                // What is written there only wakes.
                while matches!(woken.read(&mut [0; 64]), Ok(1..)) {}
                for listener in ready.into_iter().filter_map(|index| listeners.get(index)) {
                    let Some(stream) = accept(listener)? else {
                        continue;
                    };
                    clients.fetch_add(1, Ordering::SeqCst);
                    let leaving = Leaving {
                        clients: clients.clone(),
                        wake: wake.clone(),
                    };
                    let server = server.clone();
                    let client = std::thread::Builder::new().name("client".to_owned());
                    client.spawn_scoped(scope, move || {
                        let _leaving = leaving;
                        // Only this connection ends; the panic was printed.
                        let serving = AssertUnwindSafe(|| serve(&server, stream, force_untrusted));
                        let _ = catch_unwind(serving);
                    })?;
                }
            }
            Ok(())
        };
        let result = accept_all();
        if result.is_err() {
            server.stop();
        }
        result
    })
}

/// Which listeners have a client; none when nobody came in time.
fn wait(
    listeners: &[UnixListener],
    woken: &UnixStream,
    accepting: bool,
    timeout: Option<Duration>,
) -> io::Result<Option<Vec<usize>>> {
    let timeout = timeout.map(|timeout| Timespec {
        tv_sec: timeout.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    });
    let mut descriptors = vec![PollFd::from_borrowed_fd(woken.as_fd(), PollFlags::IN)];
    if accepting {
        let listeners = listeners.iter();
        descriptors
            .extend(listeners.map(|one| PollFd::from_borrowed_fd(one.as_fd(), PollFlags::IN)));
    }
    match poll(&mut descriptors, timeout.as_ref()) {
        Ok(0) => return Ok(None),
        Ok(_) => {}
        Err(Errno::INTR) => return Ok(Some(Vec::new())),
        Err(error) => return Err(error.into()),
    }
    let ready = descriptors.iter().skip(1).enumerate();
    let ready = ready.filter(|(_, one)| !one.revents().is_empty());
    Ok(Some(ready.map(|(index, _)| index).collect()))
}

fn accept(listener: &UnixListener) -> io::Result<Option<UnixStream>> {
    match listener.accept() {
        Ok((stream, _)) => {
            // On macOS it inherits this from the listener.
            stream.set_nonblocking(false)?;
            Ok(Some(stream))
        }
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock
            | io::ErrorKind::Interrupted
            | io::ErrorKind::ConnectionAborted => Ok(None),
            _ if matches!(
                Errno::from_io_error(&error),
                Some(Errno::MFILE | Errno::NFILE)
            ) =>
            {
                tracing::warn!("clients have to wait: no more descriptors");
                std::thread::sleep(PAUSE);
                Ok(None)
            }
            _ => Err(error),
        },
    }
}

fn serve(server: &Server, stream: UnixStream, force_untrusted: bool) {
    let trust = match force_untrusted {
        true => Trust::Untrusted,
        false => Trust::of(&stream),
    };
    let clones = (stream.try_clone(), stream.try_clone(), stream.try_clone());
    match clones {
        (Ok(input), Ok(output), Ok(socket)) => server.serve(
            Box::new(input),
            Box::new(output),
            stream.as_fd(),
            trust,
            Some(socket),
        ),
        _ => tracing::warn!("a client was turned away: no more descriptors"),
    }
}

/// Counts a client out, also if its thread panicked, and tells who waits.
struct Leaving {
    clients: Arc<AtomicUsize>,
    wake: Arc<UnixStream>,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.clients.fetch_sub(1, Ordering::SeqCst);
        let _ = (&*self.wake).write(b"l");
    }
}
