//! Why a request cannot be carried out.
//!
//! Contract: each message names the file or the derivation, says what was expected and found, and
//! where it helps, what to do. All of them end with the exit code for bad input, except failures of
//! the store itself and what is not supported.

use std::io;
use std::path::PathBuf;

use thiserror::Error;
use wasibuild_nix_compat::derivation::{OutputPathError, ParseError};

/// An argument, a derivation or a source that cannot be used.
#[derive(Debug, Error)]
pub enum RequestError {
    /// No such file.
    #[error(
        "'{argument}' does not exist\n\
         hint: expected a derivation: a store path such as /nix/store/…-name.drv, or a .drv file"
    )]
    NotFound {
        /// The argument, made printable.
        argument: String,
    },
    /// A store path that the store does not have.
    #[error(
        "derivation '{path}' is not in the store '{root}'\n\
         hint: name its store with --store, or add it with `wasibuild store import`"
    )]
    NotInStore {
        /// The absolute path.
        path: String,
        /// The store's root.
        root: PathBuf,
    },
    /// Something else than a file.
    #[error("'{argument}' is a {kind}, not a derivation\nhint: expected a .drv file")]
    NotAFile {
        /// The argument, made printable.
        argument: String,
        /// `directory` or `special file`.
        kind: &'static str,
    },
    /// A store path that is no derivation.
    #[error("'{path}' is not a derivation\nhint: expected a store path that ends in .drv")]
    NotADerivation {
        /// The path.
        path: String,
    },
    /// An argument below the store directory that is no store path.
    #[error("'{argument}' is not the path of a derivation: {problem}")]
    BadStorePath {
        /// The argument, made printable.
        argument: String,
        /// Why.
        problem: String,
    },
    /// A file cannot be read.
    #[error("cannot read '{path}': {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A file is far too large to be a derivation.
    #[error("'{path}' has more than {limit} bytes, which no derivation has")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// A file is not a derivation.
    #[error(
        "'{path}' is not a derivation that Nix wrote: {}\n\
         hint: a .drv file comes from `nix-instantiate`; it must not be edited",
        chain(source)
    )]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ParseError,
    },
    /// A file's name does not follow from its content.
    #[error(
        "'{path}' lies: from its content follows the name '{expected}'\n\
         hint: it was altered or renamed; get it again from where it came"
    )]
    WrongName {
        /// The file.
        path: PathBuf,
        /// The base name that follows from the content.
        expected: String,
    },
    /// The output paths do not follow from the content.
    #[error(
        "'{path}' lies: {}\nhint: get it again from where it came",
        chain(source)
    )]
    WrongOutputs {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: OutputPathError,
    },
    /// A kind of derivation that is not supported.
    #[error("cannot build '{path}': {}", chain(source))]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What it is, and what to do.
        source: OutputPathError,
    },
    /// The file has no store path for a name, and its outputs do not tell one.
    #[error(
        "cannot tell the name of the derivation in '{path}'\n\
         hint: call the file as it is called in the store, for instance …-name.drv"
    )]
    NoName {
        /// The file.
        path: PathBuf,
    },
    /// A derivation needs itself.
    #[error("derivations need each other in a circle:\n{}", .circle.iter().map(|d| format!("  '{d}'")).collect::<Vec<_>>().join("\n  needs\n"))]
    Cycle {
        /// The derivations, the first one repeated at the end.
        circle: Vec<String>,
    },
    /// An input derivation is nowhere.
    #[error(
        "'{path}' is missing; '{needed_by}' needs it\n\
         hint: it is neither in the store '{root}' nor beside the derivation{}", beside(.searched)
    )]
    MissingDerivation {
        /// The absolute path of what is missing.
        path: String,
        /// The absolute path of the derivation that needs it.
        needed_by: String,
        /// The store's root.
        root: PathBuf,
        /// The directories that were searched.
        searched: Vec<PathBuf>,
    },
    /// A source that a source refers to is nowhere.
    #[error(
        "'{path}' is missing; '{needed_by}' refers to it\n\
         hint: it is neither in the store nor beside the derivation; put it there, or add it with `wasibuild store import`"
    )]
    MissingSource {
        /// The absolute path of what is missing.
        path: String,
        /// The absolute path of the source that refers to it.
        needed_by: String,
    },
    /// A source beside the file is not what its name says.
    #[error(
        "'{found}' is not '{path}': its content gives another path\n\
         hint: only sources whose path follows from their content can be taken from a directory; others come with `wasibuild store import` or from a binary cache"
    )]
    WrongSource {
        /// The file beside the derivation.
        found: PathBuf,
        /// The absolute path that it should be.
        path: String,
    },
    /// A source beside the file cannot be read as what it is.
    #[error("cannot use '{found}' as '{path}': {problem}")]
    BadSource {
        /// The file beside the derivation.
        found: PathBuf,
        /// The absolute path that it should be.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] wasibuild_store::Error),
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn beside(searched: &[PathBuf]) -> String {
    let places: Vec<_> = searched
        .iter()
        .map(|place| format!("'{}'", place.display()))
        .collect();
    if places.is_empty() {
        String::new()
    } else {
        format!(" in {}", places.join(", "))
    }
}
