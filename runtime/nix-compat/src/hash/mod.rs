//! Hashes as Nix names, prints and reads them.
//!
//! Contract: a [`NixHash`] always has exactly as many bytes as its algorithm gives. Reading accepts
//! the four notations that Nix accepts (base 16, Nix base 32, base 64, and SRI `algo-base64`), told
//! apart by their length, and printing gives Nix's form of each.
//! Counterpart: `src/libutil/hash.cc`.

mod hasher;

pub use hasher::{Hasher, Sha256Writer, hash_reader};

use crate::nixbase32;
use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};
use sha2::{Digest, Sha256};
use std::fmt;
use thiserror::Error;

/// The algorithms that a Nix 2.8 derivation may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HashAlgo {
    /// 16 bytes; broken, kept for old fixed outputs.
    Md5,
    /// 20 bytes; broken, kept for old fixed outputs.
    Sha1,
    /// 32 bytes; what Nix itself uses.
    Sha256,
    /// 64 bytes.
    Sha512,
}

/// Why a text is not a hash.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HashError {
    /// The algorithm's name is not known.
    #[error("unknown hash algorithm “{0}”; expected md5, sha1, sha256 or sha512")]
    UnknownAlgorithm(String),
    /// Neither the text nor the caller says which algorithm it is.
    #[error(
        "hash “{0}” does not say its algorithm; write it as `sha256:…` or `sha256-…` (md5, sha1, sha256, sha512)"
    )]
    MissingAlgorithm(String),
    /// The text says one algorithm, the caller another.
    #[error("hash “{text}” is {found}, but {expected} was expected")]
    WrongAlgorithm {
        /// The whole text.
        text: String,
        /// The algorithm that was asked for.
        expected: HashAlgo,
        /// The algorithm that the text names.
        found: HashAlgo,
    },
    /// No notation of this algorithm has this length, or a digit is wrong.
    #[error(
        "hash “{text}” is not a {algo} hash: expected {} base 16 digits, {} Nix base 32 digits or {} base 64 characters",
        algo.digest_len() * 2,
        nixbase32::encoded_len(algo.digest_len()),
        algo.base64_len()
    )]
    BadDigest {
        /// The whole text.
        text: String,
        /// The algorithm that it should be of.
        algo: HashAlgo,
    },
}

impl HashAlgo {
    /// Every algorithm, in the order of their strength.
    pub const ALL: [HashAlgo; 4] = [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha512];

    /// The name that Nix writes: `md5`, `sha1`, `sha256`, `sha512`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// The algorithm of that name.
    pub fn from_name(name: &str) -> Result<Self, HashError> {
        Self::ALL
            .into_iter()
            .find(|algo| algo.name() == name)
            .ok_or_else(|| HashError::UnknownAlgorithm(name.to_owned()))
    }

    /// The length of a digest in bytes.
    pub const fn digest_len(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    const fn base64_len(self) -> usize {
        self.digest_len().div_ceil(3) * 4
    }
}

impl fmt::Display for HashAlgo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A digest with its algorithm. Displays as `algo:` and Nix base 32, as Nix does in store objects.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NixHash {
    algo: HashAlgo,
    digest: Vec<u8>,
}

impl NixHash {
    /// A hash from its raw bytes; `None` if there are not as many as `algo` gives.
    pub fn from_digest(algo: HashAlgo, digest: Vec<u8>) -> Option<Self> {
        (digest.len() == algo.digest_len()).then_some(Self { algo, digest })
    }

    /// A SHA-256 hash from its 32 bytes.
    pub fn sha256(digest: [u8; 32]) -> Self {
        Self {
            algo: HashAlgo::Sha256,
            digest: digest.to_vec(),
        }
    }

    /// The algorithm.
    pub fn algo(&self) -> HashAlgo {
        self.algo
    }

    /// The raw bytes.
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }

    /// The 32 bytes of a SHA-256 hash, `None` for the others.
    pub fn as_sha256(&self) -> Option<[u8; 32]> {
        match self.algo {
            HashAlgo::Sha256 => self.digest.as_slice().try_into().ok(),
            _ => None,
        }
    }

    /// Reads `algo:digest`, `algo-base64` (SRI) or, when `expected` is given, a bare digest. A named
    /// algorithm must be the `expected` one.
    pub fn from_str(text: &str, expected: Option<HashAlgo>) -> Result<Self, HashError> {
        let (named, digest, is_sri) = if let Some((algo, digest)) = text.split_once(':') {
            (Some(HashAlgo::from_name(algo)?), digest, false)
        } else if let Some((algo, digest)) = text.split_once('-') {
            (Some(HashAlgo::from_name(algo)?), digest, true)
        } else {
            (None, text, false)
        };
        let algo = match (named, expected) {
            (Some(found), Some(expected)) if found != expected => {
                return Err(HashError::WrongAlgorithm {
                    text: text.to_owned(),
                    expected,
                    found,
                });
            }
            (Some(algo), _) | (None, Some(algo)) => algo,
            (None, None) => return Err(HashError::MissingAlgorithm(text.to_owned())),
        };
        Self::from_bare_digest(algo, digest, is_sri).ok_or_else(|| HashError::BadDigest {
            text: text.to_owned(),
            algo,
        })
    }

    fn from_bare_digest(algo: HashAlgo, digest: &str, only_base64: bool) -> Option<Self> {
        let text = digest.as_bytes();
        let length = algo.digest_len();
        let bytes = if !only_base64 && text.len() == length * 2 {
            HEXLOWER_PERMISSIVE.decode(text).ok()
        } else if !only_base64 && text.len() == nixbase32::encoded_len(length) {
            nixbase32::decode(text).ok()
        } else if text.len() == algo.base64_len() {
            BASE64.decode(text).ok()
        } else {
            None
        }?;
        Self::from_digest(algo, bytes)
    }

    /// `algo:` and Nix base 32, as in `nix-store --query --hash` and in narinfo files.
    pub fn to_nix32(&self) -> String {
        format!("{}:{}", self.algo, self.digest_nix32())
    }

    /// The digest alone in Nix base 32.
    pub fn digest_nix32(&self) -> String {
        nixbase32::encode(&self.digest)
    }

    /// The digest alone in lower-case base 16, as in derivations.
    pub fn to_hex(&self) -> String {
        HEXLOWER.encode(&self.digest)
    }

    /// `algo:` and base 16, as Nix writes it into its database.
    pub fn to_hex_prefixed(&self) -> String {
        format!("{}:{}", self.algo, self.to_hex())
    }

    /// The W3C's subresource integrity form, `algo-base64`.
    pub fn to_sri(&self) -> String {
        format!("{}-{}", self.algo, BASE64.encode(&self.digest))
    }
}

impl fmt::Display for NixHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_nix32())
    }
}

impl fmt::Debug for NixHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NixHash({})", self.to_nix32())
    }
}

/// The SHA-256 of bytes that are in memory.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Folds a SHA-256 digest to the 20 bytes of a store path (`compressHash` in Nix): byte `i` of the
/// input is xored into byte `i mod 20`.
pub fn compress_hash(digest: &[u8; 32]) -> [u8; 20] {
    let mut compressed = [0u8; 20];
    for chunk in digest.chunks(20) {
        for (target, byte) in compressed.iter_mut().zip(chunk) {
            *target ^= byte;
        }
    }
    compressed
}

#[cfg(test)]
mod tests;
