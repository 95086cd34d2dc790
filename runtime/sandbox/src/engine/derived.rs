//! Answers that follow from a module and a question alone, kept for all builds of a program
//! (`wasibuild_v1.derive`).
//!
//! Contract: the answer is what the module prints when it is started with the question's words as its
//! arguments, the text as its standard input, and nothing else: no inputs, no environment, no
//! other processes, bounds that are always the same. So it is the same whoever asks first, and whether
//! it was kept. A run that was stopped, by a time limit or by cancelling, has no answer.

use super::{Engine, Module, lock};
use crate::error::Fatal;
use crate::watch::Watch;
use bstr::BString;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Answers that are kept, at most.
const MOST: usize = 4096;
/// The longest answer that is kept, in bytes.
const LONGEST: usize = 1 << 20;

/// What a module answered; none if it failed.
pub type Answer = Option<Arc<[u8]>>;

/// A module by its address, and the digest of a question.
type Key = (usize, [u8; 32]);

/// One answer, once it is there, and the module, so that no other gets its address.
struct Kept {
    _module: Module,
    answer: Arc<Mutex<Option<Answer>>>,
}

/// All answers.
#[derive(Default)]
pub struct Answers(Mutex<HashMap<Key, Kept>>);

impl Engine {
    /// The answer of a module to a question; found now, if nobody asked before.
    ///
    /// # Errors
    /// What stops the build that asks.
    pub(crate) fn derive(
        &self,
        module: &Module,
        words: &[BString],
        text: &[u8],
        watch: &Arc<Watch>,
    ) -> Result<Answer, Fatal> {
        let key = (module.address(), digest(words, text));
        let slot = {
            let mut kept = lock(&self.inner.answers.0);
            match kept.get(&key) {
                Some(kept) => Arc::clone(&kept.answer),
                None => {
                    let answer = Arc::default();
                    if kept.len() < MOST {
                        let kept_one = Kept {
                            _module: module.clone(),
                            answer: Arc::clone(&answer),
                        };
                        kept.insert(key, kept_one);
                    }
                    answer
                }
            }
        };
        // Who asks the same meanwhile waits: it takes as long as finding it once more.
        let mut slot = lock(&slot);
        if let Some(answer) = &*slot {
            return Ok(answer.clone());
        }
        let printed = self.run_apart(module, words, text, watch);
        watch.check()?;
        let answer: Answer = printed.map(Arc::from);
        if answer.as_ref().is_none_or(|answer| answer.len() <= LONGEST) {
            *slot = Some(answer.clone());
        }
        Ok(answer)
    }
}

/// The digest of a question: every part with its length, so that no two are alike.
fn digest(words: &[BString], text: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in words.iter().map(|word| word.as_slice()).chain([text]) {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}
