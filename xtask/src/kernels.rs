//! `cargo xtask kernels`: Debian's kernels for the tests of the virtual machine, in target/vm.
//!
//! The packages come from the mirror that this machine's own apt configuration names, are checked
//! against Debian's keys, and are not installed. `wasibuild vm kernel` takes the kernels from them, which
//! is thereby tested, and keeps them in target/vm/state (Debian's cloud kernel in target/vm/cloud-state) for the tests
//! to copy.

use crate::command::{cargo, output, run as run_command, target_dir};
use crate::nixes;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The release of Debian whose kernels and programs machines have.
pub const SUITE: &str = "bookworm";
/// A kernel that tests have.
struct Kernel {
    /// Its folder in target/vm.
    folder: &'static str,
    /// Debian's name of the architecture.
    debian: &'static str,
    /// Ours.
    ours: &'static str,
    /// The package that depends on the newest.
    meta: &'static str,
    /// The state directory that has it.
    state: &'static str,
}

const KERNELS: [Kernel; 3] = [
    Kernel {
        folder: "amd64",
        debian: "amd64",
        ours: "x86_64",
        meta: "linux-image-amd64",
        state: "state",
    },
    Kernel {
        folder: "arm64",
        debian: "arm64",
        ours: "aarch64",
        meta: "linux-image-arm64",
        state: "state",
    },
    // It has no 9p.
    Kernel {
        folder: "cloud-amd64",
        debian: "amd64",
        ours: "x86_64",
        meta: "linux-image-cloud-amd64",
        state: "cloud-state",
    },
];

pub fn run() -> Result<()> {
    let folder = target_dir().join("vm");
    busybox(&folder.join("arm64"), "arm64")?;
    let mut built = false;
    for kernel in KERNELS {
        let state = folder.join(kernel.state);
        let kept = state.join("wasibuild/vm/kernels").join(kernel.ours);
        // What an earlier version took lacks the one or the other.
        if kept.join("release").exists() && kept.join("shares").exists() {
            continue;
        }
        let package = download(&kernel)?;
        // One that was built before might keep less.
        if !std::mem::replace(&mut built, true) {
            run_command(&mut cargo(["build", "--workspace", "--bins", "--locked"]))?;
        }
        let mut take = Command::new(target_dir().join("debug/wasibuild"));
        take.args(["vm", "kernel", "--from"]).arg(&package);
        take.env("XDG_STATE_HOME", &state)
            .env("WASIBUILD_CONFIG", "");
        run_command(&mut take)?;
    }
    Ok(())
}

/// The package of the kernel in that folder, which [`run`] fetched if it was not there.
pub fn package(folder: &str) -> Result<PathBuf> {
    let kernel = KERNELS.iter().find(|kernel| kernel.folder == folder);
    download(kernel.with_context(|| format!("no kernel '{folder}'"))?)
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

/// The newest kernel's package: the one that Debian's own for all of them depends on.
fn download(kernel: &Kernel) -> Result<PathBuf> {
    let meta = kernel.meta;
    let folder = target_dir().join("vm").join(kernel.folder);
    fetch(&folder, kernel.debian, |cache| {
        let text = String::from_utf8(output(cache.args(["depends", meta]))?)?;
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
