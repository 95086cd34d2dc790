//! The store's own signing key, with which all that is built here is signed.
//!
//! Contract: an ed25519 key in Nix's format (`name:base64`), made when the first path is
//! built, in one step (two processes agree on one key), readable by its owner only. Its
//! name holds digits of the public key, so that the keys of several stores can be
//! trusted side by side: Nix tells keys apart by name. The public key lies beside it.
//! The first builds do not wait for the disk: the files are forced there before anything
//! that the key signed is registered. An empty file is what a loss of power before that left, so
//! as good as none.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{MutexGuard, PoisonError};

use wasibuild_nix_compat::hash::sha256;
use wasibuild_nix_compat::narinfo::{KeyError, PublicKey, SecretKey};
use wasibuild_nix_compat::nixbase32;
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::store_path::StorePath;

use crate::Store;
use crate::error::{Context, Error, Result};
use crate::lock_file::{self, Kind};
use crate::platform;

impl Store {
    /// The file that holds the secret key.
    pub fn secret_key_path(&self) -> PathBuf {
        self.layout().own.join("signing-key")
    }

    /// The file that holds the public key, for `trusted-public-keys`.
    pub fn public_key_path(&self) -> PathBuf {
        self.layout().own.join("signing-key.pub")
    }

    /// The store's key, made on first use.
    pub fn secret_key(&self) -> Result<&SecretKey> {
        if let Some(key) = self.inner.secret_key.get() {
            return Ok(key);
        }
        let key = self.explain(self.read_or_make_key())?;
        Ok(self.inner.secret_key.get_or_init(|| key))
    }

    /// The public half, in which others put their trust.
    pub fn public_key(&self) -> Result<PublicKey> {
        Ok(self.secret_key()?.public_key())
    }

    /// Signs the facts of a path.
    pub(crate) fn sign(&self, info: &PathInfo) -> Result<String> {
        Ok(self.secret_key()?.sign(&info.fingerprint()))
    }

    /// Adds signatures to a valid path, keeping those that it has.
    pub fn add_signatures(&self, path: &StorePath, signatures: &[String]) -> Result<()> {
        let info = self
            .query_path_info(path)?
            .ok_or_else(|| self.not_valid(path))?;
        let mut all = info.signatures;
        all.extend(signatures.iter().cloned());
        all.sort();
        all.dedup();
        self.database().set_signatures(path, &all)
    }

    fn read_or_make_key(&self) -> Result<SecretKey> {
        let path = self.secret_key_path();
        if let Some(key) = read_key(&path)? {
            return Ok(key);
        }
        let lock_path = self.layout().own.join("signing-key.lock");
        let lock = lock_file::open(&lock_path)?;
        lock_file::lock(&lock, Kind::Exclusive, &lock_path)?;
        if let Some(key) = read_key(&path)? {
            return Ok(key);
        }
        let mut seed = [0; 32];
        platform::random_bytes(&mut seed).context("make a signing key from", "/dev/urandom")?;
        let key = make_key(&seed).map_err(|e| Error::SigningKey {
            path: path.clone(),
            problem: e.to_string(),
        })?;
        let public = write_file(
            &self.public_key_path(),
            &key.public_key().to_string(),
            0o644,
        )?;
        // The secret key is last: it is what counts.
        let secret = write_file(&path, &key.to_secret_string(), 0o600)?;
        let mut unsynced = self.unsynced_key();
        unsynced.extend([public, secret]);
        Ok(key)
    }

    /// Forces a key that was just made to the disk, before what it signed is registered.
    pub(crate) fn sync_key(&self) -> Result<()> {
        let mut unsynced = self.unsynced_key();
        for file in unsynced.iter() {
            file.sync_all()
                .context("write the signing key", self.secret_key_path())?;
        }
        unsynced.clear();
        Ok(())
    }

    fn unsynced_key(&self) -> MutexGuard<'_, Vec<File>> {
        let unsynced = self.inner.unsynced_key.lock();
        unsynced.unwrap_or_else(PoisonError::into_inner)
    }
}

/// A key whose name says which one it is.
fn make_key(seed: &[u8; 32]) -> Result<SecretKey, KeyError> {
    let unnamed = SecretKey::from_seed("wasibuild", seed)?;
    let digits = nixbase32::encode(&sha256(unnamed.public_key().to_string().as_bytes()));
    let digits: String = digits.chars().take(8).collect();
    SecretKey::from_seed(&format!("wasibuild-{digits}-1"), seed)
}

fn read_key(path: &Path) -> Result<Option<SecretKey>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e).context("read the signing key", path),
    };
    if text.is_empty() {
        return Ok(None);
    }
    let key = text
        .trim()
        .parse()
        .map_err(|e: KeyError| Error::SigningKey {
            path: path.to_owned(),
            problem: e.to_string(),
        })?;
    Ok(Some(key))
}

/// Writes a file in one step, with its mode from the beginning; the caller forces it to the disk.
fn write_file(path: &Path, text: &str, mode: u32) -> Result<File> {
    let temporary = path.with_extension("tmp");
    let write = || -> io::Result<File> {
        match fs::remove_file(&temporary) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&temporary)?;
        file.write_all(text.as_bytes())?;
        fs::rename(&temporary, path)?;
        Ok(file)
    };
    write()
        .inspect_err(|_| {
            let _ = fs::remove_file(&temporary);
        })
        .context("write the signing key", path)
}
