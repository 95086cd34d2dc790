//! What stands before the hunks: names, times, and git's lines.
//!
//! Counterpart: GNU patch's `pch.c`, `intuit_diff_type`, and `util.c`, `fetchname`.

use super::hunks::{Hunk, Reader};
use crate::coreutils::date;
use bstr::{BString, ByteSlice};

/// The format of the hunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Format {
    Unified,
    Context,
    Normal,
    /// Only git's lines.
    Nothing,
}

/// How a patch says that a file is not there: not at all, it is empty, it is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Absent {
    No,
    Empty,
    Missing,
}

/// The changes of one file.
#[derive(Clone, Debug)]
pub struct FilePatch {
    /// The names of the old and the new file as the patch has them; none for `/dev/null`.
    pub names: [Option<BString>; 2],
    /// What stands behind the names: a tab and a time.
    pub times: [BString; 2],
    pub index: Option<BString>,
    pub absent: [Absent; 2],
    /// Modes that git's lines tell.
    pub modes: [Option<u32>; 2],
    pub rename: bool,
    pub format: Format,
    pub hunks: Vec<Hunk>,
}

type Result<T> = std::result::Result<T, String>;

#[derive(Default)]
struct Git {
    names: [Option<BString>; 2],
    modes: [Option<u32>; 2],
    absent: [Option<Absent>; 2],
    renames: [Option<BString>; 2],
    extended: bool,
}

/// Reads all files' changes.
pub fn parse(text: &[u8]) -> Result<Vec<FilePatch>> {
    let mut reader = Reader::new(text);
    let mut all = Vec::new();
    let mut git: Option<Git> = None;
    let mut index = None;
    while !reader.is_done() {
        let line = reader.peek(0);
        if line.starts_with(b"diff --git ") {
            if let Some(git) = git.take().filter(|it| it.extended) {
                all.push(only_git(git)?);
            }
            git = Some(Git {
                names: git_names(line)?,
                ..Git::default()
            });
            reader.at += 1;
            continue;
        }
        if let Some(git) = &mut git
            && git_line(line, git)?
        {
            reader.at += 1;
            continue;
        }
        if line.starts_with(b"Prereq:") {
            return Err("a patch with a prerequisite".to_owned());
        }
        if let Some(rest) = line.strip_prefix(b"Index:") {
            let (name, _) = name_and_time(rest.trim_ascii_start())?;
            index = Some(name);
        }
        let next = reader.peek(1);
        let unified = line.starts_with(b"--- ")
            && next.starts_with(b"+++ ")
            && reader.peek(2).starts_with(b"@@ -");
        let context = line.starts_with(b"*** ")
            && next.starts_with(b"--- ")
            && reader.peek(2).starts_with(b"***************");
        if unified || context {
            if [line, next, reader.peek(2)]
                .iter()
                .any(|it| it.ends_with(b"\r\n"))
            {
                return Err("a patch whose lines end in CR".to_owned());
            }
            let found = named(&mut reader, unified, git.take(), index.take())?;
            all.push(found);
            continue;
        }
        if line.starts_with(b"@@ -") || line.starts_with(b"***************\n") {
            return Err("hunks without names".to_owned());
        }
        if reader.is_normal()
            && reader
                .peek(1)
                .starts_with(if line.contains(&b'a') { b"> " } else { b"< " })
        {
            let mut hunks = Vec::new();
            while reader.is_normal() {
                hunks.push(reader.normal()?);
            }
            all.push(FilePatch {
                names: [None, None],
                times: [BString::default(), BString::default()],
                index: index.take(),
                absent: [Absent::No; 2],
                modes: [None; 2],
                rename: false,
                format: Format::Normal,
                hunks,
            });
            continue;
        }
        let blank = line
            .first()
            .is_some_and(|it| matches!(it, b' ' | b'\t' | b'X'));
        let inner = line.trim_ascii_start();
        if blank && (inner.starts_with(b"@@ -") || inner.starts_with(b"***************")) {
            return Err("a patch that is indented".to_owned());
        }
        let ed = line.trim_ascii_end();
        if ed.last().is_some_and(|it| b"acd".contains(it))
            && ed.first().is_some_and(u8::is_ascii_digit)
            && ed
                .iter()
                .all(|it| it.is_ascii_digit() || b",acd".contains(it))
        {
            return Err("a script for ed, or a broken hunk".to_owned());
        }
        reader.at += 1;
    }
    if let Some(git) = git.take().filter(|it| it.extended) {
        all.push(only_git(git)?);
    }
    Ok(all)
}

/// Changes without hunks.
fn only_git(git: Git) -> Result<FilePatch> {
    let absent = git.absent.map(|it| it.unwrap_or(Absent::No));
    let rename = git.renames.iter().all(Option::is_some);
    Ok(FilePatch {
        names: if rename { git.renames } else { git.names },
        times: [BString::default(), BString::default()],
        index: None,
        absent,
        modes: git.modes,
        rename,
        format: Format::Nothing,
        hunks: Vec::new(),
    })
}

fn named(
    reader: &mut Reader<'_>,
    unified: bool,
    git: Option<Git>,
    index: Option<BString>,
) -> Result<FilePatch> {
    let mut names = [None, None];
    let mut times = [BString::default(), BString::default()];
    let mut epochs = [false; 2];
    for side in 0..2 {
        let rest = reader.peek(side).get(4..).unwrap_or_default();
        let (name, time) = name_and_time(rest)?;
        let null = name == "/dev/null";
        if let (Some(to), Some(epoch)) = (names.get_mut(side), epochs.get_mut(side)) {
            *epoch = null || is_epoch(&time)?;
            *to = (!null).then_some(name);
        }
        if let Some(to) = times.get_mut(side) {
            *to = time;
        }
    }
    reader.at += 2;
    let mut hunks = Vec::new();
    loop {
        let line = reader.peek(0);
        if unified && line.starts_with(b"@@ -") {
            hunks.push(reader.unified()?);
        } else if !unified && line.starts_with(b"***************") {
            hunks.push(reader.context()?);
        } else {
            break;
        }
    }
    let mut absent = [Absent::No; 2];
    if let Some(first) = hunks.first() {
        // A first hunk of line 0 tells that there is nothing.
        let empty = [
            first.old().next().is_none() && first.start == 1,
            first.new_lines() == 0 && first.new_start == 1,
        ];
        for side in 0..2 {
            if empty[side] {
                absent[side] = if epochs[side] {
                    Absent::Missing
                } else {
                    Absent::Empty
                };
            }
        }
    }
    let mut modes = [None; 2];
    let mut rename = false;
    if let Some(git) = git {
        for (to, from) in absent.iter_mut().zip(git.absent) {
            if let Some(from) = from {
                *to = from.max(*to);
            }
        }
        modes = git.modes;
        rename = git.renames.iter().all(Option::is_some);
        if rename {
            names = git.renames;
        }
    }
    Ok(FilePatch {
        names,
        times,
        index,
        absent,
        modes,
        rename,
        format: if unified {
            Format::Unified
        } else {
            Format::Context
        },
        hunks,
    })
}

/// The name, and what is behind it.
fn name_and_time(rest: &[u8]) -> Result<(BString, BString)> {
    let rest = rest.strip_suffix(b"\n").unwrap_or(rest);
    let rest = rest.trim_ascii_start();
    if rest.starts_with(b"\"") {
        return Err("a name in quotes".to_owned());
    }
    let space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 11;
    // Blanks belong to a name only where a tab ends it.
    let end = match rest.find_byte(b'\t') {
        Some(tab) => {
            let head = rest.get(..tab).unwrap_or_default();
            head.iter()
                .rposition(|it| !space(it))
                .map_or(0, |at| at + 1)
        }
        None => rest.iter().position(space).unwrap_or(rest.len()),
    };
    let (name, behind) = rest.split_at(end);
    Ok((name.into(), behind.into()))
}

/// Is a time that of a file that is not there: about 1970?
fn is_epoch(text: &[u8]) -> Result<bool> {
    let text = text.trim_ascii();
    if text.is_empty() {
        return Ok(false);
    }
    match date::parse_date(text, date::now()) {
        Ok((seconds, _)) => Ok(-25 * 3600 < seconds && seconds < 26 * 3600),
        Err(date::Bad::Invalid) => Ok(false),
        // Whatever it is: without these years it is not about 1970.
        Err(date::Bad::Beyond) => {
            if [&b"1969"[..], b"1970", b"69", b"70"]
                .iter()
                .any(|it| text.contains_str(it))
            {
                return Err("a time in a patch that is strange".to_owned());
            }
            Ok(false)
        }
    }
}

/// The two names of `diff --git a/x b/x`.
fn git_names(line: &[u8]) -> Result<[Option<BString>; 2]> {
    let rest = line.get(11..).unwrap_or_default().trim_ascii_end();
    if rest.contains(&b'"') {
        return Err("a name in quotes".to_owned());
    }
    let words: Vec<&[u8]> = rest.split_str(" ").collect();
    match words.as_slice() {
        [old, new] => Ok([Some((*old).into()), Some((*new).into())]),
        // Names with blanks: both are the same but for their first letter.
        _ => Ok([None, None]),
    }
}

fn mode(text: &[u8]) -> Result<Option<u32>> {
    match text.trim_ascii() {
        b"100644" => Ok(Some(0o644)),
        b"100755" => Ok(Some(0o755)),
        other => Err(format!("the mode '{}' in a patch", other.as_bstr())),
    }
}

/// What a hash of a file's content tells.
fn absent_by_hash(hash: &[u8]) -> Absent {
    const EMPTY: &[u8] = b"e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";
    if hash.iter().all(|it| *it == b'0') {
        Absent::Missing
    } else if EMPTY.starts_with(hash) {
        Absent::Empty
    } else {
        Absent::No
    }
}

/// One of git's lines?
fn git_line(line: &[u8], git: &mut Git) -> Result<bool> {
    let line = line.trim_ascii_end();
    if let Some(rest) = line.strip_prefix(b"index ") {
        let Some((old, rest)) = rest.split_once_str("..") else {
            return Ok(false);
        };
        let (new, behind) = rest.split_once_str(" ").unwrap_or((rest, b""));
        git.absent = [Some(absent_by_hash(old)), Some(absent_by_hash(new))];
        if !behind.is_empty() {
            git.modes = [mode(behind)?; 2];
        }
    } else if let Some(rest) = line.strip_prefix(b"old mode ") {
        git.modes[0] = mode(rest)?;
    } else if let Some(rest) = line.strip_prefix(b"new mode ") {
        git.modes[1] = mode(rest)?;
    } else if let Some(rest) = line.strip_prefix(b"deleted file mode ") {
        git.modes[0] = mode(rest)?;
        git.absent[1] = Some(Absent::Missing);
    } else if let Some(rest) = line.strip_prefix(b"new file mode ") {
        git.modes[1] = mode(rest)?;
        git.absent[0] = Some(Absent::Missing);
    } else if let Some(rest) = line.strip_prefix(b"rename from ") {
        git.renames[0] = Some([b"a/", rest].concat().into());
    } else if let Some(rest) = line.strip_prefix(b"rename to ") {
        git.renames[1] = Some([b"b/", rest].concat().into());
    } else if line.starts_with(b"copy from ") || line.starts_with(b"copy to ") {
        return Err("a file that a patch copies".to_owned());
    } else if line.starts_with(b"GIT binary patch") {
        return Err("a binary patch".to_owned());
    } else if line.starts_with(b"similarity index ") || line.starts_with(b"dissimilarity index ") {
        return Ok(true);
    } else {
        return Ok(false);
    }
    git.extended = true;
    Ok(true)
}
