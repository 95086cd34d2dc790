//! The programs under test: `wasibuild` and the native twins of the builders.
//!
//! Contract: compiled by the same cargo with the profile that counts, release, from this workspace.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The workspace's folder.
pub fn workspace() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// Compiles the programs, and returns the folder in which they are.
///
/// # Errors
/// When cargo fails.
pub fn compile() -> Result<PathBuf> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(workspace())
        .args(["build", "--release", "--locked"]);
    for package in [
        "wasibuild",
        "builder-text",
        "builder-substitute",
        "builder-symlink-tree",
        "builder-unit-file",
        "builder-etc-tree",
    ] {
        cargo.args(["--package", package]);
    }
    ensure!(cargo.status()?.success(), "cargo failed");
    // This program lies in `release/deps`.
    let own = std::env::current_exe()?;
    own.parent()
        .and_then(Path::parent)
        .map(Path::to_owned)
        .context("the place of this program")
}
