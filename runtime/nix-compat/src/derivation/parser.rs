//! Reads derivations from ATerm.
//!
//! Contract: linear, no recursion, no allocation beyond the text's own length. What it accepts may
//! still not be canonical; the caller compares. Counterpart: `parseDerivation` in Nix.

use super::{Derivation, Output, OutputFieldsError, ParseError};
use crate::store_path::{StorePath, check_name};
use bstr::{BString, ByteSlice};
use std::collections::{BTreeMap, BTreeSet};

struct Parser<'a> {
    text: &'a [u8],
    offset: usize,
}

/// A string and where it began.
struct Located {
    offset: usize,
    string: BString,
}

/// Reads one derivation that fills the whole text.
pub(super) fn parse(text: &[u8]) -> Result<Derivation, ParseError> {
    if text.starts_with(b"DrvWithVersion(") {
        return Err(ParseError::UnsupportedVersion);
    }
    let mut parser = Parser { text, offset: 0 };
    parser.expect("Derive(")?;
    let mut outputs = BTreeMap::new();
    parser.list(|parser| {
        let (name, output) = parser.output()?;
        outputs.insert(name, output);
        Ok(())
    })?;
    parser.expect(",")?;
    let mut input_derivations = BTreeMap::new();
    parser.list(|parser| {
        let (path, names) = parser.input_derivation()?;
        input_derivations.insert(path, names);
        Ok(())
    })?;
    parser.expect(",")?;
    let mut input_sources = BTreeSet::new();
    parser.list(|parser| {
        let path = parser.string()?;
        input_sources.insert(store_path(&path)?);
        Ok(())
    })?;
    parser.expect(",")?;
    let system = parser.string()?.string;
    parser.expect(",")?;
    let builder = parser.string()?.string;
    parser.expect(",")?;
    let mut arguments = Vec::new();
    parser.list(|parser| {
        arguments.push(parser.string()?.string);
        Ok(())
    })?;
    parser.expect(",")?;
    let mut environment = BTreeMap::new();
    parser.list(|parser| {
        parser.expect("(")?;
        let name = parser.string()?.string;
        parser.expect(",")?;
        let value = parser.string()?.string;
        parser.expect(")")?;
        environment.insert(name, value);
        Ok(())
    })?;
    parser.expect(")")?;
    if !parser.rest().is_empty() {
        return Err(ParseError::TrailingBytes {
            offset: parser.offset,
        });
    }
    Ok(Derivation {
        outputs,
        input_derivations,
        input_sources,
        system,
        builder,
        arguments,
        environment,
    })
}

impl Parser<'_> {
    fn rest(&self) -> &[u8] {
        self.text.get(self.offset..).unwrap_or_default()
    }

    fn expect(&mut self, expected: &'static str) -> Result<(), ParseError> {
        if !self.rest().starts_with(expected.as_bytes()) {
            return Err(ParseError::Expected {
                offset: self.offset,
                expected,
            });
        }
        self.offset += expected.len();
        Ok(())
    }

    fn skip_if(&mut self, byte: u8) -> bool {
        let found = self.rest().first() == Some(&byte);
        self.offset += usize::from(found);
        found
    }

    fn list(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), ParseError>,
    ) -> Result<(), ParseError> {
        self.expect("[")?;
        if self.skip_if(b']') {
            return Ok(());
        }
        loop {
            item(self)?;
            if !self.skip_if(b',') {
                return self.expect("]");
            }
        }
    }

    fn string(&mut self) -> Result<Located, ParseError> {
        let offset = self.offset;
        self.expect("\"")?;
        let unterminated = ParseError::UnterminatedString { offset };
        let mut string = Vec::new();
        loop {
            let rest = self.rest();
            let Some(length) = rest.find_byteset(b"\"\\") else {
                return Err(unterminated);
            };
            string.extend_from_slice(rest.get(..length).unwrap_or_default());
            let is_end = rest.get(length) == Some(&b'"');
            let escaped = rest.get(length + 1).copied();
            self.offset += length + 1;
            if is_end {
                break;
            }
            string.push(match escaped {
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(byte) => byte,
                None => return Err(unterminated),
            });
            self.offset += 1;
        }
        Ok(Located {
            offset,
            string: string.into(),
        })
    }

    fn output_name(&mut self) -> Result<String, ParseError> {
        let Located { offset, string } = self.string()?;
        match string.to_str() {
            Ok(name) if check_name(name.as_bytes()).is_ok() => Ok(name.to_owned()),
            _ => Err(ParseError::OutputName {
                offset,
                name: string,
            }),
        }
    }

    fn input_derivation(&mut self) -> Result<(StorePath, BTreeSet<String>), ParseError> {
        self.expect("(")?;
        let located = self.string()?;
        let path = store_path(&located)?;
        if !path.is_derivation() {
            return Err(ParseError::NotADerivationPath {
                offset: located.offset,
            });
        }
        self.expect(",")?;
        let mut names = BTreeSet::new();
        self.list(|parser| {
            names.insert(parser.output_name()?);
            Ok(())
        })?;
        self.expect(")")?;
        Ok((path, names))
    }

    fn output(&mut self) -> Result<(String, Output), ParseError> {
        self.expect("(")?;
        let name = self.output_name()?;
        self.expect(",")?;
        let path = self.string()?;
        self.expect(",")?;
        let algo = self.string()?.string.to_string();
        self.expect(",")?;
        let hash = self.string()?.string.to_string();
        self.expect(")")?;
        let output = interpret_output(&name, &path, &algo, &hash)?;
        Ok((name, output))
    }
}

fn store_path(located: &Located) -> Result<StorePath, ParseError> {
    StorePath::from_absolute_path(&located.string).map_err(|source| ParseError::Path {
        offset: located.offset,
        source,
    })
}

fn interpret_output(
    name: &str,
    path: &Located,
    algo: &str,
    hash: &str,
) -> Result<Output, ParseError> {
    let output = || name.to_owned();
    Output::from_fields(&path.string, algo, hash).map_err(|error| match error {
        OutputFieldsError::Contradiction(problem) => ParseError::OutputFields {
            output: output(),
            problem,
        },
        OutputFieldsError::Hash(source) => ParseError::OutputHash {
            output: output(),
            source,
        },
        OutputFieldsError::Path(source) => ParseError::Path {
            offset: path.offset,
            source,
        },
    })
}
