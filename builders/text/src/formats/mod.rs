//! Configuration formats: a JSON value in, the bytes of nixpkgs' `pkgs.formats.*` out.
//!
//! Strings are UTF-8 here, since the value comes from JSON.

mod json;
mod key_value;
mod number;
mod quoted;
mod shell_variables;
mod toml;
mod yaml;

use serde_json::Value;
use wasibuild_guest::attributes::describe;
use wasibuild_guest::{Error, Result};

pub use key_value::Lines;

/// A format with its options.
#[derive(Debug)]
pub enum Format {
    /// `formats.json`: as `jq .` prints.
    Json,
    /// `formats.yaml`: YAML 1.1 as PyYAML writes it for remarshal 0.17.
    Yaml,
    /// `formats.toml`: as tomlkit writes it for remarshal 1.
    Toml,
    /// `lib.generators.toINI`.
    Ini(Lines),
    /// `lib.generators.toINIWithGlobalSection`.
    IniWithGlobalSection(Lines),
    /// `lib.generators.toKeyValue`.
    KeyValue(Lines),
    /// `formats.systemd`.
    Systemd(Lines),
    /// `lib.toShellVars`.
    ShellVariables,
}

/// What the attributes say beside the name of the format.
#[derive(Debug, Default)]
pub struct Options {
    /// Stands between key and value; `=` when absent.
    pub separator: Option<String>,
    /// Whether a list is one line for each element.
    pub lists_as_duplicate_keys: bool,
    /// Stands before each line.
    pub indent: Option<String>,
}

impl Format {
    /// Finds a format by its name in `pkgs.formats` and checks that it knows the options.
    pub fn new(name: &str, options: Options) -> Result<Self> {
        let refuse = |option: &str| {
            Err(Error::Contradiction {
                first: "format".to_owned(),
                second: option.to_owned(),
                problem: format!("the format {name} has no such option; remove it"),
            })
        };
        let lines = matches!(name, "ini" | "iniWithGlobalSection" | "keyValue");
        if options.separator.is_some() && !lines {
            return refuse("separator");
        }
        if options.lists_as_duplicate_keys && !lines {
            return refuse("listsAsDuplicateKeys");
        }
        if options.indent.is_some() && name != "keyValue" {
            return refuse("indent");
        }
        if options.separator.as_deref() == Some("") {
            return Err(Error::value("separator", "is empty; lines need one"));
        }
        Ok(match name {
            "json" => Self::Json,
            "yaml" => Self::Yaml,
            "toml" => Self::Toml,
            "ini" => Self::Ini(Lines::new(options)),
            "iniWithGlobalSection" => Self::IniWithGlobalSection(Lines::new(options)),
            "keyValue" => Self::KeyValue(Lines::new(options)),
            "systemd" => Self::Systemd(Lines::systemd()),
            "shellVars" => Self::ShellVariables,
            _ => {
                return Err(Error::value(
                    "format",
                    format!(
                        "`{name}` is not known; known are json, yaml, toml, ini, \
                         iniWithGlobalSection, keyValue, systemd, shellVars"
                    ),
                ));
            }
        })
    }

    /// Writes a value in this format.
    pub fn render(&self, value: &Value) -> Result<String> {
        match self {
            Self::Json => Ok(json::render(value)),
            Self::Yaml => Ok(yaml::render(value)),
            Self::Toml => toml::render(value),
            Self::Ini(lines) | Self::Systemd(lines) => lines.sections("value", value),
            Self::IniWithGlobalSection(lines) => lines.with_global_section(value),
            Self::KeyValue(lines) => {
                let mut text = String::new();
                lines.section("value", value, &mut text)?;
                Ok(text)
            }
            Self::ShellVariables => shell_variables::render(value),
        }
    }
}

/// The entries of an attribute set in the order of Nix: by the bytes of their names.
fn sorted_entries<'a>(path: &str, value: &'a Value) -> Result<Vec<(&'a str, &'a Value)>> {
    let Value::Object(map) = value else {
        return Err(Error::wrong_type(path, "an attribute set", describe(value)));
    };
    let mut entries: Vec<_> = map
        .iter()
        .map(|(name, value)| (name.as_str(), value))
        .collect();
    entries.sort_by_key(|(name, _)| *name);
    Ok(entries)
}
