//! Nix's base 32: the digits of store paths and of hashes in derivations' error messages.
//!
//! Contract: [`encode`] and [`decode`] are inverse; `decode` refuses what `encode` would not write
//! (wrong length, foreign characters, bits set beyond the last byte).
//! Counterpart: `printHash32` and `Hash::Hash` in Nix's `src/libutil/hash.cc`. The alphabet leaves
//! out `e`, `o`, `u` and `t`, and the least significant digit comes last.

use thiserror::Error;

/// The 32 digits, in the order of their values.
pub const ALPHABET: &[u8; 32] = b"0123456789abcdfghijklmnpqrsvwxyz";

/// Why a text is not Nix base 32.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// A character outside [`ALPHABET`].
    #[error(
        "Nix base 32 has a character that is not one of its digits: byte {byte:#04x} at position {position}"
    )]
    BadCharacter {
        /// The byte found.
        byte: u8,
        /// Its offset in the text.
        position: usize,
    },
    /// No number of bytes encodes to this many digits, or the spare bits are not zero.
    #[error("{digits} digits of Nix base 32 are not the encoding of a whole number of bytes")]
    NotCanonical {
        /// How many digits were given.
        digits: usize,
    },
}

/// How many digits `bytes` bytes take.
pub const fn encoded_len(bytes: usize) -> usize {
    (bytes * 8).div_ceil(5)
}

/// What stands in [`VALUES`] for a byte that is no digit; greater than every digit.
pub(crate) const NO_DIGIT: u8 = 32;

/// Byte → its value as a digit, or [`NO_DIGIT`].
pub(crate) const VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut digit = 0;
    while digit < NO_DIGIT {
        // Both indices are within bounds, or this would not compile.
        values[ALPHABET[digit as usize] as usize] = digit;
        digit += 1;
    }
    values
};

/// The value of a digit, or `None` for a byte that is none.
pub fn digit_value(byte: u8) -> Option<u8> {
    let value = VALUES.get(usize::from(byte)).copied();
    value.filter(|&value| value != NO_DIGIT)
}

/// Writes `bytes` in Nix base 32.
pub fn encode(bytes: &[u8]) -> String {
    let byte_at = |index: usize| u16::from(bytes.get(index).copied().unwrap_or(0));
    (0..encoded_len(bytes.len()))
        .rev()
        .filter_map(|digit| {
            let bit = digit * 5;
            let pair = byte_at(bit / 8) | (byte_at(bit / 8 + 1) << 8);
            ALPHABET.get(usize::from((pair >> (bit % 8)) & 0x1f))
        })
        .map(|&digit| char::from(digit))
        .collect()
}

/// Reads Nix base 32; the inverse of [`encode`].
pub fn decode(text: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let not_canonical = DecodeError::NotCanonical { digits: text.len() };
    let length = text.len() * 5 / 8;
    if encoded_len(length) != text.len() {
        return Err(not_canonical);
    }
    let mut bytes = vec![0u8; length];
    for (digit, (position, &byte)) in text.iter().enumerate().rev().enumerate() {
        let value = digit_value(byte).ok_or(DecodeError::BadCharacter { byte, position })?;
        let bit = digit * 5;
        let [low, high] = (u16::from(value) << (bit % 8)).to_le_bytes();
        for (index, part) in [(bit / 8, low), (bit / 8 + 1, high)] {
            match bytes.get_mut(index) {
                Some(target) => *target |= part,
                None if part == 0 => {}
                None => return Err(not_canonical),
            }
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_values() {
        assert_eq!(encode(&[]), "");
        assert_eq!(encode(&[0x1f]), "0z");
        // The nar hash of an example of the Nix manual's store path chapter.
        assert_eq!(
            decode(b"0c5b8vw40dy178xlpddw65q9gf1h2186jcc3p4swinwggbllv8mk")
                .map(|bytes| encode(&bytes)),
            Ok("0c5b8vw40dy178xlpddw65q9gf1h2186jcc3p4swinwggbllv8mk".to_owned())
        );
    }

    #[test]
    fn refuses_what_it_would_not_write() {
        for text in [&b"0"[..], b"zz", b"000", b"0e", b"0Z"] {
            assert!(decode(text).is_err(), "{text:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn bytes_round_trip(bytes: Vec<u8>) {
            prop_assert_eq!(decode(encode(&bytes).as_bytes()), Ok(bytes));
        }
        #[test]
        fn text_round_trips(text in "[0-9a-z]{0,60}") {
            if let Ok(bytes) = decode(text.as_bytes()) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }
    }
}
