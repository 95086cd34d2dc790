//! `-B` and `-I`: changes that are only of blank lines, or of lines with a pattern.
//!
//! Counterpart: diffutils' `util.c`, `analyze_hunk`.

use super::lines::{Equality, Text};
use super::script::Change;
use crate::regex::{Cache, Regex};

/// What makes a changed line trivial.
#[derive(Debug, Default)]
pub struct Trivial {
    /// `-B`.
    pub blank: bool,
    /// `-I`.
    pub pattern: Option<Regex>,
}

impl Trivial {
    /// Marks the changes whose lines are all trivial.
    pub fn mark(&self, texts: &[Text<'_>; 2], changes: &mut [Change], equality: &Equality) {
        if !self.blank && self.pattern.is_none() {
            return;
        }
        let mut cache = Cache::default();
        let [one, two] = texts;
        for change in changes {
            let gone = one.lines.get(change.from..change.from + change.gone);
            let new = two.lines.get(change.to..change.to + change.new);
            let mut lines = [gone, new].into_iter().flatten().flatten();
            change.trivial = lines.all(|line| self.is_trivial(line, equality, &mut cache));
        }
    }

    fn is_trivial(&self, line: &[u8], equality: &Equality, cache: &mut Cache) -> bool {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 11;
        let skips = equality.trailing_space || equality.space_change || equality.all_space;
        let rest = if skips && line.iter().all(blank) {
            b""
        } else {
            line
        };
        if self.blank && rest.is_empty() {
            return true;
        }
        let pattern = self.pattern.as_ref();
        pattern.is_some_and(|it| it.is_match(cache, line))
    }
}
