//! Compiled patterns that are kept: the patterns of a loop are the same in each round.

use std::rc::Rc;

use super::{Options, Pattern, compile};
use crate::state::value::PlainMap;

/// How many are kept.
const KEPT: usize = 256;

/// Patterns by text and options.
#[derive(Debug, Default)]
pub struct Patterns {
    kept: PlainMap<Vec<u8>, (Options, Rc<Pattern>)>,
}

impl Patterns {
    /// Does the whole subject match? Text in which nothing is special, as a path, is compared as it
    /// is, and not kept.
    pub fn matches(&mut self, text: &[u8], options: Options, subject: &[u8]) -> bool {
        let plain = |c: &u8| c.is_ascii_alphanumeric() || b"/-_.,:=%@ ".contains(c);
        let group = || options.extglob && text.windows(2).any(|pair| pair == b"@(");
        if !options.nocase && text.iter().all(plain) && !group() {
            return text == subject;
        }
        self.get(text, options).matches(subject)
    }

    /// The compiled pattern.
    pub fn get(&mut self, text: &[u8], options: Options) -> Rc<Pattern> {
        if let Some((with, pattern)) = self.kept.get(text)
            && *with == options
        {
            return pattern.clone();
        }
        let pattern = Rc::new(compile(text, options));
        if self.kept.len() >= KEPT {
            self.kept.clear();
        }
        self.kept.insert(text.to_vec(), (options, pattern.clone()));
        pattern
    }
}
