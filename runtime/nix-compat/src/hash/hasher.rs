//! Streaming digests: the one place that knows the hash implementations.
//!
//! Contract: bytes are handed to the implementation as they come, without a copy. SHA-256 uses the
//! processor's SHA instructions where it has them (x86-64 and AArch64, found at run time).

use super::{HashAlgo, NixHash};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use std::io::{self, Read, Write};

enum State {
    Md5(Md5),
    Sha1(Sha1),
    Sha256(Sha256),
    Sha512(Box<Sha512>),
}

/// A sink that hashes what is written to it, with any of Nix's algorithms.
pub struct Hasher {
    state: State,
    written: u64,
}

impl Hasher {
    /// An empty digest.
    pub fn new(algo: HashAlgo) -> Self {
        let state = match algo {
            HashAlgo::Md5 => State::Md5(Md5::new()),
            HashAlgo::Sha1 => State::Sha1(Sha1::new()),
            HashAlgo::Sha256 => State::Sha256(Sha256::new()),
            HashAlgo::Sha512 => State::Sha512(Box::new(Sha512::new())),
        };
        Self { state, written: 0 }
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Md5(state) => state.update(bytes),
            State::Sha1(state) => state.update(bytes),
            State::Sha256(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
        self.written = self.written.saturating_add(bytes.len() as u64);
    }

    /// The hash of what was written, and how many bytes that was.
    pub fn finish(self) -> (NixHash, u64) {
        let (algo, digest) = match self.state {
            State::Md5(state) => (HashAlgo::Md5, state.finalize().to_vec()),
            State::Sha1(state) => (HashAlgo::Sha1, state.finalize().to_vec()),
            State::Sha256(state) => (HashAlgo::Sha256, state.finalize().to_vec()),
            State::Sha512(state) => (HashAlgo::Sha512, state.finalize().to_vec()),
        };
        (NixHash { algo, digest }, self.written)
    }
}

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A sink that computes SHA-256 and counts: what a NAR hash and a NAR size are made of.
#[derive(Clone, Default)]
pub struct Sha256Writer {
    state: Sha256,
    written: u64,
}

impl Sha256Writer {
    /// An empty digest.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes were written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The digest, and how many bytes were written.
    pub fn finish(self) -> ([u8; 32], u64) {
        (self.state.finalize().into(), self.written)
    }
}

impl Write for Sha256Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.state.update(bytes);
        self.written = self.written.saturating_add(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Hashes a stream to its end; returns the hash and the number of bytes.
pub fn hash_reader(algo: HashAlgo, reader: &mut dyn Read) -> io::Result<(NixHash, u64)> {
    let mut hasher = Hasher::new(algo);
    let mut buffer = vec![0u8; 64 * 1024];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(count) => hasher.update(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
