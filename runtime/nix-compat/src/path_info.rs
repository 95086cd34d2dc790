//! What a store knows about a valid path.
//!
//! Contract: plain data; whoever holds one has checked nothing yet.
//! Counterpart: `ValidPathInfo` in `src/libstore/path-info.hh`.

use crate::{content_address::ContentAddress, hash::NixHash, store_path::StorePath};
use std::collections::BTreeSet;

/// The facts about one store object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathInfo {
    /// The object.
    pub path: StorePath,
    /// SHA-256 of its NAR.
    pub nar_hash: [u8; 32],
    /// Length of its NAR in bytes.
    pub nar_size: u64,
    /// The store objects that it refers to, itself included if it does.
    pub references: BTreeSet<StorePath>,
    /// The derivation that made it, if known.
    pub deriver: Option<StorePath>,
    /// Signatures over the fingerprint, each `KEY-NAME:BASE64`.
    pub signatures: Vec<String>,
    /// How its path follows from its content, if it does.
    pub ca: Option<ContentAddress>,
    /// When it was registered, in seconds since 1970.
    pub registration_time: u64,
    /// Whether it was built here, and so is trusted without a signature.
    pub ultimate: bool,
}

impl PathInfo {
    /// The facts that every object has; the others empty.
    pub fn new(path: StorePath, nar_hash: [u8; 32], nar_size: u64) -> Self {
        Self {
            path,
            nar_hash,
            nar_size,
            references: BTreeSet::new(),
            deriver: None,
            signatures: Vec::new(),
            ca: None,
            registration_time: 0,
            ultimate: false,
        }
    }

    /// What signatures are made over: `1;PATH;sha256:NIX32;SIZE;REF,REF…`.
    pub fn fingerprint(&self) -> String {
        let references: Vec<String> = self
            .references
            .iter()
            .map(StorePath::to_absolute_path)
            .collect();
        format!(
            "1;{};{};{};{}",
            self.path.to_absolute_path(),
            NixHash::sha256(self.nar_hash).to_nix32(),
            self.nar_size,
            references.join(",")
        )
    }
}
