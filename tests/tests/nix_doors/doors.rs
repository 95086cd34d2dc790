//! The doors themselves: how a Nix is told to hand its builds to wasibuild through each of them.
//!
//! Contract: a [`Way`] is one door, open for one Nix in one world. The commands that it makes can build
//! nothing but through that door: there are no local jobs, and for the external builder no other system.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use crate::support::{Daemon, Nix, PROGRAM, World, text};

/// The systems that every test of a door asks for.
pub const WASM: &[&str] = &["wasm32-wasip1", "wasm32-wasi"];

/// A way from Nix to wasibuild.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// `builders = unix://…`
    Daemon,
    /// `builders = ssh-ng://…`, the daemon on standard input and output
    Ssh,
    /// `external-builders`
    External,
    /// `build-hook`
    Hook,
}

impl Door {
    pub const ALL: [Door; 4] = [Door::Daemon, Door::Ssh, Door::External, Door::Hook];

    /// As docs/nix.md calls it.
    pub fn name(self) -> &'static str {
        match self {
            Door::Daemon => "daemon",
            Door::Ssh => "`ssh-ng`",
            Door::External => "external builder",
            Door::Hook => "hook",
        }
    }

    /// Whether this version of Nix has it.
    pub fn is_open(self, version: (u32, u32)) -> bool {
        match self {
            Door::Daemon | Door::Ssh => true,
            Door::External => version >= (2, 32),
            // Those between ignore the setting.
            Door::Hook => !((2, 25)..(2, 34)).contains(&version),
        }
    }
}

/// A door that is open.
pub struct Way<'w> {
    pub door: Door,
    pub nix: &'w Nix,
    pub world: &'w World,
    /// The Nix' own store.
    pub store: PathBuf,
    systems: String,
    shell: bool,
    daemon: Option<Daemon>,
}

impl<'w> Way<'w> {
    /// Opens it for the derivations of these tests.
    pub fn open(door: Door, nix: &'w Nix, world: &'w World) -> Way<'w> {
        Way::open_for(door, nix, world, WASM, &[])
    }

    /// Opens it for systems; the options are the daemon's.
    pub fn open_for(
        door: Door,
        nix: &'w Nix,
        world: &'w World,
        systems: &[&str],
        options: &[&str],
    ) -> Way<'w> {
        let daemon = (door == Door::Daemon).then(|| Daemon::start(world, options));
        Way {
            door,
            nix,
            world,
            store: nix.store(world),
            systems: systems.join(","),
            shell: systems.iter().any(|system| system.ends_with("-linux")),
            daemon,
        }
    }

    /// The settings, each a name and a value, for a command line or a file.
    pub fn settings(&self, jobs: u32) -> Vec<(&'static str, String)> {
        let (systems, root) = (&self.systems, self.world.root());
        let root = root.display();
        let remote = |uri: String| {
            vec![
                ("max-jobs", "0".to_owned()),
                ("builders", format!("{uri} {systems} - {jobs}")),
            ]
        };
        match self.door {
            Door::Daemon => {
                let daemon = self.daemon.as_ref().expect("it was started");
                remote(format!("unix://{}?root={root}", daemon.socket.display()))
            }
            Door::Ssh => remote(format!(
                "ssh-ng://localhost?remote-program={PROGRAM}%20daemon%20--no-substitute&remote-store={root}"
            )),
            Door::External => {
                let systems: Vec<&str> = systems.split(',').collect();
                let setting = serde_json::json!([{
                    "systems": systems, "program": self.program(), "args": ["external-builder"],
                }]);
                vec![
                    ("max-jobs", jobs.to_string()),
                    ("builders", String::new()),
                    (
                        "extra-experimental-features",
                        "external-builders".to_owned(),
                    ),
                    ("external-builders", setting.to_string()),
                ]
            }
            Door::Hook => vec![
                ("max-jobs", "0".to_owned()),
                ("builders", String::new()),
                ("build-hook", self.hook().to_string_lossy().into_owned()),
            ],
        }
    }

    /// The program, where every user may start it.
    fn program(&self) -> PathBuf {
        let place = self.world.path("wasibuild");
        if !place.exists() && std::fs::hard_link(PROGRAM, &place).is_err() {
            std::fs::copy(PROGRAM, &place).expect("the program is copied");
        }
        place
    }

    /// What stands in `build-hook`: Nix 2.8 can give it no arguments.
    fn hook(&self) -> PathBuf {
        let place = self.world.path("wasibuild-hook");
        if self.shell {
            let text = format!("#!/bin/sh\nexec '{PROGRAM}' hook --shell configuration \"$@\"\n");
            std::fs::write(&place, text).expect("a script");
            std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o755))
                .expect("a script");
        } else if !place.exists() {
            std::os::unix::fs::symlink(PROGRAM, &place).expect("a link");
        }
        place
    }

    /// A program of this Nix with the settings, on its own store.
    pub fn command(&self, program: &str, jobs: u32) -> Command {
        self.prepare(self.nix.command(program, self.world.directory.path()), jobs)
    }

    /// The same by another program that is to start it.
    pub fn command_under(&self, starter: &[&str], program: &str, jobs: u32) -> Command {
        let inner = self.nix.command(program, self.world.directory.path());
        let (first, rest) = starter.split_first().expect("a program");
        let mut command = Command::new(first);
        command.args(rest).arg(inner.get_program());
        for (name, value) in inner.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        self.prepare(command, jobs)
    }

    fn prepare(&self, mut command: Command, jobs: u32) -> Command {
        command
            .arg("--store")
            .arg(&self.store)
            .env("WASIBUILD_NIX", self.nix.program("nix"))
            // Modules are compiled once for all tests.
            .env("XDG_CACHE_HOME", crate::run_support::cache());
        for (name, value) in self.settings(jobs) {
            command.args(["--option", name, &value]);
        }
        command
    }

    /// `nix-build` of an expression of the world.
    pub fn build(&self, body: &str) -> Command {
        let mut command = self.command("nix-build", 2);
        command
            .arg("--no-out-link")
            .arg(self.world.expression(body));
        command
    }

    /// What that printed, if it went well.
    pub fn built(&self, body: &str) -> Vec<String> {
        let output = self.build(body).output().expect("nix-build starts");
        let printed = self.text(output);
        printed.lines().map(str::to_owned).collect()
    }

    /// The derivation of an expression.
    pub fn derivation(&self, body: &str) -> String {
        let mut evaluate = self
            .nix
            .command("nix-instantiate", self.world.directory.path());
        evaluate
            .arg("--store")
            .arg(&self.store)
            .arg(self.world.expression(body));
        self.text(evaluate.output().expect("nix-instantiate starts"))
    }

    /// Standard output of a command that must have succeeded.
    pub fn text(&self, output: Output) -> String {
        text(output)
    }

    /// What a command about this Nix' own store prints.
    pub fn query(&self, arguments: &[&str]) -> String {
        let mut command = self.nix.command("nix-store", self.world.directory.path());
        command.arg("--store").arg(&self.store).args(arguments);
        self.text(command.output().expect("nix-store starts"))
    }

    /// Nix finds nothing wrong with either store.
    pub fn verify(&self) {
        assert_eq!(self.query(&["--verify", "--check-contents"]), "");
        if matches!(self.door, Door::Daemon | Door::Ssh) {
            self.world.verify();
        }
    }

    /// For messages.
    pub fn shown(&self) -> String {
        format!("{} of Nix {}", self.door.name(), self.nix.version)
    }

    /// Ends what was started for it.
    pub fn close(self) {
        if let Some(daemon) = self.daemon {
            assert_eq!(daemon.end(), "");
        }
    }
}
