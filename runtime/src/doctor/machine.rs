//! What the doctor looks at: the Nix of a machine, its configuration, files and permissions.
//!
//! Contract: only looks. Everything is below a root, which is `/` unless a test or an image is looked at;
//! the only programs that run are `nix --version`, and none below another root unless it is named.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::nix_conf::{NixConf, below};
use super::sources::Sources;
use super::version::Version;
use crate::policy::{Policy, VmPolicy};

/// What is known of the program `nix`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NixProgram {
    /// It is there.
    Found(Version),
    /// It is there and does not say what it is.
    Odd(String),
    /// It is not there.
    Missing,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: String,
    /// Whether it is root.
    pub root: bool,
    /// The number, if it is the user of this process or known from the root's `passwd`.
    pub uid: Option<u32>,
    /// The groups, by name.
    pub groups: Vec<String>,
    /// The home directory, as the machine names it.
    pub home: Option<PathBuf>,
}

/// A file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// The owner.
    pub owner: u32,
    /// The permissions.
    pub mode: u32,
    /// Whether it is a directory.
    pub directory: bool,
    /// Whether it is a socket.
    pub socket: bool,
}

/// See the module.
pub struct Machine {
    /// Where it begins.
    pub root: PathBuf,
    /// Who asks.
    pub person: Person,
    /// Nix.
    pub nix: NixProgram,
    /// Where settings are looked for.
    pub sources: Sources,
    /// The daemon's settings.
    pub conf: NixConf,
    /// The settings of who asks, on top of them.
    pub own: NixConf,
    /// Whether a daemon of Nix builds, for several users.
    pub multi_user: bool,
    /// What the user decided, or what is wrong with it.
    pub policy: Result<Policy, String>,
    /// The root of our own store, as the machine names it.
    pub store: Option<PathBuf>,
    /// This program, as Nix would call it.
    pub program: PathBuf,
    /// Whether there is a virtual machine for this computer's own architecture; none if that cannot be
    /// asked, since another root is looked at.
    pub vm: Option<Result<(), String>>,
    /// The directories of programs, as the machine names them.
    pub path: Vec<PathBuf>,
}

impl Machine {
    /// The settings that count where builds are started: those of Nix's daemon, else those of who asks.
    pub fn building(&self) -> &NixConf {
        match self.multi_user {
            true => &self.conf,
            false => &self.own,
        }
    }

    /// The file to which a setting for the whole machine goes.
    pub fn system_conf(&self) -> &Path {
        self.sources.machine_file(self.multi_user)
    }

    /// Asks a program what it is.
    pub fn ask(program: &Path) -> NixProgram {
        let output = Command::new(program)
            .arg("--version")
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output();
        let text = match output {
            Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return NixProgram::Missing;
            }
            Err(error) => return NixProgram::Odd(error.to_string()),
        };
        match Version::parse(&text) {
            Some(version) => NixProgram::Found(version),
            None => NixProgram::Odd(format!(
                "it says '{}'",
                text.lines().next().unwrap_or_default()
            )),
        }
    }

    /// Nix's version, if it is known.
    pub fn version(&self) -> Option<&Version> {
        match &self.nix {
            NixProgram::Found(version) => Some(version),
            _ => None,
        }
    }

    /// The place of a path of the machine.
    pub fn place(&self, path: &Path) -> PathBuf {
        below(&self.root, path)
    }

    /// What lies at a path of the machine, links followed as far as they stay below the root.
    pub fn node(&self, path: &Path) -> Option<Node> {
        node(&self.place(path))
    }

    /// Whether a path of the machine goes through a link.
    pub fn has_link(&self, path: &Path) -> bool {
        let above = path.ancestors().filter(|above| above.parent().is_some());
        above.map(|above| self.place(above)).any(|place| {
            place
                .symlink_metadata()
                .is_ok_and(|data| data.file_type().is_symlink())
        })
    }

    /// A program in the search path.
    pub fn find(&self, name: &Path) -> Option<PathBuf> {
        if name.is_absolute() {
            return self.node(name).map(|_| name.to_owned());
        }
        let mut places = self.path.iter().map(|directory| directory.join(name));
        places.find(|place| {
            self.node(place)
                .is_some_and(|node| !node.directory && node.mode & 0o111 != 0)
        })
    }

    /// The settings of the machine, or the defaults if they are broken.
    pub fn vm(&self) -> VmPolicy {
        self.policy
            .as_ref()
            .map_or_else(|_| VmPolicy::default(), |policy| policy.vm.clone())
    }
}

fn node(place: &Path) -> Option<Node> {
    use std::os::unix::fs::FileTypeExt;
    let data = fs::metadata(place).ok()?;
    Some(Node {
        owner: data.uid(),
        mode: data.mode() & 0o7777,
        directory: data.is_dir(),
        socket: data.file_type().is_socket(),
    })
}

/// Whether there is something at a path of the machine.
pub fn place_exists(root: &Path, path: &str) -> bool {
    below(root, Path::new(path)).symlink_metadata().is_ok()
}

/// The user of a name, from the root's `passwd` and `group`.
pub fn person(root: &Path, name: &str, uid: Option<u32>, home: Option<PathBuf>) -> Person {
    let read = |file: &str| fs::read_to_string(below(root, Path::new(file))).unwrap_or_default();
    let passwd = read("/etc/passwd");
    let entry = passwd
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|parts| parts.first() == Some(&name));
    let part = |at: usize| entry.as_ref().and_then(|parts| parts.get(at).copied());
    let uid = part(2).and_then(|uid| uid.parse().ok()).or(uid);
    let group = part(3);
    let groups = read("/etc/group");
    let groups = groups.lines().filter_map(|line| {
        let parts: Vec<&str> = line.split(':').collect();
        let [own, _, number, members] = parts.as_slice() else {
            return None;
        };
        let member = members.split(',').any(|member| member == name) || Some(*number) == group;
        member.then(|| (*own).to_owned())
    });
    Person {
        name: name.to_owned(),
        root: uid.map_or(name == "root", |uid| uid == 0),
        uid,
        groups: groups.collect(),
        home: home.or_else(|| part(5).map(PathBuf::from)),
    }
}
