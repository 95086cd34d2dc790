//! Guest memory, with every access checked.
//!
//! Contract: a pointer or length outside the memory is a trap of the guest, as the WASI witx
//! documents demand; nothing here allocates by a size that the guest announces without a bound.

use crate::errno::{Errno, Fail, Result};
use crate::vfs::resolve::PATH_MAX;
use bstr::BString;

/// What a guest sees that hands over a pointer outside its memory.
const OUTSIDE: Fail = Fail::Trap("a pointer passed to the host lies outside the guest's memory");

/// Most elements that an array of buffers may have (`IOV_MAX`).
pub const IOV_MAX: u32 = 1024;

/// `len` bytes at `ptr`.
pub fn slice(memory: &[u8], ptr: u32, len: u32) -> Result<&[u8]> {
    let start = ptr as usize;
    start
        .checked_add(len as usize)
        .and_then(|end| memory.get(start..end))
        .ok_or(OUTSIDE)
}

/// `len` bytes at `ptr`, to write.
pub fn slice_mut(memory: &mut [u8], ptr: u32, len: u32) -> Result<&mut [u8]> {
    let start = ptr as usize;
    start
        .checked_add(len as usize)
        .and_then(|end| memory.get_mut(start..end))
        .ok_or(OUTSIDE)
}

/// An array of `N` bytes at `ptr`.
pub fn array<const N: usize>(memory: &[u8], ptr: u32) -> Result<[u8; N]> {
    let start = ptr as usize;
    memory
        .get(start..)
        .and_then(|rest| rest.first_chunk::<N>())
        .copied()
        .ok_or(OUTSIDE)
}

/// A little-endian 32-bit number.
pub fn read_u32(memory: &[u8], ptr: u32) -> Result<u32> {
    Ok(u32::from_le_bytes(array(memory, ptr)?))
}

/// A little-endian 64-bit number.
pub fn read_u64(memory: &[u8], ptr: u32) -> Result<u64> {
    Ok(u64::from_le_bytes(array(memory, ptr)?))
}

/// Writes bytes at `ptr`.
pub fn write(memory: &mut [u8], ptr: u32, bytes: &[u8]) -> Result<()> {
    let len = u32::try_from(bytes.len()).map_err(|_| OUTSIDE)?;
    slice_mut(memory, ptr, len)?.copy_from_slice(bytes);
    Ok(())
}

/// Writes a little-endian 32-bit number.
pub fn write_u32(memory: &mut [u8], ptr: u32, value: u32) -> Result<()> {
    write(memory, ptr, &value.to_le_bytes())
}

/// Writes a little-endian 64-bit number.
pub fn write_u64(memory: &mut [u8], ptr: u32, value: u64) -> Result<()> {
    write(memory, ptr, &value.to_le_bytes())
}

/// The address `index` elements of `size` bytes after `base`.
pub fn element(base: u32, index: u32, size: u32) -> Result<u32> {
    index
        .checked_mul(size)
        .and_then(|offset| base.checked_add(offset))
        .ok_or(OUTSIDE)
}

/// A path: relative to its descriptor, as wasi-libc always makes it.
///
/// # Errors
/// `EPERM` for an absolute path, as wasmtime's own WASI answers; `ENAMETOOLONG`.
pub fn path(memory: &[u8], ptr: u32, len: u32) -> Result<BString> {
    let bytes = slice(memory, ptr, len)?;
    if bytes.first() == Some(&b'/') {
        return Err(Errno::Perm.into());
    }
    text(bytes)
}

/// A link's target, which may be absolute.
pub fn target(memory: &[u8], ptr: u32, len: u32) -> Result<BString> {
    text(slice(memory, ptr, len)?)
}

/// Bytes that are a path of some kind.
fn text(bytes: &[u8]) -> Result<BString> {
    if bytes.len() >= PATH_MAX {
        return Err(Errno::Nametoolong.into());
    }
    Ok(BString::from(bytes))
}

/// The buffers of a `readv`-like call: address and length each.
///
/// # Errors
/// `EINVAL` beyond [`IOV_MAX`] buffers or when their lengths pass 2³².
pub fn buffers(memory: &[u8], ptr: u32, count: u32) -> Result<Vec<(u32, u32)>> {
    if count > IOV_MAX {
        return Err(Errno::Inval.into());
    }
    let mut buffers = Vec::with_capacity(count as usize);
    let mut total = 0u32;
    for index in 0..count {
        let at = element(ptr, index, 8)?;
        let buffer = (read_u32(memory, at)?, read_u32(memory, element(at, 1, 4)?)?);
        slice(memory, buffer.0, buffer.1)?;
        total = total.checked_add(buffer.1).ok_or(Errno::Inval)?;
        buffers.push(buffer);
    }
    Ok(buffers)
}
