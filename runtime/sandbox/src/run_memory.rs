//! What builds of one run remember for each other (`wasibuild_v1.recall` and `remember`).
//!
//! Contract: the host only keeps bytes. They come from builds, so they are trusted as builds of one run trust
//! each other, and no further: a memory belongs to one request for a closure of one user, is never
//! written to a file, and is not shared between clients of a daemon. A script cannot reach it, only the
//! module that plays the shell can, and each module has a part of its own. That module has to see to it
//! that a build gives the same with and without what is kept (`builders/shell/src/exec/recollect.rs`).

use crate::engine::Module;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// The longest key and value, in bytes.
const LONGEST_KEY: usize = 4096;
const LONGEST_VALUE: usize = 1 << 20;
/// Values of one key, and bytes of all values, at most.
const MOST_VALUES: usize = 4096;
const MOST_BYTES: usize = 1 << 26;

/// The memory of a run.
#[derive(Default)]
pub struct RunMemory(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// Values one behind the other by key and the address of the module; the modules are held below, so that
    /// no other gets that address.
    values: HashMap<(usize, Vec<u8>), Values>,
    modules: HashMap<usize, Module>,
    bytes: usize,
}

/// Values of one key.
#[derive(Default)]
struct Values {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Values {
    fn contains(&self, value: &[u8]) -> bool {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        (starts.zip(&self.ends)).any(|(start, end)| self.bytes.get(start..*end) == Some(value))
    }
}

impl RunMemory {
    /// All that builds with this module remembered under the key, one value behind the other.
    pub(crate) fn recall(&self, module: &Module, key: &[u8]) -> Option<Vec<u8>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.values.get(&(module.address(), key.to_vec()));
        found.map(|values| values.bytes.clone())
    }

    /// Adds a value, unless an equal one is there. `false`: there is no room.
    pub(crate) fn remember(&self, module: &Module, key: &[u8], value: &[u8]) -> bool {
        if key.len() > LONGEST_KEY || value.len() > LONGEST_VALUE {
            return false;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes.saturating_add(key.len() + value.len()) > MOST_BYTES {
            return false;
        }
        let address = module.address();
        (kept.modules.entry(address)).or_insert_with(|| module.clone());
        let values = kept.values.entry((address, key.to_vec())).or_default();
        if values.contains(value) {
            return true;
        }
        if values.ends.len() >= MOST_VALUES {
            return false;
        }
        values.bytes.extend_from_slice(value);
        values.ends.push(values.bytes.len());
        kept.bytes += key.len() + value.len();
        true
    }
}

impl fmt::Debug for RunMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunMemory").finish_non_exhaustive()
    }
}
