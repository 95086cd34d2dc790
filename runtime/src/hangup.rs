//! Notices that a client, or the Nix that started this process, is gone while nobody reads from it.
//!
//! Contract: while `work` runs, `gone` is called at most once, when the other side closed the
//! connection. Nix's counterpart is `MonitorFdHup`.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};

use crate::platform;

/// How long to look away after waking for nothing, where that happens ([`platform::hangup_flags`]).
const PAUSE: Duration = Duration::from_millis(100);

/// Runs `work` and watches `connection` meanwhile: a socket, or the end of a pipe that is written to.
///
/// # Errors
/// When the system gives no pair of sockets.
pub fn watch<T>(
    connection: BorrowedFd<'_>,
    gone: impl FnOnce() + Send,
    work: impl FnOnce() -> T,
) -> io::Result<T> {
    let (end, ended) = UnixStream::pair()?;
    Ok(std::thread::scope(|scope| {
        scope.spawn(move || {
            if wait(connection, ended.as_fd()) {
                gone();
            }
        });
        let result = work();
        drop(end);
        result
    }))
}

/// Waits until one of them hangs up; true if it is the connection.
fn wait(connection: BorrowedFd<'_>, ended: BorrowedFd<'_>) -> bool {
    let over = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    loop {
        let mut descriptors = [
            PollFd::from_borrowed_fd(connection, platform::hangup_flags()),
            PollFd::from_borrowed_fd(ended, PollFlags::IN),
        ];
        match poll(&mut descriptors, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
        }
        let [connection, ended] = &descriptors;
        if !ended.revents().is_empty() {
            return false;
        }
        if connection.revents().intersects(over) {
            return true;
        }
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_closed_connection_is_noticed() {
        let (client, server) = UnixStream::pair().expect("a pair");
        let (tell, told) = mpsc::channel();
        let result = watch(
            server.as_fd(),
            move || tell.send(()).expect("somebody listens"),
            move || {
                drop(client);
                told.recv()
            },
        );
        assert_eq!(result.expect("a pair"), Ok(()));
    }

    #[test]
    fn an_open_connection_is_left_alone() {
        let (_client, server) = UnixStream::pair().expect("a pair");
        let result = watch(server.as_fd(), || panic!("nobody left"), || 7);
        assert_eq!(result.expect("a pair"), 7);
    }
}
