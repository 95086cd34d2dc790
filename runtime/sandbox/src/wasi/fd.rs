//! `fd_*` without data: state, metadata, preopens, seeking, renumbering, directories.

use super::call::{Call, Ctx};
use super::{MODULE, host, mem, rights};
use crate::errno::{Errno, Result};
use crate::kernel::description::{FLAG_APPEND, FLAG_NONBLOCK};
use crate::kernel::descriptor::Whence;
use crate::vfs::WALL_CLOCK_NS;
use crate::vfs::meta::Stat;
use wasmtime::Linker;

/// Bytes of a `dirent`.
const DIRENT: usize = 24;

/// Adds the functions.
pub fn add(linker: &mut Linker<Ctx>) -> wasmtime::Result<()> {
    host!(linker, MODULE, "fd_close", |call, fd: u32| call
        .kernel
        .close(call.pid, fd));
    host!(linker, MODULE, "fd_datasync", |call, fd: u32| synced(
        call, fd
    ));
    host!(linker, MODULE, "fd_sync", |call, fd: u32| synced(call, fd));
    host!(
        linker,
        MODULE,
        "fd_advise",
        |call, fd: u32, offset: u64, len: u64, advice: u32| {
            regular(call, fd)?;
            if advice > 5 || i64::try_from(offset).is_err() || i64::try_from(len).is_err() {
                return Err(Errno::Inval.into());
            }
            Ok(())
        }
    );
    host!(
        linker,
        MODULE,
        "fd_allocate",
        |call, fd: u32, offset: u64, len: u64| {
            let node = regular(call, fd)?;
            if !call.kernel.fd_stat(call.pid, fd)?.write {
                return Err(Errno::Badf.into());
            }
            let end = offset
                .checked_add(len)
                .filter(|_| len > 0)
                .ok_or(Errno::Inval)?;
            call.kernel.vfs.allocate(node, end)
        }
    );
    host!(
        linker,
        MODULE,
        "fd_fdstat_get",
        |call, fd: u32, out: u32| {
            let stat = call.kernel.fd_stat(call.pid, fd)?;
            let (base, inheriting) = rights::of(&stat);
            let mut bytes = [0; 24];
            put(&mut bytes, 0, &[stat.file_type as u8]);
            put(&mut bytes, 2, &stat.flags.to_le_bytes());
            put(&mut bytes, 8, &base.to_le_bytes());
            put(&mut bytes, 16, &inheriting.to_le_bytes());
            mem::write(call.memory, out, &bytes)
        }
    );
    host!(
        linker,
        MODULE,
        "fd_fdstat_set_flags",
        |call, fd: u32, flags: u32| {
            let flags = u16::try_from(flags).map_err(|_| Errno::Inval)?;
            if flags & !(FLAG_APPEND | FLAG_NONBLOCK) != 0 {
                return Err(Errno::Inval.into());
            }
            call.kernel.set_flags(call.pid, fd, flags)
        }
    );
    host!(
        linker,
        MODULE,
        "fd_fdstat_set_rights",
        |call, fd: u32, _base: u64, _inheriting: u64| {
            call.kernel.check(call.pid, fd)?;
            Err(Errno::Notsup.into())
        }
    );
    host!(
        linker,
        MODULE,
        "fd_filestat_get",
        |call, fd: u32, out: u32| {
            let stat = call.kernel.stat(call.pid, fd)?;
            write_filestat(call, out, &stat)
        }
    );
    host!(
        linker,
        MODULE,
        "fd_filestat_set_size",
        |call, fd: u32, size: u64| {
            let node = regular(call, fd)?;
            if !call.kernel.fd_stat(call.pid, fd)?.write {
                return Err(Errno::Badf.into());
            }
            call.kernel.vfs.set_len(node, size)
        }
    );
    host!(
        linker,
        MODULE,
        "fd_filestat_set_times",
        |call, fd: u32, atim: u64, mtim: u64, flags: u32| {
            let (access, modification) = times(atim, mtim, flags)?;
            let node = call.kernel.node_of(call.pid, fd)?.ok_or(Errno::Badf)?;
            call.kernel.vfs.set_times(node, access, modification)
        }
    );
    host!(
        linker,
        MODULE,
        "fd_prestat_get",
        |call, fd: u32, out: u32| {
            let path = call.kernel.preopen(call.pid, fd)?;
            mem::write_u32(call.memory, out, 0)?;
            mem::write_u32(call.memory, mem::element(out, 1, 4)?, path.len() as u32)
        }
    );
    host!(
        linker,
        MODULE,
        "fd_prestat_dir_name",
        |call, fd: u32, out: u32, len: u32| {
            call.kernel.check(call.pid, fd)?;
            let path = call
                .kernel
                .preopen(call.pid, fd)
                .map_err(|_| Errno::Notdir)?;
            if path.len() > len as usize {
                return Err(Errno::Nametoolong.into());
            }
            mem::write(call.memory, out, path.as_bytes())
        }
    );
    host!(linker, MODULE, "fd_renumber", |call, from: u32, to: u32| {
        // Both must be open, so that a library's own descriptors cannot be taken by chance.
        call.kernel.check(call.pid, to)?;
        call.kernel.duplicate_to(call.pid, from, to, false)
    });
    host!(
        linker,
        MODULE,
        "fd_seek",
        |call, fd: u32, delta: i64, whence: u32, out: u32| {
            let whence = match whence {
                0 => Whence::Set,
                1 => Whence::Current,
                2 => Whence::End,
                _ => return Err(Errno::Inval.into()),
            };
            let offset = call.kernel.seek(call.pid, fd, delta, whence)?;
            mem::write_u64(call.memory, out, offset)
        }
    );
    host!(linker, MODULE, "fd_tell", |call, fd: u32, out: u32| {
        let offset = call.kernel.seek(call.pid, fd, 0, Whence::Current)?;
        mem::write_u64(call.memory, out, offset)
    });
    host!(
        linker,
        MODULE,
        "fd_readdir",
        |call, fd: u32, buffer: u32, len: u32, cookie: u64, out: u32| {
            let used = read_directory(call, fd, buffer, len, cookie)?;
            mem::write_u32(call.memory, out, used)
        }
    );
    Ok(())
}

/// Nothing is ever on a disk, so there is nothing to wait for.
fn synced(call: &mut Call<'_>, fd: u32) -> Result<()> {
    match call.kernel.node_of(call.pid, fd)? {
        Some(_) => Ok(()),
        None => Err(Errno::Inval.into()),
    }
}

/// The regular file behind a descriptor.
fn regular(call: &mut Call<'_>, fd: u32) -> Result<crate::vfs::node::NodeId> {
    let node = call.kernel.node_of(call.pid, fd)?.ok_or(Errno::Spipe)?;
    let it = call.kernel.vfs.node(node)?;
    if it.is_directory() {
        return Err(Errno::Badf.into());
    }
    Ok(node)
}

/// Fills `buffer` with entries from `cookie` on; the last may be cut, which tells the guest to ask
/// again from there. The cookie is the entry's place in the listing that cookie 0 made.
fn read_directory(call: &mut Call<'_>, fd: u32, buffer: u32, len: u32, cookie: u64) -> Result<u32> {
    let space = mem::slice_mut(call.memory, buffer, len)?;
    let entries = call.kernel.entries(call.pid, fd, cookie == 0)?;
    let skip = usize::try_from(cookie).unwrap_or(usize::MAX);
    let mut used = 0;
    for (next, entry) in (1u64..).zip(entries).skip(skip) {
        let mut head = [0; DIRENT];
        put(&mut head, 0, &next.to_le_bytes());
        put(&mut head, 8, &entry.ino.to_le_bytes());
        put(&mut head, 16, &(entry.name.len() as u32).to_le_bytes());
        put(&mut head, 20, &[entry.file_type as u8]);
        for part in [&head[..], &entry.name[..]] {
            let rest = space.get_mut(used..).unwrap_or_default();
            let count = part.len().min(rest.len());
            if let (Some(to), Some(from)) = (rest.get_mut(..count), part.get(..count)) {
                to.copy_from_slice(from);
            }
            used += count;
        }
        if used >= space.len() {
            break;
        }
    }
    u32::try_from(used).map_err(|_| Errno::Overflow.into())
}

/// Writes a `filestat`.
pub fn write_filestat(call: &mut Call<'_>, out: u32, stat: &Stat) -> Result<()> {
    let mut bytes = [0; 64];
    put(&mut bytes, 0, &stat.device.to_le_bytes());
    put(&mut bytes, 8, &stat.ino.to_le_bytes());
    put(&mut bytes, 16, &[stat.file_type as u8]);
    put(&mut bytes, 24, &stat.links.to_le_bytes());
    put(&mut bytes, 32, &stat.size.to_le_bytes());
    put(&mut bytes, 40, &stat.times.access.to_le_bytes());
    put(&mut bytes, 48, &stat.times.modification.to_le_bytes());
    put(&mut bytes, 56, &stat.times.change.to_le_bytes());
    mem::write(call.memory, out, &bytes)
}

/// The times that `fstflags` asks for: `atim` 1, `atim_now` 2, `mtim` 4, `mtim_now` 8.
pub fn times(atim: u64, mtim: u64, flags: u32) -> Result<(Option<u64>, Option<u64>)> {
    let pick = |given: bool, now: bool, value: u64| match (given, now) {
        (true, true) => Err(Errno::Inval),
        (true, false) => Ok(Some(value)),
        (false, true) => Ok(Some(WALL_CLOCK_NS)),
        (false, false) => Ok(None),
    };
    if flags > 15 {
        return Err(Errno::Inval.into());
    }
    Ok((
        pick(flags & 1 != 0, flags & 2 != 0, atim)?,
        pick(flags & 4 != 0, flags & 8 != 0, mtim)?,
    ))
}

/// Copies a field into a structure; the offsets are those of the witx documents.
pub fn put(structure: &mut [u8], offset: usize, field: &[u8]) {
    if let Some(target) = structure.get_mut(offset..offset + field.len()) {
        target.copy_from_slice(field);
    }
}
