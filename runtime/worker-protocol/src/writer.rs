//! Writes numbers, strings and lists.
//!
//! Contract: the bytes that [`crate::Reader`] reads. The stream should be buffered; nothing here
//! flushes it.

use std::io::Write;

use wasibuild_nix_compat::store_path::StorePath;

use crate::Result;

/// See the module.
#[derive(Debug)]
pub struct Writer<W> {
    inner: W,
}

impl<W: Write> Writer<W> {
    /// Writes to a stream.
    pub fn new(inner: W) -> Self {
        Writer { inner }
    }

    /// The stream below.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.inner
    }

    /// The stream below.
    pub fn into_inner(self) -> W {
        self.inner
    }

    /// A number.
    ///
    /// # Errors
    /// When the stream fails.
    pub fn number(&mut self, number: u64) -> Result<()> {
        Ok(self.inner.write_all(&number.to_le_bytes())?)
    }

    /// A truth, as 0 or 1.
    ///
    /// # Errors
    /// When the stream fails.
    pub fn flag(&mut self, flag: bool) -> Result<()> {
        self.number(u64::from(flag))
    }

    /// A string.
    ///
    /// # Errors
    /// When the stream fails.
    pub fn bytes(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        const ZEROS: [u8; 8] = [0; 8];
        let bytes = bytes.as_ref();
        self.number(bytes.len() as u64)?;
        self.inner.write_all(bytes)?;
        let padding = bytes.len().wrapping_neg() % 8;
        Ok(self
            .inner
            .write_all(ZEROS.get(..padding).unwrap_or_default())?)
    }

    /// A list.
    ///
    /// # Errors
    /// When the stream fails.
    pub fn list<I>(
        &mut self,
        items: I,
        mut item: impl FnMut(&mut Self, I::Item) -> Result<()>,
    ) -> Result<()>
    where
        I: IntoIterator,
        I::IntoIter: ExactSizeIterator,
    {
        let items = items.into_iter();
        self.number(items.len() as u64)?;
        for one in items {
            item(self, one)?;
        }
        Ok(())
    }

    /// An absolute store path.
    ///
    /// # Errors
    /// When the stream fails.
    pub fn path(&mut self, path: &StorePath) -> Result<()> {
        self.bytes(path.to_absolute_path())
    }

    /// An absolute store path, or an empty string.
    ///
    /// # Errors
    /// When the stream fails.
    pub fn optional_path(&mut self, path: Option<&StorePath>) -> Result<()> {
        self.bytes(path.map(StorePath::to_absolute_path).unwrap_or_default())
    }

    /// A list of store paths.
    ///
    /// # Errors
    /// When the stream fails.
    pub fn paths<'a, I>(&mut self, paths: I) -> Result<()>
    where
        I: IntoIterator<Item = &'a StorePath>,
        I::IntoIter: ExactSizeIterator,
    {
        self.list(paths, Self::path)
    }
}
