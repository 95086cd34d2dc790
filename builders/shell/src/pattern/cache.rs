//! Compiled patterns that are kept: the patterns of a loop are the same in each round.

use std::rc::Rc;

use super::{Options, Pattern, compile};
use crate::state::value::FnvMap;

/// How many are kept.
const KEPT: usize = 256;

/// Patterns by text and options.
#[derive(Debug, Default)]
pub struct Patterns {
    kept: FnvMap<Vec<u8>, (Options, Rc<Pattern>)>,
}

impl Patterns {
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
