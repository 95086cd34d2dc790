//! The ways to have the derivations built.
//!
//! Contract: two jobs at a time on every side. What a build needs and everybody has beforehand (the `.drv`
//! files, sources, the stdenv, compiled modules, a running daemon) is there before the clock starts.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::machine::{Machine, Nix, output};

/// Builds at a time.
const JOBS: &str = "2";

/// Which derivations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// For wasibuild's builder `text`.
    Text,
    /// Unmodified, with a bash of the store, which the sandbox's shell stands for.
    Shell,
    /// For `/bin/sh`.
    Sh,
    /// For this machine's bash, which sources the same setup script.
    Stdenv,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Shell => "shell",
            Kind::Sh => "sh",
            Kind::Stdenv => "stdenv",
        }
    }
}

/// Through what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Through {
    /// `wasibuild daemon`.
    Daemon,
    /// The daemon, when it has everything already: what Nix' stock client takes.
    Floor,
    /// `wasibuild external-builder`.
    External,
    /// `wasibuild hook`.
    Hook,
    /// Nix itself with its sandbox.
    Sandbox,
    /// Nix itself without.
    Plain,
}

/// A kind of derivations through something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    /// Which.
    pub kind: Kind,
    /// Through what.
    pub through: Through,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Text => "a text (`wasm32-wasi`)",
            Kind::Shell => "`runCommandLocal`, unmodified",
            Kind::Sh => "`/bin/sh`",
            Kind::Stdenv => "bash with the same stdenv",
        };
        let through = match self.through {
            Through::Daemon => "daemon",
            Through::Floor => "floor: the stock client, the daemon has all",
            Through::External => "external builder",
            Through::Hook => "hook",
            Through::Sandbox => "Nix itself, sandboxed",
            Through::Plain => "Nix itself, not sandboxed",
        };
        write!(f, "{through}: {kind}")
    }
}

impl Side {
    /// Those that a Nix has.
    pub fn of(nix: &Nix) -> Vec<Side> {
        let version = nix.number();
        let mut sides = Vec::new();
        let mut ours = |through| {
            sides.extend([Kind::Text, Kind::Shell].map(|kind| Side { kind, through }));
        };
        if version >= (2, 32) {
            ours(Through::External);
        }
        ours(Through::Daemon);
        ours(Through::Floor);
        if !((2, 25)..(2, 34)).contains(&version) {
            ours(Through::Hook);
        }
        for kind in [Kind::Sh, Kind::Stdenv] {
            sides.extend([Through::Sandbox, Through::Plain].map(|through| Side { kind, through }));
        }
        sides
    }

    /// Builds all once, in a new store.
    ///
    /// # Errors
    /// When something fails.
    pub fn run(&self, machine: &Machine, nix: &Nix) -> Result<Duration> {
        let daemon = match self.through {
            Through::Daemon | Through::Floor => Some(Daemon::start(machine)?),
            _ => None,
        };
        if self.through == Through::Floor {
            // Another client has them built.
            self.realise(machine, nix, daemon.as_ref())?;
        }
        let time = self.realise(machine, nix, daemon.as_ref())?;
        drop(daemon);
        Ok(time)
    }

    fn realise(&self, machine: &Machine, nix: &Nix, daemon: Option<&Daemon>) -> Result<Duration> {
        let store = machine.fresh("store")?;
        let derivations = machine.derivations(nix, self.kind.name(), &store)?;
        ensure!(derivations.len() == super::COUNT as usize + 1);
        let realise = |what: &[String]| -> Result<()> {
            let mut command = self.nix_store(nix, &store);
            command
                .arg("--realise")
                .env("XDG_CACHE_HOME", machine.cache())
                .env("WASIBUILD_NIX", nix.program("nix"))
                .args(what);
            self.settings(machine, daemon, &mut command)?;
            output(&mut command).map(drop)
        };
        // What all need is built with the first; the modules are in the caches then, too.
        let (first, rest) = derivations.split_first().context("a derivation")?;
        realise(std::slice::from_ref(first))?;
        let start = Instant::now();
        realise(rest)?;
        Ok(start.elapsed())
    }

    /// `nix-store` on this store. For another store than /nix Nix always makes its sandbox, so that without
    /// it the store is bound there, for this process alone.
    fn nix_store(&self, nix: &Nix, store: &Path) -> Command {
        let mut command = nix.command("nix-store");
        if self.through != Through::Plain {
            command.arg("--store").arg(store);
            return command;
        }
        let mut other = Command::new("unshare");
        let script = "mount --bind \"$1\" /nix; shift; exec \"$@\"";
        other.args(["--mount", "sh", "-ec", script, "sh"]);
        other.arg(store.join("nix")).arg(command.get_program());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => other.env(name, value),
                None => other.env_remove(name),
            };
        }
        other
    }

    /// The options of the Nix that builds.
    fn settings(
        &self,
        machine: &Machine,
        daemon: Option<&Daemon>,
        command: &mut Command,
    ) -> Result<()> {
        let systems = format!("wasm32-wasi,{}-linux", std::env::consts::ARCH);
        let mut option = |name: &str, value: &str| {
            command.args(["--option", name, value]);
        };
        match self.through {
            Through::Daemon | Through::Floor => {
                let daemon = daemon.context("the daemon")?;
                let (socket, root) = (daemon.socket.display(), daemon.root.display());
                option("max-jobs", "0");
                option(
                    "builders",
                    &format!("unix://{socket}?root={root} {systems} - {JOBS}"),
                );
            }
            Through::External => {
                let setting = serde_json::json!([{
                    "systems": systems.split(',').collect::<Vec<_>>(),
                    "program": machine.wasibuild,
                    "args": ["external-builder"],
                }]);
                option("max-jobs", JOBS);
                option("builders", "");
                option("extra-experimental-features", "external-builders");
                option("external-builders", &setting.to_string());
            }
            Through::Hook => {
                let hook = match self.kind {
                    Kind::Shell => machine.hook_with_shell()?,
                    _ => machine.hook()?,
                };
                option("max-jobs", "0");
                option("builders", "");
                option("build-hook", hook.to_str().context("a path")?);
            }
            Through::Sandbox => {
                option("max-jobs", JOBS);
                option("builders", "");
                option("sandbox", "true");
                option("sandbox-fallback", "false");
                option("sandbox-paths", "/bin /usr /lib /lib64");
            }
            Through::Plain => {
                option("max-jobs", JOBS);
                option("builders", "");
                option("sandbox", "false");
            }
        }
        Ok(())
    }
}

impl Machine {
    /// The same hook that attempts derivations for Linux.
    fn hook_with_shell(&self) -> Result<PathBuf> {
        use std::os::unix::fs::PermissionsExt;
        let place = self.scratch.join("hook-with-shell");
        if !place.exists() {
            let program = self.wasibuild.display();
            let text = format!("#!/bin/sh\nexec '{program}' hook --shell configuration \"$@\"\n");
            std::fs::write(&place, text)?;
            std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o755))?;
        }
        Ok(place)
    }
}

/// A running `wasibuild daemon`.
pub(super) struct Daemon {
    child: Child,
    pub(super) socket: PathBuf,
    pub(super) root: PathBuf,
}

impl Daemon {
    pub(super) fn start(machine: &Machine) -> Result<Daemon> {
        let root = machine.fresh("daemon")?;
        let socket = root.join("socket");
        let mut command = Command::new(&machine.wasibuild);
        command
            .args(["daemon", "--no-substitute", "-j", JOBS, "--store"])
            .arg(&root)
            .arg("--socket")
            .arg(&socket)
            .env("XDG_CACHE_HOME", machine.cache())
            .stdin(Stdio::null());
        let child = command.spawn()?;
        let daemon = Daemon {
            child,
            socket,
            root,
        };
        daemon.wait()?;
        Ok(daemon)
    }

    fn wait(&self) -> Result<()> {
        for _ in 0..500 {
            if connects(&self.socket) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        anyhow::bail!("the daemon does not listen")
    }
}

fn connects(socket: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(socket).is_ok()
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
