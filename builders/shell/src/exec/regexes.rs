//! Regular expressions of `[[ … =~ … ]]`, compiled once: a loop asks the same one again and again.
//! Counterpart: bash's `lib/sh/shmatch.c`, which compiles each time.

use crate::state::value::PlainMap;
use wasibuild_posix_regex::{Cache, Captures, Limit, Regex, Syntax};

/// How many expressions are kept.
const KEPT: usize = 64;

/// Compiled expressions, and the memory of searches.
#[derive(Debug, Default)]
pub struct Regexes {
    compiled: PlainMap<(Vec<u8>, bool, bool), Regex>,
    cache: Cache,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum RegexError {
    /// The text is no expression.
    Invalid,
    Limit(Limit),
}

impl Regexes {
    /// The leftmost longest match of an extended expression, with its groups.
    pub fn search(
        &mut self,
        expression: &[u8],
        ignore_case: bool,
        utf8: bool,
        text: &[u8],
    ) -> Result<Option<Captures>, RegexError> {
        let key = (expression.to_vec(), ignore_case, utf8);
        if !self.compiled.contains_key(&key) {
            if self.compiled.len() >= KEPT {
                self.compiled.clear();
            }
            let syntax = Syntax {
                extended: true,
                stray_close: true,
                ignore_case,
                utf8,
                ..Syntax::default()
            };
            let regex = Regex::new(expression, syntax).map_err(|_| RegexError::Invalid)?;
            self.compiled.insert(key.clone(), regex);
        }
        match self.compiled.get(&key) {
            Some(regex) => regex
                .search(&mut self.cache, text, 0)
                .map_err(RegexError::Limit),
            None => Err(RegexError::Invalid),
        }
    }
}
