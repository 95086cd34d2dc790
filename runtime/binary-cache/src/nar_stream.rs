//! A NAR on its way from a cache: decompressed, bounded and verified while it streams.
//!
//! Contract: [`NarStream`] yields at most the announced `NarSize` bytes and hands out the last of
//! them only after everything has been verified: the compressed file's size and hash (when the
//! narinfo has them), its end, the NAR's size and its hash. So a receiver that needs a complete
//! NAR cannot complete on a bad one, and a decompression bomb ends at `NarSize`. Memory is one
//! decoder's window, whatever the NAR's size. After an error every read fails the same way.
//! Counterpart in Nix: `LocalStore::addToStore` (NAR hash and size; Nix ignores the file hash).

use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wasibuild_nix_compat::content_address::ContentAddress;
use wasibuild_nix_compat::hash::{HashAlgo, Hasher, NixHash};
use wasibuild_nix_compat::store_path::StorePath;

use crate::compression::Compression;
use crate::content_check::ContentCheck;
use crate::error::Error;
use crate::progress::{Event, PROGRESS_STEP_BYTES};
use crate::resume::ResumingReader;
use crate::transport::Context;

/// What a narinfo announces about its NAR.
pub(crate) struct Announced {
    pub path: StorePath,
    /// The NAR file's address, for messages.
    pub url: String,
    pub method: Compression,
    pub file_size: Option<u64>,
    pub file_hash: Option<NixHash>,
    pub nar_size: u64,
    pub nar_hash: [u8; 32],
    /// To be checked too; `None` for objects that refer to themselves, which then are signed.
    pub ca: Option<ContentAddress>,
}

/// See the module.
pub struct NarStream {
    announced: Arc<Announced>,
    decoder: Box<dyn Read + Send>,
    file: Arc<Mutex<FileState>>,
    nar: Option<Hasher>,
    content: Option<ContentCheck>,
    download_size: Option<u64>,
    given: u64,
    failed: Option<Error>,
}

/// What is known about the compressed file so far; shared with the reader below the decoder.
struct FileState {
    hasher: Option<Hasher>,
    count: u64,
    /// The first error below the decoder, which decoders wrap beyond recognition.
    error: Option<Error>,
}

impl NarStream {
    pub(crate) fn new(context: Arc<Context>, source: ResumingReader, announced: Announced) -> Self {
        let announced = Arc::new(announced);
        let download_size = source.total();
        let algo = announced.file_hash.as_ref().map(NixHash::algo);
        let file = Arc::new(Mutex::new(FileState {
            hasher: algo.map(Hasher::new),
            count: 0,
            error: None,
        }));
        // A cache that does not say the file's size cannot make us read for ever either: no
        // method makes an input notably longer.
        let limit = announced.file_size.unwrap_or_else(|| {
            let slack = announced.nar_size / 8 + 1024 * 1024;
            announced.nar_size.saturating_add(slack)
        });
        let meter = Meter {
            context,
            source,
            announced: announced.clone(),
            state: file.clone(),
            limit,
            next_event: PROGRESS_STEP_BYTES,
        };
        Self {
            decoder: announced.method.decoder(meter),
            nar: Some(Hasher::new(HashAlgo::Sha256)),
            content: announced.ca.as_ref().map(ContentCheck::new),
            download_size,
            announced,
            file,
            given: 0,
            failed: None,
        }
    }

    /// The NAR file's address, without credentials.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.announced.url
    }

    /// The compressed file's size in bytes, if the server or the narinfo says.
    #[must_use]
    pub fn download_size(&self) -> Option<u64> {
        self.download_size
    }

    /// The NAR's size in bytes, as announced (and, after the last byte, as verified).
    #[must_use]
    pub fn nar_size(&self) -> u64 {
        self.announced.nar_size
    }

    /// How many bytes of the compressed file have been received.
    #[must_use]
    pub fn downloaded(&self) -> u64 {
        lock(&self.file).count
    }

    /// Whether the whole NAR was handed out, which implies that it was verified.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failed.is_none() && self.nar.is_none()
    }

    /// Whether any of the NAR was handed out.
    #[must_use]
    pub fn is_touched(&self) -> bool {
        self.given > 0
    }

    /// The error that reads report, if any.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.failed.as_ref()
    }

    fn read_inner(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let Some(hasher) = &mut self.nar else {
            return Ok(0);
        };
        let size = self.announced.nar_size;
        let left = usize::try_from(size.saturating_sub(self.given)).unwrap_or(usize::MAX);
        let end = buffer.len().min(left);
        let window = buffer.get_mut(..end).unwrap_or_default();
        let count = loop {
            match self.decoder.read(window) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.decode_error(error)),
                Ok(count) => break count,
            }
        };
        let bytes = window.get(..count).unwrap_or_default();
        hasher.update(bytes);
        if let Some(content) = &mut self.content {
            content.update(bytes);
        }
        self.given = self.given.saturating_add(count as u64);
        if count == 0 && self.given < size {
            self.check_file()?;
            return Err(self.mismatch("NAR size", size, self.given));
        }
        if self.given == size {
            self.check_end()?;
        }
        Ok(count)
    }

    /// All of the NAR has come: nothing may follow, and all must agree.
    fn check_end(&mut self) -> Result<(), Error> {
        let size = self.announced.nar_size;
        loop {
            match self.decoder.read(&mut [0; 1]) {
                Ok(0) => break,
                Ok(_) => {
                    return Err(self.mismatch("NAR size", size, format!("more than {size}")));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.decode_error(error)),
            }
        }
        self.check_file()?;
        if let Some(hasher) = self.nar.take() {
            let (found, _) = hasher.finish();
            let expected = NixHash::sha256(self.announced.nar_hash);
            if found != expected {
                return Err(self.mismatch("NAR hash", expected.to_nix32(), found.to_nix32()));
            }
        }
        if let Some(content) = self.content.take() {
            content
                .finish()
                .map_err(|(expected, found)| self.mismatch("content hash", expected, found))?;
        }
        Ok(())
    }

    /// The decoder has seen the file's end: its size and hash must agree.
    fn check_file(&self) -> Result<(), Error> {
        let mut file = lock(&self.file);
        if let Some(expected) = self.announced.file_size
            && expected != file.count
        {
            return Err(self.mismatch("file size", expected, file.count));
        }
        if let (Some(expected), Some(hasher)) = (&self.announced.file_hash, file.hasher.take()) {
            let (found, _) = hasher.finish();
            if found != *expected {
                return Err(self.mismatch("file hash", expected.to_nix32(), found.to_nix32()));
            }
        }
        Ok(())
    }

    fn decode_error(&self, error: io::Error) -> Error {
        if let Some(cause) = &lock(&self.file).error {
            return cause.clone();
        }
        Error::Decode {
            url: self.announced.url.clone(),
            path: self.announced.path.clone(),
            method: self.announced.method,
            source: error.into(),
        }
    }

    fn mismatch(&self, what: &'static str, expected: impl ToString, found: impl ToString) -> Error {
        self.announced.mismatch(what, expected, found)
    }
}

impl Announced {
    pub(crate) fn mismatch(
        &self,
        what: &'static str,
        expected: impl ToString,
        found: impl ToString,
    ) -> Error {
        Error::Mismatch {
            url: self.url.clone(),
            path: self.path.clone(),
            what,
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }
}

impl Read for NarStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.read_inner(buffer).map_err(|error| {
            self.failed = Some(error.clone());
            error.into()
        })
    }
}

impl std::fmt::Debug for NarStream {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("NarStream")
            .field("path", &self.announced.path)
            .field("url", &self.announced.url)
            .field("given", &self.given)
            .field("nar_size", &self.announced.nar_size)
            .finish_non_exhaustive()
    }
}

/// Counts and hashes the compressed file below the decoder.
struct Meter {
    context: Arc<Context>,
    source: ResumingReader,
    announced: Arc<Announced>,
    state: Arc<Mutex<FileState>>,
    limit: u64,
    next_event: u64,
}

impl Read for Meter {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = self.source.read(buffer);
        let mut state = lock(&self.state);
        let count = match result {
            Ok(count) => count,
            Err(error) => {
                if let Some(cause) = error
                    .get_ref()
                    .and_then(|error| error.downcast_ref::<Error>())
                {
                    state.error = Some(cause.clone());
                }
                return Err(error);
            }
        };
        state.count = state.count.saturating_add(count as u64);
        if state.count > self.limit {
            let found = format!("more than {}", self.limit);
            let error = self.announced.mismatch("file size", self.limit, found);
            state.error = Some(error.clone());
            return Err(error.into());
        }
        if let Some(hasher) = &mut state.hasher {
            hasher.update(buffer.get(..count).unwrap_or_default());
        }
        let downloaded = state.count;
        drop(state);
        if downloaded >= self.next_event {
            self.next_event = downloaded.saturating_add(PROGRESS_STEP_BYTES);
            self.context.observer.event(&Event::Progress {
                path: &self.announced.path,
                downloaded,
            });
        }
        Ok(count)
    }
}

/// Each field is whole at every moment, so poison says nothing here.
fn lock(state: &Mutex<FileState>) -> MutexGuard<'_, FileState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
