//! What clients bring: archives, files, logs.
//!
//! Contract: streamed to the disk, never held in memory whole; the store checks every hash against
//! what really came. See [`super::trust`] for who may bring what.

use std::collections::BTreeSet;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use wasibuild_nix_compat::content_address::{CaMethod, ContentAddress};
use wasibuild_nix_compat::file_system_object::{Contents, FileSystemObject};
use wasibuild_nix_compat::hash::{HashAlgo, Hasher, Sha256Writer};
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::store_path::{StorePath, build_ca_path};
use wasibuild_worker_protocol::{Reader, Request, read_path_info};

use super::answer::Answer;
use super::connection::Connection;
use super::error::OperationError;
use super::trust::{Trust, check_signatures};

impl Connection<'_> {
    /// Performs an operation whose data comes as `stream`.
    pub(super) fn add(
        &self,
        request: Request,
        stream: &mut dyn Read,
    ) -> Result<Answer, OperationError> {
        match request {
            Request::AddToStore {
                name,
                method,
                references,
                repair,
            } => {
                refuse_repair(repair)?;
                self.add_content(&name, &method, references, stream)
            }
            Request::AddToStoreNar {
                info,
                repair,
                dont_check_signatures,
            } => {
                refuse_repair(repair)?;
                self.add_nar(*info, dont_check_signatures, stream)?;
                Ok(Answer::Nothing)
            }
            Request::AddMultipleToStore {
                repair,
                dont_check_signatures,
            } => {
                refuse_repair(repair)?;
                self.add_many(dont_check_signatures, stream)?;
                Ok(Answer::Nothing)
            }
            Request::AddBuildLog(name) => {
                self.trust.require("add build logs")?;
                let derivation = StorePath::from_basename(&name)
                    .map_err(|error| OperationError::refused(error.to_string()))?;
                let mut log = self.store.create_build_log(&derivation)?;
                io::copy(stream, &mut log).map_err(|error| self.io("add a build log", &error))?;
                Ok(Answer::Number(1))
            }
            other => Err(super::queries::unexpected(&other)),
        }
    }

    fn add_many(&self, dont_check: bool, stream: &mut dyn Read) -> Result<(), OperationError> {
        let mut reader = Reader::new(stream);
        let refused = |error: wasibuild_worker_protocol::ProtocolError| {
            OperationError::refused(error.to_string())
        };
        let count = reader.number("a count of paths").map_err(refused)?;
        for _ in 0..count {
            reader.begin();
            let info = read_path_info(&mut reader).map_err(refused)?;
            let mut archive = reader.get_mut().take(info.nar_size);
            self.add_nar(info, dont_check, &mut archive)?;
            // Of a path that was valid already nothing was read.
            io::copy(&mut archive, &mut io::sink())
                .map_err(|error| self.io("read an archive", &error))?;
        }
        Ok(())
    }

    fn add_nar(
        &self,
        mut info: PathInfo,
        dont_check: bool,
        archive: &mut dyn Read,
    ) -> Result<(), OperationError> {
        if !dont_check || self.trust == Trust::Untrusted {
            let keys = &self.server.config.trusted_public_keys;
            check_signatures(&info, &self.store, keys)?;
        }
        info.ultimate = false; // It was not built here.
        info.registration_time = 0; // Now.
        Ok(self.store.add_nar(info, archive)?)
    }

    /// Adds a file or a tree whose path follows from its content.
    fn add_content(
        &self,
        name: &str,
        method: &str,
        references: BTreeSet<StorePath>,
        stream: &mut dyn Read,
    ) -> Result<Answer, OperationError> {
        let (method, algo) = parse_method(method)?;
        let failed = |error: &dyn std::error::Error| {
            OperationError::refused(format!("cannot add '{name}': {error}"))
        };
        let mut file = tempfile::tempfile().map_err(|error| failed(&error))?;
        let mut hashing = Tee {
            file: &mut file,
            hasher: Hasher::new(algo),
        };
        let size = io::copy(stream, &mut hashing).map_err(|error| failed(&error))?;
        let hash = hashing.hasher.finish().0;
        let address = ContentAddress { method, hash };
        let path = build_ca_path(name, method, &address.hash, &references, false)
            .map_err(|error| failed(&error))?;
        // What comes is an archive or a single file; what is stored is always the archive.
        let (nar_hash, nar_size, object) = match method {
            CaMethod::Recursive => {
                file.seek(SeekFrom::Start(0))
                    .map_err(|error| failed(&error))?;
                let mut sha256 = Sha256Writer::new();
                io::copy(&mut file, &mut sha256).map_err(|error| failed(&error))?;
                let (hash, size) = sha256.finish();
                (hash, size, None)
            }
            CaMethod::Flat | CaMethod::Text => {
                let contents = Contents::Spilled {
                    file: Arc::new(file.try_clone().map_err(|error| failed(&error))?),
                    len: size,
                };
                let object = FileSystemObject::file(contents);
                let (hash, size) = object.nar_hash().map_err(|error| failed(&error))?;
                (hash, size, Some(object))
            }
        };
        let mut info = PathInfo::new(path.clone(), nar_hash, nar_size);
        info.references = references;
        info.ca = Some(address);
        match object {
            None => {
                file.seek(SeekFrom::Start(0))
                    .map_err(|error| failed(&error))?;
                self.store.add_nar(info, &mut file)?;
            }
            Some(object) => {
                let mut archive = tempfile::tempfile().map_err(|error| failed(&error))?;
                let mut writer = io::BufWriter::new(&mut archive);
                object
                    .write_nar(&mut writer)
                    .map_err(|error| failed(&error))?;
                writer.flush().map_err(|error| failed(&error))?;
                drop(writer);
                archive
                    .seek(SeekFrom::Start(0))
                    .map_err(|error| failed(&error))?;
                self.store.add_nar(info, &mut archive)?;
            }
        }
        match self.store.query_path_info(&path)? {
            Some(info) => Ok(Answer::Added(Box::new(info))),
            None => Err(OperationError::refused(format!(
                "'{}' was added, and is gone",
                path.to_absolute_path()
            ))),
        }
    }

    fn io(&self, action: &str, error: &io::Error) -> OperationError {
        OperationError::refused(format!("cannot {action}: {error}"))
    }
}

fn refuse_repair(repair: bool) -> Result<(), OperationError> {
    match repair {
        false => Ok(()),
        true => Err(OperationError::refused(
            "repairing is not supported\nhint: `wasibuild store delete` the damaged path, then add it again",
        )),
    }
}

/// Reads `text:sha256`, `fixed:ALGO` or `fixed:r:ALGO`.
fn parse_method(text: &str) -> Result<(CaMethod, HashAlgo), OperationError> {
    let unknown = || {
        OperationError::refused(format!(
            "the content address method '{}' is not supported; expected text:sha256, fixed:ALGORITHM or fixed:r:ALGORITHM",
            crate::printable::name(text.as_bytes())
        ))
    };
    let (method, algo) = if let Some(algo) = text.strip_prefix("text:") {
        (CaMethod::Text, algo)
    } else if let Some(algo) = text.strip_prefix("fixed:r:") {
        (CaMethod::Recursive, algo)
    } else if let Some(algo) = text.strip_prefix("fixed:") {
        (CaMethod::Flat, algo)
    } else {
        return Err(unknown());
    };
    let algo = HashAlgo::from_name(algo).map_err(|_| unknown())?;
    Ok((method, algo))
}

/// Writes to the file what is hashed.
struct Tee<'f> {
    file: &'f mut std::fs::File,
    hasher: Hasher,
}

impl Write for Tee<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hasher
            .write_all(bytes.get(..count).unwrap_or_default())?;
        Ok(count)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_those_of_nix() {
        let parsed = |text| parse_method(text).map_err(|_| ());
        assert_eq!(
            parsed("text:sha256"),
            Ok((CaMethod::Text, HashAlgo::Sha256))
        );
        assert_eq!(parsed("fixed:sha1"), Ok((CaMethod::Flat, HashAlgo::Sha1)));
        assert_eq!(
            parsed("fixed:r:sha512"),
            Ok((CaMethod::Recursive, HashAlgo::Sha512))
        );
        for other in ["", "sha256", "fixed:git:sha1", "text:", "fixed:blake9"] {
            assert_eq!(parsed(other), Err(()), "{other}");
        }
    }
}
