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
/// When it begins like a form that is known here, and is none.
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
        return Ok(Box::new(flate2::bufread::MultiGzDecoder::new(source)));
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn gzip_is_unpacked_and_a_cut_stream_is_an_error() {
        let module = b"a module ".repeat(5000);
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(&module).expect("packed");
        let packed = packer.finish().expect("packed");
        assert_eq!(all(packed.as_slice(), 1 << 20).expect("whole"), module);
        assert!(all(packed.as_slice(), 1000).is_err(), "the bound");
        for cut in [20, packed.len() - 1] {
            assert!(all(&packed[..cut], 1 << 20).is_err(), "{cut}");
        }
    }
}
