//! Lines of keys and values: INI, plain key-value, and systemd's variant.
//!
//! Counterpart: `lib.generators.toINI`, `toINIWithGlobalSection`, `toKeyValue`,
//! `mkKeyValueDefault`, `mkValueStringDefault`, and `formats.systemd`.

use super::{Options, number, sorted_entries};
use serde_json::Value;
use wasibuild_guest::attributes::describe;
use wasibuild_guest::{Error, Result};

/// How one line is made.
#[derive(Debug)]
pub struct Lines {
    separator: String,
    lists_as_duplicate_keys: bool,
    indent: String,
    /// `formats.systemd`: `null` is a comment, and keys are not escaped.
    systemd: bool,
}

impl Lines {
    /// As `mkKeyValueDefault { } separator` makes them.
    pub fn new(options: Options) -> Self {
        Self {
            separator: options.separator.unwrap_or_else(|| "=".to_owned()),
            lists_as_duplicate_keys: options.lists_as_duplicate_keys,
            indent: options.indent.unwrap_or_default(),
            systemd: false,
        }
    }

    /// As `formats.systemd` makes them.
    pub fn systemd() -> Self {
        Self {
            separator: " = ".to_owned(),
            lists_as_duplicate_keys: true,
            indent: String::new(),
            systemd: true,
        }
    }

    /// `toINIWithGlobalSection`: a set with `globalSection` and `sections`.
    pub fn with_global_section(&self, value: &Value) -> Result<String> {
        let mut text = String::new();
        let mut sections = None;
        for (name, part) in sorted_entries("value", value)? {
            match name {
                "globalSection" => {
                    self.section("value.globalSection", part, &mut text)?;
                    if !sorted_entries("value.globalSection", part)?.is_empty() {
                        text.push('\n');
                    }
                }
                "sections" => sections = Some(part),
                _ => {
                    return Err(Error::value(
                        format!("value.{name}"),
                        "is not known here; give `globalSection` and `sections`",
                    ));
                }
            }
        }
        if let Some(sections) = sections {
            text.push_str(&self.sections("value.sections", sections)?);
        }
        Ok(text)
    }

    /// Sections with an empty line between.
    pub fn sections(&self, path: &str, value: &Value) -> Result<String> {
        let mut text = String::new();
        for (index, (name, section)) in sorted_entries(path, value)?.into_iter().enumerate() {
            if index > 0 {
                text.push('\n');
            }
            let escaped = name.replace('[', "\\[").replace(']', "\\]");
            text.push_str(&format!("[{escaped}]\n"));
            self.section(&format!("{path}.{name}"), section, &mut text)?;
        }
        Ok(text)
    }

    /// The lines of one section.
    pub fn section(&self, path: &str, value: &Value, text: &mut String) -> Result<()> {
        for (name, value) in sorted_entries(path, value)? {
            let path = format!("{path}.{name}");
            match value {
                Value::Array(items) if self.lists_as_duplicate_keys => {
                    for item in items {
                        self.line(&path, name, item, text)?;
                    }
                }
                _ => self.line(&path, name, value, text)?,
            }
        }
        Ok(())
    }

    fn line(&self, path: &str, name: &str, value: &Value, text: &mut String) -> Result<()> {
        text.push_str(&self.indent);
        if self.systemd {
            if value.is_null() {
                text.push_str(&format!("# {name} is unset\n"));
                return Ok(());
            }
            text.push_str(name);
        } else {
            text.push_str(&name.replace(&self.separator, &format!("\\{}", self.separator)));
        }
        text.push_str(&self.separator);
        text.push_str(&atom(path, value)?);
        text.push('\n');
        Ok(())
    }
}

/// A value as `mkValueStringDefault` spells it.
fn atom(path: &str, value: &Value) -> Result<String> {
    Ok(match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => number::nix(value),
        Value::String(value) => value.clone(),
        Value::Array(_) => {
            return Err(Error::wrong_type(
                path,
                "a string, number, Boolean or null (lists need listsAsDuplicateKeys)",
                describe(value),
            ));
        }
        Value::Object(_) => {
            return Err(Error::wrong_type(
                path,
                "a string, number, Boolean or null",
                describe(value),
            ));
        }
    })
}
