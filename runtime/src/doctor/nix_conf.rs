//! The configuration of Nix, as far as it concerns its builds.
//!
//! Contract: reads as Nix does (`libutil/configuration.cc`, `applyConfig`): `name = value`, `#` begins a
//! comment, `include` and `!include` read other files, `extra-NAME` adds to a list. What cannot be read is
//! told, not fatal. Each value knows its file and line. Files are looked for below a root.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::setup::block;

/// The deepest chain of included files.
const MAX_DEPTH: usize = 8;
/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 4 << 20;

/// A setting of Nix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The value; of a list, with what `extra-` added.
    pub text: String,
    /// The file that set it last, as Nix names it.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
}

/// All settings that files set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NixConf {
    values: BTreeMap<String, Value>,
    /// Settings that named wasibuild and were set again without it: the name, what it was, what it is.
    pub hidden: Vec<(String, Value, Value)>,
    /// What could not be read or makes no sense.
    pub problems: Vec<String>,
    /// The files that were read, as Nix names them.
    pub files: Vec<PathBuf>,
    /// Reads as if `wasibuild setup` had added nothing.
    pub without_ours: bool,
}

impl NixConf {
    /// Reads a file, as Nix names it, below `root`. A file that is not there sets nothing.
    pub fn read(&mut self, root: &Path, file: &Path) {
        self.include(root, file, true, 0);
    }

    /// Reads settings that stand in a variable, whose name takes the place of a file's.
    pub fn read_text(&mut self, root: &Path, name: &str, text: &str) {
        let file = Path::new(name);
        self.files.push(file.to_owned());
        self.lines(root, file, text, 0);
    }

    fn lines(&mut self, root: &Path, file: &Path, text: &str, depth: usize) {
        for (number, line) in text.lines().enumerate() {
            self.line(root, file, number + 1, line, depth);
        }
    }

    fn include(&mut self, root: &Path, file: &Path, optional: bool, depth: usize) {
        let shown = file.display();
        if depth > MAX_DEPTH {
            self.problems
                .push(format!("'{shown}' is included too deeply"));
            return;
        }
        let place = below(root, file);
        let small = place.metadata().map(|data| data.len() <= MAX_FILE);
        let text = match small {
            Ok(true) => fs::read(&place),
            Ok(false) => Err(std::io::Error::other("it is too large")),
            Err(error) => Err(error),
        };
        let text = match text {
            Ok(text) if self.without_ours => {
                String::from_utf8_lossy(&block::remove(&text)).into_owned()
            }
            Ok(text) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) if optional && error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => {
                self.problems
                    .push(format!("Nix cannot read '{shown}': {error}"));
                return;
            }
        };
        self.files.push(file.to_owned());
        self.lines(root, file, &text, depth);
    }

    fn line(&mut self, root: &Path, file: &Path, number: usize, line: &str, depth: usize) {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let Some(name) = words.next() else { return };
        let rest: Vec<&str> = words.collect();
        match (name, rest.as_slice()) {
            ("include" | "!include", [other]) => {
                let directory = file.parent().unwrap_or(Path::new("/"));
                let other = directory.join(other);
                // In a variable, what is relative is so to the working directory.
                let other = std::path::absolute(&other).unwrap_or(other);
                self.include(root, &other, name == "!include", depth + 1);
            }
            (_, ["=", values @ ..]) => self.set(name, &values.join(" "), file, number),
            _ => self.problems.push(format!(
                "'{}' line {number} is no setting: Nix refuses the whole file",
                file.display()
            )),
        }
    }

    fn set(&mut self, name: &str, text: &str, file: &Path, line: usize) {
        let (name, before) = match name.strip_prefix("extra-") {
            // `extra-platforms` is a name of its own.
            Some(base) if name != "extra-platforms" => {
                (base, self.values.get(base).map(|value| value.text.clone()))
            }
            _ => (name, None),
        };
        let text = match before {
            Some(before) if !before.is_empty() => format!("{before} {text}"),
            _ => text.to_owned(),
        };
        let value = Value {
            text,
            file: file.to_owned(),
            line,
        };
        let ours = |value: &Value| value.text.contains("wasibuild");
        let before = self.values.insert(name.to_owned(), value.clone());
        self.hidden
            .retain(|(known, ..)| known != name || !ours(&value));
        if let Some(before) = before.filter(|before| ours(before) && !ours(&value)) {
            self.hidden.push((name.to_owned(), before, value));
        }
    }

    /// A setting.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// The text of a setting, or its default.
    pub fn text<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        self.get(name).map_or(default, |value| &value.text)
    }

    /// Whether a list has a word.
    pub fn lists(&self, name: &str, word: &str) -> bool {
        self.text(name, "")
            .split_whitespace()
            .any(|found| found == word)
    }
}

/// Where a file that is named absolutely lies below a root.
pub fn below(root: &Path, file: &Path) -> PathBuf {
    root.join(file.strip_prefix("/").unwrap_or(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_nix_does() {
        let root = tempfile::tempdir().expect("a directory");
        let directory = root.path().join("etc/nix");
        fs::create_dir_all(&directory).expect("made");
        let write =
            |name: &str, text: &str| fs::write(directory.join(name), text).expect("written");
        write(
            "nix.conf",
            "builders =   a  b # c\n\nextra-features = x\nfeatures = y\nextra-features = z\n!include no.conf\ninclude more.conf\nextra-platforms = i686-linux\n",
        );
        write("more.conf", "builders =\nbroken line\ninclude gone.conf\n");
        let mut conf = NixConf::default();
        conf.read(root.path(), Path::new("/etc/nix/nix.conf"));
        conf.read(root.path(), Path::new("/etc/nix/absent.conf"));
        let builders = conf.get("builders").expect("set");
        assert_eq!((builders.text.as_str(), builders.line), ("", 1));
        assert_eq!(builders.file, Path::new("/etc/nix/more.conf"));
        assert_eq!(conf.text("features", ""), "y z");
        assert!(conf.lists("features", "z") && !conf.lists("features", "x"));
        assert_eq!(conf.text("extra-platforms", ""), "i686-linux");
        assert_eq!(conf.problems.len(), 2, "{:?}", conf.problems);
        assert!(
            conf.problems[0].contains("'/etc/nix/more.conf' line 2"),
            "{:?}",
            conf.problems
        );
        assert!(
            conf.problems[1].contains("cannot read '/etc/nix/gone.conf'"),
            "{:?}",
            conf.problems
        );
    }

    #[test]
    fn a_file_that_includes_itself_ends() {
        let root = tempfile::tempdir().expect("a directory");
        fs::write(root.path().join("a"), "include a\n").expect("written");
        let mut conf = NixConf::default();
        conf.read(root.path(), Path::new("/a"));
        assert!(
            conf.problems[0].contains("too deeply"),
            "{:?}",
            conf.problems
        );
    }
}
