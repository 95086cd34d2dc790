//! Reads an export stream object by object.

use super::{ExportError, MAGIC, MAX_STRING_LEN};
use crate::{hash::Sha256Writer, path_info::PathInfo, store_path::StorePath};
use std::{
    collections::BTreeSet,
    io::{self, Read, Write},
};

/// An export stream that is being read.
///
/// ```
/// # use wasibuild_nix_compat::{export::{ExportError, Reader}, file_system_object::{FileSystemObject, FromNarError, Limits}};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let stream = [0u8; 8];
/// let mut reader = Reader::new(&stream[..]);
/// while reader.begin_object()? {
///     let tree = FileSystemObject::from_nar(
///         reader.nar(), &Limits::default(), &mut || Err(std::io::Error::other("too large")))?;
///     let info = reader.end_object()?; // its path, references, deriver, NAR hash and size
/// }
/// # Ok(()) }
/// ```
pub struct Reader<R> {
    source: R,
    state: State,
}

enum State {
    Between,
    Object(Sha256Writer),
    End,
}

impl<R: Read> Reader<R> {
    /// Begins to read; nothing is read yet. `source` should be buffered.
    pub fn new(source: R) -> Self {
        Self {
            source,
            state: State::Between,
        }
    }

    /// Whether another object follows. If so, read its NAR from [`Self::nar`], then call
    /// [`Self::end_object`]. Bytes after the stream's end are left in the source.
    pub fn begin_object(&mut self) -> Result<bool, ExportError> {
        match self.state {
            State::Between => {}
            State::Object(_) => return Err(ExportError::Misuse("the object before is not ended")),
            State::End => return Ok(false),
        }
        match self.number()? {
            0 => {
                self.state = State::End;
                Ok(false)
            }
            1 => {
                self.state = State::Object(Sha256Writer::new());
                Ok(true)
            }
            _ => Err(ExportError::Malformed("expected 0 or 1 before an object")),
        }
    }

    /// The object's NAR; what reads it must read the NAR exactly, as [`crate::nar::Reader`] does.
    /// The bytes are hashed as they pass.
    pub fn nar(&mut self) -> &mut dyn Read {
        self
    }

    /// Reads what follows the NAR. Signatures, content address and times are not in the stream.
    pub fn end_object(&mut self) -> Result<PathInfo, ExportError> {
        let State::Object(hash) = std::mem::replace(&mut self.state, State::Between) else {
            return Err(ExportError::Misuse("no object was begun"));
        };
        let (nar_hash, nar_size) = hash.finish();
        if self.number()? != MAGIC {
            return Err(ExportError::Malformed("no magic number after a NAR"));
        }
        let mut info = PathInfo::new(self.path()?, nar_hash, nar_size);
        let mut references = BTreeSet::new();
        for _ in 0..self.number()? {
            let reference = self.path()?;
            if references.last() >= Some(&reference) {
                return Err(ExportError::Malformed(
                    "references are not sorted and unique",
                ));
            }
            references.insert(reference);
        }
        info.references = references;
        let deriver = self.string()?;
        if !deriver.is_empty() {
            info.deriver = Some(StorePath::from_absolute_path(&deriver)?);
        }
        match self.number()? {
            0 => {}
            1 => drop(self.string()?),
            _ => return Err(ExportError::Malformed("expected 0 or 1 after an object")),
        }
        Ok(info)
    }

    fn number(&mut self) -> Result<u64, ExportError> {
        let mut bytes = [0; 8];
        self.source.read_exact(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn string(&mut self) -> Result<Vec<u8>, ExportError> {
        let length = self.number()?;
        if length > MAX_STRING_LEN {
            return Err(ExportError::Malformed("a string is too long"));
        }
        let mut bytes = Vec::new();
        let padded = length.next_multiple_of(8);
        self.source.by_ref().take(padded).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != padded {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let padding = bytes.split_off(usize::try_from(length).unwrap_or(bytes.len()));
        if padding.iter().any(|&byte| byte != 0) {
            return Err(ExportError::Malformed("padding is not zero"));
        }
        Ok(bytes)
    }

    fn path(&mut self) -> Result<StorePath, ExportError> {
        Ok(StorePath::from_absolute_path(&self.string()?)?)
    }
}

/// The NAR of the object that was begun; see [`Reader::nar`].
impl<R: Read> Read for Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let State::Object(hash) = &mut self.state else {
            return Err(io::Error::other("no object of the export stream was begun"));
        };
        let count = self.source.read(buffer)?;
        hash.write_all(buffer.get(..count).unwrap_or_default())?;
        Ok(count)
    }
}
