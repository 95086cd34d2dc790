//! What the text builder is asked for.

use crate::formats::{Format, Options};
use bstr::{BString, ByteSlice};
use serde_json::Value;
use std::path::PathBuf;
use wasibuild_guest::{Attributes, Error, Result, output};

/// A derivation of this builder, checked.
#[derive(Debug)]
pub struct Request {
    /// The store path of the output.
    pub out: PathBuf,
    /// What the file contains.
    pub source: Source,
    /// The parts of the file's place below the output; empty: the output is the file.
    pub destination: Vec<BString>,
    /// Whether the file is executable.
    pub executable: bool,
    /// A program that looks at the finished file, and its arguments; empty: none.
    pub check: Vec<BString>,
}

/// Where the bytes come from.
#[derive(Debug)]
pub enum Source {
    /// `text`.
    Text(BString),
    /// `files`, one after the other.
    Files(Vec<PathBuf>),
    /// `value` in a `format`.
    Value(Format, Value),
}

/// The attributes that each give the file's contents.
const SOURCES: [&str; 3] = ["text", "files", "format"];

/// Reads and checks the attributes.
pub fn read(mut attributes: Attributes) -> Result<Request> {
    let given: Vec<&str> = SOURCES
        .into_iter()
        .filter(|name| attributes.has(name))
        .collect();
    if let [first, second, ..] = given.as_slice() {
        return Err(Error::Contradiction {
            first: (*first).to_owned(),
            second: (*second).to_owned(),
            problem: "each says what the file contains; give one".to_owned(),
        });
    }
    let text = attributes.string("text")?;
    let files = attributes.strings("files")?;
    let format = attributes.utf8("format")?;
    let source = match (text, format) {
        (_, Some(format)) => {
            let options = Options {
                separator: attributes.utf8("separator")?,
                lists_as_duplicate_keys: attributes.boolean("listsAsDuplicateKeys")?,
                indent: attributes.utf8("indent")?,
            };
            let format = Format::new(&format, options)?;
            let value = attributes.value("value")?.ok_or_else(|| Error::Missing {
                name: "value".to_owned(),
                expected: "the value to write",
            })?;
            Source::Value(format, value)
        }
        (Some(text), None) => Source::Text(text),
        (None, None) if given.contains(&"files") => Source::Files(
            files
                .iter()
                .map(|file| wasibuild_guest::bytes::to_path(file))
                .collect(),
        ),
        (None, None) => {
            return Err(Error::Missing {
                name: "text".to_owned(),
                expected: "a string (or give `files`, or `format` and `value`)",
            });
        }
    };
    let destination = match attributes.string("destination")? {
        Some(path) if !path.is_empty() => destination(&path)?,
        _ => Vec::new(),
    };
    let executable = attributes.boolean("executable")?;
    let check = attributes.strings("check")?;
    let out = attributes.only_output()?;
    attributes.finish()?;
    Ok(Request {
        out,
        source,
        destination,
        executable,
        check,
    })
}

/// Checks a place below the output. As in nixpkgs it begins with a slash.
fn destination(path: &BString) -> Result<Vec<BString>> {
    let Some(relative) = path.strip_prefix(b"/") else {
        return Err(Error::value(
            "destination",
            format!("`{path}` does not begin with `/`; it is a place below the output"),
        ));
    };
    if relative.ends_with(b"/") {
        return Err(Error::value(
            "destination",
            format!("`{path}` ends in `/`; name the file itself"),
        ));
    }
    let parts =
        output::relative_parts("destination", relative.trim_start_with(|byte| byte == '/'))?;
    Ok(parts.into_iter().map(BString::from).collect())
}
