//! Opening a cache's files, over HTTP or in a directory, and reading small ones whole.
//!
//! Contract: [`Context`] is what all caches of a run share: the HTTP client, the retry policy,
//! the cancel handle and the observer. [`Context::open`] is one attempt; [`Context::read_small`]
//! retries and bounds what it reads.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::cancel::Cancel;
use crate::compression::Compression;
use crate::error::Error;
use crate::http::HttpClient;
use crate::location::Object;
use crate::options::Options;
use crate::progress::Observer;
use crate::retry::Retries;

/// See the module.
pub(crate) struct Context {
    pub http: HttpClient,
    pub options: Options,
    pub cancel: Cancel,
    pub observer: Arc<dyn Observer>,
}

/// A file that is being received.
pub(crate) struct Opened {
    pub body: Box<dyn Read + Send>,
    /// The offset of the body's first byte: what was asked for, or 0 when the server ignores
    /// ranges.
    pub start: u64,
    /// The whole file's size, if the server says.
    pub total: Option<u64>,
    /// A strong entity tag.
    pub validator: Option<String>,
    /// `Content-Encoding`, lower case, unless `identity`.
    pub encoding: Option<String>,
}

/// Why an attempt failed.
pub(crate) enum Failure {
    /// The next attempt may succeed, after the pause that the server asks for.
    Retry {
        cause: Cause,
        after: Option<Duration>,
    },
    /// No attempt will succeed.
    Permanent(Error),
}

/// What failed, when it may pass.
pub(crate) enum Cause {
    Status(u16),
    Io(io::Error),
}

impl std::fmt::Display for Cause {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Cause::Status(status) => write!(formatter, "HTTP status {status}"),
            Cause::Io(error) => error.fmt(formatter),
        }
    }
}

impl Context {
    pub(crate) fn new(
        options: Options,
        cancel: Cancel,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, Error> {
        let http = HttpClient::new(&options)?;
        cancel.on_cancel(http.shutdown_hook());
        Ok(Self {
            http,
            options,
            cancel,
            observer,
        })
    }

    /// One attempt to open `object` at `offset`. `Ok(None)`: there is no such file.
    pub(crate) fn open(
        &self,
        object: &Object,
        offset: u64,
        validator: Option<&str>,
    ) -> Result<Option<Opened>, Failure> {
        self.cancel.check().map_err(Failure::Permanent)?;
        match object {
            Object::Http { url, credentials } => {
                self.http.get(url, credentials.as_ref(), offset, validator)
            }
            Object::File(path) => open_file(path, offset).map_err(|source| {
                Failure::Permanent(Error::File {
                    path: path.clone(),
                    source: source.into(),
                })
            }),
        }
    }

    /// The whole of a file of at most `limit` bytes. `Ok(None)`: there is no such file.
    pub(crate) fn read_small(&self, object: &Object, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let mut retries = Retries::new(self, object);
        loop {
            let failure = match self.open(object, 0, None) {
                Ok(None) => return Ok(None),
                Ok(Some(opened)) => match read_bounded(opened, object, limit) {
                    Ok(bytes) => return Ok(Some(bytes)),
                    Err(failure) => failure,
                },
                Err(failure) => failure,
            };
            match failure {
                Failure::Permanent(error) => return Err(error),
                Failure::Retry { cause, after } => retries.pause(cause, after, 0)?,
            }
        }
    }
}

fn open_file(path: &Path, offset: u64) -> io::Result<Option<Opened>> {
    // Asked before opening, since opening a named pipe would block.
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => {
            let text = "it is no regular file";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut file = std::fs::File::open(path)?;
    let total = file.metadata()?.len();
    file.seek(SeekFrom::Start(offset))?;
    Ok(Some(Opened {
        body: Box::new(file),
        start: offset,
        total: Some(total),
        validator: None,
        encoding: None,
    }))
}

fn read_bounded(opened: Opened, object: &Object, limit: u64) -> Result<Vec<u8>, Failure> {
    let too_long = || {
        Failure::Permanent(Error::TooLong {
            url: object.to_string(),
            limit,
        })
    };
    if opened.total.is_some_and(|total| total > limit) {
        return Err(too_long());
    }
    let bytes = read_to_end(opened.body, limit).map_err(|error| Failure::Retry {
        cause: Cause::Io(error),
        after: None,
    })?;
    if opened
        .total
        .is_some_and(|total| total != bytes.len() as u64)
    {
        return Err(Failure::Retry {
            cause: Cause::Io(io::ErrorKind::UnexpectedEof.into()),
            after: None,
        });
    }
    let bytes = match opened.encoding.as_deref() {
        None => bytes,
        // Caches in object stores can hold their small files compressed.
        Some(name) => {
            let method = Some(name)
                .filter(|name| !name.is_empty())
                .and_then(|name| Compression::from_name(name.as_bytes()));
            let Some(method) = method else {
                return Err(Failure::Permanent(Error::Protocol {
                    url: object.to_string(),
                    found: format!("Content-Encoding {name:?}"),
                    expected: "none, xz, zstd or bzip2".to_owned(),
                }));
            };
            read_to_end(method.decoder(bytes.as_slice()), limit).map_err(|error| {
                Failure::Permanent(Error::Protocol {
                    url: object.to_string(),
                    found: format!("damaged {method} data ({error})"),
                    expected: "what its Content-Encoding says".to_owned(),
                })
            })?
        }
    };
    if bytes.len() as u64 > limit {
        return Err(too_long());
    }
    Ok(bytes)
}

/// At most one byte more than `limit`.
fn read_to_end(source: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}
