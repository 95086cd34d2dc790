//! How tar shows names: C's escapes for what cannot be printed.
//!
//! Counterpart: gnulib's `quotearg`, style `escape`, in the C locale.

/// A name as it stands in lists.
pub fn escaped(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    for byte in name {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x20..0x7f => out.push(*byte),
            0x07..=0x0d => {
                let letter = b"abtnvfr".get(usize::from(byte - 7));
                out.extend([b'\\', letter.copied().unwrap_or(b'?')]);
            }
            _ => out.extend_from_slice(format!("\\{byte:03o}").as_bytes()),
        }
    }
    out
}
