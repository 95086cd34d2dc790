//! Which certificates an HTTPS server may show: the platform module of this package.
//!
//! Contract: a file given by the user replaces everything else. Otherwise macOS asks its own
//! keychain through the Security framework; elsewhere the system's bundle is read where
//! distributions put it, and on a machine without one Mozilla's list, compiled in, is used, so
//! that a bare container works. Counterpart in Nix: the setting `ssl-cert-file`.

use std::path::Path;

use ureq::tls::{PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

use crate::error::Error;

#[cfg(target_os = "macos")]
const PROVIDER: TlsProvider = TlsProvider::NativeTls;
#[cfg(not(target_os = "macos"))]
const PROVIDER: TlsProvider = TlsProvider::Rustls;

/// Where Debian, NixOS, Fedora, openSUSE, Alpine and a single-user Nix keep the bundle.
#[cfg(not(target_os = "macos"))]
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/nix/var/nix/profiles/default/etc/ssl/certs/ca-bundle.crt",
];

/// The TLS configuration; `ca_file` is the user's.
pub(crate) fn config(ca_file: Option<&Path>) -> Result<TlsConfig, Error> {
    let roots = match ca_file {
        Some(file) => read_bundle(file)?,
        None => system_roots(),
    };
    Ok(TlsConfig::builder()
        .provider(PROVIDER)
        .root_certs(roots)
        .build())
}

#[cfg(target_os = "macos")]
fn system_roots() -> RootCerts {
    RootCerts::PlatformVerifier
}

#[cfg(not(target_os = "macos"))]
fn system_roots() -> RootCerts {
    BUNDLES
        .iter()
        .find_map(|bundle| read_bundle(Path::new(bundle)).ok())
        .unwrap_or(RootCerts::WebPki)
}

fn read_bundle(file: &Path) -> Result<RootCerts, Error> {
    let refuse = |reason: String| Error::Certificates {
        path: file.to_owned(),
        reason,
    };
    let text = std::fs::read(file).map_err(|error| refuse(error.to_string()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&text) {
        match item {
            Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(refuse(error.to_string())),
        }
    }
    if certificates.is_empty() {
        return Err(refuse("it holds no PEM certificate".to_owned()));
    }
    Ok(RootCerts::from(certificates))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused() -> std::io::Result<()> {
        let file = tempfile::NamedTempFile::new()?;
        let error = config(Some(file.path()))
            .err()
            .map(|error| error.to_string());
        assert!(
            error
                .as_ref()
                .is_some_and(|text| text.contains("no PEM certificate")),
            "{error:?}"
        );
        let missing = config(Some(Path::new("/does/not/exist.pem"))).err();
        assert!(
            matches!(missing, Some(Error::Certificates { .. })),
            "{missing:?}"
        );
        Ok(())
    }
}
