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

/// A `cargo` command in the workspace.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace());
    // What the cargo that runs this program sets for it alone: build scripts watch these names, and
    // would compile their packages again with each change.
    for (name, _) in std::env::vars_os() {
        let own =
            |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        if name.to_str().is_some_and(own) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Compiles the programs, and returns the folder in which they are.
///
/// # Errors
/// When cargo fails.
pub fn compile() -> Result<PathBuf> {
    let mut cargo = cargo();
    cargo.args(["build", "--release", "--locked"]);
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
