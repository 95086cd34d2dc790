//! The world through WASI preview 1 and the `wasibuild_v1` imports; the contract is `docs/abi.md`.
//! Plain file work goes through wasi-libc. A program's descriptor *n* from 3 on is WASI's *n* + 3,
//! because 3 to 5 are the preopened directories.

use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;

use crate::state::fds::MAX_FD;

use super::descriptor::{Handle, bad_descriptor, c_path, check};
use super::{Access, Ended, FileKind, OpenMode, Pid, Spawn, Stat};

/// Descriptor of the preopened `/`.
const ROOT: u32 = 5;
/// How far a program's descriptors lie from WASI's.
const SHIFT: u32 = 3;
/// The preopened directories.
const PREOPENS: std::ops::Range<u32> = 3..6;
const FOLLOW: u32 = 1;
const SIGPIPE: i32 = 13;

#[link(wasm_import_module = "wasibuild_v1")]
unsafe extern "C" {
    #[link_name = "path_mode"]
    fn host_path_mode(fd: u32, flags: u32, path: *const u8, len: usize, out: *mut u32) -> i32;
    #[link_name = "path_owner"]
    fn host_path_owner(fd: u32, flags: u32, path: *const u8, len: usize, out: *mut [u32; 2])
    -> i32;
    #[link_name = "path_access"]
    fn host_path_access(fd: u32, flags: u32, path: *const u8, len: usize, bits: u32) -> i32;
    #[link_name = "umask"]
    fn host_umask(new: u32, old: *mut u32) -> i32;
    #[link_name = "pipe"]
    fn host_pipe(out: *mut [u32; 2]) -> i32;
    #[link_name = "fd_next"]
    fn host_fd_next(fd: u32, out: *mut u32) -> i32;
    #[link_name = "derive"]
    fn host_derive(
        argv: *const [u32; 2],
        argc: usize,
        text: *const u8,
        text_len: usize,
        answer: *mut u8,
        capacity: usize,
        len: *mut u32,
    ) -> i32;
    #[link_name = "spawn"]
    fn host_spawn(args: *const [u32; 11], pid: *mut u32) -> i32;
    #[link_name = "wait"]
    fn host_wait(pid: i32, flags: u32, pid_out: *mut u32, status: *mut u32) -> i32;
    #[link_name = "getpid"]
    fn host_getpid(out: *mut u32) -> i32;
    #[link_name = "getppid"]
    fn host_getppid(out: *mut u32) -> i32;
    #[link_name = "kill"]
    fn host_kill(pid: u32, signal: u32) -> i32;
    #[link_name = "signal_ignore"]
    fn host_signal_ignore(signal: u32, ignore: u32) -> i32;
    #[link_name = "recall"]
    fn host_recall(key: *const u8, len: usize, out: *mut u8, capacity: usize, n: *mut u32) -> i32;
    #[link_name = "remember"]
    fn host_remember(key: *const u8, len: usize, value: *const u8, size: usize) -> i32;
    #[link_name = "cwd_get"]
    fn host_cwd_get(buffer: *mut u8, len: usize, out: *mut u32) -> i32;
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn args_sizes_get(count: *mut usize, size: *mut usize) -> i32;
    fn args_get(argv: *mut *mut u8, buffer: *mut u8) -> i32;
    fn environ_sizes_get(count: *mut usize, size: *mut usize) -> i32;
    fn environ_get(environ: *mut *mut u8, buffer: *mut u8) -> i32;
    fn random_get(buffer: *mut u8, len: usize) -> i32;
}

fn host(errno: i32) -> io::Result<()> {
    if errno == 0 {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(errno))
    }
}

/// The path as the preopened root wants it: not absolute, not empty.
fn below_root(path: &[u8]) -> &[u8] {
    let start = path.iter().take_while(|c| **c == b'/').count();
    match path.get(start..) {
        Some(rest) if !rest.is_empty() => rest,
        _ => b".",
    }
}

/// Waits up to the time for input.
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
    check(unsafe { libc::open(path.as_ptr(), flags, 0o666) }).map(Handle)
}

pub fn pipe() -> io::Result<(Handle, Handle)> {
    let mut out = [0; 2];
    // SAFETY: room for the two numbers.
    host(unsafe { host_pipe(&mut out) })?;
    let handle = |n: u32| i32::try_from(n).map(Handle).map_err(|_| bad_descriptor());
    Ok((handle(out[0])?, handle(out[1])?))
}

/// How much a pipe takes before a writer blocks.
pub const PIPE_ROOM: usize = 65_536;

pub fn stat(path: &[u8], follow: bool) -> io::Result<Stat> {
    let name = c_path(path)?;
    let mut s = MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: the path is NUL-terminated; a zeroed stat is a valid value.
    let (result, s) = unsafe {
        let result = if follow {
            libc::stat(name.as_ptr(), s.as_mut_ptr())
        } else {
            libc::lstat(name.as_ptr(), s.as_mut_ptr())
        };
        (result, s.assume_init())
    };
    check(result)?;
    let mut out = convert(&s);
    let (path, flags) = (below_root(path), if follow { FOLLOW } else { 0 });
    // SAFETY: pointer and length are of one live slice; the results live through the calls.
    unsafe {
        host_path_mode(ROOT, flags, path.as_ptr(), path.len(), &mut out.mode);
        let mut owner = [0; 2];
        host_path_owner(ROOT, flags, path.as_ptr(), path.len(), &mut owner);
        (out.uid, out.gid) = (owner[0], owner[1]);
    }
    Ok(out)
}

pub fn stat_handle(handle: &Handle) -> io::Result<Stat> {
    let mut s = MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: a zeroed stat is a valid value.
    let (result, s) = unsafe { (libc::fstat(handle.0, s.as_mut_ptr()), s.assume_init()) };
    check(result)?;
    Ok(convert(&s))
}

fn convert(s: &libc::stat) -> Stat {
    let kind = match s.st_mode & libc::S_IFMT {
        libc::S_IFDIR => FileKind::Directory,
        libc::S_IFLNK => FileKind::Symlink,
        // WASI has no number for named pipes, and the sandbox no sockets.
        0o140_000 => FileKind::Fifo,
        libc::S_IFCHR => FileKind::Char,
        libc::S_IFBLK => FileKind::Block,
        _ => FileKind::Regular,
    };
    Stat {
        kind,
        mode: 0,
        size: u64::try_from(s.st_size).unwrap_or(0),
        modified: (s.st_mtim.tv_sec, i64::from(s.st_mtim.tv_nsec)),
        accessed: (s.st_atim.tv_sec, i64::from(s.st_atim.tv_nsec)),
        device: s.st_dev,
        inode: s.st_ino,
        uid: 0,
        gid: 0,
    }
}

/// What this program answers, started anew with the question, the flags, and the text as its standard
/// input and nothing else. The host keeps the answer.
pub fn derive(question: &[u8], flags: u8, text: &[u8]) -> Option<Vec<u8>> {
    let flags = flags.to_string();
    let argv = [question, flags.as_bytes()];
    let argv = argv.map(|word| [pointer(word.as_ptr()), word.len() as u32]);
    // An answer is mostly shorter than the text; if not, the second call has the length.
    let mut answer = vec![0; text.len() / 4 + 1024];
    for _ in 0..2 {
        let mut len = 0;
        // SAFETY: all pointers and lengths are of live slices; the result lives through the call.
        let errno = unsafe {
            host_derive(
                argv.as_ptr(),
                argv.len(),
                text.as_ptr(),
                text.len(),
                answer.as_mut_ptr(),
                answer.len(),
                &mut len,
            )
        };
        let len = len as usize;
        if errno == 0 {
            answer.truncate(len);
            return Some(answer);
        }
        if len <= answer.len() {
            return None;
        }
        answer.resize(len, 0);
    }
    None
}

/// What builds of this run remembered under that key; empty if nothing.
pub fn recall(key: &[u8]) -> Vec<u8> {
    let mut found = vec![0; 1 << 14];
    for _ in 0..2 {
        let mut len = 0;
        // SAFETY: all pointers and lengths are of live slices; the result lives through the call.
        let errno = unsafe {
            host_recall(
                key.as_ptr(),
                key.len(),
                found.as_mut_ptr(),
                found.len(),
                &mut len,
            )
        };
        let len = len as usize;
        if errno == 0 {
            found.truncate(len);
            return found;
        }
        if len <= found.len() {
            break;
        }
        found.resize(len, 0);
    }
    Vec::new()
}

/// Adds to what builds of this run remember under that key. The host may decline.
pub fn remember(key: &[u8], value: &[u8]) {
    // SAFETY: pointers and lengths are of live slices.
    unsafe { host_remember(key.as_ptr(), key.len(), value.as_ptr(), value.len()) };
}

/// Is there a file of that name? The cheapest question about a path.
pub fn exists(path: &[u8]) -> bool {
    let path = below_root(path);
    // SAFETY: pointer and length are of one live slice.
    unsafe { host_path_access(ROOT, FOLLOW, path.as_ptr(), path.len(), 0) == 0 }
}

/// Is it certain that nobody changes what is there, as long as the build runs? Links are not followed.
pub fn is_fixed(path: &[u8]) -> bool {
    const FIXED: u32 = 8;
    let path = below_root(path);
    // SAFETY: pointer and length are of one live slice.
    unsafe { host_path_access(ROOT, 0, path.as_ptr(), path.len(), FIXED) == 0 }
}

pub fn access(path: &[u8], question: Access) -> bool {
    let bits = match question {
        Access::Read => 4,
        Access::Write => 2,
        Access::Execute => 1,
    };
    let path = below_root(path);
    // SAFETY: pointer and length are of one live slice.
    unsafe { host_path_access(ROOT, FOLLOW, path.as_ptr(), path.len(), bits) == 0 }
}

/// Names in a directory with their kind if it is known, without `.` and `..`, in no order.
pub fn read_dir(path: &[u8]) -> io::Result<Vec<(Vec<u8>, Option<FileKind>)>> {
    let path = c_path(path)?;
    // SAFETY: the path is NUL-terminated; the stream is closed below and used only in between.
    let dir = unsafe { libc::opendir(path.as_ptr()) };
    if dir.is_null() {
        return Err(io::Error::last_os_error());
    }
    let mut out = Vec::new();
    loop {
        // SAFETY: the stream is open; an entry lives until the next call.
        let entry = unsafe { libc::readdir(dir) };
        if entry.is_null() {
            break;
        }
        // SAFETY: the name is the NUL-terminated tail of the entry.
        let (name, kind) = unsafe {
            (
                CStr::from_ptr((*entry).d_name.as_ptr()).to_bytes().to_vec(),
                (*entry).d_type,
            )
        };
        if name == b"." || name == b".." {
            continue;
        }
        let kind = match kind {
            libc::DT_DIR => Some(FileKind::Directory),
            libc::DT_REG => Some(FileKind::Regular),
            libc::DT_LNK => Some(FileKind::Symlink),
            _ => None,
        };
        out.push((name, kind));
    }
    // SAFETY: the stream is open.
    unsafe { libc::closedir(dir) };
    Ok(out)
}

fn read_link(path: &[u8]) -> Option<Vec<u8>> {
    let path = c_path(path).ok()?;
    let mut buffer = vec![0u8; 4096];
    // SAFETY: the path is NUL-terminated; the buffer has the length given.
    let n = unsafe { libc::readlink(path.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len()) };
    buffer.truncate(usize::try_from(n).ok()?);
    Some(buffer)
}

/// The path without symbolic links.
pub fn canonical(path: &[u8]) -> io::Result<Vec<u8>> {
    let mut todo: Vec<Vec<u8>> = path
        .split(|c| *c == b'/')
        .rev()
        .map(<[u8]>::to_vec)
        .collect();
    let mut done: Vec<Vec<u8>> = Vec::new();
    let mut links = 0;
    while let Some(part) = todo.pop() {
        match part.as_slice() {
            b"" | b"." => continue,
            b".." => {
                done.pop();
                continue;
            }
            _ => {}
        }
        done.push(part);
        let here = [b"/", done.join(&b'/').as_slice()].concat();
        if let Some(target) = read_link(&here) {
            links += 1;
            if links > 40 {
                return Err(io::Error::from_raw_os_error(libc::ELOOP));
            }
            done.pop();
            if target.first() == Some(&b'/') {
                done.clear();
            }
            todo.extend(target.split(|c| *c == b'/').rev().map(<[u8]>::to_vec));
        }
    }
    let out = [b"/", done.join(&b'/').as_slice()].concat();
    stat(&out, true)?;
    Ok(out)
}

/// The program that runs: what another instance of the shell is started from.
pub fn own_program() -> Vec<u8> {
    let first = args().into_iter().next().unwrap_or_default();
    if first.first() == Some(&b'/') {
        first
    } else {
        b"/bin/sh".to_vec()
    }
}

fn pointer<T>(p: *const T) -> u32 {
    p as usize as u32
}

pub fn spawn(request: &Spawn) -> io::Result<Pid> {
    let pairs = |list: &[Vec<u8>]| -> Vec<[u32; 2]> {
        list.iter()
            .map(|t| [pointer(t.as_ptr()), t.len() as u32])
            .collect()
    };
    let (argv, env) = (pairs(request.argv), pairs(request.env));
    let fds: Vec<[u32; 2]> = request
        .fds
        .iter()
        .map(|(to, from)| {
            [
                if *to < 3 { *to } else { *to + SHIFT },
                u32::try_from(from.0).unwrap_or(u32::MAX),
            ]
        })
        .collect();
    let place = [
        pointer(request.place.0.as_ptr()),
        request.place.0.len() as u32,
        request.place.1,
    ];
    let args = [
        pointer(request.program.as_ptr()),
        request.program.len() as u32,
        pointer(argv.as_ptr()),
        argv.len() as u32,
        pointer(env.as_ptr()),
        env.len() as u32,
        pointer(request.cwd.as_ptr()),
        request.cwd.len() as u32,
        pointer(fds.as_ptr()),
        fds.len() as u32,
        pointer(place.as_ptr()),
    ];
    let mut pid = 0;
    let keep = request.ignored.contains(&SIGPIPE);
    // SAFETY: all that the fields point to lives through the call.
    let result = unsafe {
        // The shell ignores SIGPIPE for itself; programs must not inherit that.
        if !keep {
            host_signal_ignore(SIGPIPE as u32, 0);
        }
        let result = host_spawn(&args, &mut pid);
        host_signal_ignore(SIGPIPE as u32, 1);
        result
    };
    host(result)?;
    Ok(pid)
}

/// Waits for one process, or for any. `None`: none ended yet (`poll`).
pub fn wait(pid: Option<Pid>, poll: bool) -> io::Result<Option<Ended>> {
    let (mut ended, mut status) = (0, 0);
    let target = pid.map_or(-1, |p| i32::try_from(p).unwrap_or(-1));
    // SAFETY: the results live through the call.
    host(unsafe { host_wait(target, u32::from(poll), &mut ended, &mut status) })?;
    Ok((ended != 0).then_some((ended, (status & 0xff) as i32)))
}

pub fn kill(pid: i64, signal: i32) -> io::Result<()> {
    let pid = u32::try_from(pid).map_err(|_| io::Error::from_raw_os_error(libc::ESRCH))?;
    // SAFETY: no memory arguments.
    host(unsafe { host_kill(pid, signal as u32) })
}

pub fn process_id() -> Pid {
    let mut out = 0;
    // SAFETY: the result lives through the call.
    unsafe { host_getpid(&mut out) };
    out
}

pub fn parent_pid() -> Pid {
    let mut out = 0;
    // SAFETY: the result lives through the call.
    unsafe { host_getppid(&mut out) };
    out
}

/// The user that the contract names.
pub fn user_id() -> u32 {
    1000
}

/// The group that the contract names.
pub fn group_id() -> u32 {
    100
}

/// Seconds and nanoseconds since the epoch: the host's fixed clock.
pub fn now() -> (i64, u32) {
    match std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
        Ok(d) => (i64::try_from(d.as_secs()).unwrap_or(0), d.subsec_nanos()),
        Err(_) => (0, 0),
    }
}

/// A number to seed `RANDOM` with: from the request's seed.
pub fn seed() -> u32 {
    let mut bytes = [0; 4];
    // SAFETY: pointer and length are of one live array.
    unsafe { random_get(bytes.as_mut_ptr(), bytes.len()) };
    u32::from_le_bytes(bytes)
}

/// Sets the mask for new files; gives the old one.
pub fn set_umask(mask: u32) -> u32 {
    let mut old = 0;
    // SAFETY: the result lives through the call.
    unsafe { host_umask(mask, &mut old) };
    old
}

pub fn current_dir() -> Vec<u8> {
    let mut buffer = vec![0; 4096];
    let mut len = 0;
    // SAFETY: pointer and length are of one live buffer.
    match unsafe { host_cwd_get(buffer.as_mut_ptr(), buffer.len(), &mut len) } {
        0 => {
            buffer.truncate(len as usize);
            buffer
        }
        _ => b"/".to_vec(),
    }
}

/// Reads one of the lists of NUL-terminated texts that WASI gives.
fn text_list(
    sizes: unsafe extern "C" fn(*mut usize, *mut usize) -> i32,
    get: unsafe extern "C" fn(*mut *mut u8, *mut u8) -> i32,
) -> Vec<Vec<u8>> {
    let (mut count, mut size) = (0, 0);
    // SAFETY: the results live through the call.
    if unsafe { sizes(&mut count, &mut size) } != 0 {
        return Vec::new();
    }
    let mut pointers = vec![std::ptr::null_mut(); count];
    let mut buffer = vec![0u8; size];
    // SAFETY: room for as many pointers and bytes as the call before asked for.
    if unsafe { get(pointers.as_mut_ptr(), buffer.as_mut_ptr()) } != 0 {
        return Vec::new();
    }
    buffer
        .split(|c| *c == 0)
        .take(count)
        .map(<[u8]>::to_vec)
        .collect()
}

pub fn args() -> Vec<Vec<u8>> {
    text_list(args_sizes_get, args_get)
}

pub fn environment() -> Vec<(Vec<u8>, Vec<u8>)> {
    let split = |pair: Vec<u8>| {
        let at = pair.iter().position(|c| *c == b'=')?;
        Some((pair.get(..at)?.to_vec(), pair.get(at + 1..)?.to_vec()))
    };
    text_list(environ_sizes_get, environ_get)
        .into_iter()
        .filter_map(split)
        .collect()
}

/// The descriptors that the shell was started with.
pub fn inherited() -> Vec<(u32, Handle)> {
    // A broken pipe shall be an error to the shell, not its end.
    set_signal(SIGPIPE, Disposition::Ignore);
    let mut out = Vec::new();
    let mut fd = 0;
    // SAFETY: the result lives through the call.
    while unsafe { host_fd_next(fd, &mut fd) } == 0 {
        if let Ok(handle) = i32::try_from(fd)
            && !PREOPENS.contains(&fd)
        {
            let number = if fd < PREOPENS.start { fd } else { fd - SHIFT };
            if number <= MAX_FD {
                out.push((number, Handle(handle)));
            }
        }
        fd += 1;
    }
    out
}

/// What to do with a signal from outside; it cannot be caught here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    Default,
    Ignore,
    Catch,
}

pub fn set_signal(signal: i32, disposition: Disposition) {
    // SAFETY: no memory arguments.
    unsafe { host_signal_ignore(signal as u32, u32::from(disposition == Disposition::Ignore)) };
}

/// Signals that came since the last call: none ever does.
pub fn take_signals() -> u64 {
    0
}

/// Ends the process with the status of a signal.
pub fn die_of(signal: i32) -> ! {
    exit(128 + signal)
}

pub fn exit(status: i32) -> ! {
    std::process::exit(status & 0xff)
}

/// Is there a user of that name? Gives the home directory.
pub fn home_of(user: &[u8]) -> Option<Vec<u8>> {
    passwd(|fields| fields.first() == Some(&user))
}

/// Home directory of the user that runs.
pub fn own_home() -> Vec<u8> {
    let id = user_id().to_string();
    passwd(|fields| fields.get(2) == Some(&id.as_bytes())).unwrap_or_else(|| b"/".to_vec())
}

fn passwd(wanted: impl Fn(&[&[u8]]) -> bool) -> Option<Vec<u8>> {
    let text = std::fs::read("/etc/passwd").ok()?;
    text.split(|c| *c == b'\n').find_map(|line| {
        let fields: Vec<&[u8]> = line.split(|c| *c == b':').collect();
        if wanted(&fields) {
            fields.get(5).map(|f| f.to_vec())
        } else {
            None
        }
    })
}

/// The machine's name: the one that Nix's sandbox sets.
pub fn host_name() -> Vec<u8> {
    b"localhost".to_vec()
}

/// Processor times: not kept.
pub fn times() -> [i64; 4] {
    [0; 4]
}
