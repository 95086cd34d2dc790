//! The stream of `nix-store --export` and `--import`: store objects with their references.
//!
//! Contract: both directions stream; the NAR's hash is computed on the way. The reader accepts what
//! the writer (and Nix) writes, and skips the signature that Nix before 2.0 could add. An import is a
//! claim: nothing in the stream proves that the references are all, so the caller scans or trusts.
//!
//! ```text
//! stream = { u64(1) NAR u64(0x4558494e) str(path) u64(count) { str(reference) } str(deriver or "")
//!            ( u64(0) | u64(1) str(signature) ) } u64(0)
//! ```
//! Counterpart: `src/libstore/export-import.cc`.

mod reader;
mod writer;

pub use reader::Reader;
pub use writer::Writer;

use crate::{nar::NarError, store_path::StorePathError};
use std::io;
use thiserror::Error;

/// What follows each NAR.
pub const MAGIC: u64 = 0x4558_494e;

/// The longest string in the stream, besides NARs: far above the 255 bytes of a store path, for the
/// signatures of old.
pub(crate) const MAX_STRING_LEN: u64 = 4096;

/// Why an export stream cannot be read or written.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The stream below failed or ended early.
    #[error("cannot read or write the export stream")]
    Io(#[from] io::Error),
    /// A NAR in it is wrong.
    #[error("a NAR in the export stream is wrong")]
    Nar(#[from] NarError),
    /// Something else stands there.
    #[error(
        "the export stream is malformed: {0}; it was not made by `nix-store --export` or it is damaged"
    )]
    Malformed(&'static str),
    /// A store path is wrong.
    #[error("the export stream is malformed: it has a wrong path")]
    Path(#[from] StorePathError),
    /// What is exported is not what was registered.
    #[error(
        "store object {path} has changed: its NAR hash should be {expected}, but is {found}; it must not be exported"
    )]
    Changed {
        /// The object.
        path: String,
        /// The registered hash and size.
        expected: String,
        /// The computed hash and size.
        found: String,
    },
    /// The methods were called in the wrong order.
    #[error("export stream: {0}")]
    Misuse(&'static str),
}

#[cfg(test)]
mod tests;
