//! `cargo xtask kernels`: Debian's kernels for the tests of the virtual machine, in target/vm.
//!
//! The packages come from the mirror that this machine's own apt configuration names, are checked
//! against Debian's keys, and are not installed. `wasibuild vm kernel` takes the kernels from them, which
//! is thereby tested, and keeps them in target/vm/state for the tests to copy.

use crate::command::{output, run as run_command, target_dir};
use crate::nixes;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const SUITE: &str = "bookworm";
/// Debian's names of the architectures, and ours.
const ARCHITECTURES: [(&str, &str); 2] = [("amd64", "x86_64"), ("arm64", "aarch64")];

pub fn run() -> Result<()> {
    let folder = target_dir().join("vm");
    let state = folder.join("state");
    for (debian, ours) in ARCHITECTURES {
        let kept = state
            .join("wasibuild/vm/kernels")
            .join(ours)
            .join("release");
        if kept.exists() {
            continue;
        }
        let package = download(&folder.join(debian), debian)?;
        let mut take = Command::new(target_dir().join("debug/wasibuild"));
        take.args(["vm", "kernel", "--from"]).arg(&package);
        take.env("XDG_STATE_HOME", &state)
            .env("WASIBUILD_CONFIG", "");
        run_command(&mut take)?;
    }
    Ok(())
}

/// The newest kernel's package.
fn download(folder: &Path, architecture: &str) -> Result<PathBuf> {
    let find = || -> Result<Option<PathBuf>> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "deb") {
                return Ok(Some(path));
            }
        }
        Ok(None)
    };
    fs::create_dir_all(folder)?;
    if let Some(package) = find()? {
        return Ok(package);
    }
    let folder = fs::canonicalize(folder)?;
    nixes::prepare(&folder, SUITE)?;
    let architecture = format!("APT::Architecture={architecture}");
    let apt = |program: &str| {
        let mut command = nixes::apt_command(program, &folder);
        command.args(["-o", &architecture]).current_dir(&folder);
        command
    };
    run_command(apt("apt-get").arg("update"))?;
    let meta = format!(
        "linux-image-{}",
        architecture.rsplit('=').next().unwrap_or_default()
    );
    let text = String::from_utf8(output(apt("apt-cache").args(["depends", &meta]))?)?;
    let package = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("Depends: "))
        .with_context(|| format!("'{meta}' names no kernel"))?
        .to_owned();
    run_command(apt("apt-get").args(["download", &package]))?;
    fs::remove_dir_all(folder.join("lists"))?;
    find()?.with_context(|| format!("'{package}' was not downloaded"))
}
