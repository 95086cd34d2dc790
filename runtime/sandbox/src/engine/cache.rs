//! Compiled code on disk.
//!
//! Contract: found by the digest of the wasm bytes and of everything in the engine that decides
//! the code; read only from directories and files that are ours alone to write ([`super::trust`]);
//! written whole or not at all. Whatever is not trusted or not readable is a warning, and the module
//! is compiled in memory: the cache can never make a build fail or differ.

use super::EngineOptions;
use super::trust::{Owner, TrustedDir};
use crate::error::EngineError;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use wasmtime::{Engine, Module};

/// The directories of compiled code.
pub struct Cache {
    own: Option<TrustedDir>,
    precompiled: Option<TrustedDir>,
    /// Digest of the engine's version and settings.
    engine: String,
    written: AtomicU64,
}

impl Cache {
    /// Opens the directories that can be trusted, with a warning for each that cannot.
    pub fn open(engine: &Engine, options: &EngineOptions) -> Cache {
        let warn = |what: &str, why: String| {
            tracing::warn!("the {what} is not used, modules are compiled in memory: {why}");
        };
        let own = options.cache_dir.as_deref().and_then(|dir| {
            TrustedDir::open(dir, Owner::Me, true)
                .inspect_err(|why| warn("module cache", why.clone()))
                .ok()
        });
        let precompiled = options.precompiled_dir.as_deref().and_then(|dir| {
            TrustedDir::open(dir, Owner::MeOrRoot, false)
                .inspect_err(|why| warn("directory of precompiled modules", why.clone()))
                .ok()
        });
        let mut hasher = DigestHasher(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        std::env::consts::ARCH.hash(&mut hasher);
        std::env::consts::OS.hash(&mut hasher);
        Cache {
            own,
            precompiled,
            engine: hex(&hasher.0.finalize(), 16),
            written: AtomicU64::new(0),
        }
    }

    /// The name of the file with the code for a module.
    pub fn file_name(&self, digest: &[u8; 32]) -> String {
        format!("{}-{}.cwasm", hex(digest, 32), self.engine)
    }

    /// The compiled module: from disk, or compiled now and kept.
    pub fn compile(
        &self,
        engine: &Engine,
        digest: &[u8; 32],
        bytes: &[u8],
    ) -> Result<Module, EngineError> {
        if !bytes.starts_with(b"\0asm") {
            return Err(EngineError::Invalid(
                "it does not begin with the magic number of WebAssembly".to_owned(),
            ));
        }
        if let Some(module) = self.load(engine, digest) {
            return Ok(module);
        }
        let module = Module::from_binary(engine, bytes)
            .map_err(|error| EngineError::Invalid(format!("{error:#}")))?;
        let name = self.file_name(digest);
        if let Some(dir) = &self.own
            && let Err(why) = self.keep(dir, &name, &module)
        {
            tracing::warn!("compiled module '{name}' cannot be kept: {why}");
        }
        Ok(module)
    }

    /// The compiled module, if it is on disk.
    pub fn load(&self, engine: &Engine, digest: &[u8; 32]) -> Option<Module> {
        let name = self.file_name(digest);
        for (dir, owner) in [(&self.own, Owner::Me), (&self.precompiled, Owner::MeOrRoot)] {
            let Some(dir) = dir else { continue };
            match dir.open_file(&name, owner) {
                Ok(Some(file)) => match load(engine, file) {
                    Ok(module) => return Some(module),
                    Err(error) => tracing::warn!("compiled module '{name}' is not used: {error:#}"),
                },
                Ok(None) => {}
                Err(why) => tracing::warn!("compiled module is not used: {why}"),
            }
        }
        None
    }

    /// The digest of the wasm bytes whose NAR, as that of a file alone, has this SHA-256; `None` if
    /// they were never met.
    pub fn digest_of(&self, nar_hash: &[u8; 32]) -> Option<[u8; 32]> {
        let dir = self.own.as_ref()?;
        let name = nar_name(nar_hash);
        let file = dir.open_file(&name, Owner::Me).unwrap_or_else(|why| {
            tracing::warn!("it is not known which module a store path holds: {why}");
            None
        })?;
        let mut digest = Vec::new();
        file.take(33).read_to_end(&mut digest).ok()?;
        digest.try_into().ok()
    }

    /// Keeps what [`digest_of`](Self::digest_of) tells. Whoever calls this computed both from the
    /// same bytes: many stores are served from one cache, and what one of them says of its files may
    /// be wrong.
    pub fn note_digest(&self, nar_hash: &[u8; 32], digest: &[u8; 32]) {
        let Some(dir) = &self.own else { return };
        let name = nar_name(nar_hash);
        if let Err(why) = dir.write_file(&name, &self.unique(), digest) {
            tracing::warn!("'{name}' cannot be kept: {why}");
        }
    }

    /// What no other file that is being written has in its name.
    fn unique(&self) -> String {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        format!("{}.{number}", std::process::id())
    }

    /// Writes the code of a module.
    fn keep(&self, dir: &TrustedDir, name: &str, module: &Module) -> Result<(), String> {
        let code = module.serialize().map_err(|error| format!("{error:#}"))?;
        dir.write_file(name, &self.unique(), &code)
            .map_err(|error| error.to_string())
    }
}

/// The name of the file that tells which module a store path with this NAR holds.
fn nar_name(nar_hash: &[u8; 32]) -> String {
    format!("{}.nar", hex(nar_hash, 32))
}

/// Loads compiled code.
#[allow(unsafe_code)]
fn load(engine: &Engine, file: File) -> wasmtime::Result<Module> {
    // SAFETY: `deserialize_open_file` is sound for files that `Module::serialize` wrote and nobody
    // changed since. The file was opened without following links from a directory that, like all
    // above it, only this user or root can write to, and is itself such a file (checked on the open
    // descriptor, `super::trust`). There only this code writes, under a name made from the digest
    // of the wasm bytes and of the engine's settings, whole or not at all, and never again to the
    // same file. Whoever could still exchange it, this user or root, can replace this program too.
    unsafe { Module::deserialize_open_file(engine, file) }
}

/// Hashes with SHA-256, so that names do not depend on the standard library's own hasher.
struct DigestHasher(Sha256);

impl Hasher for DigestHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest
            .iter()
            .take(8)
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }
}

/// The first `count` bytes in hexadecimal.
fn hex(bytes: &[u8], count: usize) -> String {
    bytes
        .iter()
        .take(count)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
