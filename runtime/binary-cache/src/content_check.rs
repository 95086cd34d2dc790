//! Checks that a NAR is what its content address says, while it streams.
//!
//! Why: a content-addressed path needs no signature, since its name proves its content. But a
//! narinfo's `NarHash` is only the cache's word; unless the content is hashed again in the way
//! that the address names, a cache could serve anything under the name.
//! Contract: recursive addresses hash the whole NAR; flat and text ones the contents of the one
//! regular, not executable file that the NAR must then be. Addresses of objects that refer to
//! themselves hash something else (modulo the own name) and are not supported here.
//! Counterpart in Nix: `LocalStore::addToStore`, "ca hash mismatch importing path".

use wasibuild_nix_compat::content_address::{CaMethod, ContentAddress};
use wasibuild_nix_compat::hash::{Hasher, NixHash};

/// The NAR of a regular file, up to the length of its contents.
const FILE_HEADER: &[u8; 88] = b"\x0d\0\0\0\0\0\0\0nix-archive-1\0\0\0\
    \x01\0\0\0\0\0\0\0(\0\0\0\0\0\0\0\
    \x04\0\0\0\0\0\0\0type\0\0\0\0\
    \x07\0\0\0\0\0\0\0regular\0\
    \x08\0\0\0\0\0\0\0contents";

/// Header and length.
const PREFIX_LEN: usize = FILE_HEADER.len() + 8;

/// See the module.
pub(crate) struct ContentCheck {
    method: CaMethod,
    expected: NixHash,
    hasher: Hasher,
    /// The first bytes of the NAR, up to [`PREFIX_LEN`]; flat and text only.
    prefix: Vec<u8>,
    /// How many bytes of contents are still to come, once the prefix is complete.
    left: u64,
}

impl ContentCheck {
    pub(crate) fn new(address: &ContentAddress) -> Self {
        Self {
            method: address.method,
            expected: address.hash.clone(),
            hasher: Hasher::new(address.hash.algo()),
            prefix: Vec::new(),
            left: 0,
        }
    }

    /// The next bytes of the NAR.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        if self.method == CaMethod::Recursive {
            self.hasher.update(bytes);
            return;
        }
        let wanted = PREFIX_LEN.saturating_sub(self.prefix.len());
        let (head, rest) = bytes.split_at_checked(wanted).unwrap_or((bytes, &[]));
        if wanted > 0 {
            self.prefix.extend_from_slice(head);
            if let Some(length) = self.prefix.last_chunk::<8>()
                && self.prefix.len() == PREFIX_LEN
            {
                self.left = u64::from_le_bytes(*length);
            }
        }
        let end = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(rest.len());
        self.hasher.update(rest.get(..end).unwrap_or_default());
        self.left = self.left.saturating_sub(end as u64);
    }

    /// After the last byte: the expected and the found hash, when they differ.
    pub(crate) fn finish(self) -> Result<(), (String, String)> {
        let expected = self.expected.to_nix32();
        if self.method != CaMethod::Recursive {
            if !self.prefix.starts_with(FILE_HEADER) {
                let found = "a NAR that is not one regular file".to_owned();
                return Err((expected, found));
            }
            if self.left > 0 {
                return Err((expected, "a file that ends too early".to_owned()));
            }
        }
        let (found, _) = self.hasher.finish();
        if found == self.expected {
            Ok(())
        } else {
            Err((expected, found.to_nix32()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use wasibuild_nix_compat::hash::sha256;

    fn file_nar(contents: &[u8]) -> Vec<u8> {
        let mut nar = FILE_HEADER.to_vec();
        nar.extend((contents.len() as u64).to_le_bytes());
        nar.extend(contents);
        nar.resize(nar.len().next_multiple_of(8), 0);
        nar.extend(b"\x01\0\0\0\0\0\0\0)\0\0\0\0\0\0\0");
        nar
    }

    proptest! {
        #[test]
        fn accepts_the_right_content_in_any_pieces(
            contents in proptest::collection::vec(any::<u8>(), 0..200),
            piece in 1_usize..120,
            flip in proptest::option::of(0_usize..200),
        ) {
            let nar = file_nar(&contents);
            for (method, digest) in [
                (CaMethod::Flat, sha256(&contents)),
                (CaMethod::Text, sha256(&contents)),
                (CaMethod::Recursive, sha256(&nar)),
            ] {
                let mut sent = nar.clone();
                // Flat and text leave padding to the NAR parser, so flip within the contents.
                let changed = flip.filter(|flip| *flip < contents.len());
                if let Some(flip) = changed {
                    sent[PREFIX_LEN + flip] ^= 1;
                }
                let mut check = ContentCheck::new(&ContentAddress { method, hash: NixHash::sha256(digest) });
                for piece in sent.chunks(piece) {
                    check.update(piece);
                }
                prop_assert_eq!(check.finish().is_ok(), changed.is_none());
            }
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut check = ContentCheck::new(&ContentAddress {
                method: CaMethod::Flat,
                hash: NixHash::sha256([0; 32]),
            });
            check.update(&bytes);
            prop_assert!(check.finish().is_err());
        }
    }

    #[test]
    fn other_trees_are_no_flat_content() {
        let mut check = ContentCheck::new(&ContentAddress {
            method: CaMethod::Flat,
            hash: NixHash::sha256(sha256(b"")),
        });
        check.update(b"\x0d\0\0\0\0\0\0\0nix-archive-1\0\0\0\x01\0\0\0\0\0\0\0(\0\0\0\0\0\0\0");
        assert!(check.finish().is_err());
    }
}
