//! Fixed outputs: whether what was built has the hash that the derivation says.
//!
//! Contract: hashes and messages as in Nix (`checkCAOutput` in
//! `libstore/build/derivation-check.cc`): SRI hashes, `specified` and `got`, so that people and
//! tools that know Nix's message can read ours.

use std::collections::BTreeSet;
use std::io;

use thiserror::Error;
use wasibuild_nix_compat::content_address::{CaMethod, ContentAddress};
use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_nix_compat::hash::{Hasher, NixHash, hash_reader};
use wasibuild_nix_compat::nar::NarError;
use wasibuild_nix_compat::store_path::StorePath;

/// Why a fixed output is refused.
#[derive(Debug, Error)]
pub enum FixedOutputError {
    /// Another hash.
    #[error(
        "hash mismatch in fixed-output derivation '{derivation}':\n  specified: {specified}\n     got:    {got}"
    )]
    Mismatch {
        /// The absolute path of the `.drv`.
        derivation: String,
        /// What the derivation says, as SRI.
        specified: String,
        /// What was built, as SRI.
        got: String,
    },
    /// Not a single file, where one is hashed.
    #[error(
        "output path '{path}' should be a non-executable regular file since recursive hashing is not enabled\n\
         hint: write one file, or set outputHashMode = \"recursive\""
    )]
    NotAFile {
        /// The absolute path.
        path: String,
    },
    /// It refers to store paths.
    #[error(
        "fixed-output derivations must not reference store paths: '{derivation}' references {count} distinct paths, e.g. '{example}'"
    )]
    References {
        /// The absolute path of the `.drv`.
        derivation: String,
        /// How many.
        count: usize,
        /// The first of them.
        example: String,
    },
    /// A spilled file cannot be read.
    #[error("cannot read the output '{path}' again: {source}")]
    Read {
        /// The absolute path.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The tree is no valid NAR.
    #[error("output '{path}' cannot be stored: {source}")]
    Nar {
        /// The absolute path.
        path: String,
        /// Why.
        source: NarError,
    },
}

/// An output that was built.
#[derive(Debug, Clone, Copy)]
pub struct Output<'a> {
    /// The `.drv`.
    pub derivation: &'a StorePath,
    /// Where the output goes.
    pub path: &'a StorePath,
    /// The output.
    pub object: &'a FileSystemObject,
    /// SHA-256 of its NAR.
    pub nar_hash: [u8; 32],
    /// What it refers to.
    pub references: &'a BTreeSet<StorePath>,
}

/// Checks an output against the hash in its derivation.
///
/// # Errors
/// [`FixedOutputError`].
pub fn check(output: Output<'_>, wanted: &ContentAddress) -> Result<(), FixedOutputError> {
    let got = hash(output, wanted)?;
    if got != wanted.hash {
        return Err(FixedOutputError::Mismatch {
            derivation: output.derivation.to_absolute_path(),
            specified: wanted.hash.to_sri(),
            got: got.to_sri(),
        });
    }
    match output.references.first() {
        Some(example) => Err(FixedOutputError::References {
            derivation: output.derivation.to_absolute_path(),
            count: output.references.len(),
            example: example.to_absolute_path(),
        }),
        None => Ok(()),
    }
}

fn hash(output: Output<'_>, wanted: &ContentAddress) -> Result<NixHash, FixedOutputError> {
    let path = || output.path.to_absolute_path();
    let algo = wanted.hash.algo();
    match (wanted.method, output.object) {
        (CaMethod::Recursive, _) if wanted.hash.as_sha256().is_some() => {
            Ok(NixHash::sha256(output.nar_hash))
        }
        (CaMethod::Recursive, object) => {
            let mut hasher = Hasher::new(algo);
            object
                .write_nar(&mut hasher)
                .map_err(|source| FixedOutputError::Nar {
                    path: path(),
                    source,
                })?;
            Ok(hasher.finish().0)
        }
        (
            _,
            FileSystemObject::File {
                executable: false,
                contents,
            },
        ) => {
            let hashed = hash_reader(algo, &mut contents.reader());
            Ok(hashed
                .map_err(|source| FixedOutputError::Read {
                    path: path(),
                    source,
                })?
                .0)
        }
        _ => Err(FixedOutputError::NotAFile { path: path() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasibuild_nix_compat::hash::HashAlgo;

    fn path(name: &str) -> StorePath {
        StorePath::from_digest(&[0; 20], name).expect("a store path")
    }

    fn run(
        object: FileSystemObject,
        method: CaMethod,
        hash: &str,
        references: &[StorePath],
    ) -> Result<(), String> {
        let wanted = ContentAddress {
            method,
            hash: NixHash::from_str(hash, None).expect("a hash"),
        };
        let (nar_hash, _) = object.nar_hash().expect("a NAR");
        let references = references.iter().cloned().collect();
        let (derivation, out) = (path("a.drv"), path("a"));
        let output = Output {
            derivation: &derivation,
            path: &out,
            object: &object,
            nar_hash,
            references: &references,
        };
        check(output, &wanted).map_err(|error| error.to_string())
    }

    // `printf 'hello\n' | sha256sum`, and `nix-hash --type sha256 --base32` of such a file.
    const FLAT: &str = "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
    const ZERO: &str = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    #[test]
    fn flat_hashes_cover_the_contents() {
        assert_eq!(
            run(FileSystemObject::file("hello\n"), CaMethod::Flat, FLAT, &[]),
            Ok(())
        );
        let mut hasher = Hasher::new(HashAlgo::Sha512);
        hasher.update(b"hello\n");
        let sha512 = hasher.finish().0.to_sri();
        assert_eq!(
            run(
                FileSystemObject::file("hello\n"),
                CaMethod::Flat,
                &sha512,
                &[]
            ),
            Ok(())
        );
    }

    #[test]
    fn recursive_hashes_cover_the_nar() {
        let object = FileSystemObject::executable("hello\n");
        let nar = NixHash::sha256(object.nar_hash().expect("a NAR").0).to_sri();
        assert_eq!(run(object.clone(), CaMethod::Recursive, &nar, &[]), Ok(()));
        let mut hasher = Hasher::new(HashAlgo::Sha1);
        object.write_nar(&mut hasher).expect("a NAR");
        let sha1 = hasher.finish().0.to_sri();
        assert_eq!(run(object, CaMethod::Recursive, &sha1, &[]), Ok(()));
    }

    #[test]
    fn the_message_is_that_of_nix() {
        assert_eq!(
            run(FileSystemObject::file("hello\n"), CaMethod::Flat, ZERO, &[]),
            Err("hash mismatch in fixed-output derivation '/nix/store/00000000000000000000000000000000-a.drv':\n  \
                 specified: sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n     \
                 got:    sha256-WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM="
                .to_owned())
        );
    }

    #[test]
    fn flat_outputs_are_plain_files_and_fixed_ones_refer_to_nothing() {
        for object in [
            FileSystemObject::executable("hello\n"),
            FileSystemObject::symlink("a"),
            FileSystemObject::directory([]),
        ] {
            let error = run(object, CaMethod::Flat, FLAT, &[]).expect_err("refused");
            assert!(
                error.contains("should be a non-executable regular file"),
                "{error}"
            );
        }
        let error = run(
            FileSystemObject::file("hello\n"),
            CaMethod::Flat,
            FLAT,
            &[path("dep")],
        )
        .expect_err("refused");
        assert!(error.contains("references 1 distinct paths, e.g. '/nix/store/00000000000000000000000000000000-dep'"), "{error}");
    }
}
