//! Virtual time: a wall clock that stands still and a monotonic clock that moves by itself.
//!
//! Contract: the wall clock always shows [`crate::vfs::WALL_CLOCK_NS`]. Each reading of the
//! monotonic clock advances it by [`STEP_NS`], so that loops which wait for it end. Sleeping takes
//! no time on the host: when every process waits, the clock jumps to the earliest timer.

use std::collections::BTreeMap;

/// How far one reading moves the monotonic clock: a millisecond.
pub const STEP_NS: u64 = 1_000_000;

/// What `clock_res_get` tells for every clock: a millisecond.
pub const RESOLUTION_NS: u64 = STEP_NS;

/// The monotonic clock of a build and those who wait for it.
#[derive(Default)]
pub struct Clock {
    now: u64,
    /// By due time, then by the order of setting.
    timers: BTreeMap<(u64, u64), u32>,
    next_timer: u64,
}

impl Clock {
    /// Reads the clock, which moves it.
    pub fn read(&mut self) -> u64 {
        self.now = self.now.saturating_add(STEP_NS);
        self.now
    }

    /// The time, without moving it.
    pub fn peek(&self) -> u64 {
        self.now
    }

    /// Wakes `pid` at `due`.
    pub fn set_timer(&mut self, due: u64, pid: u32) {
        let number = self.next_timer;
        self.next_timer += 1;
        self.timers.insert((due, number), pid);
    }

    /// Removes all timers of a process (it was woken by something else, or ended).
    pub fn clear(&mut self, pid: u32) {
        self.timers.retain(|_, owner| *owner != pid);
    }

    /// Jumps to the earliest timer and says whose it is; `None` if there is none.
    pub fn jump(&mut self) -> Option<u32> {
        let ((due, _), pid) = self.timers.pop_first()?;
        self.now = self.now.max(due);
        Some(pid)
    }
}
