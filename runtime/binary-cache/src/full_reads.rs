//! A buffered reader whose reads are short only at the end of the input.
//!
//! Why: the xz and zstd decoders read small headers with single `read` calls; a network
//! connection may cut such a header in two, and a decoder that takes the short read for the end
//! would call a sound file broken.

use std::io::{BufRead, BufReader, ErrorKind, Read, Result};

/// The buffer's size: one system call for some tens of thousands of decoder reads.
const BUFFER_BYTES: usize = 64 * 1024;

/// See the module.
pub(crate) struct FullReads<R> {
    inner: BufReader<R>,
}

impl<R: Read> FullReads<R> {
    pub(crate) fn new(source: R) -> Self {
        Self {
            inner: BufReader::with_capacity(BUFFER_BYTES, source),
        }
    }

    /// Whether the input has ended.
    pub(crate) fn at_end(&mut self) -> Result<bool> {
        loop {
            match self.inner.fill_buf() {
                Ok(rest) => return Ok(rest.is_empty()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl<R: Read> Read for FullReads<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.inner.read(rest) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Bytes already read are not lost: the source fails again at the next read.
                Err(_) if filled > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
            let end = self.0.len().min(1).min(buffer.len());
            (&mut self.0).read(&mut buffer[..end])
        }
    }

    #[test]
    fn joins_short_reads_and_sees_the_end() -> Result<()> {
        let mut reader = FullReads::new(Drip(b"abcdefgh"));
        let mut buffer = [0; 6];
        assert_eq!(reader.read(&mut buffer)?, 6);
        assert!(!reader.at_end()?);
        assert_eq!(reader.read(&mut buffer)?, 2);
        assert_eq!(&buffer[..2], b"gh");
        assert!(reader.at_end()?);
        assert_eq!(reader.read(&mut buffer)?, 0);
        Ok(())
    }
}
