//! Options, from one table per applet: the parser, the refusals and docs/applets.md follow it.
//!
//! Contract: as glibc's `getopt_long`, with one difference: an option that the table lacks, and an
//! abbreviated long option, is a refusal that ends the build. The applet cannot know what it means.

use super::program;
use bstr::{BString, ByteSlice};

/// Whether an option has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// It has none.
    Nothing,
    /// It needs one.
    Value,
    /// It may have one, in the same word.
    MaybeValue,
}

/// One option. `key` is its letter; where it has none, any letter beyond ASCII.
#[derive(Clone, Copy, Debug)]
pub struct Opt {
    /// What identifies it.
    pub key: char,
    /// The long spelling, or empty.
    pub long: &'static str,
    /// Its value.
    pub takes: Takes,
}

/// An option without value.
pub const fn flag(key: char, long: &'static str) -> Opt {
    Opt {
        key,
        long,
        takes: Takes::Nothing,
    }
}

/// An option with a value.
pub const fn value(key: char, long: &'static str) -> Opt {
    Opt {
        key,
        long,
        takes: Takes::Value,
    }
}

/// An option that may have a value.
pub const fn maybe(key: char, long: &'static str) -> Opt {
    Opt {
        key,
        long,
        takes: Takes::MaybeValue,
    }
}

/// How an applet reads its words.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Its options.
    pub options: &'static [Opt],
    /// Whether options may follow operands.
    pub permute: bool,
    /// Exit status of a usage error.
    pub usage: u8,
}

/// What was found, in order.
#[derive(Debug, Default)]
pub struct Parsed {
    /// Key and value of every option.
    pub options: Vec<(char, Option<BString>)>,
    /// The other words.
    pub operands: Vec<BString>,
    /// Of each option, how many of the other words came before it.
    pub places: Vec<usize>,
}

impl Parsed {
    fn push(&mut self, key: char, value: Option<BString>) {
        self.places.push(self.operands.len());
        self.options.push((key, value));
    }

    /// Is the option there?
    pub fn has(&self, key: char) -> bool {
        self.options.iter().any(|(found, _)| *found == key)
    }

    /// The last value of the option.
    pub fn value(&self, key: char) -> Option<&BString> {
        let mut found = self.options.iter().rev();
        found.find_map(|(it, value)| value.as_ref().filter(|_| *it == key))
    }

    /// Which of these options came last.
    pub fn last_of(&self, keys: &[char]) -> Option<char> {
        let mut found = self.options.iter().rev();
        found.find_map(|(it, _)| keys.contains(it).then_some(*it))
    }
}

fn unknown(option: &[u8]) -> ! {
    program::refuse(&format!(
        "the option '{}' is beyond this applet",
        option.as_bstr()
    ))
}

/// Reads the words of the command line after the program's name.
pub fn parse(spec: &Spec, words: Vec<BString>) -> Parsed {
    let mut parsed = Parsed::default();
    // POSIXLY_CORRECT is never set in a Nix build.
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if word == "--" {
            parsed.operands.extend(words);
            break;
        }
        if let Some(long) = word.strip_prefix(b"--") {
            let (name, attached) = match long.split_once_str("=") {
                Some((name, value)) => (name, Some(BString::from(value))),
                None => (long, None),
            };
            let known = spec
                .options
                .iter()
                .find(|it| !it.long.is_empty() && it.long.as_bytes() == name);
            let Some(option) = known else { unknown(&word) };
            let value = match (option.takes, attached) {
                (Takes::Nothing, Some(_)) => program::usage_error(
                    spec.usage,
                    &[b"option '--", name, b"' doesn't allow an argument"],
                ),
                (Takes::Value, None) => match words.next() {
                    Some(value) => Some(value),
                    None => program::usage_error(
                        spec.usage,
                        &[b"option '--", name, b"' requires an argument"],
                    ),
                },
                (_, attached) => attached,
            };
            parsed.push(option.key, value);
        } else if word.len() > 1 && word.starts_with(b"-") {
            let mut rest = word.get(1..).unwrap_or_default();
            while let Some((letter, after)) = rest.split_first() {
                let key = char::from(*letter);
                let known = spec
                    .options
                    .iter()
                    .find(|it| it.key == key && key.is_ascii());
                let Some(option) = known else { unknown(&word) };
                rest = after;
                let value = match option.takes {
                    Takes::Nothing => {
                        parsed.push(key, None);
                        continue;
                    }
                    Takes::MaybeValue => (!rest.is_empty()).then(|| BString::from(rest)),
                    Takes::Value if !rest.is_empty() => Some(BString::from(rest)),
                    Takes::Value => match words.next() {
                        Some(value) => Some(value),
                        None => program::usage_error(
                            spec.usage,
                            &[b"option requires an argument -- '", &[*letter], b"'"],
                        ),
                    },
                };
                parsed.push(key, value);
                break;
            }
        } else {
            parsed.operands.push(word);
            if !spec.permute {
                parsed.operands.extend(words);
                break;
            }
        }
    }
    parsed
}
