//! The fields of a frame's content: numbers, strings, lists.
//!
//! Contract: numbers are 64 bits, little-endian; a string is a number and that many bytes; a list is
//! a number and that many items; a truth is the number 0 or 1; what may be missing is a list of none
//! or one. Nothing may follow the last field.

use bstr::BString;

use crate::{ProtocolError, Result};

/// Writes fields.
#[derive(Debug, Default)]
pub(crate) struct Put(Vec<u8>);

impl Put {
    pub(crate) fn number(&mut self, number: u64) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    pub(crate) fn flag(&mut self, flag: bool) -> &mut Self {
        self.number(u64::from(flag))
    }

    pub(crate) fn string(&mut self, string: &[u8]) -> &mut Self {
        self.number(string.len() as u64);
        self.0.extend_from_slice(string);
        self
    }

    pub(crate) fn list<T>(&mut self, items: &[T], item: impl Fn(&mut Self, &T)) -> &mut Self {
        self.number(items.len() as u64);
        items.iter().for_each(|one| item(self, one));
        self
    }

    pub(crate) fn end(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

/// Reads fields.
#[derive(Debug)]
pub(crate) struct Take<'a>(&'a [u8]);

impl<'a> Take<'a> {
    pub(crate) fn new(content: &'a [u8]) -> Self {
        Take(content)
    }

    pub(crate) fn number(&mut self, what: &'static str) -> Result<u64> {
        let Some((bytes, rest)) = self.0.split_first_chunk::<8>() else {
            return Err(ProtocolError::malformed(what, "the content ends before it"));
        };
        self.0 = rest;
        Ok(u64::from_le_bytes(*bytes))
    }

    pub(crate) fn flag(&mut self, what: &'static str) -> Result<bool> {
        match self.number(what)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(ProtocolError::malformed(what, "neither 0 nor 1")),
        }
    }

    pub(crate) fn string(&mut self, what: &'static str) -> Result<BString> {
        let length = usize::try_from(self.number(what)?).unwrap_or(usize::MAX);
        let Some((bytes, rest)) = self.0.split_at_checked(length) else {
            return Err(ProtocolError::malformed(
                what,
                "the content ends before its last byte",
            ));
        };
        self.0 = rest;
        Ok(BString::from(bytes))
    }

    /// A list; grows with the items that are really there.
    pub(crate) fn list<T>(
        &mut self,
        what: &'static str,
        mut item: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let count = self.number(what)?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }

    pub(crate) fn end(self, what: &'static str) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(ProtocolError::malformed(
            what,
            "bytes follow its last field",
        ))
    }
}
