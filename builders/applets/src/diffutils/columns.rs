//! `-y`: both files side by side.
//!
//! Counterpart: diffutils' `side.c`. Control characters but for tabs, and bytes beyond ASCII, are
//! refused: how wide they are depends on the terminal.

use super::lines::Text;
use super::script::Change;
use crate::shared::{io, program};

/// How the columns are.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// `-W`: the whole width.
    pub width: usize,
    /// `-t`: blanks instead of tabs.
    pub expand: bool,
    /// `--left-column`: common lines only on the left.
    pub left: bool,
    /// `--suppress-common-lines`.
    pub suppress: bool,
}

const TAB: usize = 8;
/// The least room between the columns.
const GUTTER: usize = 3;

struct Columns {
    layout: Layout,
    /// The width of a half, and where the second begins.
    half: usize,
    second: usize,
}

/// The line that stands for changes between common lines.
pub fn put(texts: &[Text<'_>; 2], changes: &[Change], layout: Layout) {
    let tab = if layout.expand { 1 } else { TAB };
    let with_gutter = tab + GUTTER;
    let width = layout.width;
    let offset = (width >> 1) + (with_gutter >> 1) + (width & with_gutter & 1);
    let offset = offset - offset % tab;
    let half = offset
        .saturating_sub(GUTTER)
        .min(width.saturating_sub(offset));
    let columns = Columns {
        layout,
        half,
        second: if half > 0 { offset } else { width },
    };
    let [one, two] = texts;
    let (mut i, mut j) = (0, 0);
    for change in changes.iter().filter(|it| !it.trivial) {
        columns.common(texts, [i, j], [change.from, change.to]);
        let (from, to) = (change.from + change.gone, change.to + change.new);
        (i, j) = (change.from, change.to);
        while i < from && j < to {
            columns.line(one.lines.get(i), b'|', two.lines.get(j));
            (i, j) = (i + 1, j + 1);
        }
        for line in two.lines.get(j..to).unwrap_or_default() {
            columns.line(None, b'>', Some(line));
        }
        for line in one.lines.get(i..from).unwrap_or_default() {
            columns.line(Some(line), b'<', None);
        }
        (i, j) = (from, to);
    }
    columns.common(texts, [i, j], [one.lines.len(), two.lines.len()]);
}

impl Columns {
    fn common(&self, [one, two]: &[Text<'_>; 2], from: [usize; 2], to: [usize; 2]) {
        if self.layout.suppress {
            return;
        }
        let left = one.lines.get(from[0]..to[0]).unwrap_or_default();
        let right = two.lines.get(from[1]..to[1]).unwrap_or_default();
        let both = if self.layout.left {
            0
        } else {
            left.len().min(right.len())
        };
        for (left, right) in left.iter().zip(right).take(both) {
            self.line(Some(left), b' ', Some(right));
        }
        if !self.layout.left {
            for line in right.get(both..).unwrap_or_default() {
                self.line(None, b')', Some(line));
            }
        }
        for line in left.get(both..).unwrap_or_default() {
            self.line(Some(line), b'(', None);
        }
    }

    fn line(&self, left: Option<&&[u8]>, mark: u8, right: Option<&&[u8]>) {
        let ends = |line: Option<&&[u8]>| line.is_some_and(|it| it.ends_with(b"\n"));
        let mut column = 0;
        if let Some(left) = left {
            column = self.half_line(left, self.half);
        }
        if mark != b' ' {
            let middle = (self.half + self.second).saturating_sub(1) / 2;
            column = self.advance(column, middle) + 1;
            let mark = match mark {
                b'|' if ends(left) != ends(right) => {
                    if ends(left) {
                        b'/'
                    } else {
                        b'\\'
                    }
                }
                mark => mark,
            };
            io::put(&[mark]);
        }
        if let Some(right) = right
            && !right.starts_with(b"\n")
        {
            self.advance(column, self.second);
            self.half_line(right, self.half);
        }
        if ends(left) || ends(right) {
            io::put(b"\n");
        }
    }

    fn advance(&self, mut from: usize, to: usize) -> usize {
        if !self.layout.expand {
            let mut tab = from + TAB - from % TAB;
            while tab <= to {
                io::put(b"\t");
                from = tab;
                tab += TAB;
            }
        }
        io::put(&vec![b' '; to.saturating_sub(from)]);
        from.max(to)
    }

    /// What of a line fits; gives how far it goes.
    fn half_line(&self, line: &[u8], bound: usize) -> usize {
        let (mut read, mut written) = (0, 0);
        for byte in line.strip_suffix(b"\n").unwrap_or(line) {
            match byte {
                b'\t' => {
                    let spaces = TAB - read % TAB;
                    if read == written {
                        let stop = written + spaces;
                        if self.layout.expand {
                            let stop = stop.min(bound);
                            io::put(&vec![b' '; stop.saturating_sub(written)]);
                            written = written.max(stop);
                        } else if stop < bound {
                            written = stop;
                            io::put(b"\t");
                        }
                    }
                    read += spaces;
                }
                0x20..0x7f => {
                    if read < bound {
                        io::put(&[*byte]);
                        written = read + 1;
                    }
                    read += 1;
                }
                _ => program::refuse("control characters or bytes beyond ASCII side by side"),
            }
        }
        written
    }
}
