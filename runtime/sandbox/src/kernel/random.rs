//! Randomness that follows from the request's seed alone.
//!
//! Contract: stream = SHA-256 in counter mode over (seed, label, number). Each process has a stream
//! (`random_get`), and each opening of `/dev/random` or `/dev/urandom` has one, numbered in the
//! order of their making, so that the bytes never depend on the host or on other builds.

use sha2::{Digest, Sha256};

/// A deterministic stream of bytes.
#[derive(Clone)]
pub struct Stream {
    key: [u8; 32],
    counter: u64,
    block: [u8; 32],
    used: usize,
}

impl Stream {
    /// The stream with this label and number.
    pub fn new(seed: &[u8; 32], label: &str, number: u64) -> Stream {
        let mut hash = Sha256::new();
        hash.update(seed);
        hash.update((label.len() as u64).to_le_bytes());
        hash.update(label);
        hash.update(number.to_le_bytes());
        Stream {
            key: hash.finalize().into(),
            counter: 0,
            block: [0; 32],
            used: 32,
        }
    }

    /// Fills `buf` with the next bytes.
    pub fn fill(&mut self, buf: &mut [u8]) {
        let mut rest = buf;
        while !rest.is_empty() {
            if self.used >= self.block.len() {
                let mut hash = Sha256::new();
                hash.update(self.key);
                hash.update(self.counter.to_le_bytes());
                self.block = hash.finalize().into();
                self.counter = self.counter.wrapping_add(1);
                self.used = 0;
            }
            let ready = self.block.get(self.used..).unwrap_or_default();
            let count = ready.len().min(rest.len());
            let (now, later) = rest.split_at_mut(count);
            if let Some(ready) = ready.get(..count) {
                now.copy_from_slice(ready);
            }
            self.used += count;
            rest = later;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Stream;

    #[test]
    fn a_stream_does_not_depend_on_the_size_of_the_reads() {
        let (mut whole, mut parts) = ([0; 100], [0; 100]);
        Stream::new(&[7; 32], "process", 1).fill(&mut whole);
        let mut stream = Stream::new(&[7; 32], "process", 1);
        for part in parts.chunks_mut(7) {
            stream.fill(part);
        }
        assert_eq!(whole, parts);
    }

    #[test]
    fn streams_differ_by_seed_label_and_number() {
        let first = |seed, label, number| {
            let mut bytes = [0; 16];
            Stream::new(&[seed; 32], label, number).fill(&mut bytes);
            bytes
        };
        let base = first(1, "process", 1);
        for other in [
            first(2, "process", 1),
            first(1, "device", 1),
            first(1, "process", 2),
        ] {
            assert_ne!(base, other);
        }
    }
}
