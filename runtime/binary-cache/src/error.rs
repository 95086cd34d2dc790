//! Why a binary cache, one of its files or a path could not be used.
//!
//! Contract: each text names the URL or file and, where there is one, the store path; says what
//! was expected, what was found and what to do. Sources are chained, never repeated in the text.
//! Credentials never appear: URLs are shown without user name and password.

use std::path::PathBuf;
use std::sync::Arc;

use wasibuild_nix_compat::narinfo::NarInfoError;
use wasibuild_nix_compat::store_path::StorePath;

use crate::cache_info::CacheInfoError;
use crate::compression::Compression;
use crate::netrc::NetrcError;

/// See the module. Cheap to clone, so that a reader and its owner can both report it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operation was stopped through [`Cancel`](crate::Cancel).
    #[error("stopped on request")]
    Cancelled,

    /// A `--substituters` value that cannot be used.
    #[error(
        "'{url}' is no usable binary cache: {reason}; expected http://HOST/PATH, https://HOST/PATH or file:///DIRECTORY"
    )]
    BadUrl {
        /// As given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },

    /// The address answers, but not as a binary cache.
    #[error(
        "'{url}' does not look like a binary cache: it has no 'nix-cache-info'; check the address"
    )]
    NotACache {
        /// The cache.
        url: String,
    },

    /// `nix-cache-info` is not one.
    #[error("'{url}' is no valid nix-cache-info; check the cache's address")]
    CacheInfo {
        /// The file.
        url: String,
        /// What is wrong.
        #[source]
        source: CacheInfoError,
    },

    /// The cache serves another store directory.
    #[error(
        "binary cache '{url}' holds paths of the store '{found}', expected '{expected}'; its paths cannot be used here: remove it from the substituters"
    )]
    StoreDir {
        /// The cache.
        url: String,
        /// Ours.
        expected: &'static str,
        /// Theirs.
        found: String,
    },

    /// A public key given by the user is none.
    #[error(
        "trusted public key '{key}' is not valid: {reason}; expected NAME:BASE64, as in cache.nixos.org-1:6NCH…"
    )]
    BadKey {
        /// As given.
        key: String,
        /// What is wrong.
        reason: String,
    },

    /// The netrc file cannot be used.
    #[error("cannot use the netrc file '{}'", path.display())]
    Netrc {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: NetrcError,
    },

    /// A file with certificates cannot be used.
    #[error("cannot use the certificates in '{}': {reason}; set NIX_SSL_CERT_FILE to a PEM file", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },

    /// The proxy setting cannot be used.
    #[error(
        "the proxy setting '{proxy}' is not valid; expected http://HOST:PORT or socks5://HOST:PORT"
    )]
    Proxy {
        /// As given.
        proxy: String,
    },

    /// A file of a `file://` cache cannot be read.
    #[error("cannot read '{}' of a binary cache", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: Arc<std::io::Error>,
    },

    /// The server refused.
    #[error("'{url}' answered with HTTP status {status}{}", hint(*status))]
    Status {
        /// The file.
        url: String,
        /// The last answer's status.
        status: u16,
    },

    /// The server does something that HTTP does not allow or that is not supported.
    #[error(
        "'{url}' answered with {found}, expected {expected}; the server or a proxy before it is at fault"
    )]
    Protocol {
        /// The file.
        url: String,
        /// What was found.
        found: String,
        /// What was expected.
        expected: String,
    },

    /// The server could not be reached, or the connection broke and stayed broken.
    #[error(
        "cannot download '{url}' (attempts: {attempts}, bytes received: {received}); check the network, the proxy settings and the cache's address"
    )]
    Network {
        /// The file.
        url: String,
        /// How often it was tried.
        attempts: u32,
        /// How far the best attempt came.
        received: u64,
        /// The last failure.
        #[source]
        source: Arc<std::io::Error>,
    },

    /// A small file (narinfo, nix-cache-info) that is not small.
    #[error("'{url}' is larger than {limit} bytes; refused")]
    TooLong {
        /// The file.
        url: String,
        /// The bound in bytes.
        limit: u64,
    },

    /// A narinfo that is none.
    #[error(
        "'{url}' is no valid narinfo for '{path}'; tell the cache's owner, or use another cache"
    )]
    NarInfo {
        /// The narinfo.
        url: String,
        /// The path that was asked for.
        path: StorePath,
        /// What is wrong.
        #[source]
        source: NarInfoError,
    },

    /// A narinfo that describes another path.
    #[error(
        "narinfo '{url}' describes '{found}', expected '{expected}'; refused: tell the cache's owner"
    )]
    WrongPath {
        /// The narinfo.
        url: String,
        /// The path that was asked for.
        expected: StorePath,
        /// The path that it describes.
        found: StorePath,
    },

    /// A narinfo whose NAR lies in a place that is not allowed.
    #[error("narinfo '{url}' of '{path}' places the NAR at '{found}', expected {expected}")]
    NarUrl {
        /// The narinfo.
        url: String,
        /// The path.
        path: StorePath,
        /// Its `URL`.
        found: String,
        /// What is allowed.
        expected: &'static str,
    },

    /// No signature by a trusted key.
    #[error(
        "narinfo '{url}' of '{path}' has no valid signature by a trusted key: {found}; trusted are {trusted}. If you trust this cache, add its public key to the trusted public keys"
    )]
    Untrusted {
        /// The narinfo.
        url: String,
        /// The path.
        path: StorePath,
        /// What is known about its signatures.
        found: String,
        /// The names of the trusted keys.
        trusted: String,
    },

    /// A method that is not supported.
    #[error(
        "narinfo '{url}' of '{path}': the NAR is compressed with '{found}', expected {}; use another cache for it",
        methods()
    )]
    Compression {
        /// The narinfo.
        url: String,
        /// The path.
        path: StorePath,
        /// Its `Compression`.
        found: String,
    },

    /// The compressed file is damaged.
    #[error(
        "'{url}' with '{path}' is no valid {method} file; tell the cache's owner, or use another cache"
    )]
    Decode {
        /// The file.
        url: String,
        /// The path.
        path: StorePath,
        /// The method.
        method: Compression,
        /// What the decoder says.
        #[source]
        source: Arc<std::io::Error>,
    },

    /// A size or hash differs from what the narinfo announces.
    #[error(
        "'{url}' with '{path}' has the wrong {what}: expected {expected}, found {found}; refused. The file is damaged or was changed: tell the cache's owner, or use another cache"
    )]
    Mismatch {
        /// The file.
        url: String,
        /// The path.
        path: StorePath,
        /// `file size`, `file hash`, `NAR size`, `NAR hash` or `content hash`.
        what: &'static str,
        /// As announced.
        expected: String,
        /// As counted or computed.
        found: String,
    },

    /// A cache offers a path with references that the plan does not have.
    #[error(
        "narinfo '{url}' of '{path}' refers to '{reference}', which the other caches' narinfo does not; refused"
    )]
    OtherReferences {
        /// The narinfo.
        url: String,
        /// The path.
        path: StorePath,
        /// The first reference beyond the plan.
        reference: StorePath,
    },

    /// References that go round.
    #[error(
        "the binary caches say that '{path}' refers to itself through other paths; refused: no real store has such paths"
    )]
    Cycle {
        /// One path of the cycle.
        path: StorePath,
    },

    /// A closure without end.
    #[error("the closure has more than {limit} paths; refused")]
    TooManyPaths {
        /// The bound.
        limit: usize,
    },

    /// All caches that could have had the path failed.
    #[error("no binary cache could provide '{path}':{}", list(failures))]
    AllFailed {
        /// The path.
        path: StorePath,
        /// What each said.
        failures: Vec<Error>,
    },

    /// A cache that failed before is not asked again in this run.
    #[error("binary cache '{url}' is not asked again, because it failed before: {reason}")]
    Disabled {
        /// The cache.
        url: String,
        /// The first failure's text.
        reason: String,
    },
}

impl Error {
    /// Whether the whole cache, not one file of it, is out of order.
    pub(crate) fn concerns_whole_cache(&self) -> bool {
        match self {
            Error::NotACache { .. }
            | Error::CacheInfo { .. }
            | Error::StoreDir { .. }
            | Error::Network { .. } => true,
            Error::Status { status, .. } => *status == 401 || *status == 407 || *status >= 500,
            _ => false,
        }
    }

    /// The text with all its sources, on one line.
    #[must_use]
    pub fn full_text(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        text
    }
}

impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        std::io::Error::other(error)
    }
}

fn hint(status: u16) -> &'static str {
    match status {
        401 | 407 => "; give the user name and password in the netrc file",
        403 => "; you may lack the right to read it",
        429 => "; the server limits how much is asked of it: try again later",
        500..=599 => "; the server is out of order: try again later",
        _ => "; check the cache's address",
    }
}

fn methods() -> String {
    Compression::ALL.map(Compression::name).join(", ")
}

fn list(failures: &[Error]) -> String {
    failures
        .iter()
        .map(|failure| format!("\n- {}", failure.full_text()))
        .collect()
}
