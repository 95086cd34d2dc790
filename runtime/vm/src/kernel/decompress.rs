//! Modules and packages as distributions compress them: xz, zstd, gzip, or not at all.
//!
//! Contract: known by their first bytes, never by their names; what comes out has a bound.

use std::io::{self, Read};

const XZ: &[u8] = b"\xfd7zXZ\0";
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
const GZIP: &[u8] = b"\x1f\x8b";

/// The decompressed stream of `source`.
///
/// # Errors
/// When it begins like a form that is not known here.
pub fn reader<'r, R: Read + 'r>(mut source: R) -> io::Result<Box<dyn Read + 'r>> {
    let mut head = Vec::new();
    source.by_ref().take(8).read_to_end(&mut head)?;
    let kind = head.clone();
    let source = io::BufReader::with_capacity(1 << 16, io::Cursor::new(head).chain(source));
    if kind.starts_with(XZ) {
        return Ok(Box::new(lzma_rust2::XzReader::new(source, true)));
    }
    if kind.starts_with(ZSTD) {
        let decoder = ruzstd::decoding::StreamingDecoder::new(source).map_err(io::Error::other)?;
        return Ok(Box::new(decoder));
    }
    if kind.starts_with(GZIP) {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "compressed with gzip, which is not supported: unpack it first",
        ));
    }
    Ok(Box::new(source))
}

/// All of it, at most `limit` bytes.
///
/// # Errors
/// When the stream is damaged, or longer.
pub fn all(source: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader(source)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("more than {limit} bytes"),
        ));
    }
    Ok(bytes)
}
