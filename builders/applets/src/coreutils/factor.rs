//! `factor`.
//!
//! Counterpart: coreutils' `factor.c`. Refused: numbers of more than 64 bits, and `-h`, which only
//! newer versions have.

use super::Utility;
use crate::shared::io::{self, Source};
use crate::shared::options::{Spec, parse};
use crate::shared::{program, quote};
use bstr::BString;

pub const FACTOR: Utility = Utility {
    name: "factor",
    spec: Spec {
        options: &[],
        permute: true,
        usage: 1,
    },
    run,
};

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let mut status = 0;
    if !parsed.operands.is_empty() {
        for word in &parsed.operands {
            status |= one(word);
        }
        return io::finish(status);
    }
    let text = match Source::Stdin.read_to_end() {
        Ok(text) => text,
        Err(errno) => program::die_errno(1, &[b"error reading input"], errno),
    };
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n');
    for word in text.split(blank).filter(|word| !word.is_empty()) {
        status |= one(word);
    }
    io::finish(status)
}

/// One number and its factors; the status.
fn one(word: &[u8]) -> u8 {
    let digits = word.trim_ascii_start();
    let digits = digits.strip_prefix(b"+").unwrap_or(digits);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        io::flush_quietly();
        program::complain(&[&quote::always(word), b" is not a valid positive integer"]);
        return 1;
    }
    let number = digits.iter().try_fold(0u64, |number, digit| {
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    });
    let Some(number) = number else {
        program::refuse("factor of more than 64 bits");
    };
    let mut factors = Vec::new();
    split(number, &mut factors);
    factors.sort_unstable();
    let mut line = format!("{number}:");
    for factor in factors {
        line.push_str(&format!(" {factor}"));
    }
    line.push('\n');
    io::put(line.as_bytes());
    0
}

/// Appends the prime factors: small ones by trial, the others by Pollard's method.
fn split(mut number: u64, factors: &mut Vec<u64>) {
    if number < 2 {
        return;
    }
    let mut divisor = 2;
    while divisor < 1000 && divisor * divisor <= number {
        while number.is_multiple_of(divisor) {
            factors.push(divisor);
            number /= divisor;
        }
        divisor += 1;
    }
    let mut left = vec![number];
    while let Some(number) = left.pop() {
        if number == 1 {
            continue;
        }
        match divisor_of(number) {
            None => factors.push(number),
            Some(divisor) => left.extend([divisor, number / divisor]),
        }
    }
}

fn times(a: u64, b: u64, modulus: u64) -> u64 {
    // Below the modulus, so that it fits.
    (u128::from(a) * u128::from(b) % u128::from(modulus)) as u64
}

fn power(mut base: u64, mut exponent: u64, modulus: u64) -> u64 {
    let mut result = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = times(result, base, modulus);
        }
        base = times(base, base, modulus);
        exponent >>= 1;
    }
    result
}

/// Miller and Rabin's test; with these bases it is exact for 64 bits.
fn is_prime(number: u64) -> bool {
    const BASES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];
    if number < 2 || BASES.iter().any(|base| number.is_multiple_of(*base)) {
        return BASES.contains(&number);
    }
    let twos = (number - 1).trailing_zeros();
    let odd = (number - 1) >> twos;
    BASES.iter().all(|base| {
        let mut value = power(*base, odd, number);
        if value == 1 || value == number - 1 {
            return true;
        }
        (1..twos).any(|_| {
            value = times(value, value, number);
            value == number - 1
        })
    })
}

/// A divisor other than one and the number; `None`: it is prime.
fn divisor_of(number: u64) -> Option<u64> {
    if is_prime(number) {
        return None;
    }
    let root = number.isqrt();
    if root * root == number {
        return Some(root);
    }
    // Each constant gives another walk; for one of the first few it ends at a divisor.
    (1u64..).find_map(|constant| {
        let step = |value: u64| {
            let next = u128::from(times(value, value, number)) + u128::from(constant);
            (next % u128::from(number)) as u64
        };
        let (mut slow, mut fast) = (2u64, 2u64);
        loop {
            slow = step(slow);
            fast = step(step(fast));
            let common = common_divisor(slow.abs_diff(fast), number);
            if common == number {
                return None;
            }
            if common > 1 {
                return Some(common);
            }
        }
    })
}

fn common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}
