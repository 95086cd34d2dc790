//! Processes: spawn, wait, kill, numbers, working directory.

use super::MODULE;
use crate::errno::{Errno, Fail, Result};
use crate::kernel::Step;
use crate::kernel::spawn::{ARG_MAX, SpawnRequest};
use crate::wasi::call::{Call, Ctx};
use crate::wasi::{host, host_blocking, mem};
use bstr::{BString, ByteSlice};
use wasmtime::Linker;

/// Most words in a vector, and most descriptors that a child is given.
const MAX_WORDS: u32 = 1 << 18;

/// `wait` returns at once (flag of `wait`).
const NO_HANG: u32 = 1;

/// Adds the functions.
pub fn add(linker: &mut Linker<Ctx>) -> wasmtime::Result<()> {
    host!(linker, MODULE, "spawn", |call, request: u32, out: u32| {
        mem::slice(call.memory, out, 4)?;
        let request = read_request(call, request)?;
        let pid = call.kernel.spawn(call.pid, request)?;
        mem::write_u32(call.memory, out, pid)
    });
    host_blocking!(
        linker,
        MODULE,
        "wait",
        |call, target: i32, flags: u32, out_pid: u32, out_status: u32| {
            wait(call, target, flags, (out_pid, out_status))
        }
    );
    host!(linker, MODULE, "getpid", |call, out: u32| mem::write_u32(
        call.memory,
        out,
        call.pid
    ));
    host!(linker, MODULE, "getppid", |call, out: u32| {
        let parent = call.kernel.process(call.pid)?.parent;
        mem::write_u32(call.memory, out, parent)
    });
    host!(linker, MODULE, "kill", |call, target: u32, number: u32| {
        let number = u8::try_from(number).map_err(|_| Errno::Inval)?;
        match call.kernel.kill(call.pid, target, number)? {
            true => Err(Fail::Signal(number)),
            false => Ok(()),
        }
    });
    host!(
        linker,
        MODULE,
        "signal_ignore",
        |call, number: u32, ignore: u32| {
            let number = u8::try_from(number).map_err(|_| Errno::Inval)?;
            call.kernel.ignore_signal(call.pid, number, ignore != 0)
        }
    );
    host!(
        linker,
        MODULE,
        "cwd_get",
        |call, buffer: u32, size: u32, out: u32| {
            let cwd = call.kernel.process(call.pid)?.cwd.clone();
            mem::write_u32(call.memory, out, cwd.len() as u32)?;
            if cwd.len() > size as usize {
                return Err(Errno::Range.into());
            }
            mem::write(call.memory, buffer, &cwd)
        }
    );
    host!(linker, MODULE, "refuse", |call, reason: u32, len: u32| {
        let reason = mem::target(call.memory, reason, len)?;
        Err::<(), _>(call.kernel.refusal(call.pid, reason.to_string()))
    });
    host!(
        linker,
        MODULE,
        "derive",
        |call,
         argv: u32,
         count: u32,
         text: u32,
         text_len: u32,
         answer: u32,
         capacity: u32,
         out: u32| {
            let mut room = ARG_MAX;
            let words = strings(call, argv, count, &mut room)?;
            mem::slice(call.memory, answer, capacity)?;
            let text = mem::slice(call.memory, text, text_len)?;
            let found = call.kernel.derive(call.pid, &words, text)?;
            let length = u32::try_from(found.len()).map_err(|_| Errno::Overflow)?;
            mem::write_u32(call.memory, out, length)?;
            if length > capacity {
                return Err(Errno::Range.into());
            }
            mem::write(call.memory, answer, &found)
        }
    );
    host!(
        linker,
        MODULE,
        "recall",
        |call, key: u32, key_len: u32, found: u32, capacity: u32, out: u32| {
            mem::slice(call.memory, found, capacity)?;
            let key = mem::slice(call.memory, key, key_len)?;
            let kept = call.kernel.recall(call.pid, key)?;
            let length = u32::try_from(kept.len()).map_err(|_| Errno::Overflow)?;
            mem::write_u32(call.memory, out, length)?;
            if length > capacity {
                return Err(Errno::Range.into());
            }
            mem::write(call.memory, found, &kept)
        }
    );
    host!(
        linker,
        MODULE,
        "remember",
        |call, key: u32, key_len: u32, value: u32, len: u32| {
            let key = mem::slice(call.memory, key, key_len)?;
            let value = mem::slice(call.memory, value, len)?;
            call.kernel.remember(call.pid, key, value)
        }
    );
    host!(linker, MODULE, "cwd_set", |call, path: u32, len: u32| {
        let path = mem::target(call.memory, path, len)?;
        call.kernel.set_cwd(call.pid, path)
    });
    Ok(())
}

/// Takes an ended child, or waits for one.
fn wait(call: &mut Call<'_>, target: i32, flags: u32, out: (u32, u32)) -> Result<Step<()>> {
    mem::slice(call.memory, out.0, 4)?;
    mem::slice(call.memory, out.1, 4)?;
    let target = match target {
        -1 => None,
        pid => Some(u32::try_from(pid).map_err(|_| Errno::Inval)?),
    };
    if flags & !NO_HANG != 0 {
        return Err(Errno::Inval.into());
    }
    match call.kernel.wait(call.pid, target, flags & NO_HANG != 0)? {
        Step::Blocked => Ok(Step::Blocked),
        Step::Done((pid, status)) => {
            mem::write_u32(call.memory, out.0, pid)?;
            mem::write_u32(call.memory, out.1, status)?;
            Ok(Step::Done(()))
        }
    }
}

/// Reads the structure `spawn_args`: eleven 32-bit fields, see `docs/abi.md`.
fn read_request(call: &Call<'_>, at: u32) -> Result<SpawnRequest> {
    let field = |index| mem::read_u32(call.memory, mem::element(at, index, 4)?);
    let place = match field(10)? {
        0 => None,
        at => {
            let part = |index| mem::read_u32(call.memory, mem::element(at, index, 4)?);
            let name = mem::target(call.memory, part(0)?, part(1)?)?;
            Some((name, part(2)?))
        }
    };
    let path = mem::target(call.memory, field(0)?, field(1)?)?;
    let mut room = ARG_MAX;
    let argv = strings(call, field(2)?, field(3)?, &mut room)?;
    let mut env = Vec::new();
    for word in strings(call, field(4)?, field(5)?, &mut room)? {
        let (name, value) = word.split_once_str("=").ok_or(Errno::Inval)?;
        env.push((BString::from(name), BString::from(value)));
    }
    let cwd = mem::target(call.memory, field(6)?, field(7)?)?;
    let (fds, count) = (field(8)?, field(9)?);
    if count > MAX_WORDS {
        return Err(Errno::Inval.into());
    }
    let mut descriptors = Vec::new();
    for index in 0..count {
        let at = mem::element(fds, index, 8)?;
        let child = mem::read_u32(call.memory, at)?;
        let parent = mem::read_u32(call.memory, mem::element(at, 1, 4)?)?;
        descriptors.push((child, parent));
    }
    Ok(SpawnRequest {
        path,
        argv,
        env,
        cwd,
        descriptors,
        place,
    })
}

/// An array of (address, length) pairs: strings without NUL, at most `room` bytes together.
fn strings(call: &Call<'_>, at: u32, count: u32, room: &mut usize) -> Result<Vec<BString>> {
    if count > MAX_WORDS {
        return Err(Errno::TooBig.into());
    }
    let mut words = Vec::new();
    for index in 0..count {
        let at = mem::element(at, index, 8)?;
        let (ptr, len) = (
            mem::read_u32(call.memory, at)?,
            mem::read_u32(call.memory, mem::element(at, 1, 4)?)?,
        );
        let bytes = mem::slice(call.memory, ptr, len)?;
        *room = room.checked_sub(bytes.len() + 9).ok_or(Errno::TooBig)?;
        if bytes.contains(&0) {
            return Err(Errno::Inval.into());
        }
        words.push(BString::from(bytes));
    }
    Ok(words)
}
