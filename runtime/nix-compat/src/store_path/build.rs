//! How store paths follow from what they name.
//!
//! Contract: each function gives the path that Nix gives for the same facts in `/nix/store`. A path's
//! digest is the SHA-256 of `TYPE:sha256:HEX:/nix/store:NAME`, folded to 20 bytes, where TYPE carries
//! the references of content-addressed objects (`text:REF…`, `source:REF…:self`).
//! Counterpart: `makeStorePath`, `makeType`, `makeTextPath`, `makeFixedOutputPath` in
//! `src/libstore/store-dir-config.cc`, and the Nix manual's "Complete store path calculation".

use super::{STORE_DIR, StorePath, StorePathError};
use crate::{
    content_address::CaMethod,
    hash::{NixHash, compress_hash, sha256},
};
use data_encoding::HEXLOWER;
use std::collections::BTreeSet;

fn make_store_path(
    path_type: &str,
    digest: &[u8; 32],
    name: &str,
) -> Result<StorePath, StorePathError> {
    let fingerprint = format!(
        "{path_type}:sha256:{}:{STORE_DIR}:{name}",
        HEXLOWER.encode(digest)
    );
    StorePath::from_digest(&compress_hash(&sha256(fingerprint.as_bytes())), name)
}

fn make_type(kind: &str, references: &BTreeSet<StorePath>, self_reference: bool) -> String {
    let mut path_type = kind.to_owned();
    for reference in references {
        path_type.push(':');
        path_type.push_str(&reference.to_absolute_path());
    }
    if self_reference {
        path_type.push_str(":self");
    }
    path_type
}

/// The path of a text object, such as a `.drv` file: `contents` and what they refer to.
pub fn build_text_path(
    name: &str,
    contents: &[u8],
    references: &BTreeSet<StorePath>,
) -> Result<StorePath, StorePathError> {
    make_store_path(
        &make_type("text", references, false),
        &sha256(contents),
        name,
    )
}

/// The path of an object that is named by its content: fixed outputs, added sources, text.
///
/// `hash` is that of the NAR for [`CaMethod::Recursive`], and of the file's contents else.
/// References (and a reference to the object itself) can only be had by text (none to itself) and by
/// recursive SHA-256 objects.
pub fn build_ca_path(
    name: &str,
    method: CaMethod,
    hash: &NixHash,
    references: &BTreeSet<StorePath>,
    self_reference: bool,
) -> Result<StorePath, StorePathError> {
    let no_references = || StorePathError::ReferencesNotAllowed {
        name: name.to_owned(),
    };
    match (method, hash.as_sha256()) {
        (CaMethod::Text, Some(_)) if self_reference => Err(no_references()),
        (CaMethod::Text, Some(digest)) => {
            make_store_path(&make_type("text", references, false), &digest, name)
        }
        (CaMethod::Text, None) => Err(StorePathError::TextHashAlgorithm {
            name: name.to_owned(),
            found: hash.clone(),
        }),
        (CaMethod::Recursive, Some(digest)) => make_store_path(
            &make_type("source", references, self_reference),
            &digest,
            name,
        ),
        _ if self_reference || !references.is_empty() => Err(no_references()),
        _ => {
            let inner = format!("fixed:out:{}{}:", method.prefix(), hash.to_hex_prefixed());
            make_store_path("output:out", &sha256(inner.as_bytes()), name)
        }
    }
}

/// The path of an input-addressed output, from the derivation's masked modulo hash
/// (see [`crate::derivation::Derivation::hash_derivation_modulo`]).
pub fn build_output_path(
    derivation_name: &str,
    output_name: &str,
    modulo_hash: &[u8; 32],
) -> Result<StorePath, StorePathError> {
    make_store_path(
        &format!("output:{output_name}"),
        modulo_hash,
        &output_path_name(derivation_name, output_name),
    )
}

/// The name part of an output's path: the derivation's name, and `-OUTPUT` unless that is `out`.
pub fn output_path_name(derivation_name: &str, output_name: &str) -> String {
    match output_name {
        "out" => derivation_name.to_owned(),
        _ => format!("{derivation_name}-{output_name}"),
    }
}
