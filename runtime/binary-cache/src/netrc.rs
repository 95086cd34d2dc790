//! netrc files: user name and password per host.
//!
//! Contract: the syntax of curl and GNU inetutils: `machine HOST`, `default`, `login`, `password`,
//! `account`; values may stand in double quotes with `\` escapes; `macdef` runs to an empty line;
//! `#` begins a comment where a keyword may stand. The first entry that fits wins. Unlike curl,
//! what cannot be understood is an error, since a password silently ignored is hard to find.
//! Counterpart in Nix: the setting `netrc-file`, read by curl.

use std::path::Path;

use crate::error::Error;

/// One host's entry.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// `None`: the `default` entry, for every host.
    machine: Option<String>,
    login: String,
    password: String,
}

/// A parsed file.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Netrc {
    entries: Vec<Entry>,
}

/// Why a netrc file was refused. Never shows the file's text, which is secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetrcError {
    /// The file cannot be read.
    #[error("{0}")]
    Read(String),
    /// Not text.
    #[error("it is not text (invalid UTF-8)")]
    NotText,
    /// A word that is no keyword, or a value outside an entry.
    #[error(
        "line {line}: expected 'machine', 'default', 'login', 'password', 'account' or 'macdef'"
    )]
    Keyword {
        /// Counted from 1.
        line: usize,
    },
    /// A keyword at the end of the file, or an unclosed quote.
    #[error("line {line}: '{keyword}' has no value")]
    Value {
        /// Counted from 1.
        line: usize,
        /// The keyword.
        keyword: &'static str,
    },
}

impl Netrc {
    /// Reads and parses a file.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let refuse = |source| Error::Netrc {
            path: path.to_owned(),
            source,
        };
        let bytes =
            std::fs::read(path).map_err(|error| refuse(NetrcError::Read(error.to_string())))?;
        Self::parse(&bytes).map_err(refuse)
    }

    /// Parses the file's bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, NetrcError> {
        let text = std::str::from_utf8(bytes).map_err(|_| NetrcError::NotText)?;
        let mut words = Words {
            rest: text,
            line: 1,
        };
        let mut entries: Vec<Entry> = Vec::new();
        while let Some(keyword) = words.keyword() {
            let line = words.line;
            let mut value = |keyword| words.value().ok_or(NetrcError::Value { line, keyword });
            match keyword {
                "machine" => entries.push(Entry::new(Some(value("machine")?))),
                "default" => entries.push(Entry::new(None)),
                "macdef" => {
                    value("macdef")?;
                    words.skip_macro();
                }
                field => {
                    let text = match field {
                        "login" => value("login")?,
                        "password" => value("password")?,
                        "account" => value("account")?,
                        _ => return Err(NetrcError::Keyword { line }),
                    };
                    let entry = entries.last_mut().ok_or(NetrcError::Keyword { line })?;
                    match field {
                        "login" => entry.login = text,
                        "password" => entry.password = text,
                        _ => {}
                    }
                }
            }
        }
        Ok(Self { entries })
    }

    /// User name and password for `host` (compared without regard to case), if any.
    #[must_use]
    pub fn find(&self, host: &str) -> Option<(&str, &str)> {
        self.entries
            .iter()
            .find(|entry| match &entry.machine {
                Some(machine) => machine.eq_ignore_ascii_case(host),
                None => true,
            })
            .map(|entry| (entry.login.as_str(), entry.password.as_str()))
    }
}

impl std::fmt::Debug for Netrc {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Passwords stay out of logs.
        write!(formatter, "Netrc({} entries)", self.entries.len())
    }
}

impl Entry {
    fn new(machine: Option<String>) -> Self {
        Self {
            machine,
            login: String::new(),
            password: String::new(),
        }
    }
}

/// The file's words with their line numbers.
struct Words<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Words<'a> {
    fn skip_space(&mut self) {
        let trimmed = self.rest.trim_start();
        self.advance(self.rest.len() - trimmed.len());
    }

    fn advance(&mut self, bytes: usize) {
        let (passed, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.line += passed.matches('\n').count();
        self.rest = rest;
    }

    fn keyword(&mut self) -> Option<&'a str> {
        self.skip_space();
        while self.rest.starts_with('#') {
            self.advance(self.rest.find('\n').unwrap_or(self.rest.len()));
            self.skip_space();
        }
        self.word()
    }

    fn word(&mut self) -> Option<&'a str> {
        let end = self
            .rest
            .find(char::is_whitespace)
            .unwrap_or(self.rest.len());
        let word = self.rest.get(..end).filter(|word| !word.is_empty())?;
        self.advance(end);
        Some(word)
    }

    fn value(&mut self) -> Option<String> {
        self.skip_space();
        if !self.rest.starts_with('"') {
            return self.word().map(str::to_owned);
        }
        let mut value = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((index, character)) = characters.next() {
            match character {
                '"' => {
                    self.advance(index + 1);
                    return Some(value);
                }
                '\\' => value.push(match characters.next()?.1 {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    other => other,
                }),
                other => value.push(other),
            }
        }
        None
    }

    /// A macro's body ends at an empty line or at the end.
    fn skip_macro(&mut self) {
        let end = self.rest.find("\n\n").unwrap_or(self.rest.len());
        self.advance(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn finds_hosts_in_order() -> Result<(), NetrcError> {
        let netrc = Netrc::parse(
            b"# my caches\nmachine cache.example login me password \"a \\\"b\\\\\"\n\
              machine other.example\n\tpassword x\nmacdef init\ncd /\nmachine no.example\n\n\
              default login anonymous password guest\nmachine late.example login l password p\n",
        )?;
        assert_eq!(netrc.find("Cache.Example"), Some(("me", "a \"b\\")));
        assert_eq!(netrc.find("other.example"), Some(("", "x")));
        for host in ["no.example", "late.example"] {
            assert_eq!(netrc.find(host), Some(("anonymous", "guest")), "{host}");
        }
        Ok(())
    }

    #[test]
    fn says_which_line_is_wrong_without_showing_it() {
        for (text, expected) in [
            ("machine a\nlogn secret", NetrcError::Keyword { line: 2 }),
            ("password secret", NetrcError::Keyword { line: 1 }),
            (
                "machine a password \"secret",
                NetrcError::Value {
                    line: 1,
                    keyword: "password",
                },
            ),
            (
                "\nmachine",
                NetrcError::Value {
                    line: 2,
                    keyword: "machine",
                },
            ),
        ] {
            let result = Netrc::parse(text.as_bytes());
            assert_eq!(result, Err(expected), "{text:?}");
            assert!(!format!("{result:?}").contains("secret"));
        }
    }

    proptest! {
        #[test]
        fn quoted_values_round_trip(login in any::<String>(), password in any::<String>()) {
            let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
            let text = format!("machine h login {} password {}", quote(&login), quote(&password));
            let netrc = Netrc::parse(text.as_bytes());
            prop_assert_eq!(
                netrc.as_ref().map(|netrc| netrc.find("h")),
                Ok(Some((login.as_str(), password.as_str())))
            );
        }

        #[test]
        fn never_panics(text in "[machinedefault\"\\\\ #\n\tloginpassword]{0,120}") {
            let _ = Netrc::parse(text.as_bytes());
        }
    }
}
