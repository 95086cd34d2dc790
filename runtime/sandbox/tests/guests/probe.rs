//! The guest of the sandbox's tests: each argument is a command, each result a line.
//!
//! A command is words between spaces (`open 5 etc/passwd r`); `%41` in a word is a byte, `""` an
//! empty word, `$a` the number that `a=COMMAND` gave. A result is `COMMAND = VALUE` or
//! `COMMAND ! ERRNO`. Built for wasm32-wasip1 by the tests with rustc alone; the commands call the
//! imported functions directly, so that nothing of Rust's std stands between.

use std::collections::BTreeMap;
use std::io::Write;

mod wasi {
    #[link(wasm_import_module = "wasi_snapshot_preview1")]
    unsafe extern "C" {
        pub fn fd_advise(fd: u32, offset: u64, len: u64, advice: u32) -> u32;
        pub fn fd_allocate(fd: u32, offset: u64, len: u64) -> u32;
        pub fn fd_close(fd: u32) -> u32;
        pub fn fd_datasync(fd: u32) -> u32;
        pub fn fd_fdstat_get(fd: u32, out: *mut u8) -> u32;
        pub fn fd_fdstat_set_flags(fd: u32, flags: u32) -> u32;
        pub fn fd_fdstat_set_rights(fd: u32, base: u64, inheriting: u64) -> u32;
        pub fn fd_filestat_get(fd: u32, out: *mut u8) -> u32;
        pub fn fd_filestat_set_size(fd: u32, size: u64) -> u32;
        pub fn fd_filestat_set_times(fd: u32, a: u64, m: u64, flags: u32) -> u32;
        pub fn fd_pread(fd: u32, iovs: *const [usize; 2], n: u32, offset: u64, out: *mut u32) -> u32;
        pub fn fd_prestat_get(fd: u32, out: *mut u8) -> u32;
        pub fn fd_prestat_dir_name(fd: u32, out: *mut u8, len: u32) -> u32;
        pub fn fd_pwrite(fd: u32, iovs: *const [usize; 2], n: u32, offset: u64, out: *mut u32) -> u32;
        pub fn fd_read(fd: u32, iovs: *const [usize; 2], n: u32, out: *mut u32) -> u32;
        pub fn fd_readdir(fd: u32, buf: *mut u8, len: u32, cookie: u64, out: *mut u32) -> u32;
        pub fn fd_renumber(from: u32, to: u32) -> u32;
        pub fn fd_seek(fd: u32, delta: i64, whence: u32, out: *mut u64) -> u32;
        pub fn fd_sync(fd: u32) -> u32;
        pub fn fd_tell(fd: u32, out: *mut u64) -> u32;
        pub fn fd_write(fd: u32, iovs: *const [usize; 2], n: u32, out: *mut u32) -> u32;
        pub fn path_create_directory(fd: u32, p: *const u8, n: usize) -> u32;
        pub fn path_filestat_get(fd: u32, f: u32, p: *const u8, n: usize, out: *mut u8) -> u32;
        pub fn path_filestat_set_times(fd: u32, f: u32, p: *const u8, n: usize, a: u64, m: u64, flags: u32) -> u32;
        pub fn path_link(fd: u32, f: u32, p: *const u8, n: usize, fd2: u32, p2: *const u8, n2: usize) -> u32;
        pub fn path_open(fd: u32, f: u32, p: *const u8, n: usize, o: u32, base: u64, inh: u64, fl: u32, out: *mut u32) -> u32;
        pub fn path_readlink(fd: u32, p: *const u8, n: usize, buf: *mut u8, len: u32, out: *mut u32) -> u32;
        pub fn path_remove_directory(fd: u32, p: *const u8, n: usize) -> u32;
        pub fn path_rename(fd: u32, p: *const u8, n: usize, fd2: u32, p2: *const u8, n2: usize) -> u32;
        pub fn path_symlink(p: *const u8, n: usize, fd: u32, p2: *const u8, n2: usize) -> u32;
        pub fn path_unlink_file(fd: u32, p: *const u8, n: usize) -> u32;
        pub fn poll_oneoff(subs: *const u8, events: *mut u8, n: u32, out: *mut u32) -> u32;
        pub fn proc_exit(code: u32) -> !;
        pub fn proc_raise(signal: u32) -> u32;
        pub fn sched_yield() -> u32;
        pub fn random_get(buf: *mut u8, len: u32) -> u32;
        pub fn clock_time_get(id: u32, precision: u64, out: *mut u64) -> u32;
        pub fn clock_res_get(id: u32, out: *mut u64) -> u32;
        pub fn sock_accept(fd: u32, flags: u32, out: *mut u32) -> u32;
        pub fn sock_recv(fd: u32, iovs: *const [usize; 2], n: u32, fl: u32, o: *mut u32, f: *mut u32) -> u32;
        pub fn sock_send(fd: u32, iovs: *const [usize; 2], n: u32, fl: u32, o: *mut u32) -> u32;
        pub fn sock_shutdown(fd: u32, how: u32) -> u32;
    }
}

mod ext {
    #[link(wasm_import_module = "wasibuild_v1")]
    unsafe extern "C" {
        pub fn path_set_mode(fd: u32, f: u32, p: *const u8, n: usize, mode: u32) -> u32;
        pub fn path_mode(fd: u32, f: u32, p: *const u8, n: usize, out: *mut u32) -> u32;
        pub fn path_owner(fd: u32, f: u32, p: *const u8, n: usize, out: *mut [u32; 2]) -> u32;
        pub fn path_access(fd: u32, f: u32, p: *const u8, n: usize, bits: u32) -> u32;
        pub fn fd_mode(fd: u32, out: *mut u32) -> u32;
        pub fn fd_set_mode(fd: u32, mode: u32) -> u32;
        pub fn umask(new: u32, out: *mut u32) -> u32;
        pub fn pipe(out: *mut [u32; 2]) -> u32;
        pub fn fd_dup(fd: u32, min: u32, out: *mut u32) -> u32;
        pub fn fd_dup2(from: u32, to: u32) -> u32;
        pub fn fd_next(fd: u32, out: *mut u32) -> u32;
        pub fn spawn(request: *const [usize; 11], out: *mut u32) -> u32;
        pub fn wait(pid: i32, flags: u32, out_pid: *mut u32, out_status: *mut u32) -> u32;
        pub fn getpid(out: *mut u32) -> u32;
        pub fn getppid(out: *mut u32) -> u32;
        pub fn kill(pid: u32, signal: u32) -> u32;
        pub fn signal_ignore(signal: u32, ignore: u32) -> u32;
        pub fn cwd_get(buf: *mut u8, len: u32, out: *mut u32) -> u32;
        pub fn cwd_set(p: *const u8, n: usize) -> u32;
        pub fn derive(
            argv: *const [usize; 2], argc: usize, t: *const u8, n: usize, buf: *mut u8, cap: usize, out: *mut u32,
        ) -> u32;
        pub fn recall(key: *const u8, n: usize, buf: *mut u8, cap: usize, out: *mut u32) -> u32;
        pub fn remember(key: *const u8, n: usize, value: *const u8, m: usize) -> u32;
    }
}

type Answer = Result<String, u32>;

fn main() {
    let mut numbers = BTreeMap::new();
    for command in std::env::args_os().skip(1) {
        let command = command.into_encoded_bytes();
        let command = String::from_utf8_lossy(&command).into_owned();
        let (name, rest) = match command.split_once('=') {
            Some((name, rest)) if !name.contains(' ') => (Some(name), rest),
            _ => (None, command.as_str()),
        };
        let words: Vec<Vec<u8>> = rest.split(' ').map(|word| unescape(word, &numbers)).collect();
        let answer = run(&words);
        let line = match &answer {
            Ok(value) => format!("{rest} = {value}\n"),
            Err(errno) => format!("{rest} ! {}\n", errno_name(*errno)),
        };
        if let (Some(name), Ok(value)) = (name, &answer) {
            for (index, value) in value.split(' ').enumerate() {
                let name = if index == 0 { name.to_owned() } else { format!("{name}{index}") };
                numbers.insert(name, value.to_owned());
            }
        }
        std::io::stdout().write_all(line.as_bytes()).unwrap();
        std::io::stdout().flush().unwrap();
    }
}

fn unescape(word: &str, numbers: &BTreeMap<String, String>) -> Vec<u8> {
    if word == "\"\"" {
        return Vec::new();
    }
    if let Some(name) = word.strip_prefix('$') {
        return numbers.get(name).cloned().unwrap_or_else(|| "999".to_owned()).into_bytes();
    }
    let mut bytes = Vec::new();
    let mut rest = word.as_bytes().iter();
    while let Some(byte) = rest.next() {
        if *byte == b'%' {
            let digits = [*rest.next().unwrap(), *rest.next().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            bytes.push(*byte);
        }
    }
    bytes
}

fn check(errno: u32) -> Result<(), u32> {
    if errno == 0 { Ok(()) } else { Err(errno) }
}

fn done(errno: u32) -> Answer {
    check(errno).map(|()| "ok".to_owned())
}

fn text(bytes: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(bytes))
}

fn run(words: &[Vec<u8>]) -> Answer {
    let word = |index: usize| words.get(index).map(Vec::as_slice).unwrap_or_default();
    let number = |index: usize| -> u64 {
        let word = std::str::from_utf8(word(index)).unwrap();
        match word.strip_prefix("0o") {
            Some(octal) => u64::from_str_radix(octal, 8).unwrap(),
            None => word.parse::<i64>().map(|value| value as u64).or_else(|_| word.parse()).unwrap(),
        }
    };
    let fd = |index| number(index) as u32;
    let path = |index: usize| (word(index).as_ptr(), word(index).len());
    let follow = |index: usize| u32::from(word(index) == b"f");
    unsafe {
        match std::str::from_utf8(word(0)).unwrap() {
            "open" => {
                let flags = word(3);
                let has = |flag| u32::from(flags.contains(&flag));
                let oflags = has(b'c') | has(b'd') << 1 | has(b'x') << 2 | has(b't') << 3;
                let rights = u64::from(has(b'r') << 1 | has(b'w') << 6);
                let fdflags = has(b'a') | has(b'n') << 2;
                let (p, n) = path(2);
                let mut out = 0;
                check(wasi::path_open(fd(1), has(b'f'), p, n, oflags, rights, rights, fdflags, &mut out))?;
                Ok(out.to_string())
            }
            "read" | "pread" => {
                let mut buf = vec![0; number(2) as usize];
                let iov = [buf.as_mut_ptr() as usize, buf.len()];
                let mut out = 0;
                check(if word(0) == b"read" {
                    wasi::fd_read(fd(1), &iov, 1, &mut out)
                } else {
                    wasi::fd_pread(fd(1), &iov, 1, number(3), &mut out)
                })?;
                Ok(text(&buf[..out as usize]))
            }
            "readv" => {
                let mut a = [0; 2];
                let mut b = [0; 3];
                let iovs = [[a.as_mut_ptr() as usize, 2], [b.as_mut_ptr() as usize, 3]];
                let mut out = 0;
                check(wasi::fd_read(fd(1), iovs.as_ptr(), 2, &mut out))?;
                Ok(format!("{out} {} {}", text(&a), text(&b)))
            }
            "write" => {
                let iov = [word(2).as_ptr() as usize, word(2).len()];
                let mut out = 0;
                check(wasi::fd_write(fd(1), &iov, 1, &mut out))?;
                Ok(out.to_string())
            }
            "writev" => {
                let iovs: Vec<[usize; 2]> =
                    words[2..].iter().map(|word| [word.as_ptr() as usize, word.len()]).collect();
                let mut out = 0;
                check(wasi::fd_write(fd(1), iovs.as_ptr(), iovs.len() as u32, &mut out))?;
                Ok(out.to_string())
            }
            "pwrite" => {
                let iov = [word(3).as_ptr() as usize, word(3).len()];
                let mut out = 0;
                check(wasi::fd_pwrite(fd(1), &iov, 1, number(2), &mut out))?;
                Ok(out.to_string())
            }
            "fill" => {
                // Writes that many bytes in pieces of 64 KiB.
                let piece = vec![b'x'; 65536];
                let mut left = number(2) as usize;
                while left > 0 {
                    let iov = [piece.as_ptr() as usize, left.min(piece.len())];
                    let mut out = 0;
                    check(wasi::fd_write(fd(1), &iov, 1, &mut out))?;
                    left -= out as usize;
                }
                Ok("ok".to_owned())
            }
            "drain" => {
                let mut buf = vec![0; 65536];
                let mut total = 0u64;
                loop {
                    let iov = [buf.as_mut_ptr() as usize, buf.len()];
                    let mut out = 0;
                    check(wasi::fd_read(fd(1), &iov, 1, &mut out))?;
                    if out == 0 {
                        return Ok(total.to_string());
                    }
                    total += u64::from(out);
                }
            }
            "yes" => loop {
                let iov = [b"y\n".as_ptr() as usize, 2];
                let mut out = 0;
                check(wasi::fd_write(fd(1), &iov, 1, &mut out))?;
            },
            "close" => done(wasi::fd_close(fd(1))),
            "seek" => {
                let mut out = 0;
                check(wasi::fd_seek(fd(1), number(2) as i64, fd(3), &mut out))?;
                Ok(out.to_string())
            }
            "tell" => {
                let mut out = 0;
                check(wasi::fd_tell(fd(1), &mut out))?;
                Ok(out.to_string())
            }
            "stat" | "fstat" => {
                let mut out = [0u8; 64];
                let (p, n) = path(2);
                check(if word(0) == b"stat" {
                    wasi::path_filestat_get(fd(1), follow(3), p, n, out.as_mut_ptr())
                } else {
                    wasi::fd_filestat_get(fd(1), out.as_mut_ptr())
                })?;
                let at = |offset: usize| u64::from_le_bytes(out[offset..offset + 8].try_into().unwrap());
                Ok(format!(
                    "dev={} type={} links={} size={} atime={} mtime={} ctime={}",
                    at(0), out[16], at(24), at(32), at(40) / 1_000_000_000, at(48) / 1_000_000_000, at(56) / 1_000_000_000
                ))
            }
            "ino" => {
                let mut out = [0u8; 64];
                let (p, n) = path(2);
                check(wasi::path_filestat_get(fd(1), 0, p, n, out.as_mut_ptr()))?;
                Ok(u64::from_le_bytes(out[8..16].try_into().unwrap()).to_string())
            }
            "fdstat" => {
                let mut out = [0u8; 24];
                check(wasi::fd_fdstat_get(fd(1), out.as_mut_ptr()))?;
                let rights = u64::from_le_bytes(out[8..16].try_into().unwrap());
                Ok(format!(
                    "type={} flags={} read={} write={} seek={} open={}",
                    out[0], out[2], rights >> 1 & 1, rights >> 6 & 1, rights >> 2 & 1, rights >> 13 & 1
                ))
            }
            "ls" => {
                let mut names = Vec::new();
                let mut cookie = 0;
                let mut buf = vec![0; 100];
                loop {
                    let mut out = 0;
                    check(wasi::fd_readdir(fd(1), buf.as_mut_ptr(), buf.len() as u32, cookie, &mut out))?;
                    let mut rest = &buf[..out as usize];
                    let mut any = false;
                    while rest.len() >= 24 {
                        let len = u32::from_le_bytes(rest[16..20].try_into().unwrap()) as usize;
                        if rest.len() < 24 + len {
                            break;
                        }
                        cookie = u64::from_le_bytes(rest[..8].try_into().unwrap());
                        names.push(format!("{}:{}", String::from_utf8_lossy(&rest[24..24 + len]), rest[20]));
                        rest = &rest[24 + len..];
                        any = true;
                    }
                    if (out as usize) < buf.len() {
                        return Ok(names.join(" "));
                    }
                    if !any {
                        buf.resize(buf.len() * 2, 0);
                    }
                }
            }
            "mkdir" => { let (p, n) = path(2); done(wasi::path_create_directory(fd(1), p, n)) }
            "rmdir" => { let (p, n) = path(2); done(wasi::path_remove_directory(fd(1), p, n)) }
            "unlink" => { let (p, n) = path(2); done(wasi::path_unlink_file(fd(1), p, n)) }
            "symlink" => {
                let ((t, tn), (p, n)) = (path(1), path(3));
                done(wasi::path_symlink(t, tn, fd(2), p, n))
            }
            "readlink" => {
                let (p, n) = path(2);
                let mut buf = [0; 4096];
                let mut out = 0;
                let len = if words.len() > 3 { fd(3) } else { 4096 };
                check(wasi::path_readlink(fd(1), p, n, buf.as_mut_ptr(), len, &mut out))?;
                Ok(text(&buf[..out as usize]))
            }
            "link" => {
                let ((p, n), (q, m)) = (path(2), path(4));
                done(wasi::path_link(fd(1), follow(5), p, n, fd(3), q, m))
            }
            "rename" => {
                let ((p, n), (q, m)) = (path(2), path(4));
                done(wasi::path_rename(fd(1), p, n, fd(3), q, m))
            }
            "truncate" => done(wasi::fd_filestat_set_size(fd(1), number(2))),
            "allocate" => done(wasi::fd_allocate(fd(1), number(2), number(3))),
            "advise" => done(wasi::fd_advise(fd(1), number(2), number(3), fd(4))),
            "times" => {
                let (p, n) = path(2);
                done(wasi::path_filestat_set_times(fd(1), 1, p, n, number(3) * 1_000_000_000, number(4) * 1_000_000_000, fd(5)))
            }
            "ftimes" => done(wasi::fd_filestat_set_times(fd(1), number(2) * 1_000_000_000, number(3) * 1_000_000_000, fd(4))),
            "sync" => done(wasi::fd_sync(fd(1))),
            "datasync" => done(wasi::fd_datasync(fd(1))),
            "setflags" => done(wasi::fd_fdstat_set_flags(fd(1), fd(2))),
            "setrights" => done(wasi::fd_fdstat_set_rights(fd(1), 0, 0)),
            "renumber" => done(wasi::fd_renumber(fd(1), fd(2))),
            "prestat" => {
                let mut out = [0u8; 8];
                check(wasi::fd_prestat_get(fd(1), out.as_mut_ptr()))?;
                let len = u32::from_le_bytes(out[4..8].try_into().unwrap());
                let mut name = vec![0; len as usize];
                check(wasi::fd_prestat_dir_name(fd(1), name.as_mut_ptr(), len))?;
                Ok(String::from_utf8(name).unwrap())
            }
            "clock" | "res" => {
                let mut out = 0;
                check(if word(0) == b"clock" {
                    wasi::clock_time_get(fd(1), 0, &mut out)
                } else {
                    wasi::clock_res_get(fd(1), &mut out)
                })?;
                Ok(out.to_string())
            }
            "random" => {
                let mut buf = vec![0; number(1) as usize];
                check(wasi::random_get(buf.as_mut_ptr(), buf.len() as u32))?;
                Ok(buf.iter().map(|byte| format!("{byte:02x}")).collect())
            }
            "sleep" | "poll" => {
                // sleep NS, or poll FD r|w [NS]
                let mut subs = vec![[0u8; 48]];
                if word(0) == b"poll" {
                    subs[0][8] = if word(2) == b"w" { 2 } else { 1 };
                    subs[0][16..20].copy_from_slice(&fd(1).to_le_bytes());
                    if words.len() > 3 {
                        subs.push([0u8; 48]);
                    }
                }
                if words.len() != 3 {
                    let sub = subs.last_mut().unwrap();
                    sub[0] = 7;
                    sub[16] = 1;
                    sub[24..32].copy_from_slice(&number(words.len() - 1).to_le_bytes());
                }
                let mut events = [[0u8; 32]; 2];
                let mut out = 0;
                check(wasi::poll_oneoff(subs.as_ptr().cast(), events.as_mut_ptr().cast(), subs.len() as u32, &mut out))?;
                let all: Vec<String> = events[..out as usize]
                    .iter()
                    .map(|event| {
                        let bytes = u64::from_le_bytes(event[16..24].try_into().unwrap());
                        format!("type={} errno={} bytes={bytes} flags={}", event[10], event[8], event[24])
                    })
                    .collect();
                Ok(all.join(", "))
            }
            "yield" => done(wasi::sched_yield()),
            "raise" => done(wasi::proc_raise(fd(1))),
            "exit" => wasi::proc_exit(fd(1)),
            "env" => Ok(std::env::vars_os().map(|(name, value)| format!("{}={}", name.to_string_lossy(), value.to_string_lossy())).collect::<Vec<_>>().join(" ")),
            "argc" => Ok(std::env::args_os().count().to_string()),
            "sock" => {
                let iov = [0usize; 2];
                let (mut a, mut b) = (0, 0);
                let all = [
                    wasi::sock_accept(fd(1), 0, &mut a),
                    wasi::sock_recv(fd(1), &iov, 1, 0, &mut a, &mut b),
                    wasi::sock_send(fd(1), &iov, 1, 0, &mut a),
                    wasi::sock_shutdown(fd(1), 1),
                ];
                Ok(all.map(|errno| errno_name(errno).to_owned()).join(" "))
            }
            "chmod" => { let (p, n) = path(2); done(ext::path_set_mode(fd(1), follow(4), p, n, fd(3))) }
            "mode" => {
                let (p, n) = path(2);
                let mut out = 0;
                check(ext::path_mode(fd(1), follow(3), p, n, &mut out))?;
                Ok(format!("{out:o}"))
            }
            "owner" => {
                let (p, n) = path(2);
                let mut out = [0; 2];
                check(ext::path_owner(fd(1), 0, p, n, &mut out))?;
                Ok(format!("{}:{}", out[0], out[1]))
            }
            "access" => { let (p, n) = path(2); done(ext::path_access(fd(1), 1, p, n, fd(3))) }
            "fmode" => {
                let mut out = 0;
                check(ext::fd_mode(fd(1), &mut out))?;
                Ok(format!("{out:o}"))
            }
            "fchmod" => done(ext::fd_set_mode(fd(1), fd(2))),
            "umask" => {
                let mut out = 0;
                check(ext::umask(fd(1), &mut out))?;
                Ok(format!("{out:o}"))
            }
            "pipe" => {
                let mut out = [0; 2];
                check(ext::pipe(&mut out))?;
                Ok(format!("{} {}", out[0], out[1]))
            }
            "dup" => {
                let mut out = 0;
                check(ext::fd_dup(fd(1), fd(2), &mut out))?;
                Ok(out.to_string())
            }
            // derive ROOM TEXT WORD…
            "derive" => {
                let mut answer = vec![0; fd(1) as usize];
                let argv: Vec<[usize; 2]> =
                    words[3..].iter().map(|word| [word.as_ptr() as usize, word.len()]).collect();
                let (from, mut out) = (word(2), 0);
                let errno = ext::derive(
                    argv.as_ptr(), argv.len(), from.as_ptr(), from.len(), answer.as_mut_ptr(), answer.len(), &mut out,
                );
                if errno == 68 {
                    return Ok(format!("room {out}"));
                }
                check(errno)?;
                answer.truncate(out as usize);
                Ok(text(&answer))
            }
            // recall ROOM KEY
            "recall" => {
                let (mut found, mut out, key) = (vec![0; fd(1) as usize], 0, word(2));
                let errno = ext::recall(key.as_ptr(), key.len(), found.as_mut_ptr(), found.len(), &mut out);
                if errno == 68 {
                    return Ok(format!("room {out}"));
                }
                check(errno)?;
                found.truncate(out as usize);
                Ok(text(&found))
            }
            // remember KEY VALUE [TIMES]: the value so many times one behind the other
            "remember" => {
                let times = words.get(3).map_or(1, |_| fd(3) as usize);
                let (key, value) = (word(1), word(2).repeat(times));
                done(ext::remember(key.as_ptr(), key.len(), value.as_ptr(), value.len()))
            }
            "next" => {
                let mut out = 0;
                check(ext::fd_next(fd(1), &mut out))?;
                Ok(out.to_string())
            }
            "dup2" => done(ext::fd_dup2(fd(1), fd(2))),
            // spawn PATH CHILD:PARENT,… WORD… ('_' in a word becomes a space)
            "spawn" | "spawncwd" => {
                let shift = usize::from(word(0) == b"spawncwd");
                let cwd = if shift == 1 { word(3).to_vec() } else { b"/build".to_vec() };
                let mut argv: Vec<Vec<u8>> = vec![b"child".to_vec()];
                argv.extend(words[3 + shift..].iter().map(|word| {
                    word.iter().map(|byte| if *byte == b'_' { b' ' } else { *byte }).collect()
                }));
                let argv_array: Vec<[usize; 2]> = argv.iter().map(|word| [word.as_ptr() as usize, word.len()]).collect();
                let env = b"CHILD=yes";
                let env_array = [[env.as_ptr() as usize, env.len()]];
                let list = String::from_utf8(word(2).to_vec()).unwrap();
                let mut fds = Vec::new();
                for pair in list.split(',').filter(|pair| *pair != "-") {
                    let (child, parent) = pair.split_once(':').unwrap();
                    fds.push([child.parse::<u32>().unwrap(), parent.parse::<u32>().unwrap()]);
                }
                let (p, n) = path(1);
                let request = [
                    p as usize, n, argv_array.as_ptr() as usize, argv_array.len(),
                    env_array.as_ptr() as usize, 1, cwd.as_ptr() as usize, cwd.len(),
                    fds.as_ptr() as usize, fds.len(), 0,
                ];
                let mut out = 0;
                check(ext::spawn(&request, &mut out))?;
                Ok(out.to_string())
            }
            "wait" => {
                let (mut pid, mut status) = (0, 0);
                let flags = if words.len() > 2 { fd(2) } else { 0 };
                check(ext::wait(number(1) as i32, flags, &mut pid, &mut status))?;
                Ok(format!("{pid} {status:#x}"))
            }
            "pid" => { let mut out = 0; check(ext::getpid(&mut out))?; Ok(out.to_string()) }
            "ppid" => { let mut out = 0; check(ext::getppid(&mut out))?; Ok(out.to_string()) }
            "kill" => done(ext::kill(fd(1), fd(2))),
            "ignore" => done(ext::signal_ignore(fd(1), fd(2))),
            "cwd" => {
                let mut buf = [0; 4096];
                let mut out = 0;
                let len = if words.len() > 1 { fd(1) } else { 4096 };
                check(ext::cwd_get(buf.as_mut_ptr(), len, &mut out))?;
                Ok(text(&buf[..out as usize]))
            }
            "chdir" => { let (p, n) = path(1); done(ext::cwd_set(p, n)) }
            "spin" => loop { std::hint::black_box(0); },
            "grow" => {
                let mut total = 0u64;
                loop {
                    if core::arch::wasm32::memory_grow(0, 256) == usize::MAX {
                        return Ok(format!("{total}"));
                    }
                    total += 1;
                }
            }
            "recurse" => Ok(recurse(1).to_string()),
            "abort" => core::arch::wasm32::unreachable(),
            "badptr" => done(wasi::fd_fdstat_get(1, 0xffff_fff0 as *mut u8)),
            "files" => {
                for index in 0.. {
                    let name = format!("f{index}");
                    let mut out = 0;
                    check(wasi::path_open(fd(1), 0, name.as_ptr(), name.len(), 1, 64, 0, 0, &mut out))?;
                    check(wasi::fd_close(out))?;
                }
                unreachable!()
            }
            "fds" => loop {
                let mut out = 0;
                check(ext::fd_dup(1, 0, &mut out))?;
            },
            other => panic!("unknown command {other}"),
        }
    }
}

#[inline(never)]
fn recurse(depth: u64) -> u64 {
    let block = std::hint::black_box([depth; 4]);
    recurse(depth + 1) + block[0]
}

fn errno_name(errno: u32) -> &'static str {
    match errno {
        0 => "ok", 1 => "E2BIG", 2 => "EACCES", 6 => "EAGAIN", 8 => "EBADF", 10 => "EBUSY", 12 => "ECHILD",
        20 => "EEXIST", 22 => "EFBIG", 28 => "EINVAL", 29 => "EIO", 31 => "EISDIR", 32 => "ELOOP",
        37 => "ENAMETOOLONG", 44 => "ENOENT", 45 => "ENOEXEC", 51 => "ENOSPC", 54 => "ENOTDIR",
        55 => "ENOTEMPTY", 57 => "ENOTSOCK", 58 => "ENOTSUP", 61 => "EOVERFLOW", 63 => "EPERM",
        64 => "EPIPE", 68 => "ERANGE", 70 => "ESPIPE", 71 => "ESRCH",
        _ => "other",
    }
}
