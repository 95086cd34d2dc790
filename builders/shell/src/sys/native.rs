//! The world through libc, for tests, fuzzing and as the native twin of the wasm shell.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicU64, Ordering};

use super::descriptor::{Handle, c_path, check, read};
use super::{Access, Ended, FileKind, OpenMode, Pid, Spawn, Stat};

/// Lowest number of the shell's own descriptors: scripts see smaller ones.
const OWN: i32 = 260;

/// Moves a descriptor out of the script's numbers, closed on exec.
fn adopt(fd: i32) -> io::Result<Handle> {
    let handle = Handle(fd);
    // SAFETY: fcntl on a descriptor that is open.
    match check(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, OWN) }) {
        Ok(new) => Ok(Handle(new)),
        Err(_) => {
            // SAFETY: as above.
            unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
            Ok(handle)
        }
    }
}

/// Waits up to the time for input. `None`: no limit is known here.
pub fn readable_within(handle: &Handle, millis: i32) -> bool {
    let mut poll = libc::pollfd {
        fd: handle.0,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one pollfd, which lives through the call.
    unsafe { libc::poll(&mut poll, 1, millis) > 0 }
}

pub fn open(path: &[u8], mode: OpenMode) -> io::Result<Handle> {
    let path = c_path(path)?;
    let mut flags = match (mode.read, mode.write) {
        (_, false) => libc::O_RDONLY,
        (false, true) => libc::O_WRONLY,
        (true, true) => libc::O_RDWR,
    };
    for (on, flag) in [
        (mode.create, libc::O_CREAT),
        (mode.truncate, libc::O_TRUNC),
        (mode.append, libc::O_APPEND),
        (mode.exclusive, libc::O_EXCL),
    ] {
        if on {
            flags |= flag;
        }
    }
    // SAFETY: the path is NUL-terminated and lives through the call.
    adopt(check(unsafe {
        libc::open(path.as_ptr(), flags | libc::O_CLOEXEC, 0o666)
    })?)
}

pub fn pipe() -> io::Result<(Handle, Handle)> {
    let mut fds = [0; 2];
    // SAFETY: room for the two descriptors.
    check(unsafe { libc::pipe(fds.as_mut_ptr()) })?;
    Ok((adopt(fds[0])?, adopt(fds[1])?))
}

/// How much a pipe takes before a writer blocks.
pub const PIPE_ROOM: usize = 65_536;

pub fn stat(path: &[u8], follow: bool) -> io::Result<Stat> {
    let path = c_path(path)?;
    // SAFETY: a zeroed stat is a valid value; the path is NUL-terminated.
    let (result, s) = unsafe {
        let mut s: libc::stat = std::mem::zeroed();
        let call = if follow { libc::stat } else { libc::lstat };
        (call(path.as_ptr(), &mut s), s)
    };
    check(result)?;
    Ok(convert(&s))
}

pub fn stat_handle(handle: &Handle) -> io::Result<Stat> {
    // SAFETY: a zeroed stat is a valid value.
    let (result, s) = unsafe {
        let mut s: libc::stat = std::mem::zeroed();
        (libc::fstat(handle.0, &mut s), s)
    };
    check(result)?;
    Ok(convert(&s))
}

#[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
fn convert(s: &libc::stat) -> Stat {
    let kind = match s.st_mode & libc::S_IFMT {
        libc::S_IFDIR => FileKind::Directory,
        libc::S_IFLNK => FileKind::Symlink,
        libc::S_IFIFO => FileKind::Fifo,
        libc::S_IFSOCK => FileKind::Socket,
        libc::S_IFCHR => FileKind::Char,
        libc::S_IFBLK => FileKind::Block,
        _ => FileKind::Regular,
    };
    Stat {
        kind,
        mode: u32::from(s.st_mode) & 0o7777,
        size: u64::try_from(s.st_size).unwrap_or(0),
        modified: (s.st_mtime, s.st_mtime_nsec),
        accessed: (s.st_atime, s.st_atime_nsec),
        device: s.st_dev as u64,
        inode: s.st_ino,
        uid: s.st_uid,
        gid: s.st_gid,
    }
}

/// What this program answers to a question about a text. Natively no other process is asked, and only
/// where tests shall see the answer.
pub fn derive(_: &[u8], flags: u8, text: &[u8]) -> Option<Vec<u8>> {
    let flags = crate::syntax::Flags::from_bits(flags);
    cfg!(debug_assertions).then(|| crate::exec::outline::make(text, flags))
}

/// Natively no builds share anything.
pub fn recall(_: &[u8]) -> Vec<u8> {
    Vec::new()
}

/// See [`recall`].
pub fn remember(_: &[u8], _: &[u8]) {}

/// Is there a file of that name? The cheapest question about a path.
pub fn exists(path: &[u8]) -> bool {
    // SAFETY: the path is NUL-terminated and lives through the call.
    c_path(path).is_ok_and(|path| unsafe { libc::access(path.as_ptr(), libc::F_OK) == 0 })
}

/// Is it certain that nobody changes what is there? On a machine it never is.
pub fn is_fixed(_: &[u8]) -> bool {
    false
}

pub fn access(path: &[u8], question: Access) -> bool {
    let Ok(path) = c_path(path) else { return false };
    let mode = match question {
        Access::Read => libc::R_OK,
        Access::Write => libc::W_OK,
        Access::Execute => libc::X_OK,
    };
    // SAFETY: the path is NUL-terminated.
    unsafe { libc::faccessat(libc::AT_FDCWD, path.as_ptr(), mode, libc::AT_EACCESS) == 0 }
}

/// Names in a directory with their kind if it is known, without `.` and `..`, in no order: who
/// shows them sorts them.
#[allow(clippy::disallowed_methods)]
pub fn read_dir(path: &[u8]) -> io::Result<Vec<(Vec<u8>, Option<FileKind>)>> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(OsStr::from_bytes(path))? {
        let entry = entry?;
        let kind = entry.file_type().ok().and_then(|t| {
            if t.is_dir() {
                Some(FileKind::Directory)
            } else if t.is_file() {
                Some(FileKind::Regular)
            } else if t.is_symlink() {
                Some(FileKind::Symlink)
            } else {
                None
            }
        });
        out.push((entry.file_name().into_vec(), kind));
    }
    Ok(out)
}

/// The path without symbolic links.
pub fn canonical(path: &[u8]) -> io::Result<Vec<u8>> {
    std::fs::canonicalize(OsStr::from_bytes(path)).map(|p| p.into_os_string().into_vec())
}

/// The program that runs: what another instance of the shell is started from.
pub fn own_program() -> Vec<u8> {
    std::env::current_exe()
        .map(|p| p.into_os_string().into_vec())
        .unwrap_or_else(|_| b"/proc/self/exe".to_vec())
}

/// Starts a program. The child is made with fork and makes only async-signal-safe calls before
/// exec; what it needs is allocated before. A failed exec comes back over a pipe.
pub fn spawn(request: &Spawn) -> io::Result<Pid> {
    let text = |t: &[u8]| CString::new(t).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL));
    let list = |items: &[Vec<u8>]| {
        items
            .iter()
            .map(|t| text(t))
            .collect::<io::Result<Vec<CString>>>()
    };
    let (program, cwd) = (c_path(request.program)?, c_path(request.cwd)?);
    let (argv, env) = (list(request.argv)?, list(request.env)?);
    let pointers = |list: &[CString]| -> Vec<*const libc::c_char> {
        list.iter()
            .map(|t| t.as_ptr())
            .chain([std::ptr::null()])
            .collect()
    };
    let (argv, env) = ((pointers(&argv), argv), (pointers(&env), env));
    let fds: Vec<(i32, i32)> = request
        .fds
        .iter()
        .filter_map(|(to, from)| Some((i32::try_from(*to).ok()?, from.0)))
        .collect();
    let (read_end, write_end) = pipe()?;
    // SAFETY: see above; the shell's descriptors lie above the numbers that they are copied to, so
    // no copy overwrites a source. All pointers are to memory that lives through the calls.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: as above.
        unsafe {
            for (to, from) in &fds {
                libc::dup2(*from, *to);
            }
            for signal in 1..32 {
                if request.ignored.contains(&signal) {
                    libc::signal(signal, libc::SIG_IGN);
                } else if signal != libc::SIGKILL && signal != libc::SIGSTOP {
                    libc::signal(signal, libc::SIG_DFL);
                }
            }
            libc::umask(request.umask as libc::mode_t);
            if libc::chdir(cwd.as_ptr()) == 0 {
                libc::execve(program.as_ptr(), argv.0.as_ptr(), env.0.as_ptr());
            }
            let error = io::Error::last_os_error()
                .raw_os_error()
                .unwrap_or(libc::EINVAL)
                .to_ne_bytes();
            libc::write(write_end.0, error.as_ptr().cast(), error.len());
            libc::_exit(127)
        }
    }
    check(pid)?;
    drop(write_end);
    let mut error = [0; 4];
    loop {
        match read(&read_end, &mut error) {
            Ok(4) => {
                let _ = wait(u32::try_from(pid).ok(), false);
                return Err(io::Error::from_raw_os_error(i32::from_ne_bytes(error)));
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            _ => return Ok(u32::try_from(pid).unwrap_or(0)),
        }
    }
}

/// Waits for one process, or for any. `None`: none ended yet (`poll`).
pub fn wait(pid: Option<Pid>, poll: bool) -> io::Result<Option<Ended>> {
    let mut status = 0;
    let target = pid.map_or(-1, |p| i32::try_from(p).unwrap_or(-1));
    // SAFETY: status lives through the call.
    let ended =
        check(unsafe { libc::waitpid(target, &mut status, if poll { libc::WNOHANG } else { 0 }) })?;
    if ended == 0 {
        return Ok(None);
    }
    let status = std::process::ExitStatus::from_raw(status);
    let code = status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    Ok(Some((u32::try_from(ended).unwrap_or(0), code)))
}

pub fn kill(pid: i64, signal: i32) -> io::Result<()> {
    let pid = i32::try_from(pid).map_err(|_| io::Error::from_raw_os_error(libc::ESRCH))?;
    // SAFETY: kill has no memory arguments.
    check(unsafe { libc::kill(pid, signal) }).map(drop)
}

pub fn process_id() -> Pid {
    std::process::id()
}

pub fn parent_pid() -> Pid {
    std::os::unix::process::parent_id()
}

pub fn user_id() -> u32 {
    // SAFETY: geteuid cannot fail.
    unsafe { libc::geteuid() }
}

pub fn group_id() -> u32 {
    // SAFETY: getegid cannot fail.
    unsafe { libc::getegid() }
}

/// Seconds and nanoseconds since the epoch.
#[allow(clippy::disallowed_methods)]
pub fn now() -> (i64, u32) {
    match std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
        Ok(d) => (i64::try_from(d.as_secs()).unwrap_or(0), d.subsec_nanos()),
        Err(_) => (0, 0),
    }
}

/// A number to seed `RANDOM` with.
pub fn seed() -> u32 {
    now().1 ^ process_id()
}

/// Sets the mask for new files; gives the old one.
#[allow(clippy::useless_conversion)] // 16 bits on macOS
pub fn set_umask(mask: u32) -> u32 {
    // SAFETY: umask cannot fail.
    unsafe { libc::umask(mask as libc::mode_t) }.into()
}

pub fn current_dir() -> Vec<u8> {
    std::env::current_dir()
        .map(|p| p.into_os_string().into_vec())
        .unwrap_or_else(|_| b"/".to_vec())
}

pub fn args() -> Vec<Vec<u8>> {
    std::env::args_os().map(OsStringExt::into_vec).collect()
}

#[allow(clippy::disallowed_methods)]
pub fn environment() -> Vec<(Vec<u8>, Vec<u8>)> {
    std::env::vars_os()
        .map(|(k, v): (OsString, OsString)| (k.into_vec(), v.into_vec()))
        .collect()
}

/// The descriptors that the shell was started with, moved out of the script's numbers.
pub fn inherited() -> Vec<(u32, Handle)> {
    let mut out = Vec::new();
    for fd in 0..256 {
        // SAFETY: fcntl without memory arguments; a closed number gives an error.
        let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, OWN) };
        if copy >= 0 {
            out.push((fd as u32, Handle(copy)));
            if fd > 2 {
                // SAFETY: nothing in this process refers to the number but the table just made.
                unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
            }
        }
    }
    for fd in 0..256 {
        // SAFETY: the script's descriptors live in `out` from here on; the standard streams of
        // Rust's library are not used by the shell.
        unsafe { libc::close(fd) };
    }
    out
}

static PENDING: AtomicU64 = AtomicU64::new(0);

extern "C" fn note_signal(signal: i32) {
    PENDING.fetch_or(1 << (signal & 63), Ordering::SeqCst);
}

/// What to do with a signal from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    Default,
    Ignore,
    Catch,
}

pub fn set_signal(signal: i32, disposition: Disposition) {
    let handler = match disposition {
        Disposition::Default => libc::SIG_DFL,
        Disposition::Ignore => libc::SIG_IGN,
        Disposition::Catch => note_signal as *const () as libc::sighandler_t,
    };
    // SAFETY: a zeroed sigaction with a handler that only stores to an atomic. Without SA_RESTART
    // a blocking call ends, so that a trap can run.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler;
        libc::sigaction(signal, &action, std::ptr::null_mut());
    }
}

/// Signals that came since the last call.
pub fn take_signals() -> u64 {
    if PENDING.load(Ordering::Relaxed) == 0 {
        0
    } else {
        PENDING.swap(0, Ordering::SeqCst)
    }
}

/// Ends the process as by a signal.
pub fn die_of(signal: i32) -> ! {
    set_signal(signal, Disposition::Default);
    // SAFETY: raise and _exit have no memory arguments.
    unsafe {
        libc::raise(signal);
        libc::_exit(128 + signal)
    }
}

pub fn exit(status: i32) -> ! {
    std::process::exit(status & 0xff)
}

/// Is there a user of that name? Gives the home directory.
pub fn home_of(user: &[u8]) -> Option<Vec<u8>> {
    let text = std::fs::read("/etc/passwd").ok()?;
    text.split(|c| *c == b'\n').find_map(|line| {
        let mut fields = line.split(|c| *c == b':');
        if fields.next()? != user {
            return None;
        }
        fields.nth(4).map(<[u8]>::to_vec)
    })
}

/// Home directory of the user that runs.
pub fn own_home() -> Vec<u8> {
    let id = user_id().to_string();
    std::fs::read("/etc/passwd")
        .ok()
        .and_then(|text| {
            text.split(|c| *c == b'\n').find_map(|line| {
                let fields: Vec<&[u8]> = line.split(|c| *c == b':').collect();
                (fields.get(2) == Some(&id.as_bytes()))
                    .then(|| fields.get(5).map(|f| f.to_vec()))
                    .flatten()
            })
        })
        .unwrap_or_else(|| b"/".to_vec())
}

/// The machine's name.
pub fn host_name() -> Vec<u8> {
    let mut buffer = [0u8; 256];
    // SAFETY: room for the name and its NUL.
    unsafe { libc::gethostname(buffer.as_mut_ptr().cast(), buffer.len() - 1) };
    CStr::from_bytes_until_nul(&buffer)
        .map(|c| c.to_bytes().to_vec())
        .unwrap_or_default()
}

/// User and system time of the process and of its children, in microseconds.
#[allow(clippy::useless_conversion)] // 32 bits on macOS
pub fn times() -> [i64; 4] {
    let mut out = [0; 4];
    for (at, who) in [(0, libc::RUSAGE_SELF), (2, libc::RUSAGE_CHILDREN)] {
        // SAFETY: a zeroed rusage is a valid value.
        let usage = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            libc::getrusage(who, &mut usage);
            usage
        };
        let micros = |t: libc::timeval| t.tv_sec * 1_000_000 + i64::from(t.tv_usec);
        out[at] = micros(usage.ru_utime);
        out[at + 1] = micros(usage.ru_stime);
    }
    out
}
