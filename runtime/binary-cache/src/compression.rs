//! The compression methods of NAR files, as streaming decoders.
//!
//! Contract: a decoder reads its input to the very end (all streams of an xz file, all frames of
//! a zstd file), checks the format's own checksums, refuses trailing garbage, and holds a bounded
//! amount of memory whatever the file announces ([`MAX_WINDOW_BYTES`]). How much comes out is
//! bounded by the reader above it ([`NarStream`](crate::NarStream)).
//! All decoders are Rust: for 100 MB of shared libraries they take 1.3 (xz), 1.1 (bzip2) and 5
//! times (zstd, at 77 MB/s still far above a usual line) as long as the C programs, measured on
//! one busy core; in exchange nothing foreign is cross-compiled or parses a stranger's bytes.
//! Counterpart in Nix: `makeDecompressionSource` (compression.cc); the names are those of the
//! narinfo field `Compression`.

use std::io::Read;

use bzip2::read::MultiBzDecoder;
use lzma_rust2::XzReader;

use crate::full_reads::FullReads;
use crate::zstd::ZstdReader;

/// The largest dictionary (xz) or window (zstd) that is allocated, in bytes. `xz -9` and
/// `zstd --ultra -22` need 64 and 128 MiB.
pub const MAX_WINDOW_BYTES: u32 = 128 * 1024 * 1024;

/// What the decoder allocates besides the dictionary, in KiB (its own estimate is 104).
const XZ_OVERHEAD_KIB: u32 = 1024;

/// A compression method that this program reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Compression {
    /// The NAR itself.
    None,
    /// `.nar.xz`, Nix's default.
    Xz,
    /// `.nar.zst`.
    Zstd,
    /// `.nar.bz2`, what a narinfo without the field means.
    Bzip2,
}

impl Compression {
    /// All methods, for messages and tests.
    pub const ALL: [Compression; 4] = [
        Compression::None,
        Compression::Xz,
        Compression::Zstd,
        Compression::Bzip2,
    ];

    /// The method of this name; `None` for one that is not supported (`br`, `lzip`, `lz4`, …).
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        match name {
            // An absent or empty field means bzip2 (narinfo of Nix before 1.0).
            b"bzip2" | b"" => Some(Compression::Bzip2),
            _ => Self::ALL
                .into_iter()
                .find(|method| method.name().as_bytes() == name),
        }
    }

    /// The name in narinfo files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Xz => "xz",
            Compression::Zstd => "zstd",
            Compression::Bzip2 => "bzip2",
        }
    }

    /// Wraps `source` so that it yields the uncompressed bytes.
    pub(crate) fn decoder<'a>(self, source: impl Read + Send + 'a) -> Box<dyn Read + Send + 'a> {
        match self {
            Compression::None => Box::new(source),
            Compression::Xz => Box::new(XzReader::new_mem_limit(
                FullReads::new(source),
                true,
                MAX_WINDOW_BYTES / 1024 + XZ_OVERHEAD_KIB,
            )),
            Compression::Zstd => Box::new(ZstdReader::new(
                FullReads::new(source),
                u64::from(MAX_WINDOW_BYTES),
            )),
            Compression::Bzip2 => Box::new(MultiBzDecoder::new(source)),
        }
    }
}

impl std::fmt::Display for Compression {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}
