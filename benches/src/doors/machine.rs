//! What the sides share: the programs, the versions of Nix, a folder to write to.
//!
//! Contract: Nix' programs see no configuration of this machine. The versions beside Debian's own are those
//! that `cargo xtask nixes` unpacked.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::program::workspace;

/// A version of Nix.
#[derive(Debug, Clone)]
pub struct Nix {
    /// What it says of itself.
    pub version: String,
    /// Where its programs are, if not in `PATH`.
    bin: Option<PathBuf>,
}

impl Nix {
    /// All that there are.
    ///
    /// # Errors
    /// When the one in `PATH` does not start.
    pub fn all() -> Result<Vec<Nix>> {
        let mut all = vec![Nix::at(None)?];
        for suite in ["trixie", "testing"] {
            let bin = target().join("nix").join(suite).join("bin");
            match bin.join("nix").exists() {
                true => all.push(Nix::at(Some(bin))?),
                false => eprintln!("no Nix of Debian {suite}: `cargo xtask nixes` unpacks it"),
            }
        }
        Ok(all)
    }

    fn at(bin: Option<PathBuf>) -> Result<Nix> {
        let mut nix = Nix {
            version: String::new(),
            bin,
        };
        let output = nix.command("nix").arg("--version").output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = text.split_whitespace().last().context("Nix' version")?;
        nix.version = version.to_owned();
        Ok(nix)
    }

    /// Major and minor version.
    pub fn number(&self) -> (u32, u32) {
        let mut parts = self
            .version
            .split('.')
            .map(|part| part.parse().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
    }

    /// Where a program of it is.
    pub fn program(&self, program: &str) -> PathBuf {
        match &self.bin {
            Some(bin) => bin.join(program),
            None => PathBuf::from(program),
        }
    }

    /// A program of it, without configuration.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.program(program));
        command
            .env("NIX_CONF_DIR", "/nonexistent")
            .env("NIX_CONFIG", "build-users-group =\nsubstituters =\n")
            .env_remove("NIX_PATH")
            .env_remove("NIX_REMOTE")
            .stdin(Stdio::null());
        match &self.bin {
            Some(bin) => command.env("NIX_BIN_DIR", bin),
            None => command.env_remove("NIX_BIN_DIR"),
        };
        command
    }
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}

/// Where things are.
#[derive(Debug)]
pub struct Machine {
    /// A folder for everything that is written.
    pub scratch: PathBuf,
    /// The program.
    pub wasibuild: PathBuf,
}

impl Machine {
    /// A new folder.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn fresh(&self, what: &str) -> Result<PathBuf> {
        let made = tempfile::Builder::new()
            .prefix(&format!("{what}."))
            .tempdir_in(&self.scratch)?;
        Ok(made.keep())
    }

    /// The cache that all programs of ours use.
    pub fn cache(&self) -> PathBuf {
        self.scratch.join("cache")
    }

    /// The program as a build hook: by its name, since Nix 2.8 passes no arguments.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn hook(&self) -> Result<PathBuf> {
        let link = self.scratch.join("wasibuild-hook");
        if !link.exists() {
            std::os::unix::fs::symlink(&self.wasibuild, &link)?;
        }
        Ok(link)
    }

    /// Puts the derivations of a kind into a store of Nix and returns them; what they need is built.
    ///
    /// # Errors
    /// When Nix fails.
    pub fn derivations(&self, nix: &Nix, kind: &str, store: &Path) -> Result<Vec<String>> {
        let expression = self.scratch.join("derivations.nix");
        if !expression.exists() {
            fs::write(&expression, include_str!("derivations.nix"))?;
        }
        let mut command = nix.command("nix-instantiate");
        command
            .arg("--store")
            .arg(store)
            .arg(&expression)
            .args(["--argstr", "kind", kind, "--argstr", "repository"])
            .arg(workspace())
            .args(["--argstr", "builders"])
            .arg(target().join("builders"))
            .args(["--arg", "count", &(super::COUNT + 1).to_string()]);
        let text = output(&mut command)?;
        Ok(text.lines().map(str::to_owned).collect())
    }
}

/// What a command prints, which must succeed.
///
/// # Errors
/// What it said on standard error, if it fails.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("{:?}", command.get_program()))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{:?} failed:\n{errors}",
        command.get_program()
    );
    Ok(String::from_utf8(output.stdout)?)
}
