//! The bytes of a regular file, in memory or spilled to a temporary file.
//!
//! Contract: clones share the bytes; nobody changes them. A spilled file is read by position, so that
//! readers do not disturb each other.

use bytes::Bytes;
use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
    sync::Arc,
};

/// A file's bytes.
#[derive(Debug, Clone)]
pub enum Contents {
    /// In memory.
    Memory(Bytes),
    /// In a file, from its first byte on; normally an unlinked temporary one.
    Spilled {
        /// The file, open for reading.
        file: Arc<File>,
        /// How many bytes are the contents.
        len: u64,
    },
}

impl Contents {
    /// How many bytes there are.
    pub fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Spilled { len, .. } => *len,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A reader from the first byte to the last.
    pub fn reader(&self) -> ContentsReader<'_> {
        ContentsReader {
            contents: self,
            position: 0,
        }
    }

    /// Reads at a position, without moving any other reader; 0 bytes at the end.
    pub fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let left = usize::try_from(self.len().saturating_sub(position)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let buffer = buffer.get_mut(..wanted).unwrap_or_default();
        if buffer.is_empty() {
            return Ok(0);
        }
        match self {
            Self::Memory(bytes) => {
                let start = usize::try_from(position).unwrap_or(usize::MAX);
                let source = bytes.get(start..).unwrap_or_default();
                for (target, byte) in buffer.iter_mut().zip(source) {
                    *target = *byte;
                }
                Ok(buffer.len())
            }
            Self::Spilled { file, .. } => match file.read_at(buffer, position)? {
                0 => Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "a spilled file is shorter than it was when it was written",
                )),
                count => Ok(count),
            },
        }
    }

    /// All bytes in memory. Fails when there are more than `limit`.
    pub fn to_bytes(&self, limit: u64) -> io::Result<Bytes> {
        if self.len() > limit {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("file of {} bytes; at most {limit} can be read", self.len()),
            ));
        }
        match self {
            Self::Memory(bytes) => Ok(bytes.clone()),
            Self::Spilled { .. } => {
                let mut bytes = Vec::new();
                self.reader().read_to_end(&mut bytes)?;
                Ok(bytes.into())
            }
        }
    }
}

impl From<Bytes> for Contents {
    fn from(bytes: Bytes) -> Self {
        Self::Memory(bytes)
    }
}

impl From<Vec<u8>> for Contents {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Memory(bytes.into())
    }
}

impl From<&'static str> for Contents {
    fn from(text: &'static str) -> Self {
        Self::Memory(Bytes::from_static(text.as_bytes()))
    }
}

/// Reads [`Contents`] from the first byte to the last.
#[derive(Debug)]
pub struct ContentsReader<'a> {
    contents: &'a Contents,
    position: u64,
}

impl Read for ContentsReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.contents.read_at(buffer, self.position)?;
        self.position = self.position.saturating_add(count as u64);
        Ok(count)
    }
}
