//! Scripts as text: the normal and the unified format.
//!
//! Counterpart: diffutils' `normal.c`, `context.c`, `util.c`.

use super::lines::Text;
use super::script::Change;
use crate::shared::io;

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
    for change in changes {
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

/// The unified format with so many lines of context.
pub fn unified(texts: &[Text<'_>; 2], changes: &[Change], context: usize) {
    let [one, two] = texts;
    let mut rest = changes;
    while let Some(first) = rest.first() {
        // Changes with little between them share a hunk.
        let near = rest.windows(2).take_while(|pair| {
            let [left, right] = pair else { return false };
            right.from - (left.from + left.gone) <= context.saturating_mul(2)
        });
        let count = near.count() + 1;
        let (hunk, after) = rest.split_at(count);
        rest = after;
        let last = hunk.last().unwrap_or(first);
        let start = first.from.saturating_sub(context);
        let end = (last.from + last.gone)
            .saturating_add(context)
            .min(one.lines.len());
        let to_start = first.to - (first.from - start);
        let to_end = last.to + last.new + (end - (last.from + last.gone));
        let (left, right) = (
            unified_range(start, end - start),
            unified_range(to_start, to_end - to_start),
        );
        io::put(format!("@@ -{left} +{right} @@\n").as_bytes());
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
