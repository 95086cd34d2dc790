//! The replacements and how they are asked for.
//!
//! Counterpart: the options of `substituteStream` in nixpkgs' `setup.sh`.

use bstr::{BString, ByteSlice};
use std::collections::{BTreeMap, BTreeSet};
use wasibuild_guest::{Error, Result};

/// One pattern and what takes its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Replaced everywhere, from left to right, without overlap. Empty: matches nothing.
    pub pattern: BString,
    /// What takes its place.
    pub replacement: BString,
    /// What to do when the pattern does not occur.
    pub absent: Absent,
}

/// What happens when a pattern does not occur.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// Nothing: `--replace-quiet`, `--subst-var`, `--subst-var-by`, `--subst-var-from`.
    Quiet,
    /// A line in the log: `--replace-warn` and the old `--replace`.
    Warn,
    /// The build fails: `--replace-fail`.
    Fail,
}

fn replace(pattern: &[u8], replacement: &[u8], absent: Absent) -> Operation {
    Operation {
        pattern: BString::from(pattern),
        replacement: BString::from(replacement),
        absent,
    }
}

fn variable(name: &[u8], replacement: &[u8], absent: Absent) -> Operation {
    let mut pattern = BString::from("@");
    pattern.extend_from_slice(name);
    pattern.push(b'@');
    Operation {
        pattern,
        replacement: BString::from(replacement),
        absent,
    }
}

/// The options with their arguments; `None` where one is missing.
fn options(words: &[BString]) -> impl Iterator<Item = (&BString, Option<Vec<&BString>>)> {
    let mut rest = words.iter();
    std::iter::from_fn(move || {
        let option = rest.next()?;
        let count = match option.as_slice() {
            b"--subst-var" => 1,
            _ => 2,
        };
        let arguments: Vec<_> = rest.by_ref().take(count).collect();
        Some((option, (arguments.len() == count).then_some(arguments)))
    })
}

/// Reads a list of options. `variables` are what `--subst-var` can name.
pub fn parse(words: &[BString], variables: &BTreeMap<String, BString>) -> Result<Vec<Operation>> {
    let mut operations = Vec::new();
    for (option, arguments) in options(words) {
        if !KNOWN.iter().any(|known| option == known) {
            return Err(Error::value(
                "substitutions",
                format!(
                    "invalid option `{option}`; known are {}",
                    KNOWN.map(|known| format!("`{known}`")).join(", ")
                ),
            ));
        }
        let missing = || Error::value("substitutions", format!("`{option}` lacks an argument"));
        let arguments = arguments.ok_or_else(missing)?;
        operations.push(match (option.as_slice(), arguments.as_slice()) {
            (b"--replace" | b"--replace-warn", [from, to]) => replace(from, to, Absent::Warn),
            (b"--replace-quiet", [from, to]) => replace(from, to, Absent::Quiet),
            (b"--replace-fail", [from, to]) => replace(from, to, Absent::Fail),
            (b"--subst-var", [name]) => variable(name, lookup(name, variables)?, Absent::Quiet),
            (b"--subst-var-by", [name, to]) => variable(name, to, Absent::Quiet),
            (b"--subst-var-from", [name, from]) => {
                variable(name, lookup(from, variables)?, Absent::Quiet)
            }
            _ => return Err(missing()),
        });
    }
    Ok(operations)
}

const KNOWN: [&str; 7] = [
    "--replace",
    "--replace-fail",
    "--replace-quiet",
    "--replace-warn",
    "--subst-var",
    "--subst-var-by",
    "--subst-var-from",
];

/// The attributes that the options name; they may be there beside those of the builder.
pub fn variables_named(words: &[BString]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (option, arguments) in options(words) {
        match (option.as_slice(), arguments.as_deref()) {
            (b"--subst-var", Some([name])) | (b"--subst-var-from", Some([_, name])) => {
                names.insert(name.to_string());
            }
            _ => {}
        }
    }
    names
}

fn lookup<'a>(name: &BString, variables: &'a BTreeMap<String, BString>) -> Result<&'a BString> {
    if !is_variable_name(name) {
        return Err(Error::value(
            "substitutions",
            format!("substitution variables must be valid Bash names, `{name}` is not"),
        ));
    }
    let found = name.to_str().ok().and_then(|name| variables.get(name));
    found.ok_or_else(|| {
        Error::value(
            "substitutions",
            format!("variable `{name}` is unset; give an attribute of that name"),
        )
    })
}

fn is_variable_name(name: &[u8]) -> bool {
    !name.first().is_none_or(u8::is_ascii_digit)
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// `substituteAll`: every variable whose name begins with a small letter and is a Bash name.
///
/// nixpkgs takes them in the order in which awk walks its table. Here it is that of their names.
pub fn all(variables: &BTreeMap<String, BString>) -> Vec<Operation> {
    variables
        .iter()
        .filter(|(name, _)| {
            name.starts_with(|first: char| first.is_ascii_lowercase())
                && is_variable_name(name.as_bytes())
        })
        .map(|(name, value)| variable(name.as_bytes(), value, Absent::Quiet))
        .collect()
}

/// `replaceVars`: each must occur; `null` stands for itself.
pub fn replace_vars(replacements: &BTreeMap<BString, Option<BString>>) -> Vec<Operation> {
    replacements
        .iter()
        .map(|(name, value)| {
            let mut operation = variable(name, b"", Absent::Fail);
            operation.replacement = match value {
                Some(value) => value.clone(),
                None => operation.pattern.clone(),
            };
            operation
        })
        .collect()
}
