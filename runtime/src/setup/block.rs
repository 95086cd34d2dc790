//! Our lines in a file that is somebody else's, between two marks.
//!
//! Contract: pure. [`put`] and [`remove`] are inverse, byte by byte, whatever the file holds, also if its
//! last line has no end: the first mark says so.

use std::ops::RangeInclusive;

/// The first mark.
const BEGIN: &str =
    "# begin wasibuild: `wasibuild setup --undo` removes what stands until the end mark";
/// What the first mark says if the line before it had no end.
const JOINED: &str = " (and this line's beginning)";
/// The last mark.
const END: &str = "# end wasibuild";

/// Where the marks are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The bytes, with both marks.
    bytes: std::ops::Range<usize>,
    /// Whether the end of the line before is ours.
    joined: bool,
    /// The lines between the marks, from 1.
    pub lines: RangeInclusive<usize>,
    /// What stands between the marks.
    pub text: Vec<u8>,
}

/// Our lines in a file, if there are any.
pub fn find(file: &[u8]) -> Option<Found> {
    let mut start = None;
    let mut offset = 0;
    for (number, line) in file.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let bare = line.strip_suffix(b"\n").unwrap_or(line);
        if bare.starts_with(BEGIN.as_bytes()) && start.is_none() {
            let joined = bare.ends_with(JOINED.as_bytes());
            start = Some((offset, offset + line.len(), number + 2, joined));
        } else if bare == END.as_bytes()
            && let Some((from, inner, first, joined)) = start
        {
            return Some(Found {
                bytes: from..offset + line.len(),
                joined,
                lines: first..=number,
                text: file.get(inner..offset).unwrap_or_default().to_vec(),
            });
        }
        offset += line.len();
    }
    None
}

/// The file with these lines at its end, in place of those that were there.
pub fn put(file: &[u8], lines: &[String]) -> Vec<u8> {
    let mut out = remove(file);
    let joined = out.last().is_some_and(|&byte| byte != b'\n');
    if joined {
        out.push(b'\n');
    }
    out.extend_from_slice(BEGIN.as_bytes());
    if joined {
        out.extend_from_slice(JOINED.as_bytes());
    }
    out.push(b'\n');
    for line in lines {
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(END.as_bytes());
    out.push(b'\n');
    out
}

/// The file without our lines.
pub fn remove(file: &[u8]) -> Vec<u8> {
    let Some(found) = find(file) else {
        return file.to_vec();
    };
    let mut before = file.get(..found.bytes.start).unwrap_or_default();
    let after = file.get(found.bytes.end..).unwrap_or_default();
    // What somebody wrote behind our lines needs a line of its own.
    if found.joined && after.is_empty() {
        before = before.strip_suffix(b"\n").unwrap_or(before);
    }
    [before, after].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_put_at_the_end_and_replaced() {
        let one = put(b"a = b", &["c = d".to_owned()]);
        let text = String::from_utf8(one.clone()).expect("text");
        assert!(text.starts_with("a = b\n# begin wasibuild"), "{text}");
        assert!(text.ends_with("\nc = d\n# end wasibuild\n"), "{text}");
        let found = find(&one).expect("found");
        assert_eq!(
            (found.lines, found.text.as_slice()),
            (3..=3, &b"c = d\n"[..])
        );
        assert_eq!(put(&one, &["c = d".to_owned()]), one);
        let two = put(&one, &["e = f".to_owned()]);
        assert!(!String::from_utf8_lossy(&two).contains("c = d"));
        assert_eq!(remove(&two), b"a = b");
        // What somebody wrote behind it stays.
        let more = [one.as_slice(), b"more = x\n"].concat();
        assert_eq!(remove(&more), b"a = b\nmore = x\n");
        assert_eq!(find(b"# begin wasibuild: `wasibuild setup --undo` removes what stands until the end mark\n"), None);
    }

    proptest! {
        #[test]
        fn every_byte_comes_back(file in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..60), line in "[ -~]{0,20}") {
            let put = put(&file, &[line]);
            prop_assert_eq!(remove(&put), file);
        }
    }
}
