//! Where the contents of two files begin to differ.
//!
//! Contract: reads both in blocks, up to the first difference. Shows the line of it when both sides
//! are text, else sixteen bytes in hexadecimal.

use std::fmt;
use std::io;

use wasibuild_nix_compat::file_system_object;

use crate::printable;

const BLOCK: usize = 64 * 1024;
/// How many bytes before and after the difference a line may show.
const AROUND: usize = 60;
const HEX_BYTES: usize = 16;

/// The first difference of two files.
#[derive(Debug, PartialEq, Eq)]
pub struct Contents {
    /// The old size in bytes.
    pub old_size: u64,
    /// The new size in bytes.
    pub new_size: u64,
    /// How many bytes are equal before the first difference.
    pub offset: u64,
    /// The old bytes there, with some around them.
    old: Excerpt,
    /// The new bytes there.
    new: Excerpt,
}

/// The bytes around an offset.
#[derive(Debug, PartialEq, Eq)]
struct Excerpt {
    before: Vec<u8>,
    after: Vec<u8>,
}

/// The first difference, if there is one.
pub(super) fn compare(
    old: &file_system_object::Contents,
    new: &file_system_object::Contents,
) -> io::Result<Option<Contents>> {
    let Some(offset) = first_difference(old, new)? else {
        return Ok(None);
    };
    Ok(Some(Contents {
        old_size: old.len(),
        new_size: new.len(),
        offset,
        old: excerpt(old, offset)?,
        new: excerpt(new, offset)?,
    }))
}

fn first_difference(
    old: &file_system_object::Contents,
    new: &file_system_object::Contents,
) -> io::Result<Option<u64>> {
    let (mut a, mut b) = (vec![0; BLOCK], vec![0; BLOCK]);
    let mut offset = 0;
    loop {
        let a = read(old, &mut a, offset)?;
        let b = read(new, &mut b, offset)?;
        if let Some(equal) = a.iter().zip(b).position(|(a, b)| a != b) {
            return Ok(Some(offset + equal as u64));
        }
        let common = a.len().min(b.len());
        offset += common as u64;
        if a.len() != b.len() {
            return Ok(Some(offset));
        }
        if common == 0 {
            return Ok(None);
        }
    }
}

/// Fills the buffer, or reads to the end.
fn read<'b>(
    contents: &file_system_object::Contents,
    buffer: &'b mut [u8],
    offset: u64,
) -> io::Result<&'b [u8]> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match contents.read_at(rest, offset + filled as u64)? {
            0 => break,
            n => filled += n,
        }
    }
    Ok(buffer.get(..filled).unwrap_or_default())
}

fn excerpt(contents: &file_system_object::Contents, offset: u64) -> io::Result<Excerpt> {
    let start = offset.saturating_sub(AROUND as u64);
    let split = usize::try_from(offset - start).unwrap_or(AROUND);
    let mut buffer = vec![0; split + AROUND];
    let bytes = read(contents, &mut buffer, start)?;
    let (before, after) = bytes.split_at_checked(split).unwrap_or((bytes, &[]));
    Ok(Excerpt {
        before: before.to_vec(),
        after: after.to_vec(),
    })
}

impl Excerpt {
    /// The line that the difference is in, cut to what was read; `None` if it is no text.
    fn line(&self) -> Option<String> {
        let start = self
            .before
            .iter()
            .rposition(|&b| b == b'\n')
            .map_or(0, |at| at + 1);
        let end = self
            .after
            .iter()
            .position(|&b| b == b'\n')
            .unwrap_or(self.after.len());
        let line = [self.before.get(start..)?, self.after.get(..end)?].concat();
        // The ends may have cut a character in two; that makes it no less a text.
        let cut = |chunk: &[u8]| chunk.len() > 3;
        let mut chunks = line.utf8_chunks().peekable();
        let mut text = String::new();
        while let Some(chunk) = chunks.next() {
            if chunk.valid().chars().any(|c| c.is_control() && c != '\t') {
                return None;
            }
            text.push_str(chunk.valid());
            let inside = !text.is_empty() && chunks.peek().is_some();
            if !chunk.invalid().is_empty() && (inside || cut(chunk.invalid())) {
                return None;
            }
        }
        let line_end = if end < self.after.len() { "\\n" } else { "" };
        Some(format!(
            "\"{}{line_end}\"",
            printable::name(text.as_bytes())
        ))
    }

    fn hex(&self) -> String {
        if self.after.is_empty() {
            return "(end of file)".to_owned();
        }
        let bytes: Vec<_> = self
            .after
            .iter()
            .take(HEX_BYTES)
            .map(|b| format!("{b:02x}"))
            .collect();
        bytes.join(" ")
    }
}

impl fmt::Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.old_size == self.new_size {
            write!(f, "both have {} bytes", self.old_size)?;
        } else {
            write!(f, "had {} bytes, now has {}", self.old_size, self.new_size)?;
        }
        let (old, new) = match (self.old.line(), self.new.line()) {
            (Some(old), Some(new)) if old != new => (old, new),
            _ => (self.old.hex(), self.new.hex()),
        };
        write!(
            f,
            "; they differ from byte {} on:\n    before: {old}\n    now:    {new}",
            self.offset
        )
    }
}
