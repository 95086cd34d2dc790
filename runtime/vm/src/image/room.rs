//! Which parts of the disk are taken.
//!
//! Contract: pure; parts begin and end at whole blocks and do not overlap.

use std::collections::BTreeMap;

use super::disk;

/// What parts begin and end at: the page of a guest, and what file systems give back.
pub const BLOCK: u64 = 4096;

/// Parts, by where they begin: their lengths.
#[derive(Debug, Default)]
pub struct Room(BTreeMap<u64, u64>);

impl Room {
    /// How much is taken.
    pub fn taken(&self) -> u64 {
        self.0.values().sum()
    }

    /// Takes the first gap of so many bytes, which are whole blocks; where it begins.
    pub fn take(&mut self, length: u64) -> Option<u64> {
        let mut begin = 0;
        for (offset, taken) in &self.0 {
            if offset - begin >= length {
                break;
            }
            begin = offset + taken;
        }
        let end = begin.checked_add(length)?;
        (end <= disk::SIZE).then(|| {
            self.0.insert(begin, length);
            begin
        })
    }

    /// Gives back what of a part is behind so many bytes; all of it if that is 0.
    pub fn trim(&mut self, offset: u64, length: u64) {
        if length == 0 {
            self.0.remove(&offset);
        } else if let Some(taken) = self.0.get_mut(&offset) {
            *taken = length.min(*taken);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parts_do_not_overlap(steps in proptest::collection::vec((any::<bool>(), 1_u64..20, any::<prop::sample::Index>()), 1..60)) {
            let mut room = Room::default();
            let mut parts: Vec<(u64, u64)> = Vec::new();
            for (take, blocks, at) in steps {
                let length = blocks * BLOCK;
                if take || parts.is_empty() {
                    let offset = room.take(length).expect("the disk is large");
                    for (other, taken) in &parts {
                        prop_assert!(offset + length <= *other || other + taken <= offset);
                    }
                    parts.push((offset, length));
                } else {
                    let at = at.index(parts.len());
                    let (offset, taken) = parts[at];
                    let rest = length.min(taken) - BLOCK;
                    room.trim(offset, rest);
                    if rest == 0 { parts.remove(at); } else { parts[at].1 = rest; }
                }
                let total: u64 = parts.iter().map(|(_, taken)| taken).sum();
                prop_assert_eq!(room.taken(), total);
            }
        }
    }

    #[test]
    fn a_gap_is_taken_again() {
        let mut room = Room::default();
        let parts: Vec<u64> = (0..3).map(|_| room.take(8192).expect("room")).collect();
        assert_eq!(parts, [0, 8192, 16384]);
        room.trim(8192, 0);
        assert_eq!(room.take(12288), Some(24576));
        assert_eq!(room.take(4096), Some(8192));
        assert_eq!(room.take(disk::SIZE), None);
    }
}
