//! Hunks that did not fit, as a file of their own.
//!
//! Counterpart: GNU patch's `patch.c`, `abort_hunk_unified` and `abort_hunk_context`.

use super::header::{FilePatch, Format};
use super::hunks::Hunk;
use super::names::stripped;

/// Appends a hunk, after the names if it is the first.
pub fn add(
    patch: &FilePatch,
    hunk: &Hunk,
    strip: Option<usize>,
    reverse: bool,
    growth: i64,
    out: &mut Vec<u8>,
) {
    if out.is_empty() {
        let sides = if reverse { [1, 0] } else { [0, 1] };
        let marks = match patch.format {
            Format::Unified => ["---", "+++"],
            _ => ["***", "---"],
        };
        for (mark, side) in marks.into_iter().zip(sides) {
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
    if patch.format != Format::Unified {
        context(patch, hunk, growth, out);
        return;
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

/// A hunk in the context format, which those of the normal format get too.
fn context(patch: &FilePatch, hunk: &Hunk, growth: i64, out: &mut Vec<u8>) {
    let (stars, dashes) = match patch.format {
        Format::Context => (" ****", " ----"),
        _ => ("", " -----"),
    };
    out.extend_from_slice(b"***************");
    out.extend_from_slice(&hunk.function);
    out.push(b'\n');
    let old = hunk.old().count() as i64;
    let new = hunk.new_lines() as i64;
    let halves = [
        ("***", stars, hunk.start, old, b'+'),
        ("---", dashes, hunk.new_start, new, b'-'),
    ];
    for (mark, end, start, count, other) in halves {
        let first = start + growth;
        let lines = match count {
            0 => "0".to_owned(),
            1 => format!("{first}"),
            _ => format!("{first},{}", first + count - 1),
        };
        out.extend_from_slice(format!("{mark} {lines}{end}\n").as_bytes());
        for line in hunk.lines.iter().filter(|it| it.mark != other) {
            out.extend([if line.bang { b'!' } else { line.mark }, b' ']);
            out.extend_from_slice(&line.text);
        }
    }
}
