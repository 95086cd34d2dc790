//! The effective settings, as `wasibuild config` prints them.
//!
//! Contract: the text is a configuration file itself: given to `--config` it sets the same values. Each
//! value has its origin in a comment; with the documentation, each has its help before it.

use serde_json::{Map, Value, json};

use super::error::Origin;
use super::table::{KEYS, TABLES};
use super::{Setting, Settings};
use crate::printable;

/// The width of comments, in characters.
const WIDTH: usize = 98;

/// The settings as TOML; with `documented`, each with what it means.
pub fn text(settings: &Settings, documented: bool) -> String {
    let mut out = String::new();
    match (&settings.file, documented) {
        (_, true) => {}
        (Some(path), false) => {
            let path = printable::name(path.as_os_str().as_encoded_bytes());
            out.push_str(&format!("# read from {path}\n"));
        }
        (None, false) => out.push_str("# no file was read\n"),
    }
    for (table, about) in TABLES {
        if !table.is_empty() {
            out.push('\n');
            if documented {
                comment(&mut out, about);
            }
            out.push_str(&format!("[{table}]\n"));
        }
        let here = settings
            .all
            .iter()
            .filter(|setting| setting.key.table() == *table);
        for setting in here {
            line(&mut out, setting, documented);
        }
    }
    out
}

fn line(out: &mut String, setting: &Setting, documented: bool) {
    let key = setting.key;
    let value = setting.value.to_toml(key.kind);
    if documented {
        out.push('\n');
        comment(out, &key.help.replace('`', ""));
        comment(
            out,
            &format!("Type: {}.", key.kind.describe().replace('`', "")),
        );
    }
    out.push_str(&format!("{} = {value}", key.short()));
    match &setting.origin {
        Origin::Default if documented => {}
        origin => out.push_str(&format!("  # {origin}")),
    }
    out.push('\n');
}

/// A text as comments, cut at blanks.
fn comment(out: &mut String, text: &str) {
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH && line.len() > 1 {
            out.push_str(&line);
            out.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    out.push_str(&line);
    out.push('\n');
}

/// The settings as JSON: for each its value, and where it comes from.
pub fn json(settings: &Settings) -> Value {
    let mut members = Map::new();
    for setting in &settings.all {
        let (origin, at) = match &setting.origin {
            Origin::Default => ("default", Value::Null),
            Origin::File { path, line, column } => (
                "file",
                json!({ "path": path.to_string_lossy(), "line": line, "column": column }),
            ),
            Origin::Variable(name) => ("variable", json!(name)),
            Origin::Option(name) => ("option", json!(name)),
        };
        let member = json!({ "value": setting.value.to_json(), "origin": origin, "at": at });
        members.insert(setting.key.name.to_owned(), member);
    }
    debug_assert_eq!(members.len(), KEYS.len());
    let file = settings.file.as_ref().map(|path| path.to_string_lossy());
    json!({ "file": file, "settings": members })
}
