//! Whether what a cache says about a path is believed.
//!
//! Contract: a path is trusted when (1) a trusted key signed its fingerprint (path, NAR hash, NAR
//! size, references), or (2) its name follows from its content address and references, so that
//! the content proves itself (checked while it streams, `content_check.rs`; not possible for
//! objects that refer to themselves), or (3) the user said so for the cache (`?trusted=true`) or
//! for all. Counterpart in Nix: `ValidPathInfo::checkSignatures`, `isContentAddressed`.

use wasibuild_nix_compat::narinfo::{NarInfo, PublicKey};
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::store_path::build_ca_path;

/// Why a path is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trust {
    /// Signed by the trusted key of this name.
    Signed(String),
    /// Its name proves its content.
    ContentAddressed,
    /// The user requires no signature.
    NotRequired,
}

/// The trusted keys.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    pub keys: Vec<PublicKey>,
    pub require_signatures: bool,
}

impl Policy {
    /// `cache_trusted`: whether the user trusts this cache blindly. The error says what is known
    /// about the signatures.
    pub(crate) fn judge(&self, narinfo: &NarInfo, cache_trusted: bool) -> Result<Trust, String> {
        let info = &narinfo.info;
        let fingerprint = info.fingerprint();
        let mut findings = Vec::new();
        for text in &info.signatures {
            let Some((name, _)) = text.split_once(':') else {
                findings.push(format!("'{}' is no signature", shorten(text)));
                continue;
            };
            let mut candidates = self.keys.iter().filter(|key| key.name() == name).peekable();
            if candidates.peek().is_none() {
                findings.push(format!("it is signed by '{name}', which is not trusted"));
            } else if candidates.any(|key| key.verify(&fingerprint, text)) {
                return Ok(Trust::Signed(name.to_owned()));
            } else {
                findings.push(format!(
                    "its signature by '{name}' does not fit its path, NAR hash, NAR size and references"
                ));
            }
        }
        if names_its_content(info) {
            return Ok(Trust::ContentAddressed);
        }
        if cache_trusted || !self.require_signatures {
            return Ok(Trust::NotRequired);
        }
        if findings.is_empty() {
            findings.push("it is not signed".to_owned());
        }
        Err(findings.join("; "))
    }

    /// The keys' names, for messages.
    pub(crate) fn key_names(&self) -> String {
        let names: Vec<_> = self
            .keys
            .iter()
            .map(|key| format!("'{}'", key.name()))
            .collect();
        if names.is_empty() {
            "no keys".to_owned()
        } else {
            names.join(", ")
        }
    }
}

fn names_its_content(info: &PathInfo) -> bool {
    let Some(ca) = &info.ca else { return false };
    if info.references.contains(&info.path) {
        return false;
    }
    let path = build_ca_path(
        info.path.name(),
        ca.method,
        &ca.hash,
        &info.references,
        false,
    );
    path.is_ok_and(|path| path == info.path)
}

fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}
