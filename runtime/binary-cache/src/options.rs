//! How caches are asked: time-outs, retries, parallelism, credentials, trust.
//!
//! Contract: plain data with Nix's defaults where Nix has the setting. Nothing here reads the
//! environment except [`Options::from_environment`], which the program calls once.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use wasibuild_nix_compat::narinfo::PublicKey;

use crate::error::Error;

/// The public key of `https://cache.nixos.org`, which Nix and NixOS trust by default.
pub const NIXOS_CACHE_KEY: &str = "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=";

/// Through which proxy HTTP requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proxy {
    /// `ALL_PROXY`, `HTTPS_PROXY` or `HTTP_PROXY` (the first that is set; lower case counts too),
    /// except for the hosts in `NO_PROXY`.
    Environment,
    /// None, whatever the environment says.
    Direct,
    /// This one: `http://`, `https://`, `socks4://`, `socks4a://` or `socks5://`.
    Url(String),
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Options {
    /// Keys whose signatures make a path trusted. Nix: `trusted-public-keys`.
    pub trusted_public_keys: Vec<PublicKey>,
    /// Whether paths that are not content-addressed need a trusted signature. Nix: `require-sigs`.
    pub require_signatures: bool,
    /// For DNS, TCP, proxy and TLS together. Nix: `connect-timeout` (0 there).
    pub connect_timeout: Duration,
    /// How long a connection may be silent. Nix: `stalled-download-timeout` (300 s there; less
    /// here, because a broken download goes on where it stopped).
    pub stalled_timeout: Duration,
    /// How often a request is tried, and how many times in a row a download may break without
    /// progress. Nix: `download-attempts`.
    pub attempts: u32,
    /// The pause after the first failure; doubled after each further one, up to a minute.
    pub retry_delay: Duration,
    /// Narinfo files asked for at once.
    pub parallel_lookups: NonZeroUsize,
    /// NAR files downloaded at once.
    pub parallel_downloads: NonZeroUsize,
    /// The proxy.
    pub proxy: Proxy,
    /// A PEM file whose certificates replace the system's. Nix: `ssl-cert-file`.
    pub ca_file: Option<PathBuf>,
    /// A file with user names and passwords. Nix: `netrc-file`.
    pub netrc_file: Option<PathBuf>,
}

impl Options {
    /// The defaults, with certificates as the environment asks (`NIX_SSL_CERT_FILE`, then
    /// `SSL_CERT_FILE`, as Nix does) and the netrc file named by `NETRC`, if any.
    pub fn from_environment() -> Result<Self, Error> {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Ok(Self {
            ca_file: variable("NIX_SSL_CERT_FILE")
                .or_else(|| variable("SSL_CERT_FILE"))
                .map(PathBuf::from),
            netrc_file: variable("NETRC").map(PathBuf::from),
            ..Self::new()?
        })
    }

    /// The defaults, independent of the environment but for the proxy.
    pub fn new() -> Result<Self, Error> {
        Ok(Self {
            trusted_public_keys: vec![parse_public_key(NIXOS_CACHE_KEY)?],
            require_signatures: true,
            connect_timeout: Duration::from_secs(15),
            stalled_timeout: Duration::from_secs(60),
            attempts: 5,
            retry_delay: Duration::from_millis(250),
            parallel_lookups: at_least_one(16),
            parallel_downloads: at_least_one(8),
            proxy: Proxy::Environment,
            ca_file: None,
            netrc_file: None,
        })
    }
}

fn at_least_one(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN)
}

/// Parses one `NAME:BASE64` of the trusted public keys.
pub fn parse_public_key(text: &str) -> Result<PublicKey, Error> {
    text.trim().parse().map_err(
        |error: <PublicKey as std::str::FromStr>::Err| Error::BadKey {
            key: text.to_owned(),
            reason: error.to_string(),
        },
    )
}
