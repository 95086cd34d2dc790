//! How two keys compare: as bytes, numbers, sizes, months or versions.
//!
//! Counterpart: `keycompare` and what it calls in coreutils' `sort.c`.

use crate::coreutils::{float, version};
use crate::shared::program;
use std::cmp::Ordering;

/// What a key is taken for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Order {
    pub blanks: bool,
    pub end_blanks: bool,
    pub dictionary: bool,
    pub fold: bool,
    pub general: bool,
    pub human: bool,
    pub printing: bool,
    pub month: bool,
    pub numeric: bool,
    pub reverse: bool,
    pub version: bool,
}

impl Order {
    /// Nothing was asked for?
    pub fn is_default(&self) -> bool {
        *self == Order::default()
    }

    /// The letters of what contradicts itself, if something does.
    pub fn contradiction(&self) -> Option<String> {
        let kinds = [
            self.numeric,
            self.general,
            self.human,
            self.month,
            self.version || self.dictionary || self.printing,
        ];
        if kinds.iter().filter(|it| **it).count() < 2 {
            return None;
        }
        let letters = [
            (self.dictionary, 'd'),
            (self.fold, 'f'),
            (self.general, 'g'),
            (self.human, 'h'),
            (self.printing && !self.dictionary, 'i'),
            (self.month, 'M'),
            (self.numeric, 'n'),
            (self.version, 'V'),
        ];
        let chosen = letters.iter().filter(|(set, _)| *set);
        Some(chosen.map(|(_, letter)| *letter).collect())
    }

    /// Takes the meaning of a letter that may stand in a key or among the options.
    pub fn set(&mut self, letter: u8) -> bool {
        match letter {
            b'd' => self.dictionary = true,
            b'f' => self.fold = true,
            b'g' => self.general = true,
            b'h' => self.human = true,
            b'i' => self.printing = true,
            b'M' => self.month = true,
            b'n' => self.numeric = true,
            b'r' => self.reverse = true,
            b'V' => self.version = true,
            _ => return false,
        }
        true
    }
}

/// In the C locale; sort counts the newline among them (for -z).
pub fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n')
}

/// Compares two keys, without `r`.
pub fn compare(a: &[u8], b: &[u8], order: Order) -> Ordering {
    if !(order.dictionary || order.printing || order.fold) {
        return by_kind(a, b, order);
    }
    let kept = |text: &[u8]| -> Vec<u8> {
        let keep = |byte: &&u8| {
            if order.dictionary {
                is_blank(**byte) || byte.is_ascii_alphanumeric()
            } else {
                !order.printing || (0x20..0x7f).contains(*byte)
            }
        };
        let fold = |byte: &u8| {
            if order.fold {
                byte.to_ascii_uppercase()
            } else {
                *byte
            }
        };
        text.iter().filter(keep).map(fold).collect()
    };
    by_kind(&kept(a), &kept(b), order)
}

fn by_kind(a: &[u8], b: &[u8], order: Order) -> Ordering {
    if order.numeric {
        Number::of(a).compare(&Number::of(b))
    } else if order.general {
        general(a).cmp(&general(b))
    } else if order.human {
        unit(a)
            .cmp(&unit(b))
            .then_with(|| Number::of(a).compare(&Number::of(b)))
    } else if order.month {
        month(a).cmp(&month(b))
    } else if order.version {
        version::compare(a, b)
    } else {
        a.cmp(b)
    }
}

/// A number as `strtold` reads it; what is none comes first.
#[derive(PartialEq, Eq)]
struct General(Option<float::Decimal>);

impl PartialOrd for General {
    fn partial_cmp(&self, other: &General) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for General {
    fn cmp(&self, other: &General) -> Ordering {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => a.compare(b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        }
    }
}

fn general(text: &[u8]) -> General {
    match float::parse(text) {
        // More digits than x86-64 surely holds: whether they count depends on the machine.
        Some((number, _)) if number.digits.bits() > 63 => {
            program::refuse("a number of more than 18 digits with -g")
        }
        Some((_, 0)) => General(None),
        Some((number, _)) => General(Some(number)),
        None => program::refuse("a number in hexadecimal, or an infinite one, with -g"),
    }
}

/// The rank of the unit behind a number that is not zero.
fn unit(text: &[u8]) -> i32 {
    let start = text.iter().take_while(|byte| is_blank(**byte)).count();
    let text = text.get(start..).unwrap_or_default();
    let (negative, text) = match text.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let whole = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = whole;
    if text.get(end) == Some(&b'.') {
        let behind = text.iter().skip(end + 1);
        end += 1 + behind.take_while(|byte| byte.is_ascii_digit()).count();
    }
    let zero = text
        .iter()
        .take(end)
        .all(|byte| matches!(byte, b'0' | b'.'));
    let rank = match text.get(end) {
        _ if zero => 0,
        Some(b'k' | b'K') => 1,
        Some(letter) => b"MGTPEZY"
            .iter()
            .position(|it| it == letter)
            .map_or(0, |at| at as i32 + 2),
        None => 0,
    };
    if negative { -rank } else { rank }
}

/// January is 1; what is no month is 0.
fn month(text: &[u8]) -> usize {
    const NAMES: [&[u8]; 12] = [
        b"JAN", b"FEB", b"MAR", b"APR", b"MAY", b"JUN", b"JUL", b"AUG", b"SEP", b"OCT", b"NOV",
        b"DEC",
    ];
    let start = text.iter().take_while(|byte| is_blank(**byte)).count();
    let name = text.get(start..start + 3).unwrap_or_default();
    let name = name.to_ascii_uppercase();
    NAMES
        .iter()
        .position(|it| *it == name)
        .map_or(0, |at| at + 1)
}

/// The number that a text starts with: of any size, without exponents.
struct Number<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
}

impl<'a> Number<'a> {
    fn of(text: &'a [u8]) -> Number<'a> {
        let start = text
            .iter()
            .position(|byte| !is_blank(*byte))
            .unwrap_or(text.len());
        let text = text.get(start..).unwrap_or_default();
        let (negative, text) = match text.strip_prefix(b"-") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let digits = |text: &'a [u8]| {
            let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
            text.split_at(count)
        };
        let (whole, rest) = digits(text);
        let fraction = rest
            .strip_prefix(b".")
            .map_or(&[] as &[u8], |rest| digits(rest).0);
        let zeros = whole.iter().take_while(|byte| **byte == b'0').count();
        let whole = whole.get(zeros..).unwrap_or_default();
        let kept = fraction
            .iter()
            .rposition(|byte| *byte != b'0')
            .map_or(0, |at| at + 1);
        let fraction = fraction.get(..kept).unwrap_or_default();
        let zero = whole.is_empty() && fraction.is_empty();
        Number {
            negative: negative && !zero,
            whole,
            fraction,
        }
    }

    fn compare(&self, other: &Number<'_>) -> Ordering {
        let size = |it: &Self, other: &Number<'_>| {
            (it.whole.len(), it.whole, it.fraction).cmp(&(
                other.whole.len(),
                other.whole,
                other.fraction,
            ))
        };
        match (self.negative, other.negative) {
            (false, false) => size(self, other),
            (true, true) => size(self, other).reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}
