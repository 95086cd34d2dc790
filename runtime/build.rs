//! Embeds the builders into the program.
//!
//! Contract: takes every `*.wasm` file of the directory that `WASIBUILD_BUILDERS` names, or of
//! `target/builders` at the root of the workspace, where `cargo xtask builders` puts them. Without
//! the directory the table is empty, and the commands that need it say what to run. Nothing is
//! compiled here, so that this cannot recurse into cargo.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-env-changed=WASIBUILD_BUILDERS");
    let directory = directory();
    println!("cargo::rerun-if-changed={}", directory.display());
    let mut table = String::from("&[\n");
    let mut generation = Generation::default();
    for file in builders(&directory)? {
        println!("cargo::rerun-if-changed={}", file.display());
        let name = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        generation.add(name.as_bytes());
        generation.add(&fs::read(&file)?);
        let path = file.to_string_lossy().into_owned();
        let _ = writeln!(
            table,
            "    Builder {{ name: {name:?}, module: include_bytes!({path:?}) }},"
        );
    }
    table.push_str("]\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(
        out.join("generation.rs"),
        format!("\"{:016x}\"", generation.0),
    )?;
    fs::write(out.join("builders.rs"), table)
}

/// Tells sets of builders apart: FNV-1a (draft-eastlake-fnv), 64 bits, over names and modules.
struct Generation(u64);

impl Default for Generation {
    fn default() -> Self {
        Generation(0xcbf2_9ce4_8422_2325)
    }
}

impl Generation {
    fn add(&mut self, bytes: &[u8]) {
        let length = (bytes.len() as u64).to_le_bytes();
        for &byte in length.iter().chain(bytes) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

/// Where the builders lie.
fn directory() -> PathBuf {
    if let Some(named) = env::var_os("WASIBUILD_BUILDERS") {
        return PathBuf::from(named);
    }
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    manifest
        .parent()
        .unwrap_or(&manifest)
        .join("target")
        .join("builders")
}

/// The modules, sorted by name; none if the directory does not exist.
fn builders(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "wasm")
        {
            files.push(path.canonicalize()?);
        }
    }
    // By the name without its ending: `text` comes before `text-executable`.
    files.sort_by_key(|file| file.file_stem().map(ToOwned::to_owned));
    Ok(files)
}
