//! Reads numbers, strings and lists.
//!
//! Contract: memory grows with what has really come in, never with a length that was announced, and
//! a message may not hold more than a budget, which [`Reader::begin`] renews. Numbers are 64 bits,
//! little-endian; strings are a length, the bytes, and zeros up to a multiple of eight.

use std::io::{self, Read};

use bstr::BString;
use wasibuild_nix_compat::store_path::StorePath;

use crate::{ProtocolError, Result};

/// How many bytes a message may have (archives, which are framed, are not counted): enough for the
/// largest derivations and for the paths of a whole distribution.
pub const MAX_MESSAGE: u64 = 256 << 20;

/// What an item of a list costs of the budget, so that many tiny items do not cost many times their
/// size in memory.
const ITEM_COST: u64 = 64;

/// See the module. It reads no byte more than it returns, so that others may go on with the stream.
#[derive(Debug)]
pub struct Reader<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Reader<R> {
    /// Reads from a stream, which should be buffered.
    pub fn new(inner: R) -> Self {
        Reader {
            inner,
            left: MAX_MESSAGE,
        }
    }

    /// A new message begins.
    pub fn begin(&mut self) {
        self.left = MAX_MESSAGE;
    }

    /// The stream below.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.inner
    }

    /// The stream below.
    pub fn into_inner(self) -> R {
        self.inner
    }

    /// A number, or none if the stream ends before it.
    ///
    /// # Errors
    /// When the stream fails or ends within the number.
    pub fn number_or_end(&mut self) -> Result<Option<u64>> {
        let mut bytes = [0; 8];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.inner.read(rest) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(ProtocolError::Truncated { what: "a number" }),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Some(u64::from_le_bytes(bytes)))
    }

    /// A number.
    ///
    /// # Errors
    /// When the stream fails or ends.
    pub fn number(&mut self, what: &'static str) -> Result<u64> {
        self.spend(8, what)?;
        self.number_or_end()?
            .ok_or(ProtocolError::Truncated { what })
    }

    /// A truth: any number but zero, as in Nix.
    ///
    /// # Errors
    /// When the stream fails or ends.
    pub fn flag(&mut self, what: &'static str) -> Result<bool> {
        Ok(self.number(what)? != 0)
    }

    /// A string.
    ///
    /// # Errors
    /// When the stream fails, ends, or holds more than the message may.
    pub fn bytes(&mut self, what: &'static str) -> Result<BString> {
        self.bytes_up_to(what, MAX_MESSAGE)
    }

    /// A string of at most `limit` bytes.
    ///
    /// # Errors
    /// As [`Reader::bytes`].
    pub fn bytes_up_to(&mut self, what: &'static str, limit: u64) -> Result<BString> {
        let length = self.number(what)?;
        if length > limit {
            return Err(ProtocolError::TooLong {
                what,
                length,
                limit,
            });
        }
        self.spend(length, what)?;
        let mut bytes = Vec::new();
        let read = (&mut self.inner).take(length).read_to_end(&mut bytes)?;
        if (read as u64) < length {
            return Err(ProtocolError::Truncated { what });
        }
        let mut padding = [0; 8];
        let count = (length.wrapping_neg() % 8) as usize;
        let padding = padding.get_mut(..count).unwrap_or_default();
        self.inner
            .read_exact(padding)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => ProtocolError::Truncated { what },
                _ => error.into(),
            })?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(ProtocolError::Padding { what });
        }
        Ok(bytes.into())
    }

    /// A string that must be UTF-8.
    ///
    /// # Errors
    /// As [`Reader::bytes`], or when it is not.
    pub fn text(&mut self, what: &'static str) -> Result<String> {
        String::from_utf8(self.bytes(what)?.into())
            .map_err(|error| ProtocolError::value(what, error))
    }

    /// A list.
    ///
    /// # Errors
    /// As `item`, or when there are more items than the message may hold.
    pub fn list<T, C: FromIterator<T>>(
        &mut self,
        what: &'static str,
        mut item: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<C> {
        let mut left = self.number(what)?;
        std::iter::from_fn(|| {
            left = left.checked_sub(1)?;
            Some(self.spend(ITEM_COST, what).and_then(|()| item(self)))
        })
        .collect()
    }

    /// An absolute store path.
    ///
    /// # Errors
    /// As [`Reader::bytes`], or when it is none.
    pub fn path(&mut self, what: &'static str) -> Result<StorePath> {
        let bytes = self.bytes(what)?;
        StorePath::from_absolute_path(&bytes).map_err(|error| ProtocolError::value(what, error))
    }

    /// An absolute store path, or nothing (written as an empty string).
    ///
    /// # Errors
    /// As [`Reader::path`].
    pub fn optional_path(&mut self, what: &'static str) -> Result<Option<StorePath>> {
        let bytes = self.bytes(what)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let path = StorePath::from_absolute_path(&bytes);
        path.map(Some)
            .map_err(|error| ProtocolError::value(what, error))
    }

    fn spend(&mut self, cost: u64, what: &'static str) -> Result<()> {
        self.left = self.left.checked_sub(cost).ok_or(ProtocolError::TooMuch {
            what,
            limit: MAX_MESSAGE,
        })?;
        Ok(())
    }
}
