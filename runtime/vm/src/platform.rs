//! Everything in which operating systems differ, and what the standard library does not have: starting
//! QEMU so that it ends with this process, the rate of the processor's counter, the room on a disk.
//!
//! Contract: compiles on Linux and macOS. The only module with unsafe code, each with the reason why it
//! is sound.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Gives a program descriptors under fixed numbers, which nothing else of it may have; on Linux it is
/// killed when the thread that starts it ends, however that happens.
pub fn inherit(
    command: &mut Command,
    descriptors: Vec<(impl AsRawFd + Send + Sync + 'static, i32)>,
) {
    let parent = std::process::id();
    let prepare = move || {
        die_with(parent)?;
        // First out of the way of the numbers that are to be taken.
        let mut copies = Vec::new();
        for (descriptor, number) in &descriptors {
            // SAFETY: asks for a new descriptor above all numbers that are to be taken.
            let copy = unsafe { libc::fcntl(descriptor.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 64) };
            if copy < 0 {
                return Err(io::Error::last_os_error());
            }
            copies.push((copy, *number));
        }
        for (copy, number) in copies {
            // SAFETY: between fork and exec the numbers belong to nobody in this process.
            if unsafe { libc::dup2(copy, number) } < 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    };
    // SAFETY: only system calls are made between fork and exec; the vector of copies is small, and
    // allocating is safe in the child on Linux and macOS, whose allocators handle forks.
    unsafe { command.pre_exec(prepare) };
}

/// Ends the calling process with its parent.
#[cfg(target_os = "linux")]
fn die_with(parent: u32) -> io::Result<()> {
    // SAFETY: calls without pointers.
    unsafe {
        if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) < 0 {
            return Err(io::Error::last_os_error());
        }
        if libc::getppid() as u32 != parent {
            return Err(io::Error::other("the parent is gone"));
        }
    }
    Ok(())
}

/// macOS has no such signal: there the guest ends when the control stream does.
#[cfg(not(target_os = "linux"))]
fn die_with(_parent: u32) -> io::Result<()> {
    Ok(())
}

/// Begins a session, so that signals of the terminal do not reach the program.
pub fn detach(command: &mut Command) {
    // SAFETY: one system call between fork and exec.
    unsafe {
        command.pre_exec(|| {
            if libc::setsid() < 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(())
        });
    }
}

/// How far the time stamp counter that QEMU shows a guest under TCG counts in a millisecond: that of
/// the host's processor on x86, nanoseconds elsewhere (`cpu_get_host_ticks` in QEMU). A guest on
/// microvm has nothing to measure it with.
#[cfg(target_arch = "x86_64")]
pub fn tsc_khz() -> u64 {
    use std::time::{Duration, Instant};
    // SAFETY: every 64-bit x86 processor has the instruction, and it touches no memory.
    let now = || unsafe { core::arch::x86_64::_rdtsc() };
    let (start, first) = (Instant::now(), now());
    std::thread::sleep(Duration::from_millis(10));
    let (time, last) = (start.elapsed(), now());
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1);
    last.wrapping_sub(first).saturating_mul(1000) / micros
}

/// See above.
#[cfg(not(target_arch = "x86_64"))]
pub fn tsc_khz() -> u64 {
    1_000_000
}

/// The kernel's release and build, for recognising a machine.
pub fn system() -> String {
    // SAFETY: every bit pattern is a valid `utsname`; the kernel fills it with strings that end.
    unsafe {
        let mut names: libc::utsname = std::mem::zeroed();
        if libc::uname(&raw mut names) < 0 {
            return String::new();
        }
        let text = |field: &[libc::c_char]| {
            std::ffi::CStr::from_ptr(field.as_ptr())
                .to_string_lossy()
                .into_owned()
        };
        format!("{} {}", text(&names.release), text(&names.version))
    }
}

/// How many bytes this user may still write to the file system of a file.
pub fn free(file: &impl AsRawFd) -> io::Result<u64> {
    // SAFETY: every bit pattern is a valid `statvfs`, which the kernel fills; the descriptor is open.
    let found = unsafe {
        let mut found: libc::statvfs = std::mem::zeroed();
        if libc::fstatvfs(file.as_raw_fd(), &raw mut found) < 0 {
            return Err(io::Error::last_os_error());
        }
        found
    };
    // The types differ between systems.
    #[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
    Ok((found.f_bavail as u64).saturating_mul(found.f_frsize as u64))
}

/// Gives a part of a file back to its file system; it reads as zeros then.
#[cfg(target_os = "linux")]
pub fn punch(file: &impl AsRawFd, offset: u64, length: u64) -> io::Result<()> {
    let offset = libc::off_t::try_from(offset).map_err(io::Error::other)?;
    let length = libc::off_t::try_from(length).map_err(io::Error::other)?;
    let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
    // SAFETY: a call without pointers on a descriptor that is open.
    if unsafe { libc::fallocate(file.as_raw_fd(), mode, offset, length) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// See above (`fcntl(2)` of macOS: whole blocks of the file system).
#[cfg(target_os = "macos")]
pub fn punch(file: &impl AsRawFd, offset: u64, length: u64) -> io::Result<()> {
    let mut hole = libc::fpunchhole_t {
        fp_flags: 0,
        reserved: 0,
        fp_offset: libc::off_t::try_from(offset).map_err(io::Error::other)?,
        fp_length: libc::off_t::try_from(length).map_err(io::Error::other)?,
    };
    // SAFETY: the structure lives until the call returns; the descriptor is open.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_PUNCHHOLE, &raw mut hole) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// See above.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub fn punch(_file: &impl AsRawFd, _offset: u64, _length: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The user as whom this process acts.
pub fn user() -> u32 {
    // SAFETY: a call without arguments that cannot fail.
    unsafe { libc::geteuid() }
}
