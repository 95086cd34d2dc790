//! A download that goes on where its connection broke.
//!
//! Contract: yields the file's bytes once, in order, from 0 to its announced end. A connection
//! that breaks or stalls is opened again with `Range` (and `If-Range` when the server gave a
//! strong entity tag); a server that ignores ranges sends the file again, and the part already
//! passed on is skipped. Gives up after `attempts` failures in a row, where an attempt counts as
//! progress from [`PROGRESS_BYTES`] on. After an error every read fails the same way. That the
//! parts belong together is proven by the file hash and the NAR hash, in `nar_stream.rs`.

use std::io::{self, Read};
use std::sync::Arc;

use crate::error::Error;
use crate::location::Object;
use crate::progress::Event;
use crate::retry::{Retries, ended_early};
use crate::transport::{Cause, Context, Failure, Opened};

/// An attempt that brings this many bytes is no failure.
const PROGRESS_BYTES: u64 = 64 * 1024;

/// See the module.
pub(crate) struct ResumingReader {
    context: Arc<Context>,
    object: Object,
    body: Option<Box<dyn Read + Send>>,
    position: u64,
    /// The file's size: announced by the server or, failing that, by the narinfo.
    total: Option<u64>,
    validator: Option<String>,
    failures: u32,
    /// The position at the last failure.
    mark: u64,
    ended: bool,
    failed: Option<Error>,
}

impl ResumingReader {
    /// Opens the file. `Ok(None)`: there is none. `expected`: its size according to the narinfo;
    /// `mismatch` makes the error when the server announces another.
    pub(crate) fn open(
        context: Arc<Context>,
        object: Object,
        expected: Option<u64>,
        mismatch: impl FnOnce(u64, u64) -> Error,
    ) -> Result<Option<Self>, Error> {
        let mut retries = Retries::new(&context, &object);
        let opened = loop {
            match context.open(&object, 0, None) {
                Ok(None) => return Ok(None),
                Ok(Some(opened)) => break opened,
                Err(Failure::Permanent(error)) => return Err(error),
                Err(Failure::Retry { cause, after }) => retries.pause(cause, after, 0)?,
            }
        };
        let failures = retries.failures();
        refuse_encoding(&object, &opened)?;
        if let (Some(expected), Some(found)) = (expected, opened.total)
            && expected != found
        {
            return Err(mismatch(expected, found));
        }
        Ok(Some(Self {
            context,
            object,
            body: Some(opened.body),
            position: 0,
            total: opened.total.or(expected),
            validator: opened.validator,
            failures,
            mark: 0,
            ended: false,
            failed: None,
        }))
    }

    /// The file's size in bytes, if known.
    pub(crate) fn total(&self) -> Option<u64> {
        self.total
    }

    fn read_inner(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        while !self.ended {
            self.context.cancel.check()?;
            let mut body = match self.body.take() {
                Some(body) => body,
                None => self.reopen()?,
            };
            let result = body.read(buffer);
            match result {
                Ok(0) if self.total.is_none_or(|total| self.position >= total) => self.ended = true,
                Ok(0) => self.broken(ended_early(), None)?,
                Ok(count) => {
                    self.position = self.position.saturating_add(count as u64);
                    self.body = Some(body);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    self.body = Some(body);
                }
                Err(error) if self.object.as_file().is_some() => {
                    return Err(Error::File {
                        path: self.object.as_file().map(Into::into).unwrap_or_default(),
                        source: error.into(),
                    });
                }
                Err(error) => self.broken(Cause::Io(error), None)?,
            }
        }
        Ok(0)
    }

    /// Waits before the next connection, or gives up.
    fn broken(&mut self, cause: Cause, after: Option<std::time::Duration>) -> Result<(), Error> {
        if self.position.saturating_sub(self.mark) >= PROGRESS_BYTES {
            self.failures = 0;
        }
        self.mark = self.position;
        let mut retries = Retries::after(&self.context, &self.object, self.failures);
        retries.pause(cause, after, self.position)?;
        self.failures = retries.failures();
        Ok(())
    }

    /// A body whose next byte is the one at `position`.
    fn reopen(&mut self) -> Result<Box<dyn Read + Send>, Error> {
        loop {
            let attempt = self
                .context
                .open(&self.object, self.position, self.validator.as_deref());
            let (cause, after) = match attempt {
                Ok(Some(opened)) => match self.join(opened) {
                    Ok(body) => return Ok(body),
                    Err(Failure::Permanent(error)) => return Err(error),
                    Err(Failure::Retry { cause, after }) => (cause, after),
                },
                // It was there a moment ago.
                Ok(None) => return Err(self.changed("no file any more (status 404)".to_owned())),
                Err(Failure::Permanent(error)) => return Err(error),
                Err(Failure::Retry { cause, after }) => (cause, after),
            };
            self.broken(cause, after)?;
        }
    }

    /// Checks that `opened` continues the same file, and skips what came before.
    fn join(&self, opened: Opened) -> Result<Box<dyn Read + Send>, Failure> {
        refuse_encoding(&self.object, &opened).map_err(Failure::Permanent)?;
        if let (Some(known), Some(found)) = (self.total, opened.total)
            && known != found
        {
            let error = self.changed(format!("a file of {found} bytes"));
            return Err(Failure::Permanent(error));
        }
        let mut body = opened.body;
        let ranged = opened.start == self.position;
        let missing = self.position.saturating_sub(opened.start);
        self.context.observer.event(&Event::Resumed {
            url: &self.object.to_string(),
            offset: self.position,
            ranged,
        });
        let skipped = io::copy(&mut (&mut body).take(missing), &mut io::sink());
        match skipped {
            Ok(count) if count == missing => Ok(body),
            Ok(_) => Err(Failure::Retry {
                cause: ended_early(),
                after: None,
            }),
            Err(error) => Err(Failure::Retry {
                cause: Cause::Io(error),
                after: None,
            }),
        }
    }

    fn changed(&self, found: String) -> Error {
        let size = match self.total {
            Some(total) => format!("the file of {total} bytes"),
            None => "the file".to_owned(),
        };
        Error::Protocol {
            url: self.object.to_string(),
            found,
            expected: format!("{size} of which {} were received", self.position),
        }
    }
}

/// A NAR that is encoded once more for the transfer could not be resumed, and its hash differs.
fn refuse_encoding(object: &Object, opened: &Opened) -> Result<(), Error> {
    match &opened.encoding {
        None => Ok(()),
        Some(encoding) => Err(Error::Protocol {
            url: object.to_string(),
            found: format!("Content-Encoding {encoding:?}"),
            expected: "the file as it is".to_owned(),
        }),
    }
}

impl Read for ResumingReader {
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
