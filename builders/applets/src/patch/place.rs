//! Where a hunk goes, and the file that comes of it.
//!
//! Counterpart: GNU patch's `patch.c`: `locate_hunk`, `patch_match`, `apply_hunk`. Lines are
//! counted from 1, and a place of 0 is none.

use super::hunks::Hunk;

/// A file that is being patched.
#[derive(Debug)]
pub struct Place<'a> {
    lines: Vec<&'a [u8]>,
    /// The new file as far as it is known.
    pub out: Vec<u8>,
    /// The last line of the old file that is in it, or is gone.
    frozen: i64,
    /// By how much the last hunk was off.
    pub offset: i64,
    /// By how much the new file is longer.
    pub growth: i64,
    /// `-l`: runs of white space are equal.
    loose: bool,
}

/// Equal but for white space.
fn similar(mut a: &[u8], mut b: &[u8]) -> bool {
    a = a.strip_suffix(b"\n").unwrap_or(a);
    b = b.strip_suffix(b"\n").unwrap_or(b);
    let blank = |text: &[u8]| matches!(text.first(), Some(b' ' | b'\t'));
    let skip = |text: &mut &[u8]| {
        while let [b' ' | b'\t', rest @ ..] = *text {
            *text = rest;
        }
    };
    loop {
        if b.is_empty() || blank(b) {
            skip(&mut b);
            if !a.is_empty() {
                if !blank(a) {
                    return false;
                }
                skip(&mut a);
            }
            if a.is_empty() || b.is_empty() {
                return a.is_empty() == b.is_empty();
            }
            continue;
        }
        match (a.split_first(), b.split_first()) {
            (Some((x, rest_a)), Some((y, rest_b))) if x == y => (a, b) = (rest_a, rest_b),
            _ => return false,
        }
    }
}

impl<'a> Place<'a> {
    /// Of a file's text.
    pub fn new(text: &'a [u8], loose: bool) -> Place<'a> {
        Place {
            lines: text.split_inclusive(|byte| *byte == b'\n').collect(),
            out: Vec::with_capacity(text.len()),
            frozen: 0,
            offset: 0,
            growth: 0,
            loose,
        }
    }

    fn line(&self, number: i64) -> Option<&'a [u8]> {
        let at = usize::try_from(number - 1).ok()?;
        self.lines.get(at).copied()
    }

    /// Does the hunk fit at this line, without so many of its first and last lines?
    fn fits(&self, hunk: &Hunk, at: i64, before: i64, behind: i64) -> bool {
        let count = hunk.old().count() as i64;
        let skipped = usize::try_from(before).unwrap_or(0);
        let taken = usize::try_from(count - behind - before).unwrap_or(0);
        let wanted = hunk.old().skip(skipped).take(taken);
        for (number, wanted) in (at + before..).zip(wanted) {
            let equal = self.line(number).is_some_and(|found| {
                if self.loose {
                    similar(found, &wanted.text)
                } else {
                    found == wanted.text.as_slice()
                }
            });
            if !equal {
                return false;
            }
        }
        true
    }

    /// Where the hunk fits with so many lines of fuzz; 0: nowhere.
    pub fn locate(&mut self, hunk: &Hunk, fuzz: i64) -> i64 {
        let guess = hunk.start + self.offset;
        let count = hunk.old().count() as i64;
        let (prefix, suffix) = hunk.context();
        let context = prefix.max(suffix);
        let (mut before, behind) = (fuzz + prefix - context, fuzz + suffix - context);
        let all = self.lines.len() as i64;
        let most = all - (count - behind) + 1;
        let least = self.frozen + 1;
        let up = most - guess;
        let mut down = guess - least;
        let widest = up.max(down);
        if count == 0 {
            return guess;
        }
        // Lines before the first are not tried.
        if guess <= down {
            down = guess - 1;
        }
        let found = |place: &mut Place<'_>, offset: i64| {
            place.offset += offset;
            guess + offset
        };
        if before < 0 && hunk.start <= 1 {
            // Only the start of the file will do; without room behind, only the whole of it.
            if behind < 0 && (count != all || prefix < self.frozen) {
                return 0;
            }
            let offset = 1 - guess;
            let fits = self.frozen <= prefix
                && offset <= up
                && self.fits(hunk, guess + offset, 0, behind.max(0));
            return if fits { found(self, offset) } else { 0 };
        }
        before = before.max(0);
        if behind < 0 {
            // Only the end will do.
            let offset = guess - (all - count + 1);
            let fits = offset <= down && self.fits(hunk, guess - offset, before, 0);
            return if fits { found(self, -offset) } else { 0 };
        }
        let first = if up < 0 {
            guess - most
        } else if down < 0 {
            guess - least
        } else {
            0
        };
        for offset in first..=widest {
            if offset <= up && self.fits(hunk, guess + offset, before, behind) {
                return found(self, offset);
            }
            if 0 < offset && offset <= down && self.fits(hunk, guess - offset, before, behind) {
                return found(self, -offset);
            }
        }
        0
    }

    /// Appends to the new file; a line that has no newline gets one when another follows.
    fn put(&mut self, text: &[u8]) {
        if self.out.last().is_some_and(|last| *last != b'\n') && !text.is_empty() {
            self.out.push(b'\n');
        }
        self.out.extend_from_slice(text);
    }

    /// Takes lines of the old file up to this one. False if they are behind already.
    fn copy_till(&mut self, last: i64) -> bool {
        if self.frozen > last {
            return false;
        }
        while self.frozen < last {
            self.frozen += 1;
            if let Some(line) = self.line(self.frozen) {
                self.put(line);
            }
        }
        true
    }

    /// Applies the hunk at a line. False: it overlaps what was changed already.
    pub fn apply(&mut self, hunk: &Hunk, at: i64) -> bool {
        let mut old = 0;
        for line in &hunk.lines {
            if line.mark != b' ' && !self.copy_till(at - 1 + old) {
                return false;
            }
            match line.mark {
                b'+' => self.put(&line.text),
                b'-' => {
                    self.frozen += 1;
                    old += 1;
                }
                _ => old += 1,
            }
        }
        self.growth += hunk.new_lines() as i64 - hunk.old().count() as i64;
        true
    }

    /// The rest of the old file.
    pub fn finish(&mut self) {
        self.copy_till(self.lines.len() as i64);
    }
}
