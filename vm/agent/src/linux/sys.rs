//! The system calls that the standard library does not have.
//!
//! Contract: each is one call of libc with owned, checked arguments; the only module of the agent with
//! unsafe code. Errors are the system's.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Error};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

pub use libc::{
    CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUTS, MNT_DETACH, MS_BIND,
    MS_MOVE, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_RDONLY, MS_REC,
};

/// A path as C wants it.
fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(Error::other)
}

fn checked(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        return Err(Error::last_os_error());
    }
    Ok(())
}

/// `mount(2)`.
pub fn mount(
    source: &str,
    target: &Path,
    kind: &str,
    flags: libc::c_ulong,
    options: &str,
) -> io::Result<()> {
    let source = CString::new(source).map_err(Error::other)?;
    mount_raw(&source, target, kind, flags, options)
}

/// A bind mount.
pub fn bind(source: &Path, target: &Path) -> io::Result<()> {
    mount_raw(&c_path(source)?, target, "none", MS_BIND, "")
}

fn mount_raw(
    source: &CString,
    target: &Path,
    kind: &str,
    flags: libc::c_ulong,
    options: &str,
) -> io::Result<()> {
    let target = c_path(target)?;
    let kind = CString::new(kind).map_err(Error::other)?;
    let options = CString::new(options).map_err(Error::other)?;
    // SAFETY: all four pointers are to strings that live until the call returns.
    checked(unsafe {
        libc::mount(
            source.as_ptr(),
            target.as_ptr(),
            kind.as_ptr(),
            flags,
            options.as_ptr().cast(),
        )
    })
}

/// `umount2(2)`.
pub fn unmount(target: &Path, flags: libc::c_int) -> io::Result<()> {
    let target = c_path(target)?;
    // SAFETY: the pointer is to a string that lives until the call returns.
    checked(unsafe { libc::umount2(target.as_ptr(), flags) })
}

/// `chroot(2)`.
pub fn chroot(path: &Path) -> io::Result<()> {
    let path = c_path(path)?;
    // SAFETY: as above.
    checked(unsafe { libc::chroot(path.as_ptr()) })
}

/// `mknod(2)` of a character device that everybody may use.
pub fn character_device(path: &Path, major: u32, minor: u32) -> io::Result<()> {
    let name = c_path(path)?;
    let device = libc::makedev(major, minor);
    // SAFETY: as above.
    checked(unsafe { libc::mknod(name.as_ptr(), libc::S_IFCHR | 0o666, device) })?;
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o666))
}

/// `finit_module(2)`; a module that is there already is no error.
pub fn load_module(file: &File) -> io::Result<()> {
    // SAFETY: the descriptor is open, the parameters are an empty string.
    let result =
        unsafe { libc::syscall(libc::SYS_finit_module, file.as_raw_fd(), c"".as_ptr(), 0) };
    if result < 0 {
        let error = Error::last_os_error();
        if error.raw_os_error() != Some(libc::EEXIST) {
            return Err(error);
        }
    }
    Ok(())
}

/// How many bytes a pipe holds (`F_SETPIPE_SZ`).
pub fn set_pipe_size(pipe: &impl AsRawFd, size: usize) -> io::Result<()> {
    let size = libc::c_int::try_from(size).map_err(Error::other)?;
    // SAFETY: the request takes a number.
    checked(unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETPIPE_SZ, size) })
}

/// `splice(2)` between descriptors without offsets.
pub fn splice(from: &impl AsRawFd, to: &impl AsRawFd, count: usize) -> io::Result<usize> {
    let none = std::ptr::null_mut();
    // SAFETY: null pointers stand for the descriptors' own offsets; no memory is handed over.
    let moved = unsafe { libc::splice(from.as_raw_fd(), none, to.as_raw_fd(), none, count, 0) };
    usize::try_from(moved).map_err(|_| Error::last_os_error())
}

/// `struct blkpg_partition` of `linux/blkpg.h`.
#[repr(C)]
struct BlkpgPartition {
    start: i64,
    length: i64,
    number: i32,
    device_name: [u8; 64],
    volume_name: [u8; 64],
}

/// `struct blkpg_ioctl_arg`.
#[repr(C)]
struct BlkpgArgument {
    operation: i32,
    flags: i32,
    length: i32,
    data: *mut BlkpgPartition,
}

fn blkpg(disk: &File, operation: i32, number: i32, start: i64, length: i64) -> io::Result<()> {
    const BLKPG: u64 = 0x1269;
    let mut partition = BlkpgPartition {
        start,
        length,
        number,
        device_name: [0; 64],
        volume_name: [0; 64],
    };
    let mut argument = BlkpgArgument {
        operation,
        flags: 0,
        length: i32::try_from(size_of::<BlkpgPartition>()).map_err(Error::other)?,
        data: &raw mut partition,
    };
    // What `data` points to lives until the call returns.
    request(disk, BLKPG, &mut argument)
}

/// Tells the kernel of a partition of a disk, in bytes (`BLKPG_ADD_PARTITION`).
pub fn add_partition(disk: &File, number: i32, start: i64, length: i64) -> io::Result<()> {
    blkpg(disk, 1, number, start, length)
}

/// Makes the kernel forget one (`BLKPG_DEL_PARTITION`).
pub fn delete_partition(disk: &File, number: i32) -> io::Result<()> {
    blkpg(disk, 2, number, 0, 0)
}

/// `swapon(2)`, giving freed pages back to the disk.
pub fn swap_on(device: &Path) -> io::Result<()> {
    const SWAP_FLAG_DISCARD: libc::c_int = 0x10000;
    let device = c_path(device)?;
    // SAFETY: as above.
    checked(unsafe { libc::swapon(device.as_ptr(), SWAP_FLAG_DISCARD) })
}

/// Ends the machine: without a way to power off, a restart, at which QEMU ends too; without the right
/// to either, this process.
pub fn power_off() -> ! {
    // SAFETY: no memory is touched; the machine has nothing that must be saved.
    unsafe {
        libc::reboot(libc::RB_POWER_OFF);
        libc::reboot(libc::RB_AUTOBOOT);
    }
    std::process::exit(1)
}

/// `unshare(2)`.
pub fn unshare(flags: libc::c_int) -> io::Result<()> {
    // SAFETY: changes namespaces of this process only.
    checked(unsafe { libc::unshare(flags) })
}

/// Which side of a fork this is.
#[derive(Debug, Clone, Copy)]
pub enum Fork {
    /// The parent, and the child's number.
    Parent(libc::pid_t),
    /// The child.
    Child,
}

/// `fork(2)`. Only for a process with one thread.
pub fn fork() -> io::Result<Fork> {
    // SAFETY: the caller has one thread (a build's own process, before anything was started), so that
    // no lock is held in the child.
    match unsafe { libc::fork() } {
        0 => Ok(Fork::Child),
        child if child > 0 => Ok(Fork::Parent(child)),
        _ => Err(Error::last_os_error()),
    }
}

/// `waitpid(2)`: the raw status.
pub fn wait(child: libc::pid_t) -> io::Result<i32> {
    let mut status = 0;
    loop {
        // SAFETY: `status` lives in this frame.
        if unsafe { libc::waitpid(child, &raw mut status, 0) } >= 0 {
            return Ok(status);
        }
        let error = Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Dies with its parent.
pub fn die_with_parent() -> io::Result<()> {
    // SAFETY: a call without pointers.
    checked(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) })
}

/// Never gains rights by starting a program.
pub fn no_new_privileges() -> io::Result<()> {
    // SAFETY: a call without pointers.
    checked(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })
}

/// Addresses are the same in every run, as in Nix's builds.
pub fn fixed_addresses() {
    // SAFETY: calls without pointers; where it fails, addresses stay random, which Nix accepts too.
    unsafe {
        let now = libc::personality(0xffff_ffff);
        if now >= 0 {
            libc::personality((now | libc::ADDR_NO_RANDOMIZE) as libc::c_ulong);
        }
    }
}

/// A new session, without a terminal.
pub fn new_session() -> io::Result<()> {
    // SAFETY: a call without pointers.
    checked(unsafe { libc::setsid() })
}

/// A terminal becomes the controlling one of this session.
pub fn control_terminal(descriptor: i32) -> io::Result<()> {
    // SAFETY: the request takes a number.
    checked(unsafe { libc::ioctl(descriptor, libc::TIOCSCTTY as _, 0) })
}

/// Programs find the signals as programs expect them: the Rust runtime ignores SIGPIPE.
pub fn default_signals() {
    // SAFETY: the default action is no function of this process.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

/// `kill(2)` with SIGKILL.
pub fn kill(process: u32) {
    // SAFETY: the caller has not waited for this child yet, so that the number is its own.
    unsafe { libc::kill(process as libc::pid_t, libc::SIGKILL) };
}

/// Gives up root: no groups but `group`, then `user`.
pub fn become_user(user: u32, group: u32) -> io::Result<()> {
    // SAFETY: an empty list of groups has no pointer; the others take numbers.
    unsafe {
        checked(libc::setgroups(0, std::ptr::null()))?;
        checked(libc::setresgid(group, group, group))?;
        checked(libc::setresuid(user, user, user))
    }
}

/// `sethostname(2)` and `setdomainname(2)`.
pub fn set_names(host: &str, domain: &str) -> io::Result<()> {
    // SAFETY: the pointers are to as many bytes as are named.
    unsafe {
        checked(libc::sethostname(host.as_ptr().cast(), host.len()))?;
        checked(libc::setdomainname(domain.as_ptr().cast(), domain.len()))
    }
}

/// `RLIMIT_CORE` and `RLIMIT_NOFILE`: the C libraries give them different types.
pub const LIMIT_CORE: u32 = 4;
/// See above.
pub const LIMIT_OPEN_FILES: u32 = 7;

/// `setrlimit(2)`, both bounds.
pub fn set_limit(limit: u32, value: u64) -> io::Result<()> {
    let bounds = libc::rlimit {
        rlim_cur: value as libc::rlim_t,
        rlim_max: value as libc::rlim_t,
    };
    // SAFETY: the structure lives until the call returns.
    checked(unsafe { libc::setrlimit(limit as _, &raw const bounds) })
}

/// `umask(2)`.
pub fn set_umask(mask: u32) {
    // SAFETY: cannot fail and touches no memory.
    unsafe { libc::umask(mask as libc::mode_t) };
}

/// `dup2(2)` of a file to a standard descriptor.
pub fn duplicate_to(file: &impl AsRawFd, to: i32) -> io::Result<()> {
    // SAFETY: replaces a standard descriptor, which nothing of this process owns.
    checked(unsafe { libc::dup2(file.as_raw_fd(), to) })
}

/// Standard output as a file of its own, closed when a program is started.
pub fn take_standard_output() -> io::Result<File> {
    // SAFETY: asks for a new descriptor.
    let copy = unsafe { libc::fcntl(1, libc::F_DUPFD_CLOEXEC, 3) };
    checked(copy)?;
    // SAFETY: it is new, so that nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) }.into())
}

/// `execve(2)`; returns only when it fails.
pub fn execute(program: &[u8], arguments: &[Vec<u8>], environment: &[Vec<u8>]) -> Error {
    let strings = |list: &[Vec<u8>]| -> io::Result<Vec<CString>> {
        list.iter()
            .map(|one| CString::new(one.as_slice()).map_err(Error::other))
            .collect()
    };
    let prepared = || {
        Ok((
            CString::new(program)?,
            strings(arguments)?,
            strings(environment)?,
        ))
    };
    let (program, arguments, environment) = match prepared() {
        Ok(prepared) => prepared,
        Err(error) => return error,
    };
    let pointers = |list: &[CString]| -> Vec<*const libc::c_char> {
        list.iter()
            .map(|one| one.as_ptr())
            .chain(std::iter::once(std::ptr::null()))
            .collect()
    };
    let (argv, envp) = (pointers(&arguments), pointers(&environment));
    // SAFETY: both arrays end with a null pointer, and what they point to lives until the call ends.
    unsafe { libc::execve(program.as_ptr(), argv.as_ptr(), envp.as_ptr()) };
    Error::last_os_error()
}

/// Installs a filter of system calls (`seccomp(2)`).
pub fn install_filter(program: &[libc::sock_filter]) -> io::Result<()> {
    let filter = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(Error::other)?,
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: the kernel reads `len` instructions, which live until the call returns.
    checked(unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER as libc::c_ulong,
            &raw const filter,
        )
    })
}

/// A socket for requests about network interfaces.
pub fn network_socket() -> io::Result<OwnedFd> {
    // SAFETY: a call without pointers.
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    checked(socket)?;
    // SAFETY: it is new, so that nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(socket) })
}

/// An `ioctl` whose argument is one structure.
pub fn request<T>(file: &impl AsRawFd, number: u64, argument: &mut T) -> io::Result<()> {
    // SAFETY: callers pass the structure that the request is defined with.
    checked(unsafe { libc::ioctl(file.as_raw_fd(), number as _, std::ptr::from_mut(argument)) })
}

/// The same with a number for an argument.
pub fn request_number(file: &impl AsRawFd, number: u64, argument: libc::c_long) -> io::Result<i32> {
    // SAFETY: callers pass requests that take a number.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), number as _, argument) };
    checked(result)?;
    Ok(result)
}

/// A pseudo-terminal that passes bytes through unchanged unless somebody types: the side of the
/// agent, and the build's.
pub fn pseudo_terminal(raw: bool) -> io::Result<(File, File)> {
    let (mut ours, mut theirs) = (-1, -1);
    // SAFETY: both numbers live in this frame; the null pointers ask for defaults.
    checked(unsafe {
        libc::openpty(
            &raw mut ours,
            &raw mut theirs,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
        )
    })?;
    // SAFETY: both are new, so that nobody else owns them.
    let (ours, theirs) = unsafe { (File::from_raw_fd(ours), File::from_raw_fd(theirs)) };
    for side in [&ours, &theirs] {
        // SAFETY: only keeps the descriptor from programs that are started.
        checked(unsafe { libc::fcntl(side.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) })?;
    }
    if raw {
        // SAFETY: every bit pattern is a valid `termios`; the kernel fills it, `cfmakeraw` changes it.
        unsafe {
            let mut mode: libc::termios = std::mem::zeroed();
            checked(libc::tcgetattr(theirs.as_raw_fd(), &raw mut mode))?;
            libc::cfmakeraw(&raw mut mode);
            checked(libc::tcsetattr(
                theirs.as_raw_fd(),
                libc::TCSANOW,
                &raw const mode,
            ))?;
        }
    }
    Ok((ours, theirs))
}

/// `chown(2)`, not following links.
pub fn give(path: &Path, user: u32, group: u32) -> io::Result<()> {
    std::os::unix::fs::lchown(path, Some(user), Some(group))
}

/// Closes a descriptor that a request made.
pub fn close(descriptor: i32) {
    // SAFETY: the request made it for the caller, who gives it up here.
    drop(unsafe { OwnedFd::from_raw_fd(descriptor) });
}
