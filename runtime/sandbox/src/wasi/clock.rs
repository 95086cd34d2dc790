//! `clock_*`: the virtual clocks of `kernel::clock`.

use super::call::Ctx;
use super::{MODULE, host, mem};
use crate::errno::Errno;
use crate::kernel::clock::RESOLUTION_NS;
use crate::vfs::WALL_CLOCK_NS;
use wasmtime::Linker;

/// The wall clock (type `clockid`).
pub const REALTIME: u32 = 0;
/// The monotonic clock.
pub const MONOTONIC: u32 = 1;

/// Adds the functions.
pub fn add(linker: &mut Linker<Ctx>) -> wasmtime::Result<()> {
    host!(
        linker,
        MODULE,
        "clock_res_get",
        |call, id: u32, out: u32| {
            if id > 3 {
                return Err(Errno::Inval.into());
            }
            mem::write_u64(call.memory, out, RESOLUTION_NS)
        }
    );
    host!(
        linker,
        MODULE,
        "clock_time_get",
        |call, id: u32, _precision: u64, out: u32| {
            let now = match id {
                REALTIME => WALL_CLOCK_NS,
                // Processor time (2 and 3) is the monotonic clock: the real one would differ.
                MONOTONIC | 2 | 3 => call.kernel.clock.read(),
                _ => return Err(Errno::Inval.into()),
            };
            mem::write_u64(call.memory, out, now)
        }
    );
    Ok(())
}
