//! Values of settings: checked against their type, read from TOML or from the text of a variable or an
//! option, and printed as TOML.
//!
//! Contract: what is printed reads back as the same value. Sizes are bytes and times seconds, whatever
//! unit they were written with.

use std::fmt;
use std::path::Path;

use toml::de::{DeInteger, DeValue};

use super::table::Kind;

/// A checked value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A flag.
    Flag(bool),
    /// A number, a size in bytes, a time in seconds, permissions.
    Number(u64),
    /// A word or a path, also `auto` in place of a number.
    Text(String),
    /// A list.
    Words(Vec<String>),
}

/// The word in place of a number.
pub const AUTO: &str = "auto";

impl Value {
    /// Checks a value of a file.
    ///
    /// # Errors
    /// What was expected and found.
    pub fn from_toml(kind: Kind, value: &DeValue<'_>) -> Result<Value, String> {
        match value {
            DeValue::Boolean(flag) if kind == Kind::Flag => Ok(Value::Flag(*flag)),
            DeValue::Integer(number) if is_number(kind) => {
                let number =
                    integer(number).ok_or_else(|| wrong(kind, &format!("the number {number}")))?;
                checked_number(kind, number)
            }
            DeValue::String(text) => match kind {
                Kind::Flag | Kind::Words | Kind::Patterns | Kind::Choices(_) => {
                    Err(wrong(kind, &format!("the string {}", string(text))))
                }
                Kind::Count { .. } if text != AUTO => {
                    Err(wrong(kind, &format!("the string {}", string(text))))
                }
                _ => Value::from_text(kind, text),
            },
            DeValue::Array(items) if is_list(kind) => {
                let words = items.iter().map(|item| match item.get_ref() {
                    DeValue::String(word) => Ok(word.to_string()),
                    other => Err(wrong(kind, &format!("a list with {}", sort(other)))),
                });
                checked_words(kind, words.collect::<Result<_, _>>()?)
            }
            other => Err(wrong(kind, sort(other))),
        }
    }

    /// Checks the text of a variable or an option. Words of a list are separated by blanks.
    ///
    /// # Errors
    /// What was expected and found.
    pub fn from_text(kind: Kind, text: &str) -> Result<Value, String> {
        let found = || wrong(kind, &string(text));
        match kind {
            Kind::Flag => match text {
                "true" | "1" => Ok(Value::Flag(true)),
                "false" | "0" => Ok(Value::Flag(false)),
                _ => Err(found()),
            },
            Kind::Count { auto: true, .. } | Kind::Seconds { auto: true } if text == AUTO => {
                Ok(Value::Text(AUTO.to_owned()))
            }
            Kind::Count { .. } => {
                let number = text.parse().map_err(|_| found())?;
                checked_number(kind, number)
            }
            Kind::Size => size(text).map(Value::Number).ok_or_else(found),
            Kind::Seconds { .. } => {
                let number = seconds(text).ok_or_else(found)?;
                checked_number(kind, number)
            }
            Kind::Mode => mode(text).map(Value::Number).ok_or_else(found),
            Kind::Path if !text.is_empty() && !Path::new(text).is_absolute() => Err(found()),
            Kind::Path | Kind::Program => Ok(Value::Text(text.to_owned())),
            Kind::Choice(words) if words.contains(&text) => Ok(Value::Text(text.to_owned())),
            Kind::Choice(_) => Err(found()),
            Kind::Words | Kind::Patterns | Kind::Choices(_) => {
                checked_words(kind, text.split_whitespace().map(str::to_owned).collect())
            }
        }
    }

    /// The value as TOML.
    pub fn to_toml(&self, kind: Kind) -> String {
        match self {
            Value::Flag(flag) => flag.to_string(),
            Value::Number(number) if kind == Kind::Mode => format!("\"{number:o}\""),
            Value::Number(number) if kind == Kind::Size => match unit(*number) {
                Some(text) => format!("\"{text}\""),
                None => number.to_string(),
            },
            Value::Number(number) => number.to_string(),
            Value::Text(text) => string(text),
            Value::Words(words) => {
                let words: Vec<String> = words.iter().map(|word| string(word)).collect();
                format!("[{}]", words.join(", "))
            }
        }
    }

    /// The value as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Flag(flag) => (*flag).into(),
            Value::Number(number) => (*number).into(),
            Value::Text(text) => text.as_str().into(),
            Value::Words(words) => words.clone().into(),
        }
    }
}

fn is_number(kind: Kind) -> bool {
    matches!(kind, Kind::Count { .. } | Kind::Size | Kind::Seconds { .. })
}

fn is_list(kind: Kind) -> bool {
    matches!(kind, Kind::Words | Kind::Patterns | Kind::Choices(_))
}

fn integer(number: &DeInteger<'_>) -> Option<u64> {
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn checked_number(kind: Kind, number: u64) -> Result<Value, String> {
    let good = match kind {
        Kind::Count { min, max, .. } => (min..=max).contains(&number),
        // What an option takes.
        Kind::Seconds { .. } => number <= u64::from(u32::MAX),
        _ => true,
    };
    match good {
        true => Ok(Value::Number(number)),
        false => Err(wrong(kind, &format!("the number {number}"))),
    }
}

fn checked_words(kind: Kind, words: Vec<String>) -> Result<Value, String> {
    if let Kind::Choices(known) = kind {
        for (at, word) in words.iter().enumerate() {
            if !known.contains(&word.as_str()) {
                return Err(wrong(kind, &format!("a list with {}", string(word))));
            }
            if words.get(..at).is_some_and(|before| before.contains(word)) {
                return Err(format!("{} stands in the list twice", string(word)));
            }
        }
    }
    Ok(Value::Words(words))
}

fn wrong(kind: Kind, found: &str) -> String {
    let wanted = match kind {
        Kind::Flag => "true or false".to_owned(),
        Kind::Size => "a number of bytes, such as 500000, \"512M\" or \"2G\"".to_owned(),
        Kind::Seconds { auto: false } => "a number of seconds, or a text such as \"5m\"".to_owned(),
        Kind::Seconds { auto: true } => {
            "a number of seconds, a text such as \"5m\", or \"auto\"".to_owned()
        }
        Kind::Path => "an absolute path".to_owned(),
        Kind::Program => "a string with the name or the path of a program".to_owned(),
        Kind::Mode => "permissions in octal as a string, such as \"600\"".to_owned(),
        Kind::Words | Kind::Patterns => "a list of strings".to_owned(),
        Kind::Choice(_) => kind.describe().replace('`', ""),
        Kind::Choices(_) => format!("a {}", kind.describe().replace('`', "")),
        Kind::Count { .. } => format!("a {}", kind.describe().replace('`', "")),
    };
    format!("expected {wanted}; found {found}")
}

fn sort(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Bytes: a number with one of the suffixes K, M, G, T (powers of 1024), or without.
pub fn size(text: &str) -> Option<u64> {
    let (digits, shift) = match text.char_indices().last()? {
        (end, 'k' | 'K') => (text.get(..end)?, 10),
        (end, 'm' | 'M') => (text.get(..end)?, 20),
        (end, 'g' | 'G') => (text.get(..end)?, 30),
        (end, 't' | 'T') => (text.get(..end)?, 40),
        _ => (text, 0),
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// Bytes with a suffix, if they are a whole number of it.
fn unit(bytes: u64) -> Option<String> {
    let units = [("T", 40), ("G", 30), ("M", 20), ("K", 10)];
    let whole = |&&(_, shift): &&(&str, u32)| bytes != 0 && bytes.trailing_zeros() >= shift;
    let (suffix, shift) = units.iter().find(whole)?;
    Some(format!("{}{suffix}", bytes >> shift))
}

/// Seconds: a number with one of the suffixes s, m, h, d, or without.
fn seconds(text: &str) -> Option<u64> {
    let (digits, factor) = match text.char_indices().last()? {
        (end, 's') => (text.get(..end)?, 1),
        (end, 'm') => (text.get(..end)?, 60),
        (end, 'h') => (text.get(..end)?, 3600),
        (end, 'd') => (text.get(..end)?, 86400),
        _ => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// Permissions in octal.
pub fn mode(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 8)
        .ok()
        .filter(|mode| *mode <= 0o777)
}

/// A string of TOML.
pub fn string(text: &str) -> String {
    struct Quoted<'a>(&'a str);
    impl fmt::Display for Quoted<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("\"")?;
            for c in self.0.chars() {
                match c {
                    '"' | '\\' => write!(f, "\\{c}")?,
                    '\n' => f.write_str("\\n")?,
                    '\t' => f.write_str("\\t")?,
                    c if c.is_control() => write!(f, "\\U{:08X}", u32::from(c))?,
                    c => write!(f, "{c}")?,
                }
            }
            f.write_str("\"")
        }
    }
    Quoted(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::table::KEYS;
    use proptest::prelude::*;

    fn toml(kind: Kind, text: &str) -> Result<Value, String> {
        let value = DeValue::parse(text).expect("TOML");
        Value::from_toml(kind, value.get_ref())
    }

    #[test]
    fn sizes_and_times_have_units() {
        assert_eq!(toml(Kind::Size, "'64k'"), Ok(Value::Number(65536)));
        assert_eq!(toml(Kind::Size, "0x10"), Ok(Value::Number(16)));
        assert_eq!(toml(Kind::Size, "\"2G\""), Ok(Value::Number(2 << 30)));
        for wrong in ["'K'", "''", "-1", "1.5", "'1GB'", "'99999999999T'", "true"] {
            let error = toml(Kind::Size, wrong).expect_err(wrong);
            assert!(error.contains("expected a number of bytes"), "{error}");
        }
        let time = Kind::Seconds { auto: false };
        assert_eq!(toml(time, "'5m'"), Ok(Value::Number(300)));
        assert_eq!(toml(time, "7"), Ok(Value::Number(7)));
        assert!(toml(time, "'auto'").is_err());
        assert!(toml(time, "'2000000000d'").is_err());
        assert_eq!(
            toml(Kind::Seconds { auto: true }, "'auto'"),
            Ok(Value::Text("auto".into()))
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        let count = Kind::Count {
            min: 1,
            max: 9,
            auto: true,
        };
        for (kind, text, wanted) in [
            (
                count,
                "0",
                "expected a number from 1 to 9, or \"auto\"; found the number 0",
            ),
            (
                count,
                "'3'",
                "expected a number from 1 to 9, or \"auto\"; found the string \"3\"",
            ),
            (
                Kind::Flag,
                "'yes'",
                "expected true or false; found the string \"yes\"",
            ),
            (
                Kind::Path,
                "'a/b'",
                "expected an absolute path; found \"a/b\"",
            ),
            (
                Kind::Words,
                "'a'",
                "expected a list of strings; found the string \"a\"",
            ),
            (
                Kind::Words,
                "['a', 1]",
                "expected a list of strings; found a list with a number",
            ),
            (
                Kind::Choice(&["a", "b"]),
                "'c'",
                "expected one of \"a\", \"b\"; found \"c\"",
            ),
            (
                Kind::Choices(&["a", "b"]),
                "['a', 'c']",
                "expected a list of \"a\", \"b\"; found a list with \"c\"",
            ),
            (
                Kind::Choices(&["a", "b"]),
                "['a', 'a']",
                "\"a\" stands in the list twice",
            ),
            (
                Kind::Mode,
                "'778'",
                "expected permissions in octal as a string, such as \"600\"; found \"778\"",
            ),
            (
                Kind::Mode,
                "600",
                "expected permissions in octal as a string, such as \"600\"; found a number",
            ),
        ] {
            assert_eq!(toml(kind, text), Err(wanted.to_owned()), "{text}");
        }
    }

    #[test]
    fn every_default_is_good_and_reads_back() {
        for key in KEYS {
            let value =
                toml(key.kind, key.default).unwrap_or_else(|error| panic!("{}: {error}", key.name));
            let printed = value.to_toml(key.kind);
            assert_eq!(
                toml(key.kind, &printed),
                Ok(value),
                "{} = {printed}",
                key.name
            );
        }
    }

    #[test]
    fn variables_are_text() {
        let words = Value::Words(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(Value::from_text(Kind::Words, " a  b "), Ok(words));
        assert_eq!(
            Value::from_text(Kind::Words, ""),
            Ok(Value::Words(Vec::new()))
        );
        assert_eq!(Value::from_text(Kind::Flag, "1"), Ok(Value::Flag(true)));
        assert_eq!(
            Value::from_text(Kind::Mode, "0666"),
            Ok(Value::Number(0o666))
        );
        assert!(Value::from_text(Kind::Mode, "1000").is_err());
    }

    proptest! {
        #[test]
        fn strings_read_back(text in "\\PC{0,20}|[\\x00-\\x7f]{0,10}") {
            let value = Value::Words(vec![text]);
            let printed = value.to_toml(Kind::Words);
            prop_assert_eq!(toml(Kind::Words, &printed), Ok(value));
        }

        #[test]
        fn sizes_read_back(bytes in prop_oneof![any::<u64>(), (0..100u64).prop_map(|n| n << 20)]) {
            // Numbers of TOML end at 2^63.
            let bytes = bytes >> 1;
            let value = Value::Number(bytes);
            let printed = value.to_toml(Kind::Size);
            prop_assert_eq!(toml(Kind::Size, &printed), Ok(value));
        }
    }
}
