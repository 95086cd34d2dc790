//! An output as three strings: path, algorithm and hash.
//!
//! Contract: the same three strings stand in a `.drv` file and in the worker protocol's
//! `BuildDerivation`; what contradicts itself is refused. Counterpart: `parseOutput` in
//! `src/libstore/derivation/aterm.cc`.

use super::Output;
use crate::{
    content_address::{CaMethod, ContentAddress},
    hash::{HashError, NixHash},
    store_path::{StorePath, StorePathError},
};
use thiserror::Error;

/// Why three strings are no output.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OutputFieldsError {
    /// They contradict each other.
    #[error("the output has {0}")]
    Contradiction(&'static str),
    /// The algorithm or the hash is wrong.
    #[error("the output has a wrong hash")]
    Hash(#[from] HashError),
    /// The path is no store path.
    #[error(transparent)]
    Path(#[from] StorePathError),
}

impl Output {
    /// Reads the three strings.
    ///
    /// # Errors
    /// [`OutputFieldsError`].
    pub fn from_fields(path: &[u8], algo: &str, hash: &str) -> Result<Self, OutputFieldsError> {
        let problem = |problem| Err(OutputFieldsError::Contradiction(problem));
        match (algo, hash, !path.is_empty()) {
            ("", "", true) => Ok(Self::InputAddressed {
                path: StorePath::from_absolute_path(path)?,
            }),
            ("", "", false) => Ok(Self::Deferred),
            ("", _, _) => problem("a hash without an algorithm"),
            (_, "" | "impure", true) => problem("a path although its content is not known"),
            (_, "" | "impure", false) => {
                let (method, algo) = CaMethod::parse_with_algo(algo)?;
                Ok(match hash {
                    "" => Self::Floating { method, algo },
                    _ => Self::Impure { method, algo },
                })
            }
            (_, _, false) => problem("a hash but no path"),
            (_, _, true) => {
                let (method, algo) = CaMethod::parse_with_algo(algo)?;
                let hash = NixHash::from_str(hash, Some(algo))?;
                Ok(Self::Fixed {
                    path: StorePath::from_absolute_path(path)?,
                    ca: ContentAddress { method, hash },
                })
            }
        }
    }

    /// The three strings: path, algorithm, hash.
    pub fn to_fields(&self) -> [String; 3] {
        let path = self
            .path()
            .map(StorePath::to_absolute_path)
            .unwrap_or_default();
        let (algo, hash) = match self {
            Self::InputAddressed { .. } | Self::Deferred => (String::new(), String::new()),
            Self::Fixed { ca, .. } => (ca.method_and_algo(), ca.hash.to_hex()),
            Self::Floating { method, algo } => {
                (format!("{}{algo}", method.prefix()), String::new())
            }
            Self::Impure { method, algo } => {
                (format!("{}{algo}", method.prefix()), "impure".to_owned())
            }
        };
        [path, algo, hash]
    }
}
