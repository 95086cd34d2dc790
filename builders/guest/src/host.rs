//! The host's extensions, `wasibuild_v1` (docs/abi.md): modes, the working directory, processes,
//! and refusing. The one place in the builders with foreign functions.
//!
//! Contract: every function here is safe and takes bytes; a path may be relative to the process's
//! working directory. A module imports only those functions that it calls. In native twins the
//! same is done by the operating system, where it has it.

use bstr::BString;
use std::io;

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// What a shell shows as `$?`: the exit code, or 128 and the signal.
    pub code: u8,
    /// Whether a signal ended it.
    pub signalled: bool,
}

/// A program to start. The child gets the descriptors in `descriptors` and no others.
#[derive(Debug)]
pub struct Spawn<'a> {
    /// Path of the program; no search.
    pub program: &'a [u8],
    /// Argument vector, with the program's name first.
    pub argv: &'a [BString],
    /// The environment as `NAME=value`.
    pub env: &'a [BString],
    /// Working directory, absolute.
    pub cwd: &'a [u8],
    /// Child's descriptor and the own one that it duplicates.
    pub descriptors: &'a [(u32, u32)],
}

/// The exit status of a native twin that refuses; in the sandbox the build ends instead.
pub const REFUSED: i32 = 125;

#[cfg(target_os = "wasi")]
mod wasi {
    use super::{Ended, Spawn};
    use bstr::BString;
    use std::io;
    use std::os::fd::{FromRawFd, OwnedFd};

    /// The preopened `/`: paths are passed from there, so that the working directory, which only
    /// the guest's libc knows, is never asked of the host.
    const ROOT: u32 = 5;
    const FOLLOW: u32 = 1;

    mod import {
        #[link(wasm_import_module = "wasibuild_v1")]
        unsafe extern "C" {
            pub fn path_set_mode(fd: u32, flags: u32, path: *const u8, len: u32, mode: u32) -> i32;
            pub fn make_fifo(fd: u32, path: *const u8, len: u32, mode: u32) -> i32;
            pub fn path_mode(fd: u32, flags: u32, path: *const u8, len: u32, out: *mut u32) -> i32;
            pub fn path_owner(fd: u32, flags: u32, path: *const u8, len: u32, out: *mut u32)
            -> i32;
            pub fn path_access(fd: u32, flags: u32, path: *const u8, len: u32, bits: u32) -> i32;
            pub fn fd_mode(fd: u32, out: *mut u32) -> i32;
            pub fn fd_set_mode(fd: u32, mode: u32) -> i32;
            pub fn umask(new: u32, out: *mut u32) -> i32;
            pub fn spawn(request: *const u32, out: *mut u32) -> i32;
            pub fn pipe(out: *mut u32) -> i32;
            pub fn wait(pid: i32, flags: u32, out_pid: *mut u32, out_status: *mut u32) -> i32;
            pub fn cwd_get(buffer: *mut u8, size: u32, out: *mut u32) -> i32;
            pub fn cwd_set(path: *const u8, len: u32) -> i32;
            pub fn refuse(reason: *const u8, len: u32) -> i32;
        }
    }

    fn check(errno: i32) -> io::Result<()> {
        match errno {
            0 => Ok(()),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }

    /// The path from `/`.
    fn from_root(path: &[u8]) -> io::Result<Vec<u8>> {
        if path.is_empty() {
            // ENOENT of WASI.
            return Err(io::Error::from_raw_os_error(44));
        }
        let mut whole = Vec::new();
        if path.first() != Some(&b'/') {
            let here = std::env::current_dir()?;
            whole.extend_from_slice(crate::bytes::from_path(&here));
            whole.push(b'/');
        }
        whole.extend_from_slice(path);
        let start = whole.iter().position(|byte| *byte != b'/');
        match start {
            Some(start) => Ok(whole.split_off(start)),
            None => Ok(b".".to_vec()),
        }
    }

    fn flags(follow: bool) -> u32 {
        if follow { FOLLOW } else { 0 }
    }

    pub fn set_path_mode(path: &[u8], mode: u32) -> io::Result<()> {
        let path = from_root(path)?;
        // SAFETY: the pointer and the length are those of a live vector.
        check(unsafe {
            import::path_set_mode(ROOT, FOLLOW, path.as_ptr(), path.len() as u32, mode)
        })
    }

    pub fn make_fifo(path: &[u8], mode: u32) -> io::Result<()> {
        let path = from_root(path)?;
        // SAFETY: the path is a live vector.
        check(unsafe { import::make_fifo(ROOT, path.as_ptr(), path.len() as u32, mode) })
    }

    pub fn path_mode(path: &[u8], follow: bool) -> io::Result<u32> {
        let path = from_root(path)?;
        let mut mode = 0;
        // SAFETY: the path is a live vector, `mode` a valid place for one u32.
        check(unsafe {
            import::path_mode(
                ROOT,
                flags(follow),
                path.as_ptr(),
                path.len() as u32,
                &raw mut mode,
            )
        })?;
        Ok(mode)
    }

    pub fn path_owner(path: &[u8], follow: bool) -> io::Result<(u32, u32)> {
        let path = from_root(path)?;
        let mut out = [0u32; 2];
        // SAFETY: the path is a live vector, `out` has room for two u32.
        check(unsafe {
            let out = out.as_mut_ptr();
            import::path_owner(ROOT, flags(follow), path.as_ptr(), path.len() as u32, out)
        })?;
        Ok((out[0], out[1]))
    }

    pub fn access(path: &[u8], bits: u32) -> io::Result<()> {
        let path = from_root(path)?;
        // SAFETY: the pointer and the length are those of a live vector.
        check(unsafe { import::path_access(ROOT, FOLLOW, path.as_ptr(), path.len() as u32, bits) })
    }

    pub fn fd_mode(fd: i32) -> io::Result<u32> {
        let mut mode = 0;
        // SAFETY: `mode` is a valid place for one u32; a wrong descriptor is an error.
        check(unsafe { import::fd_mode(fd as u32, &raw mut mode) })?;
        Ok(mode)
    }

    pub fn set_fd_mode(fd: i32, mode: u32) -> io::Result<()> {
        // SAFETY: two integers; a wrong descriptor is an error.
        check(unsafe { import::fd_set_mode(fd as u32, mode) })
    }

    pub fn inheritable() -> Vec<(u32, u32)> {
        // What lies between the standard streams and here are the preopened directories.
        const AFTER_PREOPENS: u32 = 6;
        const MOST: u32 = 64;
        let open = |fd: &u32| fd_mode(*fd as i32).is_ok();
        (0..3)
            .chain(AFTER_PREOPENS..MOST)
            .filter(open)
            .map(|fd| (fd, fd))
            .collect()
    }

    pub fn umask(new: u32) -> io::Result<u32> {
        let mut old = 0;
        // SAFETY: `old` is a valid place for one u32.
        check(unsafe { import::umask(new, &raw mut old) })?;
        Ok(old)
    }

    pub fn cwd() -> io::Result<BString> {
        let mut buffer = vec![0u8; 4096];
        let mut len = 0;
        // SAFETY: the pointer and the size are those of a live vector, `len` is one u32.
        check(unsafe { import::cwd_get(buffer.as_mut_ptr(), buffer.len() as u32, &raw mut len) })?;
        buffer.truncate(len as usize);
        Ok(buffer.into())
    }

    pub fn set_cwd(path: &[u8]) -> io::Result<()> {
        // SAFETY: the pointer and the length are those of a live slice.
        check(unsafe { import::cwd_set(path.as_ptr(), path.len() as u32) })
    }

    pub fn spawn(request: &Spawn<'_>) -> io::Result<u32> {
        let words = |words: &[BString]| -> Vec<[u32; 2]> {
            words
                .iter()
                .map(|word| [word.as_ptr() as u32, word.len() as u32])
                .collect()
        };
        let (argv, env) = (words(request.argv), words(request.env));
        let descriptors: Vec<[u32; 2]> = request
            .descriptors
            .iter()
            .map(|(child, own)| [*child, *own])
            .collect();
        let fields = [
            request.program.as_ptr() as u32,
            request.program.len() as u32,
            argv.as_ptr() as u32,
            argv.len() as u32,
            env.as_ptr() as u32,
            env.len() as u32,
            request.cwd.as_ptr() as u32,
            request.cwd.len() as u32,
            descriptors.as_ptr() as u32,
            descriptors.len() as u32,
            0,
        ];
        let mut pid = 0;
        // SAFETY: all addresses in `fields` are of slices that live until after the call.
        check(unsafe { import::spawn(fields.as_ptr(), &raw mut pid) })?;
        Ok(pid)
    }

    pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
        let mut out = [0u32; 2];
        // SAFETY: `out` has room for two u32.
        check(unsafe { import::pipe(out.as_mut_ptr()) })?;
        // SAFETY: both descriptors are new, and nobody else has them.
        let own = |fd: u32| unsafe { OwnedFd::from_raw_fd(fd as i32) };
        Ok((own(out[0]), own(out[1])))
    }

    pub fn wait(pid: u32) -> io::Result<Ended> {
        let (mut out_pid, mut status) = (0, 0);
        // SAFETY: both places are valid for one u32.
        check(unsafe { import::wait(pid as i32, 0, &raw mut out_pid, &raw mut status) })?;
        Ok(Ended {
            code: (status & 0xff) as u8,
            signalled: status & 0x100 != 0,
        })
    }

    pub fn refuse(reason: &str) -> ! {
        // SAFETY: the pointer and the length are those of a live string.
        let _ = unsafe { import::refuse(reason.as_ptr(), reason.len() as u32) };
        std::process::exit(super::REFUSED)
    }
}

#[cfg(unix)]
mod native {
    use super::{Ended, Spawn};
    use crate::bytes;
    use bstr::{BString, ByteSlice};
    use std::collections::BTreeMap;
    use std::io;
    use std::os::fd::{BorrowedFd, OwnedFd};
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::{Child, Command, Stdio};
    use std::sync::{Mutex, PoisonError};

    pub fn set_path_mode(path: &[u8], mode: u32) -> io::Result<()> {
        std::fs::set_permissions(bytes::to_path(path), PermissionsExt::from_mode(mode))
    }

    pub fn make_fifo(path: &[u8], mode: u32) -> io::Result<()> {
        let path = std::ffi::CString::new(path)?;
        // SAFETY: the path is NUL-terminated and lives through the call.
        match unsafe { libc::mkfifo(path.as_ptr(), mode as libc::mode_t) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn metadata(path: &[u8], follow: bool) -> io::Result<std::fs::Metadata> {
        let path = bytes::to_path(path);
        if follow {
            std::fs::metadata(path)
        } else {
            std::fs::symlink_metadata(path)
        }
    }

    pub fn path_mode(path: &[u8], follow: bool) -> io::Result<u32> {
        Ok(metadata(path, follow)?.mode() & 0o7777)
    }

    pub fn path_owner(path: &[u8], follow: bool) -> io::Result<(u32, u32)> {
        let metadata = metadata(path, follow)?;
        Ok((metadata.uid(), metadata.gid()))
    }

    pub fn cwd() -> io::Result<BString> {
        Ok(bytes::from_path(&std::env::current_dir()?).to_owned())
    }

    pub fn set_cwd(_: &[u8]) -> io::Result<()> {
        Ok(())
    }

    pub fn inheritable() -> Vec<(u32, u32)> {
        vec![(0, 0), (1, 1), (2, 2)]
    }

    /// Runs the child to its end at once; [`wait`] cannot be asked for more than its status.
    pub fn run(request: &Spawn<'_>) -> io::Result<Ended> {
        let mut words = request.argv.iter();
        let name = words.next().cloned().unwrap_or_default();
        let mut command = std::process::Command::new(bytes::to_path(request.program));
        command
            .arg0(bytes::to_path(&name))
            .args(words.map(|word| bytes::to_path(word)))
            .current_dir(bytes::to_path(request.cwd))
            .env_clear();
        for word in request.env {
            if let Some((name, value)) = word.split_once_str("=") {
                command.env(bytes::to_path(name), bytes::to_path(value));
            }
        }
        if !request.descriptors.iter().any(|(child, _)| *child == 0) {
            command.stdin(std::process::Stdio::null());
        }
        let status = command.status()?;
        Ok(match status.signal() {
            Some(signal) => Ended {
                code: 128 + signal as u8,
                signalled: true,
            },
            None => Ended {
                code: status.code().unwrap_or(255) as u8,
                signalled: false,
            },
        })
    }

    static CHILDREN: Mutex<BTreeMap<u32, Child>> = Mutex::new(BTreeMap::new());

    pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
        let (read, write) = io::pipe()?;
        Ok((read.into(), write.into()))
    }

    /// Starts the child; only its standard streams are looked at.
    pub fn spawn(request: &Spawn<'_>) -> io::Result<u32> {
        let mut words = request.argv.iter();
        let name = words.next().cloned().unwrap_or_default();
        let mut command = Command::new(bytes::to_path(request.program));
        command
            .arg0(bytes::to_path(&name))
            .args(words.map(|word| bytes::to_path(word)))
            .current_dir(bytes::to_path(request.cwd))
            .env_clear();
        for word in request.env {
            if let Some((name, value)) = word.split_once_str("=") {
                command.env(bytes::to_path(name), bytes::to_path(value));
            }
        }
        let stream = |number: u32| -> io::Result<Stdio> {
            let own = request
                .descriptors
                .iter()
                .find(|(child, _)| *child == number);
            let Some((_, own)) = own else {
                return Ok(Stdio::null());
            };
            // SAFETY: the descriptor is open as long as the request lives; it is only duplicated.
            let own = unsafe { BorrowedFd::borrow_raw(*own as i32) };
            Ok(own.try_clone_to_owned()?.into())
        };
        command
            .stdin(stream(0)?)
            .stdout(stream(1)?)
            .stderr(stream(2)?);
        let child = command.spawn()?;
        let pid = child.id();
        let mut children = CHILDREN.lock().unwrap_or_else(PoisonError::into_inner);
        children.insert(pid, child);
        Ok(pid)
    }

    /// Waits for a child of [`spawn`].
    pub fn wait(pid: u32) -> io::Result<Ended> {
        let mut children = CHILDREN.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut child) = children.remove(&pid) else {
            return Err(io::Error::other("no such child"));
        };
        let status = child.wait()?;
        Ok(match status.signal() {
            Some(signal) => Ended {
                code: 128 + signal as u8,
                signalled: true,
            },
            None => Ended {
                code: status.code().unwrap_or(255) as u8,
                signalled: false,
            },
        })
    }

    pub fn refuse(reason: &str) -> ! {
        eprintln!("wasibuild: refused: {reason}");
        std::process::exit(super::REFUSED)
    }
}

#[cfg(unix)]
use native as system;
#[cfg(target_os = "wasi")]
use wasi as system;

/// Sets the permission bits of what the path leads to.
///
/// # Errors
/// As `chmod(2)`.
pub fn set_path_mode(path: &[u8], mode: u32) -> io::Result<()> {
    system::set_path_mode(path, mode)
}

/// The permission bits (`0o7777`) of the path.
///
/// # Errors
/// As `stat(2)`.
pub fn path_mode(path: &[u8], follow: bool) -> io::Result<u32> {
    system::path_mode(path, follow)
}

/// User and group that own the path.
///
/// # Errors
/// As `stat(2)`.
pub fn path_owner(path: &[u8], follow: bool) -> io::Result<(u32, u32)> {
    system::path_owner(path, follow)
}

/// Whether the process may read (4), write (2) and execute or search (1) what the path leads to.
///
/// # Errors
/// As `access(2)`: `EACCES` if not.
#[cfg(target_os = "wasi")]
pub fn access(path: &[u8], bits: u32) -> io::Result<()> {
    system::access(path, bits)
}

/// The permission bits of an open file.
///
/// # Errors
/// As `fstat(2)`.
#[cfg(target_os = "wasi")]
pub fn fd_mode(fd: i32) -> io::Result<u32> {
    system::fd_mode(fd)
}

/// Sets the permission bits of an open file.
///
/// # Errors
/// As `fchmod(2)`.
#[cfg(target_os = "wasi")]
pub fn set_fd_mode(fd: i32, mode: u32) -> io::Result<()> {
    system::set_fd_mode(fd, mode)
}

/// Sets the mask of permission bits and gives the old one.
///
/// # Errors
/// None known.
#[cfg(target_os = "wasi")]
pub fn umask(new: u32) -> io::Result<u32> {
    system::umask(new)
}

/// Makes a named pipe; the file mask applies to `mode`.
///
/// # Errors
/// As `mkfifo(3)`.
pub fn make_fifo(path: &[u8], mode: u32) -> io::Result<()> {
    system::make_fifo(path, mode)
}

/// The working directory that the process was started in.
///
/// # Errors
/// As `getcwd(3)`.
pub fn cwd() -> io::Result<BString> {
    system::cwd()
}

/// Goes to the working directory that the process was started in: on WASI libc starts in `/`.
///
/// # Errors
/// As `chdir(2)`.
pub fn adopt_cwd() -> io::Result<()> {
    if cfg!(target_os = "wasi") {
        std::env::set_current_dir(crate::bytes::to_path(&cwd()?))
    } else {
        Ok(())
    }
}

/// Changes the working directory, for this process and as its children will find it.
///
/// # Errors
/// As `chdir(2)`.
pub fn chdir(path: &[u8]) -> io::Result<()> {
    std::env::set_current_dir(crate::bytes::to_path(path))?;
    system::set_cwd(crate::bytes::from_path(&std::env::current_dir()?))
}

/// The open descriptors below 64 that a child gets when this process does not say otherwise.
pub fn inheritable() -> Vec<(u32, u32)> {
    system::inheritable()
}

/// A new pipe: its reading and its writing end.
///
/// # Errors
/// As `pipe(2)`.
pub fn pipe() -> io::Result<(std::os::fd::OwnedFd, std::os::fd::OwnedFd)> {
    system::pipe()
}

/// Starts a program, which [`wait`] waits for.
///
/// # Errors
/// As `execve(2)`. A program that only Linux can run ends the whole build.
pub fn spawn(request: &Spawn<'_>) -> io::Result<u32> {
    system::spawn(request)
}

/// Waits until a child of [`spawn`] ended.
///
/// # Errors
/// As `waitpid(2)`.
pub fn wait(pid: u32) -> io::Result<Ended> {
    system::wait(pid)
}

/// Starts a program and waits until it ended.
///
/// # Errors
/// As `execve(2)`. A program that only Linux can run ends the whole build.
pub fn run(request: &Spawn<'_>) -> io::Result<Ended> {
    #[cfg(target_os = "wasi")]
    {
        system::wait(system::spawn(request)?)
    }
    #[cfg(unix)]
    {
        system::run(request)
    }
}

/// Says that this invocation is beyond the builder: the host ends the whole build as it does for
/// a foreign program, with this reason.
pub fn refuse(reason: &str) -> ! {
    system::refuse(reason)
}
