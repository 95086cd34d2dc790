//! The text of error numbers as glibc has it in the C locale.
//!
//! Counterpart: glibc's `strerror`. WASI's numbers differ from Linux's; the texts do not.

use rustix::io::Errno;

/// Result of a system call.
pub type Result<T> = std::result::Result<T, Errno>;

/// The number behind an error of the standard library.
pub fn from_io(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

/// glibc's text.
pub fn text(errno: Errno) -> &'static str {
    const TEXTS: &[(Errno, &str)] = &[
        (Errno::PERM, "Operation not permitted"),
        (Errno::NOENT, "No such file or directory"),
        (Errno::SRCH, "No such process"),
        (Errno::INTR, "Interrupted system call"),
        (Errno::IO, "Input/output error"),
        (Errno::TOOBIG, "Argument list too long"),
        (Errno::NOEXEC, "Exec format error"),
        (Errno::BADF, "Bad file descriptor"),
        (Errno::CHILD, "No child processes"),
        (Errno::AGAIN, "Resource temporarily unavailable"),
        (Errno::NOMEM, "Cannot allocate memory"),
        (Errno::ACCESS, "Permission denied"),
        (Errno::BUSY, "Device or resource busy"),
        (Errno::EXIST, "File exists"),
        (Errno::XDEV, "Invalid cross-device link"),
        (Errno::NODEV, "No such device"),
        (Errno::NOTDIR, "Not a directory"),
        (Errno::ISDIR, "Is a directory"),
        (Errno::INVAL, "Invalid argument"),
        (Errno::NFILE, "Too many open files in system"),
        (Errno::MFILE, "Too many open files"),
        (Errno::NOTTY, "Inappropriate ioctl for device"),
        (Errno::TXTBSY, "Text file busy"),
        (Errno::FBIG, "File too large"),
        (Errno::NOSPC, "No space left on device"),
        (Errno::SPIPE, "Illegal seek"),
        (Errno::ROFS, "Read-only file system"),
        (Errno::MLINK, "Too many links"),
        (Errno::PIPE, "Broken pipe"),
        (Errno::DOM, "Numerical argument out of domain"),
        (Errno::RANGE, "Numerical result out of range"),
        (Errno::DEADLK, "Resource deadlock avoided"),
        (Errno::NAMETOOLONG, "File name too long"),
        (Errno::NOSYS, "Function not implemented"),
        (Errno::NOTEMPTY, "Directory not empty"),
        (Errno::LOOP, "Too many levels of symbolic links"),
        (Errno::OVERFLOW, "Value too large for defined data type"),
        (Errno::NOTSUP, "Operation not supported"),
        (Errno::DQUOT, "Disk quota exceeded"),
    ];
    TEXTS
        .iter()
        .find(|(number, _)| *number == errno)
        .map_or("Unknown error", |(_, text)| text)
}
