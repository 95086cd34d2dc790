//! Writes an export stream object by object.

use super::{ExportError, MAGIC};
use crate::{
    hash::{NixHash, Sha256Writer},
    nar::NarError,
    path_info::PathInfo,
    store_path::StorePath,
};
use std::io::{self, Write};

/// An export stream that is being written.
pub struct Writer<W> {
    sink: W,
}

impl<W: Write> Writer<W> {
    /// Begins to write. `sink` should be buffered.
    pub fn new(sink: W) -> Self {
        Self { sink }
    }

    /// Writes one object. `write_nar` writes its NAR, whose hash and size must be those of `info`.
    /// An object should come after those that it refers to, or Nix cannot import the stream.
    pub fn object(
        &mut self,
        info: &PathInfo,
        write_nar: impl FnOnce(&mut dyn Write) -> Result<(), NarError>,
    ) -> Result<(), ExportError> {
        self.number(1)?;
        let mut tee = HashTee {
            sink: &mut self.sink,
            hash: Sha256Writer::new(),
        };
        write_nar(&mut tee)?;
        let found = tee.hash.finish();
        if found != (info.nar_hash, info.nar_size) {
            let show = |hash, size| format!("{} ({size} bytes)", NixHash::sha256(hash));
            return Err(ExportError::Changed {
                path: info.path.to_absolute_path(),
                expected: show(info.nar_hash, info.nar_size),
                found: show(found.0, found.1),
            });
        }
        self.number(MAGIC)?;
        self.string(&info.path.to_absolute_path())?;
        self.number(info.references.len() as u64)?;
        for reference in &info.references {
            self.string(&reference.to_absolute_path())?;
        }
        let deriver = info.deriver.as_ref().map(StorePath::to_absolute_path);
        self.string(&deriver.unwrap_or_default())?;
        self.number(0)
    }

    /// Ends the stream and gives the sink back; the caller flushes it.
    pub fn finish(mut self) -> Result<W, ExportError> {
        self.number(0)?;
        Ok(self.sink)
    }

    fn number(&mut self, number: u64) -> Result<(), ExportError> {
        Ok(self.sink.write_all(&number.to_le_bytes())?)
    }

    fn string(&mut self, text: &str) -> Result<(), ExportError> {
        self.number(text.len() as u64)?;
        let mut padded = text.as_bytes().to_vec();
        padded.resize(padded.len().next_multiple_of(8), 0);
        Ok(self.sink.write_all(&padded)?)
    }
}

struct HashTee<'a, W> {
    sink: &'a mut W,
    hash: Sha256Writer,
}

impl<W: Write> Write for HashTee<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.sink.write(bytes)?;
        self.hash.write_all(bytes.get(..count).unwrap_or(bytes))?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}
