//! Regular expressions as the applets use them: what would take too long is a refusal.

use crate::shared::program;
use bstr::BString;
use wasibuild_posix_regex as posix;

pub use posix::{Cache, Captures, Edges, Limit, Syntax, class_of};

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Regex(posix::Regex);

/// The answer, or the end of the build: an applet does not guess.
fn answer<T>(found: Result<T, Limit>) -> T {
    found.unwrap_or_else(|limit| program::refuse(&limit.to_string()))
}

impl Regex {
    /// Compiles a pattern. The error is glibc's text.
    pub fn new(pattern: &[u8], syntax: Syntax) -> Result<Regex, &'static str> {
        posix::Regex::new(pattern, syntax).map(Regex)
    }

    /// Compiles patterns of which any may match. `fixed`: they are plain text.
    pub fn any(
        patterns: &[BString],
        syntax: Syntax,
        fixed: bool,
        edges: Edges,
    ) -> Result<Regex, &'static str> {
        posix::Regex::any(patterns, syntax, fixed, edges).map(Regex)
    }

    /// How many groups the pattern has.
    pub fn groups(&self) -> usize {
        self.0.groups()
    }

    /// Finds the leftmost longest match that starts at `from` or later, with its groups.
    pub fn search(&self, cache: &mut Cache, text: &[u8], from: usize) -> Option<Captures> {
        answer(self.0.search(cache, text, from))
    }

    /// Only where it starts and ends.
    pub fn find(&self, cache: &mut Cache, text: &[u8], from: usize) -> Option<(usize, usize)> {
        answer(self.0.find(cache, text, from))
    }

    /// Does it match anywhere?
    pub fn is_match(&self, cache: &mut Cache, text: &[u8]) -> bool {
        answer(self.0.is_match(cache, text))
    }
}
