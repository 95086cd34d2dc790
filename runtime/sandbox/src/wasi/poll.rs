//! `poll_oneoff`: waits for clocks and descriptors, in virtual time.
//!
//! Contract: no wall time passes. Whatever is ready at once is reported; else the process waits for
//! its pipes and its earliest timer, and the clock jumps when every process waits.

use super::call::{Call, Ctx};
use super::fd::put;
use super::{MODULE, clock, host_blocking, mem};
use crate::errno::{Errno, Fail, Result};
use crate::kernel::Step;
use crate::kernel::descriptor::Ready;
use crate::vfs::WALL_CLOCK_NS;
use wasmtime::Linker;

/// Bytes of a `subscription`.
const SUBSCRIPTION: u32 = 48;
/// Bytes of an `event`.
const EVENT: u32 = 32;
/// Most subscriptions of one call.
const MAX_SUBSCRIPTIONS: u32 = 4096;

const CLOCK: u8 = 0;
const FD_READ: u8 = 1;
const FD_WRITE: u8 = 2;

/// What a guest waits for.
struct Subscription {
    user_data: u64,
    kind: u8,
    /// When a clock is due, on the monotonic clock.
    due: Result<u64, Errno>,
    fd: u32,
}

/// Adds the function.
pub fn add(linker: &mut Linker<Ctx>) -> wasmtime::Result<()> {
    host_blocking!(linker, MODULE, "poll_oneoff", |call, subscriptions: u32, events: u32, count: u32, out: u32|
        let wanted = None::<Vec<Subscription>>;
        {
            let wanted = match &mut wanted {
                Some(wanted) => wanted,
                none => none.insert(subscribe(call, subscriptions, count)?),
            };
            poll(call, wanted, events, out)
        }
    );
    Ok(())
}

/// Reads the subscriptions, and fixes when each clock is due.
fn subscribe(call: &mut Call<'_>, at: u32, count: u32) -> Result<Vec<Subscription>> {
    if count == 0 || count > MAX_SUBSCRIPTIONS {
        return Err(Errno::Inval.into());
    }
    let now = call.kernel.clock.peek();
    let mut wanted = Vec::with_capacity(count as usize);
    for index in 0..count {
        let at = mem::element(at, index, SUBSCRIPTION)?;
        let field = |offset| mem::element(at, offset, 1);
        let [kind] = mem::array::<1>(call.memory, field(8)?)?;
        let user_data = mem::read_u64(call.memory, at)?;
        let id = mem::read_u32(call.memory, field(16)?)?;
        let due = if kind == CLOCK {
            let timeout = mem::read_u64(call.memory, field(24)?)?;
            let [low, high] = mem::array::<2>(call.memory, field(40)?)?;
            match (id, u16::from_le_bytes([low, high]) & 1 != 0) {
                (clock::REALTIME, true) => Ok(now + timeout.saturating_sub(WALL_CLOCK_NS)),
                (clock::MONOTONIC, true) => Ok(timeout),
                (clock::REALTIME | clock::MONOTONIC, false) => Ok(now.saturating_add(timeout)),
                _ => Err(Errno::Inval),
            }
        } else if kind == FD_READ || kind == FD_WRITE {
            Ok(u64::MAX)
        } else {
            return Err(Errno::Inval.into());
        };
        wanted.push(Subscription {
            user_data,
            kind,
            due,
            fd: id,
        });
    }
    Ok(wanted)
}

/// Reports what is ready, or waits.
fn poll(call: &mut Call<'_>, wanted: &[Subscription], events: u32, out: u32) -> Result<Step<()>> {
    let (pid, now) = (call.pid, call.kernel.clock.peek());
    let mut ready = 0;
    for it in wanted {
        let found = match it.kind {
            CLOCK => match it.due {
                Ok(due) if due > now => continue,
                Ok(_) => Ok(Ready {
                    bytes: 0,
                    hangup: false,
                }),
                Err(errno) => Err(errno),
            },
            kind => {
                let found = if kind == FD_READ {
                    call.kernel.poll_read(pid, it.fd)
                } else {
                    call.kernel.poll_write(pid, it.fd)
                };
                match found {
                    Ok(Some(found)) => Ok(found),
                    Ok(None) => continue,
                    Err(Fail::Errno(errno)) => Err(errno),
                    Err(fail) => return Err(fail),
                }
            }
        };
        let mut event = [0; EVENT as usize];
        put(&mut event, 0, &it.user_data.to_le_bytes());
        put(&mut event, 10, &[it.kind]);
        match found {
            Ok(found) => {
                put(&mut event, 16, &found.bytes.to_le_bytes());
                put(&mut event, 24, &u16::from(found.hangup).to_le_bytes());
            }
            Err(errno) => put(&mut event, 8, &(errno as u16).to_le_bytes()),
        }
        mem::write(call.memory, mem::element(events, ready, EVENT)?, &event)?;
        ready += 1;
    }
    call.kernel.clock.clear(pid);
    if ready > 0 {
        mem::write_u32(call.memory, out, ready)?;
        return Ok(Step::Done(()));
    }
    let mut earliest = None::<u64>;
    for it in wanted {
        match (it.kind, &it.due) {
            (CLOCK, Ok(due)) => earliest = Some(earliest.map_or(*due, |other| other.min(*due))),
            (CLOCK, Err(_)) => {}
            _ => call.kernel.wait_for(pid, it.fd)?,
        }
    }
    if let Some(due) = earliest {
        call.kernel.clock.set_timer(due, pid);
    }
    call.kernel.sleep(pid);
    Ok(Step::Blocked)
}
