//! Error numbers of WASI preview 1, and the one way out of a host call.
//!
//! Contract: every host function either succeeds, returns an [`Errno`] to the guest, or ends the
//! whole build with a [`Fatal`] (a limit was passed, a foreign program was asked for).
//! Counterpart: type `errno` of `wasi_snapshot_preview1.witx`.

use crate::error::Fatal;

/// An error number as the guest sees it (WASI preview 1, type `errno`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
#[allow(missing_docs)] // The names are those of the specification.
pub enum Errno {
    Success = 0,
    TooBig = 1,
    Acces = 2,
    Again = 6,
    Badf = 8,
    Busy = 10,
    Child = 12,
    Exist = 20,
    Fbig = 22,
    Inval = 28,
    Io = 29,
    Isdir = 31,
    Loop = 32,
    Nametoolong = 37,
    Noent = 44,
    Noexec = 45,
    Nospc = 51,
    Notdir = 54,
    Notempty = 55,
    Notsock = 57,
    Notsup = 58,
    Nxio = 60,
    Overflow = 61,
    Perm = 63,
    Pipe = 64,
    Range = 68,
    Spipe = 70,
    Srch = 71,
}

/// Why an operation of the kernel did not succeed.
#[derive(Debug)]
pub enum Fail {
    /// The guest is told and goes on.
    Errno(Errno),
    /// The build ends now.
    Fatal(Box<Fatal>),
    /// A signal ends this process.
    Signal(u8),
    /// The guest broke the calling convention (a pointer outside its memory): it traps.
    Trap(&'static str),
}

impl From<Errno> for Fail {
    fn from(errno: Errno) -> Self {
        Fail::Errno(errno)
    }
}

impl From<Fatal> for Fail {
    fn from(fatal: Fatal) -> Self {
        Fail::Fatal(Box::new(fatal))
    }
}

/// Result of an operation of the kernel.
pub type Result<T, E = Fail> = std::result::Result<T, E>;

/// The errno that describes a failed read of an input on the host.
///
/// Inputs are immutable and readable, so anything else than "not found" is an I/O error of the
/// host: the guest must not see the host's own reasons.
pub fn from_host(error: &std::io::Error) -> Errno {
    match error.kind() {
        std::io::ErrorKind::NotFound => Errno::Noent,
        _ => Errno::Io,
    }
}
