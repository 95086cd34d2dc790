//! Tar archives, as far as packages of kernels use them: files and directories.
//!
//! Contract: reads ustar with GNU's long names and POSIX's `path` records (pax); takes the content of
//! one entry at a time, and skips what the caller does not want. Links and devices are skipped.

use std::io::{self, Read};

const BLOCK: usize = 512;
/// The longest name, and the longest record of attributes, in bytes.
const MAX_NAME: u64 = 64 << 10;

/// Calls `each` with the path and the content of every regular file.
///
/// # Errors
/// When the archive is damaged, or `each` fails.
pub fn files(
    mut source: impl Read,
    mut each: impl FnMut(&[u8], &mut dyn Read) -> io::Result<()>,
) -> io::Result<()> {
    let mut long_name: Option<Vec<u8>> = None;
    loop {
        let mut header = [0; BLOCK];
        if !fill(&mut source, &mut header)? || header.iter().all(|&byte| byte == 0) {
            return Ok(());
        }
        let size = number(field(&header, 124, 12))?;
        let kind = header.get(156).copied().unwrap_or(0);
        let mut content = source.by_ref().take(size);
        match kind {
            b'L' | b'x' => {
                if size > MAX_NAME {
                    return Err(damaged("a name that is too long"));
                }
                let mut bytes = Vec::new();
                content.read_to_end(&mut bytes)?;
                let name = if kind == b'L' {
                    bytes.split(|&byte| byte == 0).next().map(<[u8]>::to_vec)
                } else {
                    pax_path(&bytes)
                };
                long_name = name.or(long_name);
            }
            b'0' | 0 => {
                let name = long_name.take().unwrap_or_else(|| short_name(&header));
                each(&name, &mut content)?;
                io::copy(&mut content, &mut io::sink())?;
            }
            _ => {
                long_name = None;
                io::copy(&mut content, &mut io::sink())?;
            }
        }
        if content.limit() > 0 {
            return Err(damaged("it ends inside a file"));
        }
        let padding = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
        io::copy(&mut source.by_ref().take(padding), &mut io::sink())?;
    }
}

fn damaged(problem: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("the tar archive is damaged: {problem}"),
    )
}

/// Whether a whole block came; false at the end.
fn fill(source: &mut impl Read, block: &mut [u8; BLOCK]) -> io::Result<bool> {
    let mut bytes = Vec::with_capacity(BLOCK);
    source.by_ref().take(BLOCK as u64).read_to_end(&mut bytes)?;
    match <[u8; BLOCK]>::try_from(bytes.as_slice()) {
        Ok(whole) => {
            *block = whole;
            Ok(true)
        }
        Err(_) if bytes.is_empty() => Ok(false),
        Err(_) => Err(damaged("it ends inside a header")),
    }
}

fn field(header: &[u8; BLOCK], start: usize, length: usize) -> &[u8] {
    let bytes = header.get(start..start + length).unwrap_or_default();
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}

fn short_name(header: &[u8; BLOCK]) -> Vec<u8> {
    let (name, prefix) = (field(header, 0, 100), field(header, 345, 155));
    if prefix.is_empty() || field(header, 257, 5) != b"ustar" {
        return name.to_vec();
    }
    [prefix, b"/", name].concat()
}

fn number(octal: &[u8]) -> io::Result<u64> {
    let text = std::str::from_utf8(octal).unwrap_or_default().trim();
    u64::from_str_radix(text, 8).map_err(|_| damaged("a size that is no number"))
}

/// The value of the record `path`: each is `LENGTH KEY=VALUE\n`.
fn pax_path(mut records: &[u8]) -> Option<Vec<u8>> {
    while let Some(space) = records.iter().position(|&byte| byte == b' ') {
        let length: usize = std::str::from_utf8(records.get(..space)?)
            .ok()?
            .parse()
            .ok()?;
        let record = records.get(space + 1..length)?;
        if let Some(path) = record.strip_prefix(b"path=") {
            return Some(path.strip_suffix(b"\n").unwrap_or(path).to_vec());
        }
        records = records.get(length..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn archive(entries: &[(&str, u8, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, kind, content) in entries {
            let mut header = [0_u8; BLOCK];
            header[..name.len()].copy_from_slice(name.as_bytes());
            header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
            header[156] = *kind;
            header[257..262].copy_from_slice(b"ustar");
            out.extend_from_slice(&header);
            out.extend_from_slice(content);
            out.resize(out.len().next_multiple_of(BLOCK), 0);
        }
        out.resize(out.len() + 2 * BLOCK, 0);
        out
    }

    fn list(archive: &[u8]) -> io::Result<Vec<(String, Vec<u8>)>> {
        let mut found = Vec::new();
        files(archive, |name, content| {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes)?;
            found.push((String::from_utf8_lossy(name).into_owned(), bytes));
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn names_of_all_kinds() {
        let found = list(&archive(&[
            ("./a", b'0', b"one"),
            ("dir", b'5', b""),
            ("x", b'L', b"a/long/name\0"),
            ("short", b'0', b"two"),
            ("x", b'x', b"17 path=also/long\n"),
            ("short", b'0', b""),
        ]));
        let expected = [("./a", "one"), ("a/long/name", "two"), ("also/long", "")]
            .map(|(name, content)| (name.to_owned(), content.as_bytes().to_vec()));
        assert_eq!(found.expect("an archive"), expected);
    }

    #[test]
    fn a_cut_archive_is_an_error() {
        let whole = archive(&[("a", b'0', &[7; 1000])]);
        for cut in [100, 512, 600, 1400] {
            assert!(list(&whole[..cut]).is_err(), "{cut}");
        }
    }

    proptest! {
        #[test]
        fn bytes_of_a_stranger_do_no_harm(mut bytes in proptest::collection::vec(any::<u8>(), 0..2000), kind in any::<u8>()) {
            let _ = list(&bytes);
            if bytes.len() > 512 {
                bytes[124..136].copy_from_slice(b"00000000100\0");
                bytes[156] = kind;
                let _ = list(&bytes);
            }
        }
    }
}
