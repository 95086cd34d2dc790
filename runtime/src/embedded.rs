//! The builders that come with the program.
//!
//! Contract: what `cargo xtask builders` made before the program was compiled, byte for byte;
//! their hashes stand in `builders/builders.lock`. The table is empty in a program that was
//! compiled without them (see `build.rs`). A derivation may name a builder as the source
//! `wasibuild-NAME.wasm`, as nix-plugin/lib does; [`find`] answers only for the program's own bytes.

use std::sync::OnceLock;

use bytes::Bytes;
use wasibuild_nix_compat::content_address::CaMethod;
use wasibuild_nix_compat::file_system_object::{Contents, FileSystemObject};
use wasibuild_nix_compat::hash::NixHash;
use wasibuild_nix_compat::store_path::{StorePath, build_ca_path};

/// One builder: a WASI preview 1 command module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Builder {
    /// Its name, for instance `text`; its file is called `NAME.wasm`.
    pub name: &'static str,
    /// The module.
    pub module: &'static [u8],
}

/// All builders, sorted by name.
pub const BUILDERS: &[Builder] = include!(concat!(env!("OUT_DIR"), "/builders.rs"));

/// A name for this set of builders: another set has another one.
pub const GENERATION: &str = include!(concat!(env!("OUT_DIR"), "/generation.rs"));

impl Builder {
    /// The builder as a store object: a file that is not executable.
    pub fn object(&self) -> FileSystemObject {
        FileSystemObject::File {
            executable: false,
            contents: Contents::Memory(Bytes::from_static(self.module)),
        }
    }

    /// Its path as a source: `builtins.path { name = "wasibuild-NAME.wasm"; … }`. None only if the
    /// name could not stand in a store path.
    pub fn store_path(&self) -> Option<StorePath> {
        let (nar_hash, _) = self.object().nar_hash().ok()?;
        let name = format!("wasibuild-{}.wasm", self.name);
        let hash = NixHash::sha256(nar_hash);
        build_ca_path(
            &name,
            CaMethod::Recursive,
            &hash,
            &Default::default(),
            false,
        )
        .ok()
    }
}

/// The builder whose path as a source this is.
pub fn find(path: &StorePath) -> Option<&'static Builder> {
    let name = path
        .name()
        .strip_prefix("wasibuild-")?
        .strip_suffix(".wasm")?;
    let at = BUILDERS.iter().position(|builder| builder.name == name)?;
    // Each is hashed once in a program: closures name the same few again and again.
    static PATHS: [OnceLock<Option<StorePath>>; BUILDERS.len()] =
        [const { OnceLock::new() }; BUILDERS.len()];
    let (builder, known) = (BUILDERS.get(at)?, PATHS.get(at)?);
    let own = known.get_or_init(|| builder.store_path());
    (own.as_ref() == Some(path)).then_some(builder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_builder_is_found_by_its_path_alone() {
        for builder in BUILDERS {
            let path = builder.store_path().expect("a valid name");
            assert_eq!(find(&path), Some(builder));
            let other = path.to_string().replacen(char::is_alphanumeric, "0", 1);
            let other = other.replacen(
                '0',
                if path.to_string().starts_with('0') {
                    "1"
                } else {
                    "0"
                },
                1,
            );
            assert_eq!(
                find(&StorePath::from_basename(other.as_bytes()).expect("a path")),
                None
            );
        }
    }

    #[test]
    fn names_are_sorted_and_modules_are_webassembly() {
        assert!(BUILDERS.windows(2).all(|pair| pair[0].name < pair[1].name));
        for builder in BUILDERS {
            assert!(
                builder.module.starts_with(b"\0asm\x01\0\0\0"),
                "{}",
                builder.name
            );
        }
    }
}
