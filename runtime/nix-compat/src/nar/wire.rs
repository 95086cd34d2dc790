//! The encoding below NAR: lengths, padded byte strings.
//!
//! Contract: nothing is allocated beyond a bound that the caller gives.

use super::NarError;
use std::io::{self, Read};

/// How many zeros follow a string of that length.
pub(super) fn padding_len(length: u64) -> usize {
    usize::try_from((8 - length % 8) % 8).unwrap_or(0)
}

/// Zeros to pad with.
pub(super) const ZEROS: [u8; 8] = [0; 8];

/// A stream with the number of bytes read from it.
pub(super) struct Source<R> {
    inner: R,
    pub(super) offset: u64,
}

impl<R: Read> Source<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, offset: 0 }
    }

    /// Reads some bytes; 0 at the end of the stream.
    pub(super) fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, NarError> {
        loop {
            match self.inner.read(buffer) {
                Ok(count) => {
                    self.offset = self.offset.saturating_add(count as u64);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(NarError::Io {
                        offset: self.offset,
                        source,
                    });
                }
            }
        }
    }

    fn read_all(&mut self, mut buffer: &mut [u8], what: &'static str) -> Result<(), NarError> {
        while !buffer.is_empty() {
            let count = self.read_some(buffer)?;
            if count == 0 {
                return Err(NarError::Truncated {
                    offset: self.offset,
                    what,
                });
            }
            buffer = buffer.get_mut(count..).unwrap_or_default();
        }
        Ok(())
    }

    /// Reads a 64-bit length.
    pub(super) fn read_length(&mut self, what: &'static str) -> Result<u64, NarError> {
        let mut bytes = [0; 8];
        self.read_all(&mut bytes, what)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Reads the zeros after a string of that length.
    pub(super) fn read_padding(&mut self, length: u64) -> Result<(), NarError> {
        let offset = self.offset;
        let mut bytes = ZEROS;
        let padding = bytes.get_mut(..padding_len(length)).unwrap_or_default();
        self.read_all(padding, "padding")?;
        if padding.iter().all(|&byte| byte == 0) {
            Ok(())
        } else {
            Err(NarError::Padding { offset })
        }
    }

    /// Reads a whole string of at most `limit` bytes into `buffer`.
    pub(super) fn read_string(
        &mut self,
        buffer: &mut Vec<u8>,
        limit: usize,
        what: &'static str,
    ) -> Result<(), NarError> {
        let offset = self.offset;
        let length = self.read_length(what)?;
        match usize::try_from(length) {
            Ok(length) if length <= limit => {
                buffer.clear();
                buffer.resize(length, 0);
            }
            _ => {
                return Err(NarError::TooLong {
                    offset,
                    what,
                    length,
                    limit: limit as u64,
                });
            }
        }
        self.read_all(buffer, what)?;
        self.read_padding(length)
    }
}
