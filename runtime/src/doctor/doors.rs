//! The doors through which Nix hands builds over, as Nix's settings have them.
//!
//! Contract: pure, but for the file of machines that `builders` may name. Nix's counterparts are
//! `getMachines` in `libstore/machines.cc` and `libstore/unix/build/external-derivation-builder.cc`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::machine::Machine;
use super::nix_conf::{NixConf, Value};

/// A door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Door {
    /// `wasibuild daemon`, named in `builders`
    Daemon,
    /// `wasibuild external-builder`, named in `external-builders`
    ExternalBuilder,
    /// `wasibuild hook`, named in `build-hook`
    Hook,
}

impl Door {
    /// All.
    pub const ALL: [Door; 3] = [Door::Daemon, Door::ExternalBuilder, Door::Hook];

    /// The command's name.
    pub fn name(self) -> &'static str {
        match self {
            Door::Daemon => "daemon",
            Door::ExternalBuilder => "external-builder",
            Door::Hook => "hook",
        }
    }
}

/// A line of `builders`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Builder {
    /// The store's URI.
    pub uri: String,
    /// The systems.
    pub systems: Vec<String>,
    /// Builds at once, as it stands there.
    pub jobs: String,
}

impl Builder {
    /// The socket of a `unix://` builder.
    pub fn socket(&self) -> Option<PathBuf> {
        let rest = self.uri.strip_prefix("unix://")?;
        let path = rest.split('?').next().unwrap_or(rest);
        Some(PathBuf::from(path))
    }

    /// Its parameter `root`.
    pub fn root(&self) -> Option<PathBuf> {
        let (_, parameters) = self.uri.split_once('?')?;
        let root = parameters
            .split('&')
            .find_map(|pair| pair.strip_prefix("root="))?;
        Some(PathBuf::from(root))
    }

    /// Whether it is another machine's wasibuild.
    pub fn is_remote(&self) -> bool {
        self.uri.starts_with("ssh-ng://") && self.uri.contains("wasibuild")
    }
}

/// What `builders` is where nothing sets it.
pub fn machines(machine: &Machine) -> String {
    let file = machine.system_conf().with_file_name("machines");
    format!("@{}", file.display())
}

/// The builders that a configuration names, those of `@FILE` included; without the setting, those of `default`.
pub fn builders(conf: &NixConf, default: &str, root: &Path) -> Vec<Builder> {
    let text = conf.text("builders", default);
    let mut found = Vec::new();
    for entry in text.split(';') {
        let entry = entry.trim();
        match entry.strip_prefix('@') {
            Some(file) => {
                let place = super::nix_conf::below(root, Path::new(file));
                let text = fs::read_to_string(place).unwrap_or_default();
                found.extend(text.lines().filter_map(builder));
            }
            None => found.extend(builder(entry)),
        }
    }
    found
}

fn builder(line: &str) -> Option<Builder> {
    let line = line.split('#').next().unwrap_or_default();
    let mut words = line.split_whitespace();
    let uri = words.next()?;
    let systems = words.next().unwrap_or("-");
    let jobs = words.nth(1).unwrap_or("1");
    Some(Builder {
        uri: uri.to_owned(),
        systems: systems.split(',').map(str::to_owned).collect(),
        jobs: jobs.to_owned(),
    })
}

/// An entry of `external-builders`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct External {
    /// The systems.
    pub systems: Vec<String>,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// The entries of `external-builders`.
///
/// # Errors
/// What is wrong with the setting.
pub fn externals(value: &Value) -> Result<Vec<External>, String> {
    let json: Json =
        serde_json::from_str(&value.text).map_err(|error| format!("it is no JSON: {error}"))?;
    let entries = json.as_array().ok_or("it is no JSON list")?;
    let words = |entry: &Json, name: &str| -> Vec<String> {
        let list = entry.get(name).and_then(Json::as_array);
        let words = list.into_iter().flatten().filter_map(Json::as_str);
        words.map(str::to_owned).collect()
    };
    let read = |entry: &Json| {
        let program = entry.get("program").and_then(Json::as_str);
        Ok(External {
            systems: words(entry, "systems"),
            program: PathBuf::from(program.ok_or("an entry has no 'program'")?),
            arguments: words(entry, "args"),
        })
    };
    entries.iter().map(read).collect()
}

/// Whether systems name one that only wasibuild builds.
pub fn has_wasm(systems: &[String]) -> bool {
    systems
        .iter()
        .any(|system| crate::router::is_wasm(system.as_str().into()))
}

/// Whether Nix's settings open a door to us.
pub fn configured(machine: &Machine, door: Door) -> bool {
    match door {
        Door::Daemon => ours(machine).next().is_some(),
        Door::ExternalBuilder => machine
            .building()
            .get("external-builders")
            .is_some_and(|value| match externals(value) {
                Ok(entries) => entries
                    .iter()
                    .any(|entry| has_wasm(&entry.systems) || names_us(&entry.program)),
                Err(_) => value.text.contains("wasibuild"),
            }),
        Door::Hook => machine
            .building()
            .text("build-hook", "")
            .contains("wasibuild"),
    }
}

/// The builders that are ours.
pub fn ours(machine: &Machine) -> impl Iterator<Item = Builder> {
    builders(&machine.own, &machines(machine), &machine.root)
        .into_iter()
        .filter(|builder| {
            builder.is_remote()
                || builder.socket().is_some()
                    && (has_wasm(&builder.systems) || builder.uri.contains("wasibuild"))
        })
}

fn names_us(program: &Path) -> bool {
    program
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with("wasibuild"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_builders_are_read() {
        let root = tempfile::tempdir().expect("a directory");
        fs::create_dir_all(root.path().join("etc/nix")).expect("made");
        fs::write(
            root.path().join("etc/nix/nix.conf"),
            "builders = @/etc/nix/machines ; unix:///a/b.sock?x=y&root=/r wasm32-wasip1,x86_64-linux - 4 1 # c\n",
        )
        .expect("written");
        fs::write(
            root.path().join("etc/nix/machines"),
            "# none\nssh://host x86_64-linux\n",
        )
        .expect("written");
        let mut conf = NixConf::default();
        conf.read(root.path(), Path::new("/etc/nix/nix.conf"));
        let default = "@/etc/nix/machines";
        let found = builders(&conf, default, root.path());
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(
            (found[0].uri.as_str(), found[0].jobs.as_str()),
            ("ssh://host", "1")
        );
        assert_eq!(found[1].socket(), Some("/a/b.sock".into()));
        assert_eq!(found[1].root(), Some("/r".into()));
        assert_eq!(
            (found[1].jobs.as_str(), has_wasm(&found[1].systems)),
            ("4", true)
        );
        // Without the setting it is the file of machines.
        assert_eq!(builders(&NixConf::default(), default, root.path()).len(), 1);
    }
}
