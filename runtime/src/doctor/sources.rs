//! Where Nix looks for its settings: the machine's file, the user's files, and variables.
//!
//! Contract: pure; counterpart of `loadConfFile` and `getUserConfigFiles` in Nix's `libstore/globals.cc`. What is
//! read later counts more. A daemon of Nix does not see the variables of who asks, but is told what the user's
//! files and `NIX_CONFIG` set.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::machine::Person;
use super::nix_conf::NixConf;

/// Where Nix's own configuration lies.
pub const SYSTEM_CONF: &str = "/etc/nix/nix.conf";
/// The variable that has settings itself.
const VARIABLE: &str = "NIX_CONFIG";

/// Where a user's Nix finds its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// The machine's file, for a Nix that asks no daemon.
    pub machine: PathBuf,
    /// The user's files; the first counts most.
    pub own: Vec<PathBuf>,
    /// The settings in `NIX_CONFIG`.
    pub text: Option<String>,
}

impl Sources {
    /// Those of a person, and of these variables of the environment.
    pub fn of(person: &Person, variable: impl Fn(&str) -> Option<OsString>) -> Sources {
        let full = |name: &str| variable(name).filter(|value| !value.is_empty());
        let text = |value: OsString| value.to_string_lossy().into_owned();
        let machine = full("NIX_CONF_DIR").map_or_else(
            || PathBuf::from(SYSTEM_CONF),
            |directory| PathBuf::from(directory).join("nix.conf"),
        );
        let paths = |list: String| -> Vec<PathBuf> {
            let parts = list.split(':').filter(|part| !part.is_empty());
            parts.map(PathBuf::from).collect()
        };
        let own = match variable("NIX_USER_CONF_FILES") {
            Some(files) => paths(text(files)),
            None => {
                let home = full("XDG_CONFIG_HOME").map(PathBuf::from);
                let home = home.or_else(|| Some(person.home.as_ref()?.join(".config")));
                let shared = variable("XDG_CONFIG_DIRS").map_or("/etc/xdg".to_owned(), text);
                let all = home.into_iter().chain(paths(shared));
                all.map(|directory| directory.join("nix/nix.conf"))
                    .collect()
            }
        };
        Sources {
            machine,
            own,
            text: variable(VARIABLE).map(text),
        }
    }

    /// Reads the settings of who builds, a daemon of Nix if there is one, and those of who asks, on top of them;
    /// `without_ours` as if `wasibuild setup` had added nothing.
    pub fn read(&self, root: &Path, multi_user: bool, without_ours: bool) -> (NixConf, NixConf) {
        let mut conf = NixConf::default();
        conf.without_ours = without_ours;
        conf.read(root, self.machine_file(multi_user));
        let mut own = conf.clone();
        own.problems.clear();
        own.files.clear();
        for file in self.own.iter().rev() {
            own.read(root, file);
        }
        if let Some(text) = &self.text {
            own.read_text(root, VARIABLE, text);
        }
        (conf, own)
    }

    /// The machine's file that counts.
    pub fn machine_file(&self, multi_user: bool) -> &Path {
        match multi_user {
            true => Path::new(SYSTEM_CONF),
            false => &self.machine,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::machine::Person;

    fn sources(variables: &[(&str, &str)]) -> Sources {
        let person = Person {
            name: "alice".to_owned(),
            root: false,
            uid: None,
            groups: Vec::new(),
            home: Some("/home/alice".into()),
        };
        Sources::of(&person, |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).into())
        })
    }

    #[test]
    fn without_variables_these_are_the_customary_files() {
        let plain = sources(&[]);
        assert_eq!(plain.machine, Path::new("/etc/nix/nix.conf"));
        let own = ["/home/alice/.config/nix/nix.conf", "/etc/xdg/nix/nix.conf"];
        assert_eq!(plain.own, own.map(PathBuf::from));
        assert_eq!(plain.text, None);
    }

    #[test]
    fn variables_name_others() {
        let all = sources(&[
            ("NIX_CONF_DIR", "/conf"),
            ("XDG_CONFIG_HOME", "/x"),
            ("XDG_CONFIG_DIRS", "/y:/z"),
            ("NIX_CONFIG", "a = b"),
        ]);
        assert_eq!(all.machine, Path::new("/conf/nix.conf"));
        // A daemon of Nix does not see the variable.
        assert_eq!(all.machine_file(true), Path::new("/etc/nix/nix.conf"));
        let own = ["/x/nix/nix.conf", "/y/nix/nix.conf", "/z/nix/nix.conf"];
        assert_eq!(all.own, own.map(PathBuf::from));
        assert_eq!(all.text.as_deref(), Some("a = b"));
        let named = sources(&[("NIX_USER_CONF_FILES", "/a:/b"), ("XDG_CONFIG_HOME", "/x")]);
        assert_eq!(named.own, ["/a", "/b"].map(PathBuf::from));
        // Set to nothing: none.
        assert!(sources(&[("NIX_USER_CONF_FILES", "")]).own.is_empty());
        // Not so the others.
        let empty = sources(&[("NIX_CONF_DIR", "")]);
        assert_eq!(empty.machine, Path::new("/etc/nix/nix.conf"));
    }

    #[test]
    fn what_is_read_later_counts_more() {
        let root = tempfile::tempdir().expect("a directory");
        for (name, text) in [
            ("machine", "builders = m\ncores = 1\nextra-features = m\n"),
            ("first", "builders = f\nextra-features = f\n"),
            ("second", "builders = s\njobs = 2\n"),
        ] {
            std::fs::write(root.path().join(name), text).expect("written");
        }
        let read = Sources {
            machine: "/machine".into(),
            own: vec!["/first".into(), "/second".into()],
            text: Some("include /second\nextra-features = v".to_owned()),
        }
        .read(root.path(), false, false);
        let (conf, own) = read;
        assert_eq!(
            (conf.text("builders", ""), conf.text("jobs", "")),
            ("m", "")
        );
        assert_eq!(own.text("builders", ""), "s");
        assert_eq!(own.text("features", ""), "m f v");
        assert_eq!((own.text("cores", ""), own.text("jobs", "")), ("1", "2"));
        let from = own.get("features").map(|value| value.file.clone());
        assert_eq!(from, Some("NIX_CONFIG".into()));
        assert!(own.problems.is_empty(), "{:?}", own.problems);
    }
}
