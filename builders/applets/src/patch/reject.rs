//! Hunks that did not fit, as a file of their own.
//!
//! Counterpart: GNU patch's `patch.c`, `abort_hunk_unified`.

use super::header::{FilePatch, Format};
use super::hunks::Hunk;
use super::names::stripped;
use crate::shared::program;

/// Appends a hunk, after the names if it is the first.
pub fn add(
    patch: &FilePatch,
    hunk: &Hunk,
    strip: Option<usize>,
    reverse: bool,
    growth: i64,
    out: &mut Vec<u8>,
) {
    if patch.format != Format::Unified {
        program::refuse("rejected changes in another format than the unified one");
    }
    if out.is_empty() {
        let sides = if reverse { [1, 0] } else { [0, 1] };
        for (mark, side) in ["---", "+++"].into_iter().zip(sides) {
            let name = patch.names.get(side).cloned().flatten();
            let name = match name {
                Some(name) => stripped(&name, strip).unwrap_or_default(),
                None => "/dev/null".into(),
            };
            out.extend_from_slice(mark.as_bytes());
            out.push(b' ');
            out.extend_from_slice(&name);
            let time = patch.times.get(side);
            out.extend_from_slice(time.map_or(b"", |it| it.as_slice()));
            out.push(b'\n');
        }
    }
    let old = hunk.old().count() as i64;
    let new = hunk.new_lines() as i64;
    let head = format!(
        "@@ -{} +{} @@",
        range(hunk.start + growth, old),
        range(hunk.new_start + growth, new)
    );
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(&hunk.function);
    out.push(b'\n');
    // A line without a newline stays so: patch 2.7 does not mark it.
    for line in &hunk.lines {
        out.push(line.mark);
        out.extend_from_slice(&line.text);
    }
}

fn range(start: i64, count: i64) -> String {
    match count {
        0 => format!("{},0", start - 1),
        1 => format!("{start}"),
        _ => format!("{start},{count}"),
    }
}
