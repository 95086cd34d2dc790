//! What libc and wasi-libc do in the same way: errors, and reading and writing of open descriptors.

use std::ffi::CString;
use std::io;

use crate::witness;

/// An open descriptor; closed when dropped.
#[derive(Debug)]
pub struct Handle(pub(super) i32);

impl Drop for Handle {
    fn drop(&mut self) {
        witness::closed(self.0);
        // SAFETY: the descriptor is owned by this value alone.
        unsafe { libc::close(self.0) };
    }
}

/// The result of a call, or what `errno` says.
pub(super) fn check(result: i32) -> io::Result<i32> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// A path for C; what cannot be one does not exist.
pub(super) fn c_path(path: &[u8]) -> io::Result<CString> {
    if path.is_empty() {
        return Err(io::Error::from_raw_os_error(libc::ENOENT));
    }
    CString::new(path).map_err(|_| io::Error::from_raw_os_error(libc::ENOENT))
}

pub fn bad_descriptor() -> io::Error {
    io::Error::from_raw_os_error(libc::EBADF)
}

pub fn not_a_directory() -> io::Error {
    io::Error::from_raw_os_error(libc::ENOTDIR)
}

pub fn permission_denied() -> io::Error {
    io::Error::from_raw_os_error(libc::EACCES)
}

pub fn is_broken_pipe(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EPIPE)
}

pub fn is_not_executable_format(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ENOEXEC)
}

pub fn read(handle: &Handle, buffer: &mut [u8]) -> io::Result<usize> {
    witness::used(handle.0);
    // SAFETY: pointer and length are of one live slice.
    let n = unsafe { libc::read(handle.0, buffer.as_mut_ptr().cast(), buffer.len()) };
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

pub fn write(handle: &Handle, data: &[u8]) -> io::Result<usize> {
    witness::used(handle.0);
    // SAFETY: pointer and length are of one live slice.
    let n = unsafe { libc::write(handle.0, data.as_ptr().cast(), data.len()) };
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

pub fn can_seek(handle: &Handle) -> bool {
    witness::used(handle.0);
    // SAFETY: lseek has no memory arguments.
    unsafe { libc::lseek(handle.0, 0, libc::SEEK_CUR) >= 0 }
}

pub fn seek_back(handle: &Handle, count: usize) {
    witness::used(handle.0);
    let Ok(count) = i64::try_from(count) else {
        return;
    };
    // SAFETY: lseek has no memory arguments.
    unsafe { libc::lseek(handle.0, -count, libc::SEEK_CUR) };
}

pub fn is_terminal(handle: &Handle) -> bool {
    witness::used(handle.0);
    // SAFETY: isatty has no memory arguments.
    unsafe { libc::isatty(handle.0) == 1 }
}
