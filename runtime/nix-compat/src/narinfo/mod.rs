//! `.narinfo` files: what a binary cache says about one store object.
//!
//! Contract: [`NarInfo::parse`] accepts what Nix accepts, but no field twice; unknown fields are
//! skipped. Printing gives Nix's form, and parsing that gives the same again. A narinfo is a claim:
//! check a signature with [`signature::verify`] before believing it.
//! Counterpart: `src/libstore/nar-info.cc`.

pub mod signature;

pub use signature::{KeyError, PublicKey, SecretKey, verify};

use crate::{
    content_address::ContentAddressError,
    hash::{HashAlgo, HashError, NixHash},
    path_info::PathInfo,
    store_path::{StorePath, StorePathError},
};
use std::{collections::BTreeMap, fmt};
use thiserror::Error;

/// The facts about an object, and how to get its NAR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NarInfo {
    /// The object. `registration_time` and `ultimate` are not part of a narinfo.
    pub info: PathInfo,
    /// Where the (compressed) NAR is, relative to the cache.
    pub url: String,
    /// How it is compressed: `none`, `xz`, `zstd`, `bzip2`, …
    pub compression: String,
    /// The hash of the file at [`Self::url`].
    pub file_hash: Option<NixHash>,
    /// The size of that file in bytes.
    pub file_size: Option<u64>,
}

/// Why a text is no narinfo. The caller adds where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NarInfoError {
    /// It is no text, or a line is not `Name: value`.
    #[error("line {line} of the narinfo is not of the form “Name: value”")]
    Line {
        /// Counted from 1.
        line: usize,
    },
    /// A field stands twice.
    #[error("the narinfo has more than one field {0}")]
    Duplicate(String),
    /// A field that must be there is not.
    #[error("the narinfo has no field {0}")]
    Missing(&'static str),
    /// A number is none, or is zero where it must not be.
    #[error("field {field} of the narinfo is not a positive number: “{value}”")]
    Number {
        /// The field.
        field: &'static str,
        /// Its text.
        value: String,
    },
    /// A hash is none.
    #[error("field {field} of the narinfo is wrong")]
    Hash {
        /// The field.
        field: &'static str,
        /// What is wrong.
        #[source]
        source: HashError,
    },
    /// A store path is none.
    #[error("field {field} of the narinfo is wrong")]
    Path {
        /// The field.
        field: &'static str,
        /// What is wrong.
        #[source]
        source: StorePathError,
    },
    /// The content address is none.
    #[error("field CA of the narinfo is wrong")]
    ContentAddress(#[from] ContentAddressError),
}

impl NarInfo {
    /// Reads a narinfo.
    pub fn parse(bytes: &[u8]) -> Result<Self, NarInfoError> {
        let fields = Fields::read(bytes)?;
        let nar_hash = hash(
            "NarHash",
            fields.required("NarHash")?,
            Some(HashAlgo::Sha256),
        )?;
        let mut info = PathInfo::new(
            StorePath::from_absolute_path(fields.required("StorePath")?.as_bytes())
                .map_err(bad_path("StorePath"))?,
            nar_hash.as_sha256().unwrap_or_default(),
            number("NarSize", fields.required("NarSize")?)?,
        );
        let base_name = |text: &str| StorePath::from_basename(text.as_bytes());
        info.references = fields
            .optional("References")
            .unwrap_or("")
            .split(' ')
            .filter(|text| !text.is_empty())
            .map(base_name)
            .collect::<Result<_, _>>()
            .map_err(bad_path("References"))?;
        info.deriver = fields
            .optional("Deriver")
            .filter(|text| *text != "unknown-deriver")
            .map(base_name)
            .transpose()
            .map_err(bad_path("Deriver"))?;
        info.ca = fields
            .optional("CA")
            .filter(|text| !text.is_empty())
            .map(str::parse)
            .transpose()?;
        let url = fields.required("URL")?.to_owned();
        if url.is_empty() {
            return Err(NarInfoError::Missing("URL"));
        }
        // Before Nix 1.0 caches compressed with bzip2 and did not say so.
        let compression = fields.optional("Compression").unwrap_or("");
        let compression = if compression.is_empty() {
            "bzip2"
        } else {
            compression
        }
        .to_owned();
        let file_hash = fields.optional("FileHash");
        let file_size = fields.optional("FileSize");
        Ok(Self {
            url,
            compression,
            file_hash: file_hash
                .map(|text| hash("FileHash", text, None))
                .transpose()?,
            file_size: file_size.map(|text| number("FileSize", text)).transpose()?,
            info: PathInfo {
                signatures: fields.signatures,
                ..info
            },
        })
    }
}

/// Nix's form: one field a line, in a fixed order.
impl fmt::Display for NarInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = &self.info;
        writeln!(f, "StorePath: {}", info.path.to_absolute_path())?;
        writeln!(f, "URL: {}", self.url)?;
        writeln!(f, "Compression: {}", self.compression)?;
        if let Some(hash) = &self.file_hash {
            writeln!(f, "FileHash: {hash}")?;
        }
        if let Some(size) = self.file_size {
            writeln!(f, "FileSize: {size}")?;
        }
        writeln!(f, "NarHash: {}", NixHash::sha256(info.nar_hash))?;
        writeln!(f, "NarSize: {}", info.nar_size)?;
        let references: Vec<&str> = info.references.iter().map(StorePath::basename).collect();
        writeln!(f, "References: {}", references.join(" "))?;
        if let Some(deriver) = &info.deriver {
            writeln!(f, "Deriver: {deriver}")?;
        }
        for signature in &info.signatures {
            writeln!(f, "Sig: {signature}")?;
        }
        if let Some(ca) = &info.ca {
            writeln!(f, "CA: {ca}")?;
        }
        Ok(())
    }
}

/// The lines of a narinfo, by name; `Sig` may stand more than once.
struct Fields<'a> {
    values: BTreeMap<&'a str, &'a str>,
    signatures: Vec<String>,
}

/// Fields whose meaning is known here; others may be repeated by who knows what they mean.
const KNOWN: [&str; 10] = [
    "StorePath",
    "URL",
    "Compression",
    "FileHash",
    "FileSize",
    "NarHash",
    "NarSize",
    "References",
    "Deriver",
    "CA",
];

impl<'a> Fields<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, NarInfoError> {
        let mut fields = Self {
            values: BTreeMap::new(),
            signatures: Vec::new(),
        };
        let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
            let (name, value) = std::str::from_utf8(line)
                .ok()
                .and_then(|line| line.split_once(": "))
                .ok_or(NarInfoError::Line { line: index + 1 })?;
            if name == "Sig" {
                fields.signatures.push(value.to_owned());
            } else if KNOWN.contains(&name) && fields.values.insert(name, value).is_some() {
                return Err(NarInfoError::Duplicate(name.to_owned()));
            }
        }
        Ok(fields)
    }

    fn optional(&self, name: &str) -> Option<&'a str> {
        self.values.get(name).copied()
    }

    fn required(&self, name: &'static str) -> Result<&'a str, NarInfoError> {
        self.optional(name).ok_or(NarInfoError::Missing(name))
    }
}

fn hash(field: &'static str, text: &str, algo: Option<HashAlgo>) -> Result<NixHash, NarInfoError> {
    NixHash::from_str(text, algo).map_err(|source| NarInfoError::Hash { field, source })
}

fn bad_path(field: &'static str) -> impl Fn(StorePathError) -> NarInfoError {
    move |source| NarInfoError::Path { field, source }
}

fn number(field: &'static str, text: &str) -> Result<u64, NarInfoError> {
    let all_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if all_digits && number > 0 => Ok(number),
        _ => Err(NarInfoError::Number {
            field,
            value: text.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests;
