//! The builders that come with the program.
//!
//! Contract: what `cargo xtask builders` made before the program was compiled, byte for byte;
//! their hashes stand in `builders/builders.lock`. The table is empty in a program that was
//! compiled without them (see `build.rs`).

/// One builder: a WASI preview 1 command module.
#[derive(Debug, Clone, Copy)]
pub struct Builder {
    /// Its name, for instance `text`; its file is called `NAME.wasm`.
    pub name: &'static str,
    /// The module.
    pub module: &'static [u8],
}

/// All builders, sorted by name.
pub const BUILDERS: &[Builder] = include!(concat!(env!("OUT_DIR"), "/builders.rs"));

#[cfg(test)]
mod tests {
    use super::*;

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
