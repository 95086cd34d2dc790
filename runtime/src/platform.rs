//! Everything in which operating systems differ, and the clock: sockets that a service manager hands
//! over, who is at the other end of one, and how to wait for its end.
//!
//! Contract: compiles on Linux and macOS. The only module of this package with unsafe code, each with
//! the reason why it is sound. It reads the variables of systemd's `sd_listen_fds(3)`, which are part
//! of the handing over.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::event::PollFlags;

/// Seconds since 1970, for what is told to people and never part of a result.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs())
}

/// The user as whom this process acts.
pub fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// What to poll for to learn that the other side is gone. Linux tells it unasked; macOS does so only
/// to who waits for something else as well, so that who polls there may wake for nothing.
pub fn hangup_flags() -> PollFlags {
    if cfg!(target_os = "macos") {
        PollFlags::IN
    } else {
        PollFlags::empty()
    }
}

/// The user at the other end of a connection, as the kernel knows it.
///
/// # Errors
/// When the kernel does not say.
#[cfg(target_os = "linux")]
pub fn peer_user(stream: &UnixStream) -> io::Result<u32> {
    let mut peer = libc::ucred {
        pid: 0,
        uid: u32::MAX,
        gid: u32::MAX,
    };
    let mut size = std::mem::size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: the descriptor is open as long as `stream` is borrowed; the kernel writes at most `size`
    // bytes to `peer`, which has that many and of which every bit pattern is valid.
    let result = unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            std::ptr::from_mut(&mut peer).cast(),
            &raw mut size,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(peer.uid)
}

/// See above.
#[cfg(not(target_os = "linux"))]
pub fn peer_user(stream: &UnixStream) -> io::Result<u32> {
    let (mut user, mut group) = (0, 0);
    // SAFETY: the descriptor is open as long as `stream` is borrowed; both pointers are to integers of
    // this frame.
    let result = unsafe { libc::getpeereid(stream.as_raw_fd(), &raw mut user, &raw mut group) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(user)
}

/// The listening sockets that systemd (or who speaks its protocol) handed over; none if nobody did.
///
/// Must be called at most once, before anything else could own the descriptors from 3 on.
///
/// # Errors
/// When the variables promise what is not there.
#[cfg(not(target_os = "macos"))]
pub fn inherited_listeners() -> io::Result<Vec<UnixListener>> {
    use std::os::fd::{FromRawFd, OwnedFd};
    const FIRST: i32 = 3;
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|value| value.parse::<u32>().ok())
    };
    if number("LISTEN_PID") != Some(std::process::id()) {
        return Ok(Vec::new());
    }
    let count = number("LISTEN_FDS").unwrap_or(0).min(16) as i32;
    (FIRST..FIRST + count)
        .map(|raw| {
            // SAFETY: only asks whether the descriptor is open, and keeps it from children.
            if unsafe { libc::fcntl(raw, libc::F_SETFD, libc::FD_CLOEXEC) } != 0 {
                return Err(io::Error::last_os_error());
            }
            // SAFETY: it is open, and LISTEN_PID says that it was made for this process to own; the
            // caller promises that nobody took it before.
            let owned = unsafe { OwnedFd::from_raw_fd(raw) };
            let listener = UnixListener::from(owned);
            listener.local_addr()?;
            Ok(listener)
        })
        .collect()
}

/// The listening sockets that launchd made for the entry `Listener` of the job's `Sockets`
/// (`launch_activate_socket(3)`); none if launchd did not start this process.
///
/// Must be called at most once.
///
/// # Errors
/// When launchd refuses.
#[cfg(target_os = "macos")]
pub fn inherited_listeners() -> io::Result<Vec<UnixListener>> {
    use std::os::fd::{FromRawFd, OwnedFd};
    unsafe extern "C" {
        fn launch_activate_socket(
            name: *const libc::c_char,
            descriptors: *mut *mut libc::c_int,
            count: *mut libc::size_t,
        ) -> libc::c_int;
    }
    let mut descriptors = std::ptr::null_mut();
    let mut count = 0;
    // SAFETY: the name ends with a zero byte; both pointers are to variables of this frame.
    let result = unsafe {
        launch_activate_socket(c"Listener".as_ptr(), &raw mut descriptors, &raw mut count)
    };
    match result {
        0 => {}
        libc::ESRCH | libc::ENOENT => return Ok(Vec::new()),
        error => return Err(io::Error::from_raw_os_error(error)),
    }
    let listeners = (0..count)
        .map(|index| {
            // SAFETY: on success `descriptors` points to `count` open descriptors that are ours.
            let owned = unsafe { OwnedFd::from_raw_fd(*descriptors.add(index)) };
            UnixListener::from(owned)
        })
        .collect();
    // SAFETY: the array was made by malloc for the caller to free, and is not used any more.
    unsafe { libc::free(descriptors.cast()) };
    Ok(listeners)
}

/// The descriptors beyond standard error that a build hook is given: where its builds' logs go, and the
/// other end of that.
const HOOK_LOG: i32 = 4;
const HOOK_LOG_READER: i32 = 5;

/// A copy of the descriptor to which a build hook writes logs.
///
/// # Errors
/// When there is none: this process is no build hook.
pub fn hook_log() -> io::Result<std::fs::File> {
    use std::os::fd::BorrowedFd;
    // SAFETY: only asks whether the descriptor is open.
    if unsafe { libc::fcntl(HOOK_LOG, libc::F_GETFD) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is open, and nobody in this program closes it: it is not owned by anything.
    let borrowed = unsafe { BorrowedFd::borrow_raw(HOOK_LOG) };
    Ok(borrowed.try_clone_to_owned()?.into())
}

/// Keeps the two descriptors of a build hook from programs that are started.
pub fn keep_hook_descriptors() {
    set_hook_flags(libc::FD_CLOEXEC);
}

/// Starts a program that gets the two descriptors of a build hook.
pub fn with_hook_descriptors<T>(start: impl FnOnce() -> T) -> T {
    set_hook_flags(0);
    let result = start();
    set_hook_flags(libc::FD_CLOEXEC);
    result
}

fn set_hook_flags(flags: i32) {
    for descriptor in [HOOK_LOG, HOOK_LOG_READER] {
        // SAFETY: changes nothing but whether children inherit the descriptor; if it is not open, it
        // fails, which does not matter.
        unsafe { libc::fcntl(descriptor, libc::F_SETFD, flags) };
    }
}

/// Closes all descriptors but the standard ones, which whoever started this program left open.
///
/// Only for the beginning of a program, when it has opened nothing itself.
pub fn close_inherited() {
    // Both systems have it; without, nobody knows what is open.
    let Ok(entries) = std::fs::read_dir("/dev/fd") else {
        return;
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let open: Vec<i32> = names.filter(|descriptor| *descriptor > 2).collect();
    for descriptor in open {
        // SAFETY: nothing in this program owns a descriptor yet, as the caller says. That of the directory is
        // closed by now, so that closing it again fails, which does not matter.
        unsafe { libc::close(descriptor) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_end_of_a_pair_is_this_user() {
        let (one, _other) = UnixStream::pair().expect("a pair");
        assert_eq!(peer_user(&one).expect("a user"), own_user());
    }

    #[test]
    fn nobody_hands_sockets_to_a_test() {
        assert!(inherited_listeners().expect("an answer").is_empty());
    }
}
