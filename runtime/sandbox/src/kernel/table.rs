//! A process's descriptor table.
//!
//! Contract: a new descriptor gets the lowest free number (as POSIX demands); numbers stay below
//! the build's bound.

use super::description::FileId;

/// Number of the first preopen; POSIX numbers from here on are shifted by [`PREOPENS`].
pub const FIRST_PREOPEN: u32 = 3;
/// How many preopens every process has.
pub const PREOPENS: u32 = 3;

/// One descriptor.
#[derive(Clone, Copy, Debug)]
pub struct Descriptor {
    /// What it leads to.
    pub file: FileId,
    /// The preopen's path.
    pub preopen: Option<&'static str>,
}

/// The descriptors of a process by number.
#[derive(Default)]
pub struct Table {
    slots: Vec<Option<Descriptor>>,
    /// No free number is below this one.
    lowest: usize,
}

impl Table {
    /// The descriptor with this number.
    pub fn get(&self, fd: u32) -> Option<Descriptor> {
        self.slots.get(fd as usize).copied().flatten()
    }

    /// The lowest free number that is at least `min`.
    pub fn free(&self, min: u32) -> usize {
        let start = self.lowest.max(min as usize);
        (start..self.slots.len())
            .find(|index| matches!(self.slots.get(*index), Some(None)))
            .unwrap_or(start.max(self.slots.len()))
    }

    /// The lowest number in use from `fd` on.
    pub fn next(&self, fd: u32) -> Option<u32> {
        let slots = self.slots.iter().zip(0u32..).skip(fd as usize);
        slots
            .into_iter()
            .find_map(|(slot, number)| slot.is_some().then_some(number))
    }

    /// Sets a number. The caller has checked it against the bound. Returns what was there.
    pub fn set(&mut self, fd: usize, descriptor: Descriptor) -> Option<Descriptor> {
        if fd >= self.slots.len() {
            self.slots.resize(fd + 1, None);
        }
        if fd == self.lowest {
            self.lowest += 1;
        }
        self.slots.get_mut(fd)?.replace(descriptor)
    }

    /// Frees a number.
    pub fn take(&mut self, fd: u32) -> Option<Descriptor> {
        let taken = self.slots.get_mut(fd as usize)?.take();
        if taken.is_some() {
            self.lowest = self.lowest.min(fd as usize);
        }
        taken
    }

    /// All descriptors, which the table then no longer has.
    pub fn drain(&mut self) -> Vec<Descriptor> {
        self.lowest = 0;
        std::mem::take(&mut self.slots)
            .into_iter()
            .flatten()
            .collect()
    }

    /// The numbers in use.
    pub fn numbers(&self) -> Vec<u32> {
        (0u32..)
            .zip(&self.slots)
            .filter(|(_, slot)| slot.is_some())
            .map(|(number, _)| number)
            .collect()
    }
}

/// The descriptor number behind a POSIX number: 0, 1 and 2 are themselves, the rest lie behind the
/// preopens.
pub fn from_posix(number: u32) -> Option<u32> {
    if number < FIRST_PREOPEN {
        Some(number)
    } else {
        number.checked_add(PREOPENS)
    }
}

/// The POSIX number of a descriptor; a preopen has none.
pub fn to_posix(fd: u32) -> Option<u32> {
    if fd < FIRST_PREOPEN {
        Some(fd)
    } else {
        fd.checked_sub(PREOPENS)
            .filter(|number| *number >= FIRST_PREOPEN)
    }
}
