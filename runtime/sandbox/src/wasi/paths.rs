//! `path_*`: operations on paths from a directory descriptor.

use super::call::Ctx;
use super::{MODULE, fd, host, host_blocking, mem, rights};
use crate::errno::Errno;
use crate::kernel::Step;
use crate::kernel::open::OpenHow;
use wasmtime::Linker;

/// Follow a link at the end (type `lookupflags`).
pub const FOLLOW: u32 = 1;

/// Adds the functions.
pub fn add(linker: &mut Linker<Ctx>) -> wasmtime::Result<()> {
    host!(
        linker,
        MODULE,
        "path_create_directory",
        |call, fd: u32, path: u32, len: u32| {
            let path = mem::path(call.memory, path, len)?;
            call.kernel.make_directory(call.pid, fd, &path)
        }
    );
    host!(
        linker,
        MODULE,
        "path_filestat_get",
        |call, fd: u32, flags: u32, path: u32, len: u32, out: u32| {
            let path = mem::path(call.memory, path, len)?;
            let stat = call
                .kernel
                .path_stat(call.pid, fd, &path, flags & FOLLOW != 0)?;
            fd::write_filestat(call, out, &stat)
        }
    );
    host!(
        linker,
        MODULE,
        "path_filestat_set_times",
        |call, fd: u32, flags: u32, path: u32, len: u32, atim: u64, mtim: u64, fst: u32| {
            let path = mem::path(call.memory, path, len)?;
            let times = fd::times(atim, mtim, fst)?;
            call.kernel
                .path_set_times(call.pid, fd, &path, flags & FOLLOW != 0, times)
        }
    );
    host!(
        linker,
        MODULE,
        "path_link",
        |call,
         old_fd: u32,
         flags: u32,
         old: u32,
         old_len: u32,
         new_fd: u32,
         new: u32,
         new_len: u32| {
            let old = mem::path(call.memory, old, old_len)?;
            let new = mem::path(call.memory, new, new_len)?;
            let from = (old_fd, old.as_slice(), flags & FOLLOW != 0);
            call.kernel
                .make_link(call.pid, from, (new_fd, new.as_slice()))
        }
    );
    host_blocking!(
        linker,
        MODULE,
        "path_open",
        |call,
         fd: u32,
         flags: u32,
         path: u32,
         len: u32,
         oflags: u32,
         base: u64,
         _inheriting: u64,
         fdflags: u32,
         out: u32| {
            let path = mem::path(call.memory, path, len)?;
            if oflags > 15 || fdflags > 31 {
                return Err(Errno::Inval.into());
            }
            let how = OpenHow {
                follow: flags & FOLLOW != 0,
                create: oflags & 1 != 0,
                directory: oflags & 2 != 0,
                exclusive: oflags & 4 != 0,
                truncate: oflags & 8 != 0,
                read: base & rights::FD_READ != 0,
                write: base & rights::FD_WRITE != 0,
                flags: fdflags as u16,
            };
            match call.kernel.open(call.pid, fd, &path, how)? {
                Step::Blocked => Ok(Step::Blocked),
                Step::Done(opened) => mem::write_u32(call.memory, out, opened).map(Step::Done),
            }
        }
    );
    host!(
        linker,
        MODULE,
        "path_readlink",
        |call, fd: u32, path: u32, len: u32, buffer: u32, size: u32, out: u32| {
            let path = mem::path(call.memory, path, len)?;
            let target = call.kernel.read_link(call.pid, fd, &path)?;
            let shown = target.get(..size as usize).unwrap_or(&target);
            mem::write(call.memory, buffer, shown)?;
            mem::write_u32(call.memory, out, shown.len() as u32)
        }
    );
    host!(
        linker,
        MODULE,
        "path_remove_directory",
        |call, fd: u32, path: u32, len: u32| {
            let path = mem::path(call.memory, path, len)?;
            call.kernel.remove_directory(call.pid, fd, &path)
        }
    );
    host!(
        linker,
        MODULE,
        "path_rename",
        |call, fd: u32, old: u32, old_len: u32, new_fd: u32, new: u32, new_len: u32| {
            let old = mem::path(call.memory, old, old_len)?;
            let new = mem::path(call.memory, new, new_len)?;
            call.kernel
                .rename(call.pid, (fd, old.as_slice()), (new_fd, new.as_slice()))
        }
    );
    host!(
        linker,
        MODULE,
        "path_symlink",
        |call, old: u32, old_len: u32, fd: u32, new: u32, new_len: u32| {
            let target = mem::target(call.memory, old, old_len)?;
            let path = mem::path(call.memory, new, new_len)?;
            call.kernel.make_symlink(call.pid, &target, fd, &path)
        }
    );
    host!(
        linker,
        MODULE,
        "path_unlink_file",
        |call, fd: u32, path: u32, len: u32| {
            let path = mem::path(call.memory, path, len)?;
            call.kernel.unlink(call.pid, fd, &path)
        }
    );
    Ok(())
}
