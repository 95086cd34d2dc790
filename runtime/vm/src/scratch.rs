//! The disk that takes what a machine's memory does not hold.
//!
//! Contract: a sparse file without a name, formatted as swap space: one page of header, so that no file
//! system must be made on the host. Builds write to memory; what is too much goes here, and what is
//! freed is given back. The header is `union swap_header` of the kernel (`include/linux/swap.h`).

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

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
