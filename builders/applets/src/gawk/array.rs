//! Arrays, and the order in which gawk goes through them.
//!
//! gawk keeps whole numbers from 0 apart (in their order), unless they lie too far apart, and other
//! keys in a hash table that grows with its elements. The order of `for … in` follows from that.
//! What is rebuilt here: numbers in order, and the table of the other keys; refused is an order
//! that would need gawk's third table, of negative or scattered numbers.
//!
//! Counterpart: gawk's `cint_array.c` and `str_array.c`.

use super::ast::Text;
use super::value::Value;
use crate::shared::program;
use std::collections::BTreeMap;

/// Sizes that the hash table grows to.
const SIZES: [usize; 12] = [
    13, 127, 1021, 8191, 16381, 32749, 65497, 131_101, 262_147, 524_309, 1_048_583, 2_097_169,
];
/// The table grows when chains are longer than this on average.
const CHAIN: usize = 2;
/// Numbers below two to this power share one tree.
const LEAST_POWER: u32 = 10;
/// The most places without element.
const MOST_WASTE: usize = 2048;

/// An array.
#[derive(Debug, Default)]
pub struct Array {
    elements: BTreeMap<Text, (u64, Value)>,
    /// Counts insertions, for the order.
    next: u64,
    /// An element was deleted while the array had others.
    deleted: bool,
    /// The largest number of elements since it was empty.
    peak: usize,
    /// gawk set this array up itself, in an order of its own.
    pub foreign_order: bool,
    /// Numbers count as words here.
    pub only_words: bool,
    /// Elements that gawk has and whose values are its build's.
    pub foreign_values: Vec<Text>,
}

/// A whole number as gawk writes it, within 32 bits.
fn integer(key: &[u8]) -> Option<i64> {
    let digits = key.strip_prefix(b"-").unwrap_or(key);
    let plain = key == b"0"
        || (matches!(digits.first(), Some(b'1'..=b'9'))
            && digits.len() <= 10
            && digits.iter().all(u8::is_ascii_digit));
    if !plain {
        return None;
    }
    let number: i64 = std::str::from_utf8(key).ok()?.parse().ok()?;
    (i64::from(i32::MIN)..=i64::from(i32::MAX))
        .contains(&number)
        .then_some(number)
}

/// The power of two of the leaf that holds a number.
fn leaf_power(number: i64) -> u32 {
    let mut power = LEAST_POWER.max(63 - (number.max(1) as u64).leading_zeros());
    while power >= LEAST_POWER {
        power = power.div_ceil(2);
    }
    power
}

impl Array {
    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        let foreign_order = self.foreign_order;
        *self = Array {
            foreign_order,
            ..Array::default()
        };
    }

    /// Is there such an element?
    pub fn has(&self, key: &[u8]) -> bool {
        self.elements.contains_key(key)
    }

    /// The element, which is made if it is not there.
    pub fn get(&mut self, key: &Text) -> Value {
        if self.foreign_values.contains(key) {
            program::refuse("a path that is built into gawk");
        }
        self.slot(key).clone()
    }

    /// Sets an element.
    pub fn set(&mut self, key: &Text, value: Value) {
        self.foreign_values.retain(|it| it != key);
        *self.slot(key) = value;
    }

    fn slot(&mut self, key: &Text) -> &mut Value {
        let next = self.next;
        let count = self.elements.len();
        let entry = self
            .elements
            .entry(key.clone())
            .or_insert_with(|| (next, Value::Nothing));
        if entry.0 == next {
            self.next += 1;
            self.peak = self.peak.max(count + 1);
        }
        &mut entry.1
    }

    /// Removes an element.
    pub fn delete(&mut self, key: &[u8]) {
        self.elements.remove(key);
        if self.elements.is_empty() {
            self.clear();
        } else {
            self.deleted = true;
        }
    }

    /// Keys and values in no particular order.
    pub fn pairs(&self) -> Vec<(Text, Value)> {
        if !self.foreign_values.is_empty() {
            program::refuse("the paths that are built into gawk");
        }
        let pairs = self.elements.iter();
        pairs
            .map(|(key, (_, value))| (key.clone(), value.clone()))
            .collect()
    }

    /// The keys in gawk's order.
    pub fn keys(&self) -> Vec<Text> {
        if self.elements.len() < 2 {
            return self.elements.keys().cloned().collect();
        }
        if self.foreign_order {
            program::refuse("'in' over an array whose order is that of the process");
        }
        let mut inserted: Vec<(&u64, &Text)> = self
            .elements
            .iter()
            .map(|(key, (at, _))| (at, key))
            .collect();
        inserted.sort_unstable();
        let keys: Vec<&Text> = inserted.into_iter().map(|(_, key)| key).collect();
        let numbers = keys.iter().filter(|key| integer(key).is_some()).count();
        if self.deleted && numbers > 0 && numbers < keys.len() {
            program::refuse("'in' over numbers and other keys of which some were deleted");
        }
        // The first key decides what the array is.
        if self.only_words || keys.first().is_none_or(|key| integer(key).is_none()) {
            return self.hashed(&keys);
        }
        let mut others: Vec<&Text> = Vec::new();
        let mut places: BTreeMap<i64, &Text> = BTreeMap::new();
        let mut leaves: BTreeMap<(u32, i64), usize> = BTreeMap::new();
        let mut capacity = 0;
        for key in keys {
            let Some(number) = integer(key).filter(|it| *it >= 0) else {
                others.push(key);
                continue;
            };
            let power = leaf_power(number);
            if capacity + (1 << power) - places.len() > MOST_WASTE {
                others.push(key);
                continue;
            }
            let leaf = leaves.entry((power, number >> power)).or_default();
            if *leaf == 0 {
                capacity += 1 << power;
            }
            *leaf += 1;
            places.insert(number, key);
        }
        if self.deleted
            && places
                .last_key_value()
                .is_some_and(|(most, _)| *most > 1000)
        {
            program::refuse("'in' over large numbers of which some were deleted");
        }
        let mut all = match others.as_slice() {
            [] | [_] => others.into_iter().cloned().collect(),
            [first, ..] if integer(first).is_some() => {
                program::refuse("'in' over scattered or negative numbers")
            }
            _ => self.hashed(&others),
        };
        all.extend(places.into_values().cloned());
        all
    }

    /// The order of the hash table after these insertions.
    fn hashed(&self, keys: &[&Text]) -> Vec<Text> {
        if !self.only_words && keys.first().is_some_and(|key| integer(key).is_some()) {
            program::refuse("'in' over negative numbers");
        }
        if keys.iter().any(|key| !key.is_ascii()) {
            program::refuse("'in' over keys beyond ASCII, whose order depends on the processor");
        }
        let first_size = SIZES[0];
        if self.deleted && self.peak >= first_size * (CHAIN + 1) {
            program::refuse("'in' over a large array of which some were deleted");
        }
        let mut sizes = SIZES.into_iter();
        let mut size = sizes.next().unwrap_or(first_size);
        // The newest is last in a chain here, first in gawk.
        let mut chains: Vec<Vec<(u32, &Text)>> = vec![Vec::new(); size];
        for (count, key) in keys.iter().enumerate() {
            if (count + 1) / size > CHAIN {
                let Some(larger) = sizes.next() else {
                    program::refuse("'in' over an array of millions");
                };
                let mut grown: Vec<Vec<(u32, &Text)>> = vec![Vec::new(); larger];
                for chain in chains {
                    for (code, key) in chain.into_iter().rev() {
                        if let Some(chain) = grown.get_mut(code as usize % larger) {
                            chain.push((code, key));
                        }
                    }
                }
                chains = grown;
                size = larger;
            }
            let code = hash(key);
            if let Some(chain) = chains.get_mut(code as usize % size) {
                chain.push((code, key));
            }
        }
        let all = chains.into_iter().flat_map(|chain| chain.into_iter().rev());
        all.map(|(_, key)| key.clone()).collect()
    }
}

/// gawk's hash of a string: that of sdbm.
fn hash(key: &[u8]) -> u32 {
    key.iter().fold(0u32, |hash, byte| {
        u32::from(*byte).wrapping_add(hash.wrapping_mul(65_599))
    })
}
