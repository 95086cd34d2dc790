//! What the etc-tree builder is asked for.

use bstr::BString;
use serde::Deserialize;
use std::path::PathBuf;
use wasibuild_guest::{Attributes, Error, Result, output};

/// A derivation of this builder, checked.
#[derive(Debug)]
pub struct Request {
    /// The store path of the output.
    pub out: PathBuf,
    /// In the order in which they are placed.
    pub entries: Vec<Entry>,
}

/// One file, or the files of a pattern.
#[derive(Debug)]
pub struct Entry {
    /// Where the symlink points. With `*` in it: patterns between blanks.
    pub source: BString,
    /// The place below `/etc`, its parts joined by single slashes.
    pub target: BString,
    /// How the activation shall copy the file; `None`: the symlink stays.
    pub copy: Option<Copy>,
}

/// What the files `.mode`, `.uid` and `.gid` say.
#[derive(Clone, Debug)]
pub struct Copy {
    /// Octal digits, or `direct-symlink`.
    pub mode: String,
    /// A name, or `+` and a number.
    pub user: String,
    /// A name, or `+` and a number.
    pub group: String,
}

impl Entry {
    /// Whether the source is a pattern.
    pub fn is_pattern(&self) -> bool {
        self.source.contains(&b'*')
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    source: String,
    target: String,
    #[serde(default = "symlink")]
    mode: String,
    #[serde(default = "root")]
    user: String,
    #[serde(default = "root")]
    group: String,
}

fn symlink() -> String {
    "symlink".to_owned()
}

fn root() -> String {
    "+0".to_owned()
}

/// Reads and checks the attributes.
pub fn read(mut attributes: Attributes) -> Result<Request> {
    let expected = "a list of sets with `source`, `target` and optionally `mode`, `user`, `group`";
    let records: Vec<Record> =
        attributes
            .parsed("entries", expected)?
            .ok_or_else(|| Error::Missing {
                name: "entries".to_owned(),
                expected,
            })?;
    let out = attributes.only_output()?;
    attributes.finish()?;
    let entries = records.into_iter().enumerate();
    let entries: Result<Vec<Entry>> = entries
        .map(|(index, record)| check(index, record))
        .collect();
    Ok(Request {
        out,
        entries: entries?,
    })
}

fn check(index: usize, record: Record) -> Result<Entry> {
    let attribute = |field: &str| format!("entries[{index}].{field}");
    if record.source.is_empty() {
        return Err(Error::value(attribute("source"), "is empty"));
    }
    if record.target.ends_with('/') {
        let problem = format!("`{}` ends in `/`; name the file itself", record.target);
        return Err(Error::value(attribute("target"), problem));
    }
    let relative = record.target.trim_start_matches('/');
    let parts = output::relative_parts(&attribute("target"), relative.as_bytes())?;
    let target = BString::from(bstr::join("/", parts));
    let copy = match record.mode.as_str() {
        "symlink" => None,
        mode => {
            let octal = (3..=4).contains(&mode.len())
                && mode.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
            if !octal && mode != "direct-symlink" {
                return Err(Error::value(
                    attribute("mode"),
                    format!(
                        "`{mode}` is none; give `symlink`, `direct-symlink`, or 3 or 4 octal digits"
                    ),
                ));
            }
            for (field, owner) in [("user", &record.user), ("group", &record.group)] {
                if !is_owner(owner) {
                    return Err(Error::value(
                        attribute(field),
                        format!("{owner:?} is neither a name nor `+` and a number"),
                    ));
                }
            }
            Some(Copy {
                mode: record.mode,
                user: record.user,
                group: record.group,
            })
        }
    };
    Ok(Entry {
        source: BString::from(record.source),
        target,
        copy,
    })
}

/// A name that fits on a line of /etc/passwd, or `+UID`.
fn is_owner(owner: &str) -> bool {
    match owner.strip_prefix('+') {
        Some(number) => !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()),
        None => {
            !owner.is_empty()
                && !owner.contains(|character: char| character.is_control() || character == ':')
        }
    }
}
