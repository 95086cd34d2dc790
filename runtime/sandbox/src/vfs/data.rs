//! Bytes of a writable file: in memory while small, in an unlinked temporary file beyond a bound.
//!
//! Contract: reading gives the same bytes whichever it is; a hole reads as zeros; nothing of it is
//! reachable by a name on the host, so nothing outlives the build.

use bytes::Bytes;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use wasibuild_nix_compat::file_system_object::Contents;

/// A file's bytes.
pub enum Data {
    /// In memory, writable.
    Memory(Vec<u8>),
    /// In an unlinked temporary file, writable.
    Spilled {
        /// The file.
        file: Arc<File>,
        /// Its length in bytes.
        len: u64,
    },
    /// Given by the caller; copied at the first write.
    Shared(Contents),
}

impl Data {
    /// Length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Data::Memory(bytes) => bytes.len() as u64,
            Data::Spilled { len, .. } => *len,
            Data::Shared(contents) => contents.len(),
        }
    }

    /// Bytes that count against the bound on memory.
    pub fn in_memory(&self) -> u64 {
        match self {
            Data::Memory(bytes) => bytes.len() as u64,
            _ => 0,
        }
    }

    /// Reads at `offset` into `buf`; returns how much there was.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Data::Memory(bytes) => Ok(read_slice(bytes, offset, buf)),
            Data::Shared(Contents::Memory(bytes)) => Ok(read_slice(bytes, offset, buf)),
            Data::Spilled { file, len } | Data::Shared(Contents::Spilled { file, len }) => {
                let left = len.saturating_sub(offset);
                let want = usize::try_from(left).map_or(buf.len(), |left| left.min(buf.len()));
                let Some(buf) = buf.get_mut(..want) else {
                    return Ok(0);
                };
                file.read_exact_at(buf, offset)?;
                Ok(want)
            }
        }
    }

    /// Writes all of `buf` at `offset`, with a hole of zeros before it if needed. The caller has
    /// checked that the end is within the bounds, and moved large files to disk.
    pub fn write_at(&mut self, offset: u64, buf: &[u8]) -> io::Result<()> {
        if buf.is_empty() {
            // Writing nothing beyond the end does not extend a file (write(2)).
            return Ok(());
        }
        let end = offset
            .checked_add(buf.len() as u64)
            .ok_or(io::ErrorKind::FileTooLarge)?;
        match self {
            Data::Memory(bytes) => {
                let (start, end) = (to_usize(offset)?, to_usize(end)?);
                if start == bytes.len() {
                    bytes.extend_from_slice(buf);
                    return Ok(());
                }
                if end > bytes.len() {
                    bytes.resize(end, 0);
                }
                if let Some(target) = bytes.get_mut(start..end) {
                    target.copy_from_slice(buf);
                }
                Ok(())
            }
            Data::Spilled { file, len } => {
                file.write_all_at(buf, offset)?;
                *len = (*len).max(end);
                Ok(())
            }
            Data::Shared(_) => Err(io::ErrorKind::PermissionDenied.into()),
        }
    }

    /// Cuts or extends with zeros.
    pub fn set_len(&mut self, new: u64) -> io::Result<()> {
        match self {
            Data::Memory(bytes) => {
                bytes.resize(to_usize(new)?, 0);
                Ok(())
            }
            Data::Spilled { file, len } => {
                file.set_len(new)?;
                *len = new;
                Ok(())
            }
            Data::Shared(_) => Err(io::ErrorKind::PermissionDenied.into()),
        }
    }

    /// Makes shared bytes the file's own, in memory.
    pub fn own(&mut self) -> io::Result<()> {
        if let Data::Shared(_) = self {
            let mut bytes = vec![0; to_usize(self.len())?];
            self.read_at(0, &mut bytes)?;
            *self = Data::Memory(bytes);
        }
        Ok(())
    }

    /// Moves the bytes to an unlinked temporary file in `dir` (the system's own if `None`).
    pub fn spill(&mut self, dir: Option<&Path>) -> io::Result<()> {
        if let Data::Spilled { .. } = self {
            return Ok(());
        }
        let file = match dir {
            Some(dir) => tempfile::tempfile_in(dir)?,
            None => tempfile::tempfile()?,
        };
        let mut offset = 0;
        let mut buf = vec![0; 64 * 1024];
        while offset < self.len() {
            let count = self.read_at(offset, &mut buf)?;
            let Some(part) = buf.get(..count).filter(|part| !part.is_empty()) else {
                break;
            };
            file.write_all_at(part, offset)?;
            offset += count as u64;
        }
        *self = Data::Spilled {
            file: Arc::new(file),
            len: offset,
        };
        Ok(())
    }

    /// The bytes as a file system object holds them; cheap, and the file stays readable.
    pub fn contents(&mut self) -> Contents {
        match self {
            Data::Memory(bytes) => {
                let shared = Contents::Memory(Bytes::from(std::mem::take(bytes)));
                *self = Data::Shared(shared.clone());
                shared
            }
            Data::Spilled { file, len } => Contents::Spilled {
                file: Arc::clone(file),
                len: *len,
            },
            Data::Shared(contents) => contents.clone(),
        }
    }
}

/// Copies what `bytes` has at `offset`.
fn read_slice(bytes: &[u8], offset: u64, buf: &mut [u8]) -> usize {
    let rest = usize::try_from(offset)
        .ok()
        .and_then(|offset| bytes.get(offset..))
        .unwrap_or_default();
    let count = rest.len().min(buf.len());
    if let (Some(from), Some(to)) = (rest.get(..count), buf.get_mut(..count)) {
        to.copy_from_slice(from);
    }
    count
}

/// A length as this machine's word.
fn to_usize(value: u64) -> io::Result<usize> {
    usize::try_from(value).map_err(|_| io::ErrorKind::FileTooLarge.into())
}

#[cfg(test)]
mod tests {
    use super::Data;
    use proptest::prelude::*;
    use wasibuild_nix_compat::file_system_object::Contents;

    #[derive(Clone, Debug)]
    enum Step {
        Write(u16, Vec<u8>),
        SetLen(u16),
        Spill,
        Share,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0u16..300, proptest::collection::vec(any::<u8>(), 0..40))
                .prop_map(|(at, bytes)| Step::Write(at, bytes)),
            2 => (0u16..400).prop_map(Step::SetLen),
            1 => Just(Step::Spill),
            1 => Just(Step::Share),
        ]
    }

    proptest! {
        #[test]
        fn bytes_are_the_same_wherever_they_are_kept(steps in proptest::collection::vec(step(), 0..30)) {
            let mut model: Vec<u8> = Vec::new();
            let mut data = Data::Shared(Contents::from(Vec::new()));
            for step in steps {
                data.own().unwrap();
                match step {
                    Step::Write(at, bytes) => {
                        let end = usize::from(at) + bytes.len();
                        if end > model.len() && !bytes.is_empty() {
                            model.resize(end, 0);
                        }
                        if !bytes.is_empty() {
                            model[usize::from(at)..end].copy_from_slice(&bytes);
                        }
                        data.write_at(u64::from(at), &bytes).unwrap();
                    }
                    Step::SetLen(len) => {
                        model.resize(usize::from(len), 0);
                        data.set_len(u64::from(len)).unwrap();
                    }
                    Step::Spill => data.spill(None).unwrap(),
                    Step::Share => drop(data.contents()),
                }
                prop_assert_eq!(data.len(), model.len() as u64);
                let mut found = vec![0; model.len() + 10];
                let count = data.read_at(0, &mut found).unwrap();
                prop_assert_eq!(&found[..count], &model[..]);
            }
            prop_assert_eq!(data.contents().to_bytes(1 << 20).unwrap(), model);
        }
    }
}
