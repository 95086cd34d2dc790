//! Content addresses: how an object that is named by its content was hashed.
//!
//! Contract: [`ContentAddress`] reads and writes the text that Nix keeps in its database (`ca`
//! column), in narinfo files (`CA:`) and in `.attrs.json`: `text:sha256:…`, `fixed:sha256:…`,
//! `fixed:r:sha256:…`, with the digest in Nix base 32.
//! Counterpart: `src/libstore/content-address.cc`.

use crate::hash::{HashAlgo, HashError, NixHash};
use std::{fmt, str::FromStr};
use thiserror::Error;

/// What of an object is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CaMethod {
    /// The contents of a single regular file that is not executable.
    Flat,
    /// The NAR of any file, link or tree.
    Recursive,
    /// The contents of a single file that may refer to other objects, such as a `.drv`.
    Text,
}

impl CaMethod {
    /// What stands before the algorithm in a derivation's output: nothing, `r:` or `text:`.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Flat => "",
            Self::Recursive => "r:",
            Self::Text => "text:",
        }
    }

    /// Reads `ALGO`, `r:ALGO` or `text:ALGO`, the second field of a derivation's output.
    pub fn parse_with_algo(text: &str) -> Result<(Self, HashAlgo), HashError> {
        let (method, algo) = if let Some(algo) = text.strip_prefix("r:") {
            (Self::Recursive, algo)
        } else if let Some(algo) = text.strip_prefix("text:") {
            (Self::Text, algo)
        } else {
            (Self::Flat, text)
        };
        Ok((method, HashAlgo::from_name(algo)?))
    }
}

/// A method and the hash that it gave.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentAddress {
    /// What was hashed.
    pub method: CaMethod,
    /// The hash.
    pub hash: NixHash,
}

/// Why a text is not a content address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ContentAddressError {
    /// Neither `text:` nor `fixed:` begins it.
    #[error("content address “{0}” is not known; expected text:…, fixed:… or fixed:r:…")]
    UnknownMethod(String),
    /// The hash is not one.
    #[error("content address “{text}” has a wrong hash")]
    BadHash {
        /// The whole text.
        text: String,
        /// What is wrong.
        #[source]
        source: HashError,
    },
}

impl ContentAddress {
    /// The second field of a fixed output in a derivation: `sha256`, `r:sha256`, `text:sha256`.
    pub fn method_and_algo(&self) -> String {
        format!("{}{}", self.method.prefix(), self.hash.algo())
    }
}

impl fmt::Display for ContentAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = match self.method {
            CaMethod::Text => "text:",
            CaMethod::Flat => "fixed:",
            CaMethod::Recursive => "fixed:r:",
        };
        write!(f, "{method}{}", self.hash.to_nix32())
    }
}

impl FromStr for ContentAddress {
    type Err = ContentAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (method, hash) = if let Some(hash) = text.strip_prefix("text:") {
            (CaMethod::Text, hash)
        } else if let Some(hash) = text.strip_prefix("fixed:r:") {
            (CaMethod::Recursive, hash)
        } else if let Some(hash) = text.strip_prefix("fixed:") {
            (CaMethod::Flat, hash)
        } else {
            return Err(ContentAddressError::UnknownMethod(text.to_owned()));
        };
        let hash =
            NixHash::from_str(hash, None).map_err(|source| ContentAddressError::BadHash {
                text: text.to_owned(),
                source,
            })?;
        Ok(Self { method, hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trips(digest: [u8; 32], method in 0..3) {
            let method = [CaMethod::Flat, CaMethod::Recursive, CaMethod::Text][method as usize];
            let address = ContentAddress { method, hash: NixHash::sha256(digest) };
            prop_assert_eq!(address.to_string().parse(), Ok(address));
        }
    }

    #[test]
    fn refuses_other_methods() {
        for text in [
            "",
            "fixed",
            "git:sha1:00",
            "fixed:git:sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709",
        ] {
            assert!(
                text.parse::<ContentAddress>().is_err(),
                "{text} was accepted"
            );
        }
    }
}
