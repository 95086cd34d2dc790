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

/// The release of Debian whose kernels and programs machines have.
pub const SUITE: &str = "bookworm";
/// Debian's names of the architectures, and ours.
const ARCHITECTURES: [(&str, &str); 2] = [("amd64", "x86_64"), ("arm64", "aarch64")];

pub fn run() -> Result<()> {
    let folder = target_dir().join("vm");
    let state = folder.join("state");
    busybox(&folder.join("arm64"), "arm64")?;
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

/// The package of a kernel, which [`run`] fetched if it was not there.
pub fn package(architecture: &str) -> Result<PathBuf> {
    download(&target_dir().join("vm").join(architecture), architecture)
}

/// A program for the architecture that this machine does not have: `busybox`, static.
fn busybox(folder: &Path, architecture: &str) -> Result<()> {
    let place = folder.join("busybox");
    if place.exists() {
        return Ok(());
    }
    let work = folder.join("programs");
    let package = fetch(&work, architecture, |_| Ok("busybox-static".to_owned()))?;
    output(
        Command::new("dpkg-deb")
            .arg("-x")
            .arg(&package)
            .arg(work.join("root")),
    )?;
    fs::rename(work.join("root/bin/busybox"), place)?;
    Ok(fs::remove_dir_all(work)?)
}

/// The newest kernel's package: the one that Debian's `linux-image-ARCHITECTURE` depends on.
fn download(folder: &Path, architecture: &str) -> Result<PathBuf> {
    let meta = format!("linux-image-{architecture}");
    fetch(folder, architecture, |cache| {
        let text = String::from_utf8(output(cache.args(["depends", &meta]))?)?;
        let mut lines = text.lines();
        lines
            .find_map(|line| line.trim().strip_prefix("Depends: "))
            .map(ToOwned::to_owned)
            .with_context(|| format!("'{meta}' names no kernel"))
    })
}

/// Downloads a package to a folder, unless there is one. `name` says which, given `apt-cache`.
fn fetch(
    folder: &Path,
    architecture: &str,
    name: impl FnOnce(&mut Command) -> Result<String>,
) -> Result<PathBuf> {
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
    let option = format!("APT::Architecture={architecture}");
    let apt = |program: &str| {
        let mut command = nixes::apt_command(program, &folder);
        command.args(["-o", &option]).current_dir(&folder);
        command
    };
    run_command(apt("apt-get").arg("update"))?;
    let package = name(&mut apt("apt-cache"))?;
    run_command(apt("apt-get").args(["download", &package]))?;
    fs::remove_dir_all(folder.join("lists"))?;
    find()?.with_context(|| format!("'{package}' was not downloaded"))
}
