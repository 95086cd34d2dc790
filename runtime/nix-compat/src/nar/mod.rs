//! NAR, the Nix archive: one file, link or tree as one canonical stream.
//!
//! Contract: [`Writer`] and [`Reader`] stream, keep no contents, and never recurse. The reader accepts
//! exactly what the writer (and `nix-store --dump`) writes: entries strictly sorted by their bytes,
//! names that are names, padding of zero bytes, nothing announced that is not there. So reading and
//! writing again gives the same bytes, or an error.
//!
//! ```text
//! archive = str("nix-archive-1") node
//! node    = "(" "type" ( "regular" ["executable" ""] "contents" bytes
//!                      | "symlink" "target" bytes
//!                      | "directory" { "entry" "(" "name" bytes "node" node ")" } ) ")"
//! ```
//! Every token and every `bytes` is a 64-bit little-endian length, the bytes, and zeros up to a
//! multiple of 8. Counterpart: `src/libutil/archive.cc`, and "Nix Archive" in the Nix manual.

mod error;
mod reader;
mod wire;
mod writer;

pub use error::{NameProblem, NarError};
pub use reader::{Event, Reader};
pub use writer::Writer;

/// The first string of every NAR.
pub const MAGIC: &[u8] = b"nix-archive-1";

/// The longest file name in bytes: what every file system that holds a Nix store allows at most.
pub const MAX_NAME_LEN: usize = 255;

/// The longest link target in bytes: Linux' `PATH_MAX` less its final NUL.
pub const MAX_TARGET_LEN: usize = 4095;

/// How deep directories may nest. A path of 4095 bytes (macOS: 1023) cannot usefully go deeper.
pub const MAX_DEPTH: usize = 1024;

/// Checks the name of a directory entry: not empty, not `.` or `..`, no slash or NUL, not too long.
pub fn check_name(name: &[u8]) -> Result<(), NameProblem> {
    match name {
        b"" => Err(NameProblem::Empty),
        b"." | b".." => Err(NameProblem::Dots),
        _ if name.contains(&b'/') => Err(NameProblem::Slash),
        _ if name.contains(&0) => Err(NameProblem::Nul),
        _ if name.len() > MAX_NAME_LEN => Err(NameProblem::TooLong(name.len())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
