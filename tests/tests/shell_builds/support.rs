//! Derivations as nixpkgs makes them, over packages that hold names but no programs.
//!
//! Contract: the packages are sources, so that nothing must be built for them; their programs are an
//! ELF magic and no code, or links to programs of this machine: a program that runs all the same was
//! replaced by a module.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

/// The program.
const PROGRAM: &str = env!("CARGO_BIN_EXE_wasibuild-under-test");

/// What a program for Linux begins with.
const ELF: &str = "\x7fELF\u{2}\u{1}\u{1}\0";

/// Packages: name, and programs. `=` stands for machine code, `->X` for a link to X.
const PACKAGES: &[(&str, &[(&str, &str)])] = &[
    ("bash-4.3-p42", &[("bash", "="), ("sh", "->bash")]),
    (
        "coreutils-8.25",
        &[
            ("coreutils", "="),
            ("mkdir", "->coreutils"),
            ("mkfifo", "->coreutils"),
            ("cat", "->coreutils"),
            ("env", "->coreutils"),
            ("ln", "->coreutils"),
            ("chmod", "->coreutils"),
            ("touch", "->coreutils"),
            ("cp", "->coreutils"),
            ("rm", "->coreutils"),
            ("sleep", "->coreutils"),
            ("tr", "->coreutils"),
            ("wc", "->coreutils"),
            ("yes", "->coreutils"),
        ],
    ),
    ("gnused-4.2.2", &[("sed", "->/usr/bin/sed")]),
    ("gnugrep-2.25", &[("grep", "=")]),
    ("libxslt-1.1.28-bin", &[("xsltproc", "=")]),
    ("perl-5.22.2", &[("perl", "->/usr/bin/perl")]),
    ("other-1.0", &[("sed", "->/usr/bin/sed"), ("mkdir", "=")]),
];

/// The cache of compiled modules, which all tests share.
fn cache() -> &'static Path {
    static CACHE: OnceLock<TempDir> = OnceLock::new();
    CACHE
        .get_or_init(|| tempfile::tempdir().expect("a directory"))
        .path()
}

/// A store, and files to make derivations from.
pub struct World {
    directory: TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl World {
    pub fn new() -> World {
        let world = World {
            directory: tempfile::tempdir().expect("a directory"),
        };
        for (package, programs) in PACKAGES {
            for (name, what) in *programs {
                let place = world.path(&format!("packages/{package}/bin/{name}"));
                fs::create_dir_all(place.parent().expect("a parent")).expect("made");
                match what.strip_prefix("->") {
                    Some(target) => symlink(target, &place).expect("linked"),
                    None => executable(&place, ELF),
                }
            }
        }
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn root(&self) -> PathBuf {
        self.path("root")
    }

    pub fn real(&self, path: &str) -> PathBuf {
        self.root().join(path.trim_start_matches('/'))
    }

    /// Makes derivations. In `body`, `run NAME { … } "script"` is one whose builder is bash and whose
    /// PATH holds the GNU packages; `p.NAME` is a package without its version.
    pub fn derivations(&self, body: &str) -> Vec<String> {
        let packages: String = PACKAGES
            .iter()
            .map(|(package, _)| {
                let name = package.split_once("-").map_or(*package, |(name, _)| name);
                let place = self.path(&format!("packages/{package}"));
                format!(
                    "{name} = builtins.path {{ name = \"{package}\"; path = {}; }};\n",
                    place.display()
                )
            })
            .collect();
        let text = format!(
            "let p = {{ {packages} }};\n\
             path = builtins.concatStringsSep \":\" (map (x: \"${{x}}/bin\") [ p.coreutils p.gnused p.gnugrep p.bash ]);\n\
             run = name: attributes: script: derivation ({{ inherit name; system = \"x86_64-linux\";\n\
               builder = \"${{p.bash}}/bin/bash\"; args = [ \"-e\" (builtins.toFile \"builder.sh\" script) ];\n\
               preferLocalBuild = true; PATH = path; }} // attributes);\n\
             in {body}"
        );
        let file = self.path("test.nix");
        fs::write(&file, text).expect("written");
        let mut command = Command::new("nix-instantiate");
        command.arg("--store").arg(self.root()).arg(&file);
        command.env("HOME", self.directory.path());
        let output = command.output().expect("nix-instantiate starts");
        assert!(
            output.status.success(),
            "nix-instantiate failed for {body}:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).expect("text");
        text.lines().map(str::to_owned).collect()
    }

    /// The program with arguments, on this store, without the network.
    pub fn wasibuild(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().expect("it starts");
        Ran::of(output)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(arguments)
            .env_clear()
            .current_dir(self.directory.path())
            .env("WASIBUILD_STORE", self.root())
            .env("XDG_CACHE_HOME", cache())
            .env("WASIBUILD_SUBSTITUTERS", "")
            .env("WASIBUILD_CONFIG", "")
            .env("TMPDIR", self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Builds a derivation, which must succeed; returns the place of its output.
    pub fn build(&self, body: &str) -> PathBuf {
        let derivation = self.derivations(body).remove(0);
        let ran = self.wasibuild(&["run", &derivation]);
        assert_eq!(ran.code, 0, "{body}\n{}", ran.err);
        self.real(ran.out.trim_end())
    }

    /// Builds a derivation, which must be refused; returns the message.
    pub fn refused(&self, body: &str) -> String {
        let derivation = self.derivations(body).remove(0);
        let ran = self.wasibuild(&["run", &derivation]);
        assert_eq!(ran.code, 5, "{body}\n{ran:?}");
        ran.err
    }
}

impl Ran {
    pub fn of(output: std::process::Output) -> Ran {
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Writes a file that may be executed.
pub fn executable(place: &Path, text: &str) {
    fs::write(place, text).expect("written");
    fs::set_permissions(place, fs::Permissions::from_mode(0o755)).expect("a mode");
}
