//! Runs Nix's programs in a directory of their own.

use anyhow::{Context, Result, ensure};
use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};
use tempfile::TempDir;

/// A temporary directory with a chroot store in `root`.
pub struct Nix {
    directory: TempDir,
}

impl Nix {
    /// `None`, after a message, where Nix is not installed.
    pub fn new() -> Result<Option<Self>> {
        let found = Command::new("nix-store").arg("--version").output();
        if !found.is_ok_and(|output| output.status.success()) {
            println!("SKIPPED: nix-store is not installed (Debian: apt-get install nix-bin)");
            return Ok(None);
        }
        let nix = Self {
            directory: tempfile::Builder::new().prefix("nix-compat-").tempdir()?,
        };
        for directory in ["home", "conf", "work"] {
            std::fs::create_dir(nix.directory.path().join(directory))?;
        }
        std::fs::write(
            nix.directory.path().join("conf/nix.conf"),
            "experimental-features = nix-command ca-derivations impure-derivations\n\
             build-users-group =\nsandbox = false\nsubstitute = false\n",
        )?;
        Ok(Some(nix))
    }

    /// A directory to work in.
    pub fn work(&self) -> PathBuf {
        self.directory.path().join("work")
    }

    /// The root of the chroot store.
    pub fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    /// Where a store path really is.
    pub fn real_path(&self, path: &str) -> PathBuf {
        self.root().join(path.trim_start_matches('/'))
    }

    /// One of Nix's programs, with the environment set.
    pub fn command(&self, program: &str) -> Command {
        let directory = self.directory.path();
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", directory.join("home"))
            .env("NIX_CONF_DIR", directory.join("conf"))
            .env("TMPDIR", directory)
            .current_dir(self.work())
            .stdin(Stdio::null());
        command
    }

    /// Runs a program on the chroot store; gives what it printed.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Result<Vec<u8>> {
        let mut command = self.command(program);
        if program != "nix-hash" {
            command.arg("--store").arg(self.root());
        }
        finish(command.args(arguments))
    }

    /// Like [`Self::run`]; the output is one line of text.
    pub fn line(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let output = String::from_utf8(self.run(program, arguments)?)?;
        Ok(output.trim_end().to_owned())
    }

    /// Writes a file into the working directory.
    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.work().join(name);
        std::fs::write(&path, contents)?;
        Ok(path)
    }
}

/// Runs a command to its end; a failure shows everything.
pub fn finish(command: &mut Command) -> Result<Vec<u8>> {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(
        status.success(),
        "{command:?}\nended with {status}\nstdout: {}\nstderr: {}",
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr)
    );
    Ok(stdout)
}

/// A path as text.
pub fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is no text")
}
