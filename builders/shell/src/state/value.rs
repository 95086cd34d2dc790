//! Variables' values and attributes. Associative arrays are walked in the order of bash's own hash
//! table (`hashlib.c`, FNV-1 in 1024 buckets, newest first), because scripts let that order reach
//! their output.

use std::collections::BTreeMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

/// Attributes, as bits.
pub mod attr {
    pub const EXPORT: u16 = 1;
    pub const READONLY: u16 = 2;
    pub const INTEGER: u16 = 4;
    pub const LOWER: u16 = 8;
    pub const UPPER: u16 = 16;
    pub const CAPITAL: u16 = 32;
    pub const NAMEREF: u16 = 64;
    pub const TRACE: u16 = 128;
    /// From `NAME=value command`.
    pub const TEMPORARY: u16 = 256;
    /// Local, of a function that was called as `NAME=value function`.
    pub const OF_CALL: u16 = 512;
}

#[derive(Debug, Clone, Default)]
pub enum Value {
    /// Declared, without a value.
    #[default]
    Unset,
    Scalar(Vec<u8>),
    Indexed(BTreeMap<i64, Vec<u8>>),
    Assoc(Assoc),
}

#[derive(Debug, Clone, Default)]
pub struct Var {
    pub value: Value,
    pub attrs: u16,
    /// An array that was declared and never assigned.
    pub unassigned: bool,
}

impl Var {
    pub fn scalar(text: Vec<u8>) -> Var {
        Var {
            value: Value::Scalar(text),
            attrs: 0,
            unassigned: false,
        }
    }

    pub fn has(&self, attr: u16) -> bool {
        self.attrs & attr != 0
    }

    pub fn set_attr(&mut self, attr: u16, on: bool) {
        if on {
            self.attrs |= attr
        } else {
            self.attrs &= !attr
        }
    }

    /// What `$name` gives: a scalar, or the element 0.
    pub fn text(&self) -> Option<&[u8]> {
        match &self.value {
            Value::Unset => None,
            Value::Scalar(text) => Some(text),
            Value::Indexed(items) => items.get(&0).map(Vec::as_slice),
            Value::Assoc(items) => items.get(b"0"),
        }
    }

    pub fn is_set(&self) -> bool {
        !matches!(self.value, Value::Unset)
    }

    pub fn is_array(&self) -> bool {
        matches!(self.value, Value::Indexed(_) | Value::Assoc(_))
    }

    /// The values in order; a scalar is one value.
    pub fn values(&self) -> Vec<Vec<u8>> {
        match &self.value {
            Value::Unset => Vec::new(),
            Value::Scalar(text) => vec![text.clone()],
            Value::Indexed(items) => items.values().cloned().collect(),
            Value::Assoc(items) => items
                .ordered()
                .into_iter()
                .map(|(_, v)| v.to_vec())
                .collect(),
        }
    }

    /// The subscripts in order.
    pub fn keys(&self) -> Vec<Vec<u8>> {
        match &self.value {
            Value::Unset => Vec::new(),
            Value::Scalar(_) => vec![b"0".to_vec()],
            Value::Indexed(items) => items.keys().map(|k| k.to_string().into_bytes()).collect(),
            Value::Assoc(items) => items
                .ordered()
                .into_iter()
                .map(|(k, _)| k.to_vec())
                .collect(),
        }
    }

    pub fn count(&self) -> usize {
        match &self.value {
            Value::Unset => 0,
            Value::Scalar(_) => 1,
            Value::Indexed(items) => items.len(),
            Value::Assoc(items) => items.len(),
        }
    }
}

/// bash's string hash.
pub fn bash_hash(text: &[u8]) -> u32 {
    text.iter().fold(2_166_136_261, |h: u32, c| {
        h.wrapping_mul(16_777_619) ^ u32::from(*c)
    })
}

/// A hasher without a random seed, eight bytes at a time: names are looked up all the time.
#[derive(Default, Clone)]
pub struct Plain(u64);

impl Plain {
    fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for Plain {
    fn finish(&self) -> u64 {
        // The tables take their place from the low bits and a mark from the high ones.
        self.0 ^ self.0 >> 32
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.mix(word.try_into().map_or(0, u64::from_le_bytes));
        }
        let last = words.remainder().iter();
        let last = last.fold(0, |word, byte| word << 8 | u64::from(*byte));
        self.mix(last);
    }

    fn write_usize(&mut self, number: usize) {
        self.mix(number as u64);
    }
}

/// A hash table whose order is never shown: what reaches an output is sorted first.
#[allow(clippy::disallowed_types)]
pub type PlainMap<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<Plain>>;

/// A value, and its number in order of insertion.
type Numbered = (Vec<u8>, u64);

/// An associative array.
#[derive(Debug, Clone)]
pub struct Assoc {
    items: Rc<PlainMap<Vec<u8>, Numbered>>,
    next: u64,
    buckets: u32,
}

impl Default for Assoc {
    fn default() -> Assoc {
        Assoc {
            items: Rc::default(),
            next: 0,
            buckets: 1024,
        }
    }
}

impl Assoc {
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.items.get(key).map(|(v, _)| v.as_slice())
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn insert(&mut self, key: &[u8], value: Vec<u8>) {
        if let Some((old, _)) = Rc::make_mut(&mut self.items).get_mut(key) {
            *old = value;
            return;
        }
        if self.items.len() >= 2 * self.buckets as usize {
            // The table grows: its chains are put into the new one in walking order.
            let order: Vec<Vec<u8>> = self
                .ordered()
                .into_iter()
                .map(|(k, _)| k.to_vec())
                .collect();
            let items = Rc::make_mut(&mut self.items);
            for (at, key) in order.iter().enumerate() {
                if let Some((_, number)) = items.get_mut(key) {
                    *number = at as u64;
                }
            }
            self.next = order.len() as u64;
            self.buckets = self.buckets.saturating_mul(4);
        }
        Rc::make_mut(&mut self.items).insert(key.to_vec(), (value, self.next));
        self.next += 1;
    }

    pub fn remove(&mut self, key: &[u8]) {
        Rc::make_mut(&mut self.items).remove(key);
    }

    /// Keys and values as bash walks them.
    pub fn ordered(&self) -> Vec<(&[u8], &[u8])> {
        let mut list: Vec<_> = self
            .items
            .iter()
            .map(|(k, (v, n))| {
                (
                    bash_hash(k) & (self.buckets - 1),
                    u64::MAX - n,
                    k.as_slice(),
                    v.as_slice(),
                )
            })
            .collect();
        list.sort_unstable();
        list.into_iter().map(|(_, _, k, v)| (k, v)).collect()
    }
}
