//! Hunks in the unified, the context and the normal format, all in one form.
//!
//! Counterpart: GNU patch's `pch.c`, `another_hunk`.

use bstr::{BString, ByteSlice};

/// No file has so many lines.
const FARTHEST: i64 = 1 << 40;

/// A line of a hunk: its mark, and its text with the newline if it has one.
#[derive(Clone, Debug)]
pub struct Line {
    /// ` `, `-` or `+`.
    pub mark: u8,
    /// The text.
    pub text: BString,
    /// In the context format it is marked `!`: something stands in its place.
    pub bang: bool,
}

/// A hunk.
#[derive(Clone, Debug)]
pub struct Hunk {
    /// First line of the old file, from 1; one behind the line to append to if it has none.
    pub start: i64,
    /// First line of the new file, the same way.
    pub new_start: i64,
    /// Its lines: what goes comes before what comes in its place.
    pub lines: Vec<Line>,
    /// What stands behind the second `@@`.
    pub function: BString,
}

impl Hunk {
    /// Lines of the old file.
    pub fn old(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|it| it.mark != b'+')
    }

    /// Lines of the new file.
    pub fn new_lines(&self) -> usize {
        self.lines.iter().filter(|it| it.mark != b'-').count()
    }

    /// Lines of context before and behind the changes.
    pub fn context(&self) -> (i64, i64) {
        let plain = |it: &&Line| it.mark == b' ';
        let before = self.lines.iter().take_while(plain).count();
        let behind = self.lines.iter().rev().take_while(plain).count();
        (before as i64, behind as i64)
    }

    /// The hunk that undoes it.
    pub fn swapped(&self) -> Hunk {
        let mut hunk = self.clone();
        std::mem::swap(&mut hunk.start, &mut hunk.new_start);
        for line in &mut hunk.lines {
            line.mark = match line.mark {
                b'-' => b'+',
                b'+' => b'-',
                other => other,
            };
        }
        arrange(&mut hunk.lines);
        hunk
    }
}

/// What goes comes before what comes.
fn arrange(lines: &mut [Line]) {
    for run in lines.chunk_by_mut(|a, b| (a.mark == b' ') == (b.mark == b' ')) {
        run.sort_by_key(|it| it.mark == b'+');
    }
}

type Result<T> = std::result::Result<T, String>;

/// The lines of a patch, and where it is read.
#[derive(Debug)]
pub struct Reader<'a> {
    lines: Vec<&'a [u8]>,
    /// The next line.
    pub at: usize,
}

impl<'a> Reader<'a> {
    /// At the start of a patch.
    pub fn new(text: &'a [u8]) -> Reader<'a> {
        Reader {
            lines: text.split_inclusive(|byte| *byte == b'\n').collect(),
            at: 0,
        }
    }

    /// A line from here on; empty behind the end.
    pub fn peek(&self, ahead: usize) -> &'a [u8] {
        self.lines.get(self.at + ahead).copied().unwrap_or_default()
    }

    /// Is nothing left?
    pub fn is_done(&self) -> bool {
        self.at >= self.lines.len()
    }

    fn wrong(&self) -> String {
        let line = self.peek(0).trim_ascii_end().as_bstr().to_string();
        format!("a patch that is broken at line {}: '{line}'", self.at + 1)
    }

    /// `\ No newline at end of file` takes the newline of the line before.
    fn no_newline(&mut self, lines: &mut [Line]) -> Result<()> {
        if self.peek(0).starts_with(b"\\ ") {
            let wrong = self.wrong();
            let last = lines.last_mut().ok_or(wrong)?;
            if last.text.last() == Some(&b'\n') {
                last.text.pop();
            }
            self.at += 1;
        }
        Ok(())
    }

    /// A hunk that begins with `@@ -`.
    pub fn unified(&mut self) -> Result<Hunk> {
        let head = self.peek(0);
        let wrong = self.wrong();
        let rest = head.strip_prefix(b"@@ -").ok_or_else(|| wrong.clone())?;
        let (old, rest) = rest.split_once_str(" +").ok_or_else(|| wrong.clone())?;
        let (new, rest) = rest.split_once_str(" @@").ok_or_else(|| wrong.clone())?;
        let (mut start, mut old) = range(old).ok_or_else(|| wrong.clone())?;
        let (mut new_start, mut new) = range(new).ok_or_else(|| wrong.clone())?;
        // What has no lines stands behind the one that is named.
        start += i64::from(old == 0);
        new_start += i64::from(new == 0);
        let function = rest.strip_suffix(b"\n").unwrap_or(rest);
        self.at += 1;
        let mut lines: Vec<Line> = Vec::new();
        while old > 0 || new > 0 {
            let line = self.peek(0);
            let (mark, text) = match line.split_first() {
                // Blanks at the ends of lines get lost.
                Some((b'\n', _)) => (b' ', line),
                Some((mark @ (b' ' | b'-' | b'+'), text)) => (*mark, text),
                _ => return Err(self.wrong()),
            };
            let counts = [mark != b'+', mark != b'-'];
            for (count, takes) in [&mut old, &mut new].into_iter().zip(counts) {
                if takes {
                    *count = count.checked_sub(1).ok_or_else(|| self.wrong())?;
                }
            }
            if !text.ends_with(b"\n") {
                return Err(self.wrong());
            }
            lines.push(Line {
                mark,
                text: text.into(),
                bang: false,
            });
            self.at += 1;
            self.no_newline(&mut lines)?;
        }
        arrange(&mut lines);
        Ok(Hunk {
            start,
            new_start,
            lines,
            function: function.into(),
        })
    }

    /// A hunk that begins with `***************`.
    pub fn context(&mut self) -> Result<Hunk> {
        let head = self.peek(0);
        let function = head.strip_prefix(b"***************").unwrap_or_default();
        let function = function.strip_suffix(b"\n").unwrap_or(function);
        self.at += 1;
        let (start, old) = self.part(b"*** ", b" ****")?;
        let (new_start, new) = self.part(b"--- ", b" ----")?;
        let mut lines = Vec::new();
        // A part that is left out has only the context of the other.
        let plain = |all: &[Line]| -> Vec<Line> {
            all.iter().filter(|it| it.mark == b' ').cloned().collect()
        };
        let (old, new) = match (old.is_empty(), new.is_empty()) {
            (true, false) => (plain(&new), new),
            (false, true) => (old.clone(), plain(&old)),
            _ => (old, new),
        };
        let (mut old, mut new) = (old.into_iter().peekable(), new.into_iter().peekable());
        loop {
            while let Some(line) = old.next_if(|it| it.mark != b' ') {
                lines.push(Line {
                    bang: line.mark == b'!',
                    mark: b'-',
                    ..line
                });
            }
            while let Some(line) = new.next_if(|it| it.mark != b' ') {
                lines.push(Line {
                    bang: line.mark == b'!',
                    mark: b'+',
                    ..line
                });
            }
            match (old.next(), new.next()) {
                (None, None) => break,
                (Some(line), Some(other)) if line.text == other.text => lines.push(line),
                _ => return Err("a context that differs between old and new".to_owned()),
            }
        }
        let gone = lines.iter().any(|it| it.mark != b'+');
        let come = lines.iter().any(|it| it.mark != b'-');
        Ok(Hunk {
            start: start + i64::from(!gone),
            new_start: new_start + i64::from(!come),
            lines,
            function: function.into(),
        })
    }

    /// The old or the new half of a context hunk: `*** 1,5 ****` and lines.
    fn part(&mut self, before: &[u8], behind: &[u8]) -> Result<(i64, Vec<Line>)> {
        let head = self.peek(0).trim_ascii_end();
        let numbers = head
            .strip_prefix(before)
            .and_then(|it| it.strip_suffix(behind));
        let numbers = numbers.ok_or_else(|| self.wrong())?;
        let text = numbers.to_str().map_err(|_| self.wrong())?;
        let (from, to) = text.split_once(',').unwrap_or((text, text));
        let near = |it: &i64| (0..FARTHEST).contains(it);
        let number = |it: &str| it.parse::<i64>().ok().filter(near);
        let (Some(from), Some(to)) = (number(from), number(to)) else {
            return Err(self.wrong());
        };
        self.at += 1;
        let most = if from == 0 { 0 } else { to - from + 1 };
        let mut lines = Vec::new();
        while (lines.len() as i64) < most {
            let line = self.peek(0);
            let (mark, text) = match line {
                [mark @ (b' ' | b'-' | b'+' | b'!'), b' ' | b'\t', text @ ..] => (*mark, text),
                b"\n" => (b' ', line),
                // The half is left out.
                _ if lines.is_empty() => break,
                _ => return Err(self.wrong()),
            };
            let ours = match mark {
                b'-' => before == b"*** ",
                b'+' => before == b"--- ",
                _ => true,
            };
            if !ours || !text.ends_with(b"\n") {
                return Err(self.wrong());
            }
            if line.starts_with(b"--- ") && lines.is_empty() && line.ends_with(b" ----\n") {
                break;
            }
            lines.push(Line {
                mark,
                text: text.into(),
                bang: false,
            });
            self.at += 1;
        }
        self.no_newline(&mut lines)?;
        Ok((from, lines))
    }

    /// Does a hunk of the normal format begin here?
    pub fn is_normal(&self) -> bool {
        normal_head(self.peek(0)).is_some()
    }

    /// A hunk such as `3,4c3`.
    pub fn normal(&mut self) -> Result<Hunk> {
        let Some((old, letter, new)) = normal_head(self.peek(0)) else {
            return Err(self.wrong());
        };
        self.at += 1;
        let mut lines = Vec::new();
        let count = |(from, to): (i64, i64)| to - from + 1;
        let gone = if letter == b'a' { 0 } else { count(old) };
        let come = if letter == b'd' { 0 } else { count(new) };
        for _ in 0..gone {
            self.normal_line(b"< ", b'-', &mut lines)?;
        }
        if letter == b'c' {
            if self.peek(0) != b"---\n" {
                return Err(self.wrong());
            }
            self.at += 1;
        }
        for _ in 0..come {
            self.normal_line(b"> ", b'+', &mut lines)?;
        }
        Ok(Hunk {
            start: old.0 + i64::from(gone == 0),
            new_start: new.0 + i64::from(come == 0),
            lines,
            function: BString::default(),
        })
    }

    fn normal_line(&mut self, start: &[u8], mark: u8, lines: &mut Vec<Line>) -> Result<()> {
        let text = self.peek(0).strip_prefix(start);
        let text = text.filter(|it| it.ends_with(b"\n"));
        let text = text.ok_or_else(|| self.wrong())?.into();
        lines.push(Line {
            mark,
            text,
            bang: false,
        });
        self.at += 1;
        self.no_newline(lines)
    }
}

/// `12` or `12,3`: where, and how many.
fn range(text: &[u8]) -> Option<(i64, usize)> {
    let text = text.to_str().ok()?;
    let (start, count) = text.split_once(',').unwrap_or((text, "1"));
    let start: i64 = start.parse().ok().filter(|it| (0..FARTHEST).contains(it))?;
    Some((start, count.parse().ok()?))
}

/// First and last line.
type Span = (i64, i64);

/// `1,2c3,4`.
fn normal_head(line: &[u8]) -> Option<(Span, u8, Span)> {
    let line = line.strip_suffix(b"\n")?;
    let at = line.find_byteset(b"acd")?;
    let pair = |text: &[u8]| -> Option<Span> {
        let text = text.to_str().ok()?;
        let (from, to) = text.split_once(',').unwrap_or((text, text));
        let number = |it: &str| {
            let plain = it.bytes().all(|it| it.is_ascii_digit());
            it.parse::<i64>().ok().filter(|_| plain)
        };
        let (from, to) = (number(from)?, number(to)?);
        (from <= to && to < FARTHEST).then_some((from, to))
    };
    let old = pair(line.get(..at)?)?;
    let new = pair(line.get(at + 1..)?)?;
    Some((old, *line.get(at)?, new))
}
