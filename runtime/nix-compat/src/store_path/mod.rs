//! Store paths: the names of store objects, checked as Nix checks them.
//!
//! Contract: a [`StorePath`] is always valid: 32 digits of Nix base 32, a dash, and a name of 1 to
//! 211 of the characters `0-9 a-z A-Z + - . _ ? =`. A leading period is allowed as in Nix 2.4 and
//! later, but `.`, `..` and names that begin with `.-` or `..-` are not (Nix 2.20 and later; before,
//! 2.4 to 2.19 allowed those too, and 2.3 no leading period at all). The order is that of the text,
//! as Nix sorts, not that of the digest's bytes. Only the store directory `/nix/store` is known,
//! because a path's digest depends on it.
//! Counterpart: `src/libstore/path.cc`.

mod build;

pub use build::{build_ca_path, build_output_path, build_text_path, output_path_name};

use crate::{hash::NixHash, nixbase32};
use bstr::{BString, ByteSlice};
use std::{fmt, sync::Arc};
use thiserror::Error;

/// The directory that every store path is in.
pub const STORE_DIR: &str = "/nix/store";

/// [`STORE_DIR`] with the slash that store paths have after it.
pub const STORE_DIR_SLASH: &str = "/nix/store/";

/// The longest name, in bytes: 255 (the longest file name) less the digest, the dash, and what
/// `.lock`, `.chroot` and `.drv` need.
pub const MAX_NAME_LEN: usize = 211;

/// The length of the digest in a path, in digits of Nix base 32.
pub const HASH_PART_LEN: usize = 32;

/// Why a text is not a store path, or a path cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StorePathError {
    /// It does not begin with `/nix/store/`.
    #[error("path “{0}” is not in the store: expected it to begin with {STORE_DIR_SLASH}")]
    NotInStore(BString),
    /// It names something inside a store object.
    #[error("path “{0}” is inside a store object; expected {STORE_DIR_SLASH}DIGEST-NAME alone")]
    InsideObject(BString),
    /// The digest is missing, too short, or has a foreign character.
    #[error("“{0}” is not a store path: expected 32 digits of Nix base 32, a dash and a name")]
    BadDigest(BString),
    /// The name is not allowed.
    #[error("“{path}” is not a store path: {problem}")]
    BadName {
        /// The base name, or the name alone when a path was to be made.
        path: BString,
        /// What is wrong with the name.
        problem: NameProblem,
    },
    /// A path of a kind that cannot have references was to be made with some.
    #[error(
        "“{name}” cannot have references: only text and recursive SHA-256 content addresses can"
    )]
    ReferencesNotAllowed {
        /// The name of the object.
        name: String,
    },
    /// Text is always addressed by SHA-256.
    #[error("text object “{name}” must be addressed by sha256, not {found}")]
    TextHashAlgorithm {
        /// The name of the object.
        name: String,
        /// The hash that was given.
        found: NixHash,
    },
}

/// What is wrong with the name part of a store path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NameProblem {
    /// There is none.
    #[error("its name is empty")]
    Empty,
    /// More than [`MAX_NAME_LEN`] bytes.
    #[error("its name has {0} characters; at most 211 are allowed")]
    TooLong(usize),
    /// A character outside the allowed set.
    #[error("its name contains byte {0:#04x}; allowed are letters, digits and + - . _ ? =")]
    BadCharacter(u8),
    /// `.`, `..`, or one of them before a dash.
    #[error("its name is “.” or “..”, or begins with one of them and a dash")]
    Dots,
}

/// The base name of a store object's path: cheap to clone, ordered as Nix orders paths.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StorePath {
    base_name: Arc<str>,
}

impl StorePath {
    /// Reads `DIGEST-NAME`.
    pub fn from_basename(base_name: &[u8]) -> Result<Self, StorePathError> {
        let bad_digest = || StorePathError::BadDigest(base_name.into());
        let (digest, rest) = base_name
            .split_at_checked(HASH_PART_LEN)
            .ok_or_else(bad_digest)?;
        if !digest
            .iter()
            .all(|&byte| nixbase32::digit_value(byte).is_some())
        {
            return Err(bad_digest());
        }
        let name = rest.strip_prefix(b"-").ok_or_else(bad_digest)?;
        check_name(name).map_err(|problem| StorePathError::BadName {
            path: base_name.into(),
            problem,
        })?;
        let base_name = base_name.to_str().map_err(|_| bad_digest())?;
        Ok(Self {
            base_name: base_name.into(),
        })
    }

    /// Reads `/nix/store/DIGEST-NAME`, with nothing after it.
    pub fn from_absolute_path(path: &[u8]) -> Result<Self, StorePathError> {
        match Self::split_absolute_path(path)? {
            (store_path, b"") => Ok(store_path),
            _ => Err(StorePathError::InsideObject(path.into())),
        }
    }

    /// Splits a path at or below a store object into the object's path and the rest (empty, or
    /// beginning with a slash). Nothing is resolved: `..` stays as it is.
    pub fn split_absolute_path(path: &[u8]) -> Result<(Self, &[u8]), StorePathError> {
        let rest = path
            .strip_prefix(STORE_DIR_SLASH.as_bytes())
            .ok_or_else(|| StorePathError::NotInStore(path.into()))?;
        let end = rest.find_byte(b'/').unwrap_or(rest.len());
        let (base_name, inside) = rest.split_at_checked(end).unwrap_or((rest, b""));
        Ok((Self::from_basename(base_name)?, inside))
    }

    /// Puts a path together from its digest's 20 bytes and its name.
    pub fn from_digest(digest: &[u8; 20], name: &str) -> Result<Self, StorePathError> {
        check_name(name.as_bytes()).map_err(|problem| StorePathError::BadName {
            path: name.into(),
            problem,
        })?;
        Ok(Self {
            base_name: format!("{}-{name}", nixbase32::encode(digest)).into(),
        })
    }

    /// `DIGEST-NAME`.
    pub fn basename(&self) -> &str {
        &self.base_name
    }

    /// `/nix/store/DIGEST-NAME`.
    pub fn to_absolute_path(&self) -> String {
        format!("{STORE_DIR_SLASH}{}", self.base_name)
    }

    /// The 32 digits before the dash.
    pub fn hash_part(&self) -> &str {
        self.base_name
            .split_at_checked(HASH_PART_LEN)
            .map_or("", |(digits, _)| digits)
    }

    /// The same as bytes.
    pub fn hash_part_bytes(&self) -> [u8; HASH_PART_LEN] {
        let first = self.base_name.as_bytes().first_chunk();
        // There always are so many.
        first.copied().unwrap_or([b'0'; HASH_PART_LEN])
    }

    /// What follows the dash.
    pub fn name(&self) -> &str {
        self.base_name.get(HASH_PART_LEN + 1..).unwrap_or("")
    }

    /// The digest's 20 bytes.
    pub fn digest(&self) -> [u8; 20] {
        nixbase32::decode(self.hash_part().as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .unwrap_or_default()
    }

    /// Whether the name ends in `.drv`.
    pub fn is_derivation(&self) -> bool {
        self.name().ends_with(".drv")
    }

    /// The name of the derivation that a `.drv` path holds: its name without `.drv`.
    pub fn derivation_name(&self) -> Option<&str> {
        self.name().strip_suffix(".drv")
    }
}

impl fmt::Display for StorePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base_name)
    }
}

impl fmt::Debug for StorePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StorePath({})", self.base_name)
    }
}

/// Checks the name part of a store path.
pub fn check_name(name: &[u8]) -> Result<(), NameProblem> {
    if name.is_empty() {
        return Err(NameProblem::Empty);
    }
    if name.len() > MAX_NAME_LEN {
        return Err(NameProblem::TooLong(name.len()));
    }
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._?=".contains(&byte);
    if let Some(&byte) = name.iter().find(|&&byte| !is_allowed(byte)) {
        return Err(NameProblem::BadCharacter(byte));
    }
    let first_component = name.split(|&byte| byte == b'-').next();
    if matches!(first_component, Some(b"." | b"..")) {
        return Err(NameProblem::Dots);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
