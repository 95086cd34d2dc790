//! Streams of unknown length within a connection: frames, each with its length, ended by an empty one.
//!
//! Contract: who reads sees one stream that ends; [`FramedReader::finish`] skips what nobody read, so
//! that the connection is at the next message whatever went wrong with this one. Counterpart:
//! `FramedSource` and `FramedSink` in `src/libutil/include/nix/util/serialise.hh`.

use std::io::{self, Read, Write};

use crate::{ProtocolError, Reader, Result, Writer};

/// Reads the stream.
#[derive(Debug)]
pub struct FramedReader<'a, R> {
    inner: &'a mut Reader<R>,
    left: u64,
    ended: bool,
}

impl<'a, R: Read> FramedReader<'a, R> {
    /// The stream that begins here.
    pub fn new(inner: &'a mut Reader<R>) -> Self {
        FramedReader {
            inner,
            left: 0,
            ended: false,
        }
    }

    /// Skips what was not read.
    ///
    /// # Errors
    /// When the connection fails or ends.
    pub fn finish(mut self) -> Result<()> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(())
    }
}

impl<R: Read> Read for FramedReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ended || buffer.is_empty() {
            return Ok(0);
        }
        let cut = || {
            io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the connection was closed in the middle of a stream",
            )
        };
        if self.left == 0 {
            self.left = match self.inner.number_or_end() {
                Ok(Some(length)) => length,
                Ok(None) | Err(ProtocolError::Truncated { .. }) => return Err(cut()),
                Err(ProtocolError::Io(error)) => return Err(error),
                Err(error) => return Err(io::Error::other(error)),
            };
            if self.left == 0 {
                self.ended = true;
                return Ok(0);
            }
        }
        let wanted = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let part = buffer.get_mut(..wanted).unwrap_or_default();
        match self.inner.get_mut().read(part)? {
            0 => Err(cut()),
            count => {
                self.left -= count as u64;
                Ok(count)
            }
        }
    }
}

/// Writes the stream: each write is a frame.
#[derive(Debug)]
pub struct FramedWriter<'a, W> {
    inner: &'a mut Writer<W>,
}

impl<'a, W: Write> FramedWriter<'a, W> {
    /// A stream that begins here.
    pub fn new(inner: &'a mut Writer<W>) -> Self {
        FramedWriter { inner }
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// When the connection fails.
    pub fn finish(self) -> Result<()> {
        self.inner.number(0)
    }
}

impl<W: Write> Write for FramedWriter<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let inner = self.inner.get_mut();
        inner.write_all(&(bytes.len() as u64).to_le_bytes())?;
        inner.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.get_mut().flush()
    }
}
