//! The lines of two files as numbers: equal numbers are equal lines.
//!
//! Counterpart: diffutils' `io.c` (`find_identical_ends`, `find_and_hash_each_line`).

use std::collections::BTreeMap;
use std::ops::Range;

/// What makes lines equal.
#[derive(Clone, Copy, Debug, Default)]
pub struct Equality {
    /// `-i`.
    pub ignore_case: bool,
    /// `-b`: amounts of white space.
    pub space_change: bool,
    /// `-w`: white space.
    pub all_space: bool,
    /// `-Z`: white space at the end.
    pub trailing_space: bool,
}

/// A file in lines.
#[derive(Debug)]
pub struct Text<'a> {
    /// Each line, with its newline if it has one.
    pub lines: Vec<&'a [u8]>,
    /// Those lines that are compared: what is between equal ends.
    pub middle: Range<usize>,
    /// A number for each line of the middle.
    pub classes: Vec<usize>,
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

impl Equality {
    fn ignores_end(self) -> bool {
        self.space_change || self.all_space || self.trailing_space
    }

    /// The line such that equal lines are the same bytes.
    fn normal(self, line: &[u8]) -> Vec<u8> {
        let (body, newline) = match line.split_last() {
            Some((b'\n', body)) => (body, true),
            _ => (line, false),
        };
        let mut out = Vec::with_capacity(line.len() + 1);
        if self.all_space {
            out.extend(body.iter().filter(|it| !is_space(**it)));
        } else if self.space_change {
            let end = body
                .iter()
                .rposition(|it| !is_space(*it))
                .map_or(0, |at| at + 1);
            let mut blank = false;
            for byte in body.get(..end).unwrap_or_default() {
                if is_space(*byte) {
                    blank = true;
                    continue;
                }
                if std::mem::take(&mut blank) {
                    out.push(b' ');
                }
                out.push(*byte);
            }
        } else if self.trailing_space {
            let end = body
                .iter()
                .rposition(|it| !is_space(*it))
                .map_or(0, |at| at + 1);
            out.extend_from_slice(body.get(..end).unwrap_or_default());
        } else {
            out.extend_from_slice(body);
        }
        if self.ignore_case {
            out.make_ascii_lowercase();
        }
        // An incomplete line equals no complete one, unless white space at the end does not count.
        if newline || self.ignores_end() {
            out.push(b'\n');
        }
        out
    }
}

/// Splits two files and numbers their lines. `context` lines of the equal ends are kept.
pub fn split<'a>(
    one: &'a [u8],
    two: &'a [u8],
    equality: Equality,
    context: usize,
) -> [Text<'a>; 2] {
    let lines = [one, two].map(|text| {
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        lines.collect::<Vec<&[u8]>>()
    });
    let [first, second] = &lines;
    let shorter = first.len().min(second.len());
    let same = first.iter().zip(second).take_while(|(a, b)| a == b).count();
    let (prefix, suffix) = if same == first.len() && same == second.len() {
        (same, 0)
    } else {
        // The end is looked for in what the start leaves with its context.
        let rest = shorter - same.saturating_sub(context);
        let pairs = first.iter().rev().zip(second.iter().rev());
        let tail = pairs.take(rest).take_while(|(a, b)| a == b).count();
        (same.saturating_sub(context), tail.saturating_sub(context))
    };
    let mut numbers: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    lines.map(|lines| {
        let middle = prefix..lines.len() - suffix;
        let classes = lines
            .get(middle.clone())
            .unwrap_or_default()
            .iter()
            .map(|line| {
                let next = numbers.len();
                *numbers.entry(equality.normal(line)).or_insert(next)
            })
            .collect();
        Text {
            lines,
            middle,
            classes,
        }
    })
}
