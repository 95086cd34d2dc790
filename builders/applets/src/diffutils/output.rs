//! Scripts as text: the normal, the context, the unified, the RCS format, and that for `ed`.
//!
//! Counterpart: diffutils' `normal.c`, `context.c`, `util.c`.

use super::lines::Text;
use super::script::Change;
use crate::regex::{Cache, Regex};
use crate::shared::io;

/// How much is shown besides changes.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Lines of context.
    pub context: usize,
    /// Which lines are the heads of functions (`-p`, `-F`): the last before a hunk is shown.
    pub function: Option<Regex>,
}

/// Behind the mark of a hunk: the function that it begins in.
fn function(text: &Text<'_>, start: usize, heads: &Regex) {
    let mut cache = Cache::default();
    let mut head =
        |line: &&&[u8]| heads.is_match(&mut cache, line.strip_suffix(b"\n").unwrap_or(line));
    let before = text.lines.get(..start).unwrap_or_default();
    if let Some(line) = before.iter().rev().find(|line| head(line)) {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 11;
        let skipped = line.iter().take_while(|it| blank(it)).count();
        let line = line.get(skipped..).unwrap_or_default();
        let line = line.get(..40).unwrap_or(line);
        let end = line
            .iter()
            .rposition(|it| !blank(it))
            .map_or(0, |at| at + 1);
        io::put(b" ");
        io::put(line.get(..end).unwrap_or_default());
    }
}

/// Changes with little between them share a hunk.
fn hunks(changes: &[Change], context: usize) -> impl Iterator<Item = &[Change]> {
    let joined = move |left: &Change, right: &Change| {
        let between = right.from - (left.from + left.gone);
        if right.trivial {
            between < context
        } else {
            between <= context.saturating_mul(2)
        }
    };
    let counts = |hunk: &&[Change]| hunk.iter().any(|it| !it.trivial);
    changes.chunk_by(joined).filter(counts)
}

/// The lines of a hunk in both files: from, to, from, to.
fn extent(texts: &[Text<'_>; 2], hunk: &[Change], context: usize) -> [usize; 4] {
    let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else {
        return [0; 4];
    };
    let [one, _] = texts;
    let start = first.from.saturating_sub(context);
    let end = (last.from + last.gone)
        .saturating_add(context)
        .min(one.lines.len());
    let to_start = first.to - (first.from - start);
    let to_end = last.to + last.new + (end - (last.from + last.gone));
    [start, end, to_start, to_end]
}

fn line(mark: &[u8], line: &[u8]) {
    io::put(mark);
    io::put(line);
    if line.last() != Some(&b'\n') {
        io::put(b"\n\\ No newline at end of file\n");
    }
}

fn lines(text: &Text<'_>, mark: &[u8], from: usize, to: usize) {
    for found in text.lines.get(from..to).unwrap_or_default() {
        line(mark, found);
    }
}

/// First and last line, from 1; only the last if the range has at most one line.
fn range(from: usize, count: usize) -> String {
    if count > 1 {
        format!("{},{}", from + 1, from + count)
    } else {
        format!("{}", from + count)
    }
}

/// The normal format.
pub fn normal([one, two]: &[Text<'_>; 2], changes: &[Change]) {
    for change in changes.iter().filter(|it| !it.trivial) {
        let letter = match (change.gone, change.new) {
            (0, _) => 'a',
            (_, 0) => 'd',
            _ => 'c',
        };
        let (left, right) = (
            range(change.from, change.gone),
            range(change.to, change.new),
        );
        io::put(format!("{left}{letter}{right}\n").as_bytes());
        lines(one, b"< ", change.from, change.from + change.gone);
        if letter == 'c' {
            io::put(b"---\n");
        }
        lines(two, b"> ", change.to, change.to + change.new);
    }
}

fn unified_range(from: usize, count: usize) -> String {
    match count {
        0 => format!("{from},0"),
        1 => format!("{}", from + 1),
        _ => format!("{},{count}", from + 1),
    }
}

/// The unified format.
pub fn unified(texts: &[Text<'_>; 2], changes: &[Change], shown: &Shown) {
    let [one, two] = texts;
    for hunk in hunks(changes, shown.context) {
        let [start, end, to_start, to_end] = extent(texts, hunk, shown.context);
        let (left, right) = (
            unified_range(start, end - start),
            unified_range(to_start, to_end - to_start),
        );
        io::put(format!("@@ -{left} +{right} @@").as_bytes());
        if let Some(heads) = &shown.function {
            function(one, start, heads);
        }
        io::put(b"\n");
        let mut at = start;
        for change in hunk {
            lines(one, b" ", at, change.from);
            lines(one, b"-", change.from, change.from + change.gone);
            lines(two, b"+", change.to, change.to + change.new);
            at = change.from + change.gone;
        }
        lines(one, b" ", at, end);
    }
}

/// The context format.
pub fn context(texts: &[Text<'_>; 2], changes: &[Change], shown: &Shown) {
    let [one, two] = texts;
    for hunk in hunks(changes, shown.context) {
        let [start, end, to_start, to_end] = extent(texts, hunk, shown.context);
        io::put(b"***************");
        if let Some(heads) = &shown.function {
            function(one, start, heads);
        }
        io::put(format!("\n*** {} ****\n", range(start, end - start)).as_bytes());
        if hunk.iter().any(|change| change.gone > 0) {
            let mut at = start;
            for change in hunk {
                let mark: &[u8] = if change.new > 0 { b"! " } else { b"- " };
                lines(one, b"  ", at, change.from);
                at = change.from + change.gone;
                lines(one, mark, change.from, at);
            }
            lines(one, b"  ", at, end);
        }
        io::put(format!("--- {} ----\n", range(to_start, to_end - to_start)).as_bytes());
        if hunk.iter().any(|change| change.new > 0) {
            let mut at = to_start;
            for change in hunk {
                let mark: &[u8] = if change.gone > 0 { b"! " } else { b"+ " };
                lines(two, b"  ", at, change.to);
                at = change.to + change.new;
                lines(two, mark, change.to, at);
            }
            lines(two, b"  ", at, to_end);
        }
    }
}

/// The RCS format.
pub fn rcs([_, two]: &[Text<'_>; 2], changes: &[Change]) {
    for change in changes.iter().filter(|it| !it.trivial) {
        if change.gone > 0 {
            io::put(format!("d{} {}\n", change.from + 1, change.gone).as_bytes());
        }
        if change.new > 0 {
            let behind = change.from + change.gone;
            io::put(format!("a{behind} {}\n", change.new).as_bytes());
            let new = two.lines.get(change.to..change.to + change.new);
            for line in new.unwrap_or_default() {
                io::put(line);
            }
        }
    }
}

/// The script for `ed`: the last change first.
pub fn ed([_, two]: &[Text<'_>; 2], changes: &[Change]) {
    for change in changes.iter().rev().filter(|it| !it.trivial) {
        let letter = match (change.gone, change.new) {
            (0, _) => 'a',
            (_, 0) => 'd',
            _ => 'c',
        };
        let left = range(change.from, change.gone);
        io::put(format!("{left}{letter}\n").as_bytes());
        if change.new == 0 {
            continue;
        }
        let mut inserting = true;
        let new = two.lines.get(change.to..change.to + change.new);
        for line in new.unwrap_or_default() {
            if !std::mem::replace(&mut inserting, true) {
                io::put(b"a\n");
            }
            if line.starts_with(b".\n") {
                // A dot alone would end the text.
                io::put(b"..\n.\ns/.//\n");
                inserting = false;
            } else {
                io::put(line);
                if !line.ends_with(b"\n") {
                    io::put(b"\n");
                }
            }
        }
        if inserting {
            io::put(b".\n");
        }
    }
}
