//! `cargo xtask nixes`: other versions of Nix, for tests, unpacked from Debian's packages.
//!
//! They come from the mirror that this machine's own apt configuration names, are checked against
//! Debian's keys, and lie in target/nix/SUITE with their own loader and libraries: nothing of the
//! system changes. `bin/` has a script for each program, to be named in `PATH` and `NIX_BIN_DIR`.

use crate::command::{output, run as run_command, target_dir};
use anyhow::{Context, Result, bail};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Debian's releases with the versions that tests need: 2.26, and one with external builders (2.32).
const SUITES: [&str; 2] = ["trixie", "testing"];
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
const PROGRAMS: [&str; 6] = [
    "nix",
    "nix-build",
    "nix-daemon",
    "nix-env",
    "nix-instantiate",
    "nix-store",
];

pub fn run() -> Result<()> {
    for suite in SUITES {
        let folder = target_dir().join("nix").join(suite);
        if !folder.join("bin/nix").exists() {
            unpack(suite, &folder)?;
        }
        let version = output(Command::new(folder.join("bin/nix")).arg("--version"))?;
        eprintln!("{suite}: {}", String::from_utf8_lossy(&version).trim());
    }
    Ok(())
}

fn unpack(suite: &str, folder: &Path) -> Result<()> {
    let work = tempfile_beside(folder)?;
    for name in ["root", "bin"] {
        fs::create_dir_all(work.join(name))?;
    }
    prepare(&work, suite)?;
    apt(&work, &["update"])?;
    apt(&work, &["--yes", "--download-only", "install", "nix-bin"])?;
    let mut packages: Vec<PathBuf> = fs::read_dir(work.join("debs"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    packages.retain(|path| path.extension().is_some_and(|extension| extension == "deb"));
    packages.sort();
    for package in &packages {
        let mut dpkg = Command::new("dpkg-deb");
        dpkg.arg("-x").arg(package).arg(work.join("root"));
        output(&mut dpkg)?;
    }
    fs::remove_dir_all(work.join("debs"))?;
    fs::remove_dir_all(work.join("lists"))?;
    let _ = fs::remove_dir_all(folder);
    fs::rename(&work, folder)?;
    scripts(folder)
}

/// Makes what apt needs in `work` to fetch packages of a release without touching the system's lists.
pub fn prepare(work: &Path, suite: &str) -> Result<()> {
    for name in ["lists/partial", "debs/partial"] {
        fs::create_dir_all(work.join(name))?;
    }
    // No package counts as installed, so that everything that is needed is fetched.
    fs::write(work.join("status"), "")?;
    let source = format!("deb [signed-by={KEYS}] {} {suite} main\n", mirror()?);
    Ok(fs::write(work.join("sources"), source)?)
}

/// Where to unpack first, so that a half-done folder is never taken for a whole one.
fn tempfile_beside(folder: &Path) -> Result<PathBuf> {
    let work = folder.with_extension("part");
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    fs::create_dir_all(&work)?;
    Ok(work)
}

/// The mirror of Debian's main archive that this machine uses.
pub fn mirror() -> Result<String> {
    let mut command = Command::new("apt-get");
    command.args([
        "indextargets",
        "--format",
        "$(ORIGIN) $(CREATED_BY) $(REPO_URI)",
    ]);
    let text = String::from_utf8(output(&mut command)?)?;
    let mut mirrors = text.lines().filter_map(|line| {
        let uri = line.strip_prefix("Debian Packages ")?;
        (!uri.contains("security")).then(|| uri.to_owned())
    });
    mirrors
        .next()
        .context("apt knows no mirror of Debian; run `apt-get update` first")
}

fn apt(work: &Path, arguments: &[&str]) -> Result<()> {
    run_command(apt_command("apt-get", work).args(arguments))
}

/// A program of apt that uses what [`prepare`] made in `work`.
pub fn apt_command(program: &str, work: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["-qq", "-o", "Dir::Etc::sourceparts=-"]);
    for (option, name) in [
        ("Dir::Etc::sourcelist", "sources"),
        ("Dir::State::lists", "lists"),
        ("Dir::State::status", "status"),
        ("Dir::Cache::archives", "debs"),
    ] {
        let value = format!("{option}={}", work.join(name).display());
        command.args(["-o", &value]);
    }
    for option in [
        "Dir::Cache::pkgcache=",
        "Dir::Cache::srcpkgcache=",
        "Acquire::Languages=none",
        "APT::Install-Recommends=false",
        "APT::Sandbox::User=root",
        "Debug::NoLocking=1",
    ] {
        command.args(["-o", option]);
    }
    command
}

/// Programs that run with the loader and the libraries that were unpacked with them.
fn scripts(folder: &Path) -> Result<()> {
    let folder = fs::canonicalize(folder)?;
    let libraries = fs::read_dir(folder.join("root/usr/lib"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.to_string_lossy().ends_with("-linux-gnu"))
        .context("the packages have no /usr/lib/*-linux-gnu")?;
    let loader = fs::read_dir(&libraries)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("ld-linux-")
        })
        .context("the packages have no loader")?;
    for program in PROGRAMS {
        let real = folder.join("root/usr/bin").join(program);
        if !real.exists() {
            bail!("{} is missing", real.display());
        }
        let script = format!(
            "#!/bin/sh\nexec '{}' --argv0 {program} --library-path '{}' '{}' \"$@\"\n",
            loader.display(),
            libraries.display(),
            real.display()
        );
        let path = folder.join("bin").join(program);
        fs::write(&path, script)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}
