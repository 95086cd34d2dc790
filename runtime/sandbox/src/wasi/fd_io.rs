//! `fd_read`, `fd_write`, `fd_pread`, `fd_pwrite`: data between guest memory and descriptors.

use super::call::{Call, Ctx};
use super::{MODULE, host, host_blocking, mem};
use crate::errno::{Errno, Fail, Result};
use crate::kernel::{Step, pipe};
use wasmtime::Linker;

/// Adds the functions.
pub fn add(linker: &mut Linker<Ctx>) -> wasmtime::Result<()> {
    host_blocking!(
        linker,
        MODULE,
        "fd_read",
        |call, fd: u32, iovs: u32, count: u32, out: u32| { read(call, fd, iovs, count, out) }
    );
    host_blocking!(linker, MODULE, "fd_write", |call, fd: u32, iovs: u32, count: u32, out: u32|
        let progress = 0usize;
        write(call, fd, (iovs, count), out, &mut progress)
    );
    host!(
        linker,
        MODULE,
        "fd_pread",
        |call, fd: u32, iovs: u32, count: u32, offset: u64, out: u32| {
            let mut total = 0u32;
            call.kernel.check(call.pid, fd)?;
            for (ptr, len) in mem::buffers(call.memory, iovs, count)? {
                let at = offset.checked_add(u64::from(total)).ok_or(Errno::Inval)?;
                let buffer = mem::slice_mut(call.memory, ptr, len)?;
                let done = call.kernel.read_at(call.pid, fd, buffer, at)? as u32;
                total += done;
                if done < len {
                    break;
                }
            }
            mem::write_u32(call.memory, out, total)
        }
    );
    host!(
        linker,
        MODULE,
        "fd_pwrite",
        |call, fd: u32, iovs: u32, count: u32, offset: u64, out: u32| {
            let mut total = 0u32;
            call.kernel.check(call.pid, fd)?;
            for (ptr, len) in mem::buffers(call.memory, iovs, count)? {
                let at = offset.checked_add(u64::from(total)).ok_or(Errno::Inval)?;
                let buffer = mem::slice(call.memory, ptr, len)?;
                total += call.kernel.write_at(call.pid, fd, buffer, at)? as u32;
            }
            mem::write_u32(call.memory, out, total)
        }
    );
    Ok(())
}

/// Reads into the buffers until one is not filled. Waits only while nothing was read.
fn read(call: &mut Call<'_>, fd: u32, iovs: u32, count: u32, out: u32) -> Result<Step<()>> {
    let mut total = 0u32;
    let stream = !call.kernel.fd_stat(call.pid, fd)?.seekable;
    let buffers = mem::buffers(call.memory, iovs, count)?;
    if buffers.iter().all(|(_, len)| *len == 0) {
        call.kernel.read(call.pid, fd, &mut [])?;
    }
    for (ptr, len) in buffers {
        if len == 0 {
            continue;
        }
        let buffer = mem::slice_mut(call.memory, ptr, len)?;
        match call.kernel.read(call.pid, fd, buffer)? {
            Step::Blocked => return Ok(Step::Blocked),
            Step::Done(done) => {
                total += done as u32;
                if stream || done < len as usize {
                    break;
                }
            }
        }
    }
    mem::write_u32(call.memory, out, total)?;
    Ok(Step::Done(()))
}

/// Writes all buffers. A pipe takes what fits, and the rest after a wait: `progress` counts what is
/// already written. Up to `PIPE_BUF` bytes go in one piece, whatever buffers they come from.
fn write(
    call: &mut Call<'_>,
    fd: u32,
    (iovs, count): (u32, u32),
    out: u32,
    progress: &mut usize,
) -> Result<Step<()>> {
    let buffers = mem::buffers(call.memory, iovs, count)?;
    let size: usize = buffers.iter().map(|(_, len)| *len as usize).sum();
    let mut gathered = Vec::new();
    if size <= pipe::ATOMIC {
        for (ptr, len) in &buffers {
            gathered.extend_from_slice(mem::slice(call.memory, *ptr, *len)?);
        }
    }
    let mut start = 0;
    let whole = [(0, size as u32)];
    let parts: &[(u32, u32)] = if size <= pipe::ATOMIC {
        &whole
    } else {
        &buffers
    };
    for (ptr, len) in parts {
        let end = start + *len as usize;
        while *progress < end || size == 0 {
            let bytes = if size <= pipe::ATOMIC {
                gathered.as_slice()
            } else {
                mem::slice(call.memory, *ptr, *len)?
            };
            let rest = bytes.get(*progress - start..).unwrap_or_default();
            match call.kernel.write(call.pid, fd, rest) {
                Ok(Step::Blocked) => return Ok(Step::Blocked),
                Ok(Step::Done(done)) => *progress += done,
                // What was written so far counts; the error shows at the next call.
                Err(Fail::Errno(_)) if *progress > 0 => {
                    mem::write_u32(call.memory, out, *progress as u32)?;
                    return Ok(Step::Done(()));
                }
                Err(fail) => return Err(fail),
            }
            if size == 0 {
                break;
            }
        }
        start = end;
    }
    mem::write_u32(call.memory, out, *progress as u32)?;
    Ok(Step::Done(()))
}
