//! The disk that takes what a machine's memory does not hold.
//!
//! Contract: a sparse file without a name, formatted as swap space: one page of header, so that no file
//! system must be made on the host. Builds write to memory; what is too much goes here, and what is
//! freed is given back. Who owns the machine watches whether the host has room for more ([`Watch`]): a
//! guest whose swap space takes nothing more can neither go on nor say so. The header is `union swap_header` of the kernel (`include/linux/swap.h`).

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::platform;

/// With less than this on the host a machine that swaps is given up.
const RESERVE: u64 = 64 << 20;
/// What a disk takes that nothing was swapped to: its header, and what the host's file system adds.
const EMPTY: u64 = 1 << 20;

const PAGE: u64 = 4096;

/// Makes the disk in `directory`, with room for `size` bytes.
///
/// # Errors
/// When the file cannot be made.
pub fn make(directory: &Path, size: u64) -> io::Result<File> {
    let mut file = tempfile::tempfile_in(directory)?;
    let pages = (size / PAGE).clamp(16, u64::from(u32::MAX));
    file.set_len(pages * PAGE)?;
    let last = u32::try_from(pages - 1).unwrap_or(u32::MAX);
    file.seek(SeekFrom::Start(1024))?;
    file.write_all(&1_u32.to_le_bytes())?;
    file.write_all(&last.to_le_bytes())?;
    file.seek(SeekFrom::Start(PAGE - 10))?;
    file.write_all(b"SWAPSPACE2")?;
    Ok(file)
}

/// A disk, seen from the host.
#[derive(Debug)]
pub struct Watch(File);

impl Watch {
    /// Of a disk that [`make`] made.
    ///
    /// # Errors
    /// When there are too many descriptors.
    pub fn new(disk: &File) -> io::Result<Self> {
        disk.try_clone().map(Watch)
    }

    /// Why the machine cannot go on, if it swaps and the host has no room for more.
    pub fn problem(&self) -> Option<String> {
        let taken = self.0.metadata().ok()?.blocks().saturating_mul(512);
        let free = platform::free(&self.0).ok()?;
        (taken > EMPTY && free < RESERVE).then(|| {
            format!(
                "its builds take more than its memory, and the disk of this computer has only {} MiB left \
                 for the rest; make room, or give it more memory (vm.memory)",
                free >> 20
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_nothing_was_swapped_to_is_no_problem() {
        let directory = tempfile::tempdir().expect("a directory");
        let disk = make(directory.path(), 1 << 30).expect("a disk");
        let watch = Watch::new(&disk).expect("a watch");
        assert_eq!(watch.problem(), None);
        assert!(platform::free(&disk).expect("room") > 0);
    }
}
