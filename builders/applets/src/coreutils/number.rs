//! Counts with multipliers, as options give them.
//!
//! Counterpart: gnulib's `xstrtoumax` and `xdectoint`.

use crate::shared::{program, quote};

/// What is wrong with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// It is none.
    Invalid,
    /// Something stands behind it.
    Suffix,
    /// It is too large.
    Overflow,
}

/// The multipliers that `head`, `split` and their like know.
pub const MULTIPLIERS: &[u8] = b"bEGKkMmPTYZ0";

/// A number without sign and a multiplier of `suffixes`; a `0` among them allows `kB` and `KiB`.
pub fn size(text: &[u8], suffixes: &[u8]) -> Result<u64, Bad> {
    let text = text.trim_ascii_start();
    let text = text.strip_prefix(b"+").unwrap_or(text);
    let digits = text.iter().take_while(|it| it.is_ascii_digit()).count();
    let (number, rest) = text.split_at(digits);
    let mut value = if number.is_empty() {
        match rest.first() {
            Some(first) if suffixes.contains(first) && *first != b'0' => Some(1),
            _ => return Err(Bad::Invalid),
        }
    } else {
        number.iter().try_fold(0u64, |value, digit| {
            value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        })
    };
    if let Some((letter, behind)) = rest.split_first() {
        if !suffixes.contains(letter) || *letter == b'0' {
            return Err(Bad::Suffix);
        }
        let (base, behind): (u64, &[u8]) = match behind {
            [b'i', b'B', after @ ..]
                if suffixes.contains(&b'0') && b"EGgkKMmPTtYZ".contains(letter) =>
            {
                (1024, after)
            }
            [b'B' | b'D', after @ ..]
                if suffixes.contains(&b'0') && b"EGgkKMmPTtYZ".contains(letter) =>
            {
                (1000, after)
            }
            after => (1024, after),
        };
        if !behind.is_empty() {
            return Err(Bad::Suffix);
        }
        let power = match letter {
            b'b' => {
                value = value.and_then(|it| it.checked_mul(512));
                0
            }
            b'B' => {
                value = value.and_then(|it| it.checked_mul(1024));
                0
            }
            b'w' => {
                value = value.and_then(|it| it.checked_mul(2));
                0
            }
            b'k' | b'K' => 1,
            b'm' | b'M' => 2,
            b'g' | b'G' => 3,
            b't' | b'T' => 4,
            b'P' => 5,
            b'E' => 6,
            b'Z' => 7,
            b'Y' => 8,
            _ => 0,
        };
        for _ in 0..power {
            value = value.and_then(|it| it.checked_mul(base));
        }
    }
    value.ok_or(Bad::Overflow)
}

/// A number of an option, or the end of the program with `WHAT: 'TEXT'`.
pub fn option(text: &[u8], suffixes: &[u8], least: u64, most: u64, what: &str) -> u64 {
    let shown = quote::locale(text);
    let fail = |behind: &[u8]| -> ! { program::die(1, &[what.as_bytes(), b": ", &shown, behind]) };
    match size(text, suffixes) {
        Ok(value) if value > most && most > i32::MAX as u64 / 2 => {
            fail(b": Value too large for defined data type")
        }
        Ok(value) if value < least && value > i32::MAX as u64 / 2 => {
            fail(b": Value too large for defined data type")
        }
        Ok(value) if value < least || value > most => fail(b": Numerical result out of range"),
        Ok(value) => value,
        Err(Bad::Overflow) => fail(b": Value too large for defined data type"),
        Err(_) => fail(b""),
    }
}

/// A number of an option as C writes it (`0x10`, `010`), or the end of the program in the words of
/// `xstrtol_fatal`.
pub fn constant(text: &[u8], suffixes: &[u8], name: &str) -> u64 {
    let trimmed = text.trim_ascii_start();
    let (digits, base) = match trimmed {
        [b'0', b'x' | b'X', rest @ ..] => (rest, 16),
        // The zero is a digit too: of `09` it is the number, and `9` a suffix.
        [b'0', ..] => (trimmed, 8),
        _ => (trimmed, 10),
    };
    let count = digits
        .iter()
        .take_while(|it| char::from(**it).is_digit(base))
        .count();
    let (number, suffix) = digits.split_at(count);
    let found = if base == 10 || count == 0 {
        size(text, suffixes)
    } else if suffix.first().is_some_and(u8::is_ascii_digit) {
        Err(Bad::Suffix)
    } else {
        let number = std::str::from_utf8(number).unwrap_or("");
        match u64::from_str_radix(number, base) {
            Ok(value) => size(&[value.to_string().as_bytes(), suffix].concat(), suffixes),
            Err(_) => Err(Bad::Overflow),
        }
    };
    let fail = |before: &[u8], behind: &[u8]| -> ! {
        let name = name.as_bytes();
        program::die(1, &[before, name, b" argument '", text, b"'", behind])
    };
    match found {
        Ok(value) => value,
        Err(Bad::Invalid) => fail(b"invalid ", b""),
        Err(Bad::Suffix) => fail(b"invalid suffix in ", b""),
        Err(Bad::Overflow) => fail(b"", b" too large"),
    }
}
