//! What is wrong with a configuration, with the place.
//!
//! Contract: every text names the file with line and column, the variable, or the option.

use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::printable;

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere.
    Default,
    /// In a file.
    File {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
    },
    /// In a variable of the environment.
    Variable(String),
    /// In an option of the command line.
    Option(String),
}

impl Origin {
    /// A place in a file, from the offset in bytes.
    pub fn in_file(path: &Path, text: &str, offset: usize) -> Origin {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        Origin::File {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line, column } => {
                write!(
                    f,
                    "{}:{line}:{column}",
                    printable::name(path.as_os_str().as_bytes())
                )
            }
            Origin::Variable(name) => write!(f, "the variable {name}"),
            Origin::Option(name) => write!(f, "the option {name}"),
        }
    }
}

/// Why there is no policy.
#[derive(Debug, Error)]
pub enum PolicyError {
    /// A file that was named cannot be read, or one that was found.
    #[error(
        "cannot read the configuration '{}': {source}\nhint: name another with --config or WASIBUILD_CONFIG, or none with an empty one",
        path.display()
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not TOML.
    #[error("{at}: this is not TOML: {problem}")]
    Syntax {
        /// Where.
        at: Origin,
        /// What the parser says.
        problem: String,
    },
    /// There is no such key or table.
    #[error(
        "{at}: there is no setting '{key}'{}\nhint: `wasibuild config` prints all of them",
        meant(nearest)
    )]
    Unknown {
        /// Where.
        at: Origin,
        /// What was written, made printable.
        key: String,
        /// What may be meant.
        nearest: Option<&'static str>,
    },
    /// A value is of another type, or out of bounds.
    #[error("{at}: '{key}': {problem}")]
    Value {
        /// Where.
        at: Origin,
        /// The setting.
        key: &'static str,
        /// What was expected and found.
        problem: String,
    },
    /// `--set` without a value.
    #[error("--set '{0}': expected KEY=VALUE, such as limits.memory=4G")]
    Set(String),
}

fn meant(nearest: &Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; is '{name}' meant?"))
}
