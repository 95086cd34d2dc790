//! An image of inputs: where it lies on the disk for images.
//!
//! Contract: what is read is in bounds: a number that a partition may have, whole sectors, an end that does not
//! overflow.

use crate::fields::{Put, Take};
use crate::{MAX_IMAGES, ProtocolError, Result};

/// What partitions begin and end at, in bytes: no disk has larger blocks.
const ALIGNMENT: u64 = 4096;

/// A file system with store paths on a part of the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Image {
    /// Its number, from 1 to [`MAX_IMAGES`].
    pub number: u64,
    /// Where it begins, in bytes.
    pub offset: u64,
    /// How long it is, in bytes.
    pub length: u64,
}

impl Image {
    pub(crate) fn write(&self) -> Vec<u8> {
        Put::default()
            .number(self.number)
            .number(self.offset)
            .number(self.length)
            .end()
    }

    pub(crate) fn read(content: &[u8]) -> Result<Self> {
        const WHAT: &str = "the place of an image";
        let mut take = Take::new(content);
        let image = Image {
            number: number(&mut take)?,
            offset: take.number(WHAT)?,
            length: take.number(WHAT)?,
        };
        take.end("an image")?;
        let end = image.offset.checked_add(image.length);
        if end.is_none_or(|end| i64::try_from(end).is_err()) {
            return Err(ProtocolError::malformed(WHAT, "beyond every disk"));
        }
        if image.length == 0 {
            return Err(ProtocolError::malformed(WHAT, "no length"));
        }
        if !image.offset.is_multiple_of(ALIGNMENT) || !image.length.is_multiple_of(ALIGNMENT) {
            return Err(ProtocolError::malformed(WHAT, "no whole blocks"));
        }
        Ok(image)
    }
}

/// The number of an image.
pub(crate) fn number(take: &mut Take<'_>) -> Result<u64> {
    const WHAT: &str = "the number of an image";
    match take.number(WHAT)? {
        0 => Err(ProtocolError::malformed(WHAT, "it is zero")),
        number if number > MAX_IMAGES => Err(ProtocolError::malformed(WHAT, "too large")),
        number => Ok(number),
    }
}
