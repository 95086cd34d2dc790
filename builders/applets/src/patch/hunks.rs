//! Reading unified differences.
//!
//! Counterpart: GNU patch's `pch.c`.

use bstr::{BString, ByteSlice};

/// A line of a hunk: its mark, and its text with the newline if it has one.
#[derive(Clone, Debug)]
pub struct Line {
    /// ` `, `-` or `+`.
    pub mark: u8,
    /// The text.
    pub text: BString,
}

/// A hunk.
#[derive(Clone, Debug)]
pub struct Hunk {
    /// First line of the old file, from 1; 0 if there is none.
    pub start: usize,
    /// First line of the new file, the same way.
    pub new_start: usize,
    /// Its lines.
    pub lines: Vec<Line>,
}

/// The changes of one file.
#[derive(Clone, Debug)]
pub struct FilePatch {
    /// The names of the old and the new file; none: `/dev/null`.
    pub names: [Option<BString>; 2],
    /// The mode that a new file gets.
    pub mode: Option<u32>,
    /// Its hunks.
    pub hunks: Vec<Hunk>,
}

type Result<T> = std::result::Result<T, String>;

/// Reads all files' changes.
pub fn parse(text: &[u8]) -> Result<Vec<FilePatch>> {
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let mut all = Vec::new();
    let mut mode = None;
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        for word in [
            "rename ",
            "copy ",
            "old mode ",
            "new mode ",
            "GIT binary patch",
        ] {
            if line.starts_with(word.as_bytes()) {
                return Err(format!("'{}' in a patch", word.trim_end()));
            }
        }
        if line.starts_with(b"*** ") || line.starts_with(b"Prereq:") || line.contains(&b'\r') {
            return Err("a patch that is not in the unified format".to_owned());
        }
        if let Some(found) = line.strip_prefix(b"new file mode ") {
            mode = Some(match found.trim_ascii() {
                b"100644" => 0o644,
                b"100755" => 0o755,
                _ => return Err("a new file that is no plain file".to_owned()),
            });
        }
        if line.starts_with(b"deleted file mode 120000") {
            return Err("a symbolic link in a patch".to_owned());
        }
        let next = lines.get(at + 1).copied().unwrap_or_default();
        let hunk = lines.get(at + 2).copied().unwrap_or_default();
        let starts = line.starts_with(b"--- ") && next.starts_with(b"+++ ");
        if !starts || !hunk.starts_with(b"@@ ") {
            at += 1;
            continue;
        }
        let names = [name(line)?, name(next)?];
        at += 2;
        let mut hunks = Vec::new();
        while lines.get(at).is_some_and(|line| line.starts_with(b"@@ ")) {
            hunks.push(hunk_at(&lines, &mut at)?);
        }
        all.push(FilePatch {
            names,
            mode: mode.take(),
            hunks,
        });
    }
    if all.is_empty() {
        return Err("a patch without changes".to_owned());
    }
    Ok(all)
}

fn name(line: &[u8]) -> Result<Option<BString>> {
    let rest = line
        .get(4..)
        .unwrap_or_default()
        .trim_end_with(|it| it == '\n');
    if rest.starts_with(b"\"") {
        return Err("a name in quotes".to_owned());
    }
    let (name, time) = match rest.split_once_str("\t") {
        Some((name, time)) => (name, time),
        None => (rest, &b""[..]),
    };
    if time.is_empty() && name.contains(&b' ') {
        return Err("a name with a blank".to_owned());
    }
    // What did not exist has the first of all times.
    let epoch = time.starts_with(b"1970-01-01") || time.starts_with(b"1969-12-31");
    if epoch {
        return Err("a file's time of 1970".to_owned());
    }
    Ok((name != b"/dev/null").then(|| name.into()))
}

fn range(text: &[u8]) -> Option<(usize, usize)> {
    let text = std::str::from_utf8(text).ok()?;
    match text.split_once(',') {
        Some((start, count)) => Some((start.parse().ok()?, count.parse().ok()?)),
        None => Some((text.parse().ok()?, 1)),
    }
}

fn hunk_at(lines: &[&[u8]], at: &mut usize) -> Result<Hunk> {
    let head = lines.get(*at).copied().unwrap_or_default();
    let wrong = || format!("the hunk '{}'", head.trim_ascii_end().as_bstr());
    let mut words = head.split_str(" ").skip(1);
    let old = words.next().and_then(|it| range(it.strip_prefix(b"-")?));
    let new = words.next().and_then(|it| range(it.strip_prefix(b"+")?));
    let (Some((start, mut old)), Some((new_start, mut new))) = (old, new) else {
        return Err(wrong());
    };
    *at += 1;
    let mut found: Vec<Line> = Vec::new();
    loop {
        let line = lines.get(*at).copied().unwrap_or_default();
        if line.starts_with(b"\\") {
            let last = found.last_mut().ok_or_else(wrong)?;
            if last.text.last() == Some(&b'\n') {
                last.text.pop();
            }
            *at += 1;
            continue;
        }
        if old == 0 && new == 0 {
            break;
        }
        let (mark, text) = line.split_first().ok_or_else(wrong)?;
        if !line.ends_with(b"\n") {
            return Err(wrong());
        }
        let count = |left: &mut usize| match left.checked_sub(1) {
            Some(less) => {
                *left = less;
                Ok(())
            }
            None => Err(wrong()),
        };
        match mark {
            b' ' => {
                count(&mut old)?;
                count(&mut new)?;
            }
            b'-' => count(&mut old)?,
            b'+' => count(&mut new)?,
            _ => return Err(wrong()),
        }
        found.push(Line {
            mark: *mark,
            text: text.into(),
        });
        *at += 1;
    }
    Ok(Hunk {
        start,
        new_start,
        lines: found,
    })
}
