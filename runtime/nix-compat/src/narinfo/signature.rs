//! Signatures of store objects: Ed25519 over a path's fingerprint.
//!
//! Contract: keys and signatures are read and written as Nix does, `NAME:BASE64`; a secret key's 64
//! bytes are the seed and the public key. No randomness here: a new key's seed comes from the caller.
//! Counterpart: `src/libutil/signature/local-keys.cc`, `nix-store --generate-binary-cache-key`.

use data_encoding::BASE64;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use std::{fmt, str::FromStr};
use thiserror::Error;

/// Why a text is no key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Not `NAME:BASE64` with the right number of bytes. The text is not repeated: it may be secret.
    #[error("{kind} key is malformed; expected NAME:BASE64 with {expected} bytes")]
    Malformed {
        /// `public` or `secret`.
        kind: &'static str,
        /// How many bytes the key has.
        expected: usize,
    },
    /// The bytes are not a point of the curve.
    #[error("public key “{0}” is not an Ed25519 key")]
    NotAKey(String),
    /// The two halves of a secret key do not belong together.
    #[error("secret key “{0}” does not match the public key that it contains")]
    Mismatch(String),
    /// The name is empty or has a colon or a character that cannot stand in a line.
    #[error("key name “{0}” is wrong; it must not be empty or contain a colon, space or newline")]
    Name(String),
}

/// A key to check signatures with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    key: VerifyingKey,
}

/// A key to sign with.
pub struct SecretKey {
    name: String,
    key: SigningKey,
}

fn split(text: &str) -> Option<(&str, Vec<u8>)> {
    let (name, base64) = text.trim_end().split_once(':')?;
    Some((name, BASE64.decode(base64.as_bytes()).ok()?))
}

fn check_name(name: &str) -> Result<String, KeyError> {
    let is_wrong = |c: char| c == ':' || c.is_whitespace() || c.is_control();
    if name.is_empty() || name.contains(is_wrong) {
        return Err(KeyError::Name(name.to_owned()));
    }
    Ok(name.to_owned())
}

impl PublicKey {
    /// The name, such as `cache.nixos.org-1`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether `signature`, given as `NAME:BASE64`, is this key's over `fingerprint`.
    pub fn verify(&self, fingerprint: &str, signature: &str) -> bool {
        let Some((name, bytes)) = split(signature) else {
            return false;
        };
        let Ok(signature) = Signature::from_slice(&bytes) else {
            return false;
        };
        name == self.name
            && self
                .key
                .verify_strict(fingerprint.as_bytes(), &signature)
                .is_ok()
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let malformed = || KeyError::Malformed {
            kind: "public",
            expected: 32,
        };
        let (name, bytes) = split(text).ok_or_else(malformed)?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| malformed())?;
        let name = check_name(name)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::NotAKey(name.clone()))?;
        Ok(Self { name, key })
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, BASE64.encode(self.key.as_bytes()))
    }
}

impl SecretKey {
    /// A new key; `seed` must be random and secret.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        Ok(Self {
            name: check_name(name)?,
            key: SigningKey::from_bytes(seed),
        })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key that checks what this one signs.
    pub fn public_key(&self) -> PublicKey {
        PublicKey {
            name: self.name.clone(),
            key: self.key.verifying_key(),
        }
    }

    /// Signs a fingerprint; gives `NAME:BASE64`.
    pub fn sign(&self, fingerprint: &str) -> String {
        let signature = self.key.sign(fingerprint.as_bytes());
        format!("{}:{}", self.name, BASE64.encode(&signature.to_bytes()))
    }

    /// The key as Nix stores it in a file. Secret.
    pub fn to_secret_string(&self) -> String {
        format!(
            "{}:{}",
            self.name,
            BASE64.encode(&self.key.to_keypair_bytes())
        )
    }
}

impl FromStr for SecretKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let malformed = || KeyError::Malformed {
            kind: "secret",
            expected: 64,
        };
        let (name, bytes) = split(text).ok_or_else(malformed)?;
        let bytes: [u8; 64] = bytes.try_into().map_err(|_| malformed())?;
        let name = check_name(name)?;
        let key =
            SigningKey::from_keypair_bytes(&bytes).map_err(|_| KeyError::Mismatch(name.clone()))?;
        Ok(Self { name, key })
    }
}

/// Shows the name alone.
impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.name)
    }
}

/// The first of the trusted keys that made one of the signatures over `fingerprint`.
pub fn verify<'k>(
    fingerprint: &str,
    signatures: &[String],
    trusted: &'k [PublicKey],
) -> Option<&'k PublicKey> {
    trusted.iter().find(|key| {
        signatures
            .iter()
            .any(|signature| key.verify(fingerprint, signature))
    })
}
