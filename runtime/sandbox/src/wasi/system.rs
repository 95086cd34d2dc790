//! `proc_*`, `sched_yield`, `random_get` and the sockets, of which there are none.

use super::call::{Call, Ctx, Ended, pause};
use super::{MODULE, host, mem};
use crate::errno::{Errno, Fail, Result};
use crate::kernel::signal;
use wasmtime::{Caller, Linker};

/// Adds the functions.
pub fn add(linker: &mut Linker<Ctx>) -> wasmtime::Result<()> {
    linker.func_wrap(
        MODULE,
        "proc_exit",
        |_: Caller<'_, Ctx>, code: u32| -> wasmtime::Result<()> {
            // As POSIX: the parent sees the low 8 bits.
            Err(Ended::Exit((code & 0xff) as u8).into())
        },
    )?;
    host!(linker, MODULE, "proc_raise", |call, number: u32| {
        let number = signal::from_wasi(number).ok_or(Errno::Inval)?;
        match call.kernel.kill(call.pid, call.pid, number)? {
            true => Err(Fail::Signal(number)),
            false => Ok(()),
        }
    });
    linker.func_wrap_async(MODULE, "sched_yield", |caller: Caller<'_, Ctx>, (): ()| {
        Box::new(async move {
            caller.data().kernel().wake_one(caller.data().pid);
            pause().await;
            Errno::Success as u32
        })
    })?;
    host!(
        linker,
        MODULE,
        "random_get",
        |call, buffer: u32, len: u32| {
            let buffer = mem::slice_mut(call.memory, buffer, len)?;
            call.kernel.process_mut(call.pid)?.random.fill(buffer);
            Ok(())
        }
    );
    host!(
        linker,
        MODULE,
        "sock_accept",
        |call, fd: u32, _flags: u32, _out: u32| no_socket(call, fd)
    );
    host!(
        linker,
        MODULE,
        "sock_recv",
        |call, fd: u32, _data: u32, _count: u32, _flags: u32, _size: u32, _roflags: u32| {
            no_socket(call, fd)
        }
    );
    host!(
        linker,
        MODULE,
        "sock_send",
        |call, fd: u32, _data: u32, _count: u32, _flags: u32, _size: u32| { no_socket(call, fd) }
    );
    host!(
        linker,
        MODULE,
        "sock_shutdown",
        |call, fd: u32, _how: u32| no_socket(call, fd)
    );
    Ok(())
}

/// There is no network, so no descriptor is ever a socket.
fn no_socket(call: &mut Call<'_>, fd: u32) -> Result<()> {
    call.kernel.check(call.pid, fd)?;
    Err(Errno::Notsock.into())
}
