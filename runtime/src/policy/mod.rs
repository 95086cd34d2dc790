//! The policy: what the user decided, from one file, the environment and the command line.
//!
//! Contract: [`table`] says what there is. An option of the command line counts before a variable of the
//! environment, that before the file, that before the default; each value knows where it comes from. The
//! rest of the program reads the typed fields of [`Policy`] and nothing else. Nix's counterpart is
//! `libutil/configuration.cc`.

mod document;
pub mod error;
mod file;
mod nearest;
mod options;
mod pattern;
mod print;
pub mod table;
mod typed;
pub mod value;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub use document::markdown;
pub use error::{Origin, PolicyError};
pub use nearest::nearest;
pub use options::Overrides;
pub use pattern::Pattern;
pub use print::{json, text};
use table::{KEYS, Key};
pub use typed::{
    Accelerator, Attempt, DaemonPolicy, Policy, Route, Routing, ShellPolicy, VmPolicy, VmShare,
};
use value::Value;

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// A value from the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The setting.
    pub key: &'static str,
    /// Its value, which the option has checked.
    pub value: Value,
    /// The option.
    pub option: &'static str,
}

/// Reads a variable of the environment.
pub type Variables = dyn Fn(&str) -> Option<OsString>;

/// Where settings may come from.
#[derive(Default)]
pub struct Sources<'a> {
    /// `--config`, or `WASIBUILD_CONFIG`; an empty path means none.
    pub named: Option<PathBuf>,
    /// The files that are looked for if none is named, the first that is there counts.
    pub places: Vec<PathBuf>,
    /// `--set`.
    pub sets: &'a [String],
    /// Other options.
    pub overrides: Vec<Override>,
    /// Reads a variable of the environment.
    pub variable: Option<&'a Variables>,
}

/// One setting with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// What it is.
    pub key: &'static Key,
    /// Its value.
    pub value: Value,
    /// Where it was set.
    pub origin: Origin,
}

/// All settings, in the order of the table, and the file that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// One for each key.
    pub all: Vec<Setting>,
    /// The file.
    pub file: Option<PathBuf>,
}

impl Settings {
    /// Reads all sources.
    ///
    /// # Errors
    /// [`PolicyError`], the first in the order file, environment, command line.
    pub fn load(sources: Sources<'_>) -> Result<Settings, PolicyError> {
        let mut settings = defaults();
        if let Some((path, text)) = find(&sources)? {
            for (name, (value, origin)) in file::read(&path, &text)? {
                settings.put(name, value, origin);
            }
            settings.file = Some(path);
        }
        if let Some(variable) = sources.variable {
            for key in KEYS {
                let name = key.variable();
                let Some(text) = variable(&name) else {
                    continue;
                };
                let value = match text.to_str() {
                    Some(text) => here(key, text),
                    None => Err("it is not UTF-8".to_owned()),
                };
                settings.put_checked(key, value, Origin::Variable(name))?;
            }
        }
        for set in sources.sets {
            let (name, text) = set
                .split_once('=')
                .ok_or_else(|| PolicyError::Set(crate::printable::name(set.as_bytes())))?;
            let origin = Origin::Option("--set".to_owned());
            let key = file::known(name.trim(), origin.clone())?;
            settings.put_checked(key, here(key, text.trim()), origin)?;
        }
        for Override { key, value, option } in sources.overrides {
            settings.put(key, value, Origin::Option(option.to_owned()));
        }
        Ok(settings)
    }

    fn put_checked(
        &mut self,
        key: &'static Key,
        value: Result<Value, String>,
        origin: Origin,
    ) -> Result<(), PolicyError> {
        match value {
            Ok(value) => {
                self.put(key.name, value, origin);
                Ok(())
            }
            Err(problem) => Err(PolicyError::Value {
                at: origin,
                key: key.name,
                problem,
            }),
        }
    }

    fn put(&mut self, name: &str, value: Value, origin: Origin) {
        debug_assert!(table::find(name).is_some(), "{name}");
        if let Some(setting) = self.all.iter_mut().find(|setting| setting.key.name == name) {
            setting.value = value;
            setting.origin = origin;
        }
    }

    /// A setting. Every name in the program is one of the table, which tests go through.
    fn get(&self, name: &str) -> Option<&Setting> {
        let found = self.all.iter().find(|setting| setting.key.name == name);
        debug_assert!(found.is_some(), "{name}");
        found
    }
}

/// A value from outside a file, where paths may be relative to where the program was started.
fn here(key: &Key, text: &str) -> Result<Value, String> {
    match std::path::absolute(text) {
        Ok(path) if key.kind == table::Kind::Path && !text.is_empty() => {
            Value::from_text(key.kind, &path.to_string_lossy())
        }
        _ => Value::from_text(key.kind, text),
    }
}

/// Every setting with its default.
pub fn defaults() -> Settings {
    Settings {
        all: KEYS.iter().map(default).collect(),
        file: None,
    }
}

fn default(key: &'static Key) -> Setting {
    let parsed = toml::de::DeValue::parse(key.default);
    let value = parsed
        .ok()
        .and_then(|value| Value::from_toml(key.kind, value.get_ref()).ok());
    debug_assert!(value.is_some(), "{}", key.name);
    Setting {
        key,
        // A test reads every default.
        value: value.unwrap_or_else(|| Value::Text(key.default.to_owned())),
        origin: Origin::Default,
    }
}

/// The file that counts, with its text.
fn find(sources: &Sources<'_>) -> Result<Option<(PathBuf, String)>, PolicyError> {
    if let Some(path) = &sources.named {
        if path.as_os_str().is_empty() {
            return Ok(None);
        }
        let text = read(path).map_err(|source| PolicyError::Read {
            path: path.clone(),
            source,
        })?;
        return Ok(Some((path.clone(), text)));
    }
    for path in &sources.places {
        match read(path) {
            Ok(text) => return Ok(Some((path.clone(), text))),
            Err(error) if is_absent(&error) => {}
            Err(source) => {
                return Err(PolicyError::Read {
                    path: path.clone(),
                    source,
                });
            }
        }
    }
    Ok(None)
}

/// Whether there is no such file. A directory that one may not look into has none for this user.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(MAX_FILE + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        return Err(io::Error::other(format!(
            "it is larger than {MAX_FILE} bytes"
        )));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
