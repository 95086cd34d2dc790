//! The words and numbers of dates.

use super::parse::Bad;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Token {
    /// Sign, value, digits, and digits behind a point.
    Number {
        sign: Option<i64>,
        value: i64,
        digits: usize,
        fraction: Option<String>,
    },
    /// Letters, in lower case.
    Word(String),
    /// A colon, slash, comma or `@`.
    Mark(u8),
}

/// Takes a text apart.
pub fn tokens(text: &str) -> Result<Vec<Token>, Bad> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        match byte {
            b' ' | 9..=13 => at += 1,
            b'+' | b'-' | b'0'..=b'9' => {
                let mut sign = None;
                if !byte.is_ascii_digit() {
                    sign = Some(if byte == b'-' { -1 } else { 1 });
                    at += 1;
                    while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
                        at += 1;
                    }
                    if !bytes.get(at).is_some_and(u8::is_ascii_digit) {
                        return Err(Bad::Beyond);
                    }
                }
                let start = at;
                while bytes.get(at).is_some_and(u8::is_ascii_digit) {
                    at += 1;
                }
                let digits = text.get(start..at).unwrap_or_default();
                let value: i64 = digits.parse().map_err(|_| Bad::Beyond)?;
                let mut fraction = None;
                if matches!(bytes.get(at), Some(b'.' | b','))
                    && bytes.get(at + 1).is_some_and(u8::is_ascii_digit)
                {
                    let from = at + 1;
                    at = from;
                    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
                        at += 1;
                    }
                    fraction = Some(text.get(from..at).unwrap_or_default().to_owned());
                }
                found.push(Token::Number {
                    sign,
                    value,
                    digits: digits.len(),
                    fraction,
                });
            }
            b'a'..=b'z' | b'A'..=b'Z' => {
                let start = at;
                while bytes
                    .get(at)
                    .is_some_and(|it| it.is_ascii_alphabetic() || *it == b'.')
                {
                    at += 1;
                }
                let word = text.get(start..at).unwrap_or_default();
                found.push(Token::Word(word.to_ascii_lowercase()));
            }
            b':' | b'/' | b',' | b'@' => {
                found.push(Token::Mark(byte));
                at += 1;
            }
            _ => return Err(Bad::Beyond),
        }
    }
    Ok(found)
}

/// The number of a month's name.
pub fn month(word: &str) -> Option<i64> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    named(word, &NAMES, "sept", 8).map(|at| at + 1)
}

/// The number of a day's name, Sunday first.
pub fn week_day(word: &str) -> Option<i64> {
    const NAMES: [&str; 7] = [
        "sunday",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
    ];
    match word {
        "tues" => Some(2),
        "wednes" => Some(3),
        "thur" | "thurs" => Some(4),
        _ => named(word, &NAMES, "", 0),
    }
}

/// Where in the list: the whole name, its first three letters, or another spelling.
fn named(word: &str, names: &[&str], other: &str, other_at: i64) -> Option<i64> {
    let word = word.strip_suffix('.').unwrap_or(word);
    if !other.is_empty() && word == other {
        return Some(other_at);
    }
    let found = |name: &&str| **name == *word || name.get(..3) == Some(word);
    names
        .iter()
        .position(found)
        .and_then(|at| i64::try_from(at).ok())
}

/// Which of the four shifts a unit belongs to, and how many of it.
pub fn unit(word: &str) -> Option<(usize, i64)> {
    let word = word.strip_suffix('s').unwrap_or(word);
    Some(match word {
        "year" => (0, 1),
        "month" => (1, 1),
        "fortnight" => (2, 14),
        "week" => (2, 7),
        "day" => (2, 1),
        "hour" => (3, 3600),
        "minute" | "min" => (3, 60),
        "second" | "sec" => (3, 1),
        _ => return None,
    })
}

/// What a word counts.
pub fn ordinal(word: &str) -> Option<i64> {
    Some(match word {
        "last" => -1,
        "this" => 0,
        "next" | "first" => 1,
        "third" => 3,
        "fourth" => 4,
        "fifth" => 5,
        "sixth" => 6,
        "seventh" => 7,
        "eighth" => 8,
        "ninth" => 9,
        "tenth" => 10,
        "eleventh" => 11,
        "twelfth" => 12,
        _ => return None,
    })
}

/// `pm`?
pub fn half(word: &str) -> Option<bool> {
    match word {
        "am" | "a.m." => Some(false),
        "pm" | "p.m." => Some(true),
        _ => None,
    }
}
