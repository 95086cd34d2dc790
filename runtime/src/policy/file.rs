//! Reads `wasibuild.toml`.
//!
//! Contract: pure, from text. Every key must be known and every value of its type; the first that is
//! not, in the order of the file, is the error, with line and column. TOML is that of the specification,
//! version 1.1.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Origin, PolicyError};
use super::nearest::nearest;
use super::table::{self, KEYS, Key, TABLES};
use super::value::Value;
use crate::printable;

/// What a file sets, and where.
pub type Given = BTreeMap<&'static str, (Value, Origin)>;

/// Reads the text of a file; `path` is for messages.
///
/// # Errors
/// [`PolicyError`].
pub fn read(path: &Path, text: &str) -> Result<Given, PolicyError> {
    let document = DeTable::parse(text).map_err(|error| PolicyError::Syntax {
        at: Origin::in_file(path, text, error.span().map_or(0, |span| span.start)),
        problem: one_line(error.message()),
    })?;
    let mut given = Given::new();
    let at = |offset| Origin::in_file(path, text, offset);
    for (name, value) in in_order(document.get_ref()) {
        match value.get_ref() {
            DeValue::Table(inner) if is_table(name.get_ref()) => {
                for (short, value) in in_order(inner) {
                    let full = format!("{}.{}", name.get_ref(), short.get_ref());
                    let key = known(&full, at(short.span().start))?;
                    set(&mut given, key, value, at(value.span().start))?;
                }
            }
            _ => {
                let key = known(name.get_ref(), at(name.span().start))?;
                set(&mut given, key, value, at(value.span().start))?;
            }
        }
    }
    Ok(given)
}

fn set(
    given: &mut Given,
    key: &'static Key,
    value: &Spanned<DeValue<'_>>,
    at: Origin,
) -> Result<(), PolicyError> {
    match Value::from_toml(key.kind, value.get_ref()) {
        Ok(value) => {
            given.insert(key.name, (value, at));
            Ok(())
        }
        Err(problem) => Err(PolicyError::Value {
            at,
            key: key.name,
            problem,
        }),
    }
}

/// The entries by their place in the file.
fn in_order<'t, 'i>(
    table: &'t DeTable<'i>,
) -> Vec<(
    &'t Spanned<std::borrow::Cow<'i, str>>,
    &'t Spanned<DeValue<'i>>,
)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}

fn is_table(name: &str) -> bool {
    TABLES
        .iter()
        .any(|(table, _)| !table.is_empty() && *table == name)
}

/// The key of this name, or the error that says what may be meant.
pub(super) fn known(name: &str, at: Origin) -> Result<&'static Key, PolicyError> {
    table::find(name).ok_or_else(|| PolicyError::Unknown {
        at,
        key: printable::name(name.as_bytes()),
        nearest: suggestion(name),
    })
}

fn suggestion(name: &str) -> Option<&'static str> {
    let last = name.rsplit('.').next().unwrap_or(name);
    let same = KEYS.iter().find(|key| key.short() == last);
    let tables = TABLES.iter().map(|(table, _)| *table);
    let names = KEYS.iter().map(|key| key.name);
    let whole = || nearest(name, names.chain(tables.filter(|table| !table.is_empty())));
    let part = || {
        let short = nearest(last, KEYS.iter().map(Key::short))?;
        KEYS.iter()
            .find(|key| key.short() == short)
            .map(|key| key.name)
    };
    same.map(|key| key.name).or_else(whole).or_else(part)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn given(text: &str) -> Result<Given, String> {
        read(Path::new("/c.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn values_know_where_they_stand() {
        let read = given("cores = 3\n\n[limits]\n  memory = '1G'\nfiles = 7\n").expect("good");
        let (value, origin) = &read["limits.memory"];
        assert_eq!(*value, Value::Number(1 << 30));
        assert_eq!(origin.to_string(), "/c.toml:4:12");
        assert_eq!(read.len(), 3);
        let dotted = given("limits.memory = 5\nvm.cores = 'auto'").expect("good");
        assert_eq!(dotted["limits.memory"].0, Value::Number(5));
    }

    #[test]
    fn what_is_unknown_is_an_error_with_its_place() {
        for (text, wanted) in [
            (
                "core = 1",
                "/c.toml:1:1: there is no setting 'core'; is 'cores' meant?",
            ),
            (
                "\n [limits]\n memroy = 1",
                "/c.toml:3:2: there is no setting 'limits.memroy'; is 'limits.memory' meant?",
            ),
            (
                "total-memory = 1",
                "/c.toml:1:1: there is no setting 'total-memory'; is 'limits.total-memory' meant?",
            ),
            (
                "[limit]\nmemory = 1",
                "/c.toml:1:2: there is no setting 'limit'; is 'limits' meant?",
            ),
            (
                "xyzzy-plugh = 1",
                "/c.toml:1:1: there is no setting 'xyzzy-plugh'\nhint",
            ),
            (
                "\"\\u001b[2J\" = 1",
                "/c.toml:1:1: there is no setting '\\u{1b}[2J'\nhint",
            ),
            ("limits = 3", "/c.toml:1:1: there is no setting 'limits'"),
            ("[cores]\na = 1", "/c.toml:1:1: 'cores': expected a number"),
            (
                "cores = 'x'",
                "/c.toml:1:9: 'cores': expected a number from 1 to 65535; found the string \"x\"",
            ),
            ("cores = 1\ncores = 2", "/c.toml:2:1: this is not TOML: "),
            ("\"ü\" = 1 x", "/c.toml:1:7: this is not TOML: "),
            ("# ü\nx = '", "/c.toml:2:"),
        ] {
            let error = given(text).expect_err(text);
            assert!(error.starts_with(wanted), "{text}\n{error}");
        }
    }

    #[test]
    fn the_first_error_of_the_file_is_told() {
        let error = given("zz = 1\naa = 1").expect_err("wrong");
        assert!(error.starts_with("/c.toml:1:1"), "{error}");
    }

    proptest! {
        #[test]
        fn no_text_brings_it_down(text in "\\PC{0,60}|[a-z\\[\\]=.'\"\\n 0-9{}#,]{0,80}") {
            let _ = given(&text);
        }
    }
}
