//! What the substitute builder is asked for.

use crate::operation::{self, Operation};
use bstr::{BString, ByteSlice};
use std::collections::BTreeMap;
use std::path::PathBuf;
use wasibuild_guest::attributes::describe;
use wasibuild_guest::{Attributes, Error, Result, bytes, output};

/// A derivation of this builder, checked.
#[derive(Debug)]
pub struct Request {
    /// The store path of the output.
    pub out: PathBuf,
    /// A file, or with `files` a directory.
    pub src: PathBuf,
    /// Paths below `src`, when the output is a directory of files.
    pub files: Option<Vec<BString>>,
    /// The parts of the file's place below the output; empty: the output is the file.
    pub destination: Vec<BString>,
    /// Whether the file is executable.
    pub executable: bool,
    /// What to replace, in this order.
    pub operations: Vec<Operation>,
    /// `replaceVars`: which names may be left over; `None` where nothing is checked.
    pub left_over: Option<Vec<BString>>,
    /// The derivation's name, for warnings.
    pub name: String,
}

/// Reads and checks the attributes.
pub fn read(mut attributes: Attributes) -> Result<Request> {
    let all = attributes.boolean("all")?;
    for (first, second) in [
        ("all", "substitutions"),
        ("all", "replacements"),
        ("replacements", "substitutions"),
    ] {
        let given = |name| (name == "all" && all) || (name != "all" && attributes.has(name));
        if given(first) && given(second) {
            return Err(Error::Contradiction {
                first: first.to_owned(),
                second: second.to_owned(),
                problem: "each says what to replace; give one".to_owned(),
            });
        }
    }
    // `--subst-var` sees every attribute, as in nixpkgs, where attributes are variables.
    let mut variables = attributes.as_variables();
    variables.remove("all");
    let src = attributes.required_string("src")?;
    let files = if attributes.has("files") {
        Some(checked_files(attributes.strings("files")?)?)
    } else {
        attributes.strings("files")?;
        None
    };
    let directory = attributes.string("dir")?.unwrap_or_default();
    let executable = attributes.boolean("isExecutable")?;
    for (attribute, given) in [("dir", !directory.is_empty()), ("isExecutable", executable)] {
        if files.is_some() && given {
            return Err(Error::Contradiction {
                first: "files".to_owned(),
                second: attribute.to_owned(),
                problem: format!("`{attribute}` is for a single file; remove one"),
            });
        }
    }
    let name = attributes.derivation_name().to_owned();
    let mut destination = Vec::new();
    if !directory.is_empty() {
        let relative = directory.trim_start_with(|byte| byte == '/');
        for part in output::relative_parts("dir", relative)? {
            destination.push(BString::from(part));
        }
        destination.push(BString::from(name.as_str()));
    }
    let has_replacements = attributes.has("replacements");
    let substitutions = attributes.strings("substitutions")?;
    let replacements = replacements(&mut attributes)?;
    let (operations, left_over) = if all {
        attributes.take_the_rest();
        (operation::all(&variables), None)
    } else if has_replacements {
        let kept = replacements.iter().filter(|(_, value)| value.is_none());
        let kept = kept.map(|(name, _)| name.clone()).collect();
        (operation::replace_vars(&replacements), Some(kept))
    } else {
        (operation::parse(&substitutions, &variables)?, None)
    };
    let out = attributes.only_output()?;
    // With plain attributes `--subst-var` needs them to be there, so what it names is known.
    attributes.finish_but(&operation::variables_named(&substitutions))?;
    Ok(Request {
        out,
        src: bytes::to_path(&src),
        files,
        destination,
        executable,
        operations,
        left_over,
        name,
    })
}

fn checked_files(files: Vec<BString>) -> Result<Vec<BString>> {
    for file in &files {
        if file != "." {
            output::relative_parts("files", file)?;
        }
    }
    Ok(files)
}

/// `replacements`: a set of strings, or `null` for a name that shall stay.
fn replacements(attributes: &mut Attributes) -> Result<BTreeMap<BString, Option<BString>>> {
    let expected = "an attribute set of strings or null";
    let Some(value) = attributes.value("replacements")? else {
        return Ok(BTreeMap::new());
    };
    let serde_json::Value::Object(map) = value else {
        return Err(Error::wrong_type(
            "replacements",
            expected,
            describe(&value),
        ));
    };
    let mut replacements = BTreeMap::new();
    for (name, value) in map {
        let value = match value {
            serde_json::Value::Null => None,
            serde_json::Value::String(text) => Some(BString::from(text)),
            other => {
                let name = format!("replacements.{name}");
                return Err(Error::wrong_type(
                    name,
                    "a string or null",
                    describe(&other),
                ));
            }
        };
        replacements.insert(BString::from(name), value);
    }
    Ok(replacements)
}
