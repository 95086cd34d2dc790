//! Modes, owners and access; descriptors that are duplicated; pipes.

use super::MODULE;
use crate::errno::Errno;
use crate::wasi::call::Ctx;
use crate::wasi::paths::FOLLOW;
use crate::wasi::{host, mem};
use wasmtime::Linker;

/// Adds the functions.
pub fn add(linker: &mut Linker<Ctx>) -> wasmtime::Result<()> {
    host!(
        linker,
        MODULE,
        "path_set_mode",
        |call, fd: u32, flags: u32, path: u32, len: u32, mode: u32| {
            let path = mem::path(call.memory, path, len)?;
            call.kernel
                .path_set_mode(call.pid, fd, &path, flags & FOLLOW != 0, mode)
        }
    );
    host!(
        linker,
        MODULE,
        "make_fifo",
        |call, fd: u32, path: u32, len: u32, mode: u32| {
            let path = mem::path(call.memory, path, len)?;
            call.kernel.make_fifo(call.pid, fd, &path, mode)
        }
    );
    host!(
        linker,
        MODULE,
        "path_mode",
        |call, fd: u32, flags: u32, path: u32, len: u32, out: u32| {
            let path = mem::path(call.memory, path, len)?;
            let stat = call
                .kernel
                .path_stat(call.pid, fd, &path, flags & FOLLOW != 0)?;
            mem::write_u32(call.memory, out, stat.mode)
        }
    );
    host!(
        linker,
        MODULE,
        "path_owner",
        |call, fd: u32, flags: u32, path: u32, len: u32, out: u32| {
            let path = mem::path(call.memory, path, len)?;
            let stat = call
                .kernel
                .path_stat(call.pid, fd, &path, flags & FOLLOW != 0)?;
            mem::write_u32(call.memory, out, stat.uid)?;
            mem::write_u32(call.memory, mem::element(out, 1, 4)?, stat.gid)
        }
    );
    host!(
        linker,
        MODULE,
        "path_access",
        |call, fd: u32, flags: u32, path: u32, len: u32, bits: u32| {
            let path = mem::path(call.memory, path, len)?;
            call.kernel
                .path_access(call.pid, fd, &path, flags & FOLLOW != 0, bits)
        }
    );
    host!(linker, MODULE, "fd_mode", |call, fd: u32, out: u32| {
        let stat = call.kernel.stat(call.pid, fd)?;
        mem::write_u32(call.memory, out, stat.mode)
    });
    host!(linker, MODULE, "fd_set_mode", |call, fd: u32, mode: u32| {
        let node = call.kernel.node_of(call.pid, fd)?.ok_or(Errno::Inval)?;
        call.kernel.vfs.set_mode(node, mode)
    });
    host!(linker, MODULE, "umask", |call, new: u32, out: u32| {
        let process = call.kernel.process_mut(call.pid)?;
        let old = std::mem::replace(&mut process.umask, new & 0o777);
        mem::write_u32(call.memory, out, old)
    });
    host!(linker, MODULE, "pipe", |call, out: u32| {
        mem::slice(call.memory, out, 8)?;
        let (reader, writer) = call.kernel.pipe(call.pid)?;
        mem::write_u32(call.memory, out, reader)?;
        mem::write_u32(call.memory, mem::element(out, 1, 4)?, writer)
    });
    host!(
        linker,
        MODULE,
        "fd_dup",
        |call, fd: u32, min: u32, out: u32| {
            mem::slice(call.memory, out, 4)?;
            let new = call.kernel.duplicate(call.pid, fd, min)?;
            mem::write_u32(call.memory, out, new)
        }
    );
    host!(linker, MODULE, "fd_next", |call, fd: u32, out: u32| {
        let next = call.kernel.next_descriptor(call.pid, fd)?;
        mem::write_u32(call.memory, out, next)
    });
    host!(linker, MODULE, "fd_dup2", |call, from: u32, to: u32| {
        call.kernel.duplicate_to(call.pid, from, to, true)
    });
    Ok(())
}
