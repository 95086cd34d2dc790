//! The store of the Nix that asks: where it lies, and how to speak of it to Nix's own programs.
//!
//! Contract: local stores only, with the standard store directory. Its database is Nix's: it is asked
//! and changed by `nix-store` alone.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use bstr::ByteSlice;
use wasibuild_nix_compat::derivation::Derivation;
use wasibuild_nix_compat::store_path::StorePath;

use super::request::Settings;
use crate::request::MAX_DERIVATION_SIZE;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The root of the file system that the store's paths are relative to.
    root: PathBuf,
    /// `--store` for Nix's programs.
    pub(super) store: OsString,
}

impl Place {
    /// Where the settings say that it is; none if it cannot be used.
    pub(super) fn of(settings: &Settings) -> Option<Place> {
        let setting = settings.get("store").unwrap_or_default();
        let text = setting.to_str().ok()?;
        // What stands after the scheme is the root, too, since 2.27.
        let (kind, parameters) = text.split_once('?').unwrap_or((text, ""));
        let path = match kind {
            "" | "auto" | "local" => "",
            path if path.starts_with('/') => path,
            other => other.strip_prefix("local://")?,
        };
        let root = match (path, parameters) {
            ("", "") => "/",
            (path, "") => path,
            // Others than the root would put the store elsewhere.
            ("", parameters) => match parameters.split_once('=')? {
                ("root", root) if !root.contains('&') => root,
                _ => return None,
            },
            _ => return None,
        };
        if !root.starts_with('/') || root.contains('%') {
            return None;
        }
        let root = PathBuf::from(root);
        let store = match setting.is_empty() {
            true => OsString::from("auto"),
            false => OsStr::from_bytes(setting).to_owned(),
        };
        Some(Place { root, store })
    }

    /// Where a path lies.
    pub(super) fn real_path(&self, path: &StorePath) -> PathBuf {
        let absolute = path.to_absolute_path();
        self.root.join(Path::new(absolute.trim_start_matches('/')))
    }

    /// Reads a derivation.
    pub(super) fn read_derivation(&self, path: &StorePath) -> io::Result<Derivation> {
        let mut bytes = Vec::new();
        let file = fs::File::open(self.real_path(path))?;
        file.take(MAX_DERIVATION_SIZE).read_to_end(&mut bytes)?;
        Derivation::from_aterm_bytes(&bytes).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasibuild_worker_protocol::{Reader, Writer};

    fn place(store: &str) -> Option<PathBuf> {
        let mut writer = Writer::new(Vec::new());
        writer.number(1).expect("memory");
        writer.bytes("store").expect("memory");
        writer.bytes(store).expect("memory");
        writer.number(0).expect("memory");
        let bytes = writer.into_inner();
        let settings = Settings::read(&mut Reader::new(bytes.as_slice())).expect("settings");
        Place::of(&settings).map(|place| place.root)
    }

    #[test]
    fn local_stores_are_found_and_others_are_not_ours() {
        for (store, root) in [
            ("", "/"),
            ("auto", "/"),
            ("local", "/"),
            ("/x/y", "/x/y"),
            ("local?root=/x", "/x"),
            ("local://?root=/x", "/x"),
            ("local:///x/y", "/x/y"),
            ("local://", "/"),
        ] {
            assert_eq!(place(store), Some(root.into()), "{store}");
        }
        for other in [
            "daemon",
            "unix:///x",
            "ssh-ng://host",
            "local?root=/x&real=/y",
            "local?real=/y",
            "local?root=x",
            "local?root=/a%20b",
            "local://x",
            "local:///a%20b",
            "/x?root=/y",
            "dummy://",
        ] {
            assert_eq!(place(other), None, "{other}");
        }
    }
}
