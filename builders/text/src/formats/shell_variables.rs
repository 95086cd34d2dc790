//! Shell variables: assignments that `sh` can source; lists and sets become bash arrays.
//!
//! Counterpart: `lib.toShellVars`, `lib.escapeShellArg`. Like there, the lines are joined by
//! newlines, without one at the end.

use super::{number, sorted_entries};
use serde_json::Value;
use wasibuild_guest::{Error, Result};

/// The assignments for an attribute set.
pub fn render(value: &Value) -> Result<String> {
    let mut lines = Vec::new();
    for (name, value) in sorted_entries("value", value)? {
        let path = format!("value.{name}");
        if !is_posix_name(name) {
            return Err(Error::value(
                path,
                format!("{name:?} is not a valid shell variable name"),
            ));
        }
        lines.push(match value {
            Value::Object(_) => {
                let mut words = Vec::new();
                for (key, item) in sorted_entries(&path, value)? {
                    let item = to_string(&format!("{path}.{key}"), item)?;
                    words.push(format!("[{}]={}", quote(key), quote(&item)));
                }
                format!("declare -A {name}=({})", words.join(" "))
            }
            Value::Array(items) => {
                let mut words = Vec::new();
                for item in items {
                    words.push(quote(&to_string(&path, item)?));
                }
                format!("declare -a {name}=({})", words.join(" "))
            }
            _ => format!("{name}={}", quote(&to_string(&path, value)?)),
        });
    }
    Ok(lines.join("\n"))
}

/// `lib.isValidPosixName`.
fn is_posix_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// `lib.escapeShellArg`.
fn quote(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b",._+:@%/-".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// `toString` of Nix. Nested lists are joined by blanks; an empty list leaves no blank behind.
fn to_string(path: &str, value: &Value) -> Result<String> {
    Ok(match value {
        Value::Null | Value::Bool(false) => String::new(),
        Value::Bool(true) => "1".to_owned(),
        Value::Number(value) => number::nix(value),
        Value::String(value) => value.clone(),
        Value::Array(items) => {
            let mut text = String::new();
            for (index, item) in items.iter().enumerate() {
                text.push_str(&to_string(path, item)?);
                let empty_list = item.as_array().is_some_and(Vec::is_empty);
                if index + 1 < items.len() && !empty_list {
                    text.push(' ');
                }
            }
            text
        }
        Value::Object(_) => {
            return Err(Error::wrong_type(
                path,
                "a string, number, Boolean, null or list",
                "an attribute set",
            ));
        }
    })
}
