//! One argument: a store path, the same path below the store's root, or a loose file.
//!
//! Contract: `/nix/store/…` always means the store that is in use; only if that store does not have
//! the path and the machine has a file of that name (a real Nix store), the file is taken as a loose
//! one, with that directory beside it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use wasibuild_nix_compat::store_path::{STORE_DIR_SLASH, StorePath};

use super::{Library, RequestError};
use crate::printable;

/// What an argument names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// A valid derivation of the store.
    InStore(StorePath),
    /// A file.
    Loose(PathBuf),
}

impl Argument {
    /// Finds out what an argument names.
    ///
    /// # Errors
    /// When it names nothing, or nothing that can be a derivation.
    pub fn parse(argument: &OsString, library: &dyn Library) -> Result<Argument, RequestError> {
        if argument.as_bytes().starts_with(STORE_DIR_SLASH.as_bytes()) {
            let path = StorePath::from_absolute_path(argument.as_bytes()).map_err(|problem| {
                RequestError::BadStorePath {
                    argument: shown(argument),
                    problem: problem.to_string(),
                }
            })?;
            let file = Path::new(argument);
            if library.is_valid(&path)? || !file.exists() {
                return in_store(path, library);
            }
            return loose(argument);
        }
        if let Some(name) = below_store(Path::new(argument), library) {
            let path = StorePath::from_basename(name.as_bytes()).map_err(|problem| {
                RequestError::BadStorePath {
                    argument: shown(argument),
                    problem: problem.to_string(),
                }
            })?;
            return in_store(path, library);
        }
        loose(argument)
    }
}

fn in_store(path: StorePath, library: &dyn Library) -> Result<Argument, RequestError> {
    if !path.is_derivation() {
        return Err(RequestError::NotADerivation {
            path: path.to_absolute_path(),
        });
    }
    if !library.is_valid(&path)? {
        let store = library.real_store_dir();
        let root = store
            .parent()
            .and_then(Path::parent)
            .unwrap_or(store)
            .to_owned();
        return Err(RequestError::NotInStore {
            path: path.to_absolute_path(),
            root,
        });
    }
    Ok(Argument::InStore(path))
}

fn loose(argument: &OsString) -> Result<Argument, RequestError> {
    let path = PathBuf::from(argument);
    let metadata = fs::metadata(&path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => RequestError::NotFound {
            argument: shown(argument),
        },
        _ => RequestError::Read {
            path: PathBuf::from(shown(argument)),
            source,
        },
    })?;
    if metadata.is_file() {
        return Ok(Argument::Loose(path));
    }
    let kind = if metadata.is_dir() {
        "directory"
    } else {
        "special file"
    };
    Err(RequestError::NotAFile {
        argument: shown(argument),
        kind,
    })
}

/// The base name, if the file lies directly in the store's directory.
fn below_store<'p>(path: &'p Path, library: &dyn Library) -> Option<&'p OsStr> {
    let name = path.file_name()?;
    let parent = path.parent()?;
    let parent = if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    };
    let parent = fs::canonicalize(parent).ok()?;
    let store = fs::canonicalize(library.real_store_dir()).ok()?;
    (parent == store).then_some(name)
}

fn shown(argument: &OsString) -> String {
    printable::name(argument.as_bytes())
}
