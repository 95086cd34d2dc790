//! What earlier attempts met: the derivations that need a program which the sandbox does not run.
//!
//! Contract: one small file for each derivation, named after its first output, so that every door knows it
//! by the same name, and processes that run at once need no lock: a file appears whole or not at all. A
//! decision counts for the builders that made it: other versions, which may have the program, ask again, and
//! decisions of versions that are gone are deleted. Losing any of this costs an attempt and nothing else, so
//! that nothing here is an error of a build.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_sandbox::ForeignProgram;

use crate::embedded::GENERATION;
use crate::platform;

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 64 * 1024;
/// The longest text that is kept of one member, in characters.
const MAX_TEXT: usize = 1000;
/// How long decisions of another version are kept after the last was added.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// The table of decisions; without a place it forgets everything.
#[derive(Debug, Clone, Default)]
pub struct Decisions {
    place: Option<PathBuf>,
}

/// A derivation's attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The derivation's name.
    pub name: String,
    /// The program that is not run here, printable.
    pub program: String,
    /// Why it is not, printable.
    pub problem: String,
    /// The script and the line that asked for it, printable, if known.
    pub script: Option<String>,
    /// When that was, in seconds since 1970.
    pub when: u64,
}

impl Decisions {
    /// The table below a state directory.
    pub fn at(state: Option<&Path>) -> Decisions {
        Decisions {
            place: state.map(|state| state.join("decisions")),
        }
    }

    /// A table that forgets everything.
    pub fn none() -> Decisions {
        Decisions::default()
    }

    /// What is known of the derivation with this output.
    pub fn recall(&self, output: &StorePath) -> Option<Remembered> {
        let file = self.file(output)?;
        let mut text = Vec::new();
        let opened = fs::File::open(file).ok()?;
        opened.take(MAX_FILE).read_to_end(&mut text).ok()?;
        let value: Value = serde_json::from_slice(&text).ok()?;
        let member = |name: &str| value.get(name).and_then(Value::as_str).map(clean);
        Some(Remembered {
            name: member("name")?,
            program: member("program")?,
            problem: member("problem")?,
            script: member("script"),
            when: value
                .get("when")
                .and_then(Value::as_u64)
                .unwrap_or_default(),
        })
    }

    /// Notes that an attempt met a foreign program.
    pub fn remember(&self, output: &StorePath, name: &str, program: &ForeignProgram) {
        let script = program
            .place
            .as_ref()
            .map(|(script, line)| format!("line {line} of '{script}'"));
        let value = json!({
            "name": clean(name),
            "program": clean(&program.program.to_string()),
            "problem": clean(&program.reason),
            "script": script.map(|script| clean(&script)),
            "when": platform::now(),
        });
        if let Err(error) = self.write(output, &value) {
            tracing::debug!(%error, output = output.basename(), "cannot remember a decision");
        }
    }

    /// Forgets a derivation; whether it was known.
    ///
    /// # Errors
    /// When its file cannot be removed.
    pub fn forget(&self, output: &StorePath) -> io::Result<bool> {
        let Some(file) = self.file(output) else {
            return Ok(false);
        };
        match fs::remove_file(file) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn file(&self, output: &StorePath) -> Option<PathBuf> {
        let place = self.place.as_ref()?;
        Some(place.join(GENERATION).join(file_name(output)))
    }

    fn write(&self, output: &StorePath, value: &Value) -> io::Result<()> {
        let Some(place) = &self.place else {
            return Ok(());
        };
        let directory = place.join(GENERATION);
        if !directory.is_dir() {
            fs::create_dir_all(&directory)?;
            // The only time that is often enough and seldom enough.
            forget_old(place);
        }
        let mut file = tempfile::NamedTempFile::new_in(&directory)?;
        file.write_all(value.to_string().as_bytes())?;
        file.persist(directory.join(file_name(output)))?;
        Ok(())
    }
}

/// The digest alone: names may differ only in case.
fn file_name(output: &StorePath) -> String {
    let digest: String = output.basename().chars().take(32).collect();
    format!("{digest}.json")
}

/// Removes what versions left that were not used for long.
fn forget_old(place: &Path) {
    let Ok(entries) = fs::read_dir(place) else {
        return;
    };
    for entry in entries.flatten() {
        let old = || -> Option<bool> {
            let changed = entry.metadata().ok()?.modified().ok()?;
            Some(SystemTime::now().duration_since(changed).ok()? > KEPT)
        };
        if entry.file_name() != GENERATION && old() == Some(true) {
            // Another process may have done it.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// One line without control characters, of a bounded length.
fn clean(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().take(MAX_TEXT).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> StorePath {
        let name = format!("0c7vblp8bqv2gwv9vrghm2v9nb0cl4ak-{name}");
        StorePath::from_basename(name.as_bytes()).expect("a path")
    }

    fn program() -> ForeignProgram {
        ForeignProgram {
            program: "/nix/store/x/bin/fc-cache\x1b".into(),
            requested: "fc-cache".into(),
            argv: Vec::new(),
            cwd: "/build".into(),
            parent: 1,
            parent_argv: Vec::new(),
            place: Some(("builder.sh".into(), 3)),
            reason: "a program for Linux that no applet replaces".to_owned(),
        }
    }

    #[test]
    fn what_is_remembered_is_recalled_until_it_is_forgotten() {
        let state = tempfile::tempdir().expect("a directory");
        let decisions = Decisions::at(Some(&state.path().join("deep/state")));
        assert_eq!(decisions.recall(&path("a")), None);
        decisions.remember(&path("a"), "a", &program());
        let found = decisions.recall(&path("a")).expect("known");
        assert_eq!(found.program, "/nix/store/x/bin/fc-cache\u{fffd}");
        assert_eq!(found.script.as_deref(), Some("line 3 of 'builder.sh'"));
        // Another process sees it.
        let again = Decisions::at(Some(&state.path().join("deep/state")));
        assert_eq!(again.recall(&path("a")), Some(found));
        assert_eq!(again.forget(&path("a")).ok(), Some(true));
        assert_eq!(again.forget(&path("a")).ok(), Some(false));
        assert_eq!(decisions.recall(&path("a")), None);
    }

    #[test]
    fn damaged_files_and_other_versions_count_for_nothing() {
        let state = tempfile::tempdir().expect("a directory");
        let decisions = Decisions::at(Some(state.path()));
        decisions.remember(&path("a"), "a", &program());
        let file = decisions.file(&path("a")).expect("a place");
        for text in ["", "{", "[]", "{\"name\": 3}", "\u{0}"] {
            fs::write(&file, text).expect("written");
            assert_eq!(decisions.recall(&path("a")), None, "{text}");
        }
        let other = state.path().join("decisions/another-version");
        fs::create_dir_all(&other).expect("made");
        fs::write(
            other.join(file.file_name().expect("a name")),
            "{\"name\":\"a\",\"program\":\"b\",\"problem\":\"c\"}",
        )
        .expect("written");
        assert_eq!(decisions.recall(&path("a")), None);
        // Young ones stay, whoever they belong to.
        forget_old(&state.path().join("decisions"));
        assert!(other.is_dir());
    }

    #[test]
    fn old_versions_are_deleted() {
        let state = tempfile::tempdir().expect("a directory");
        let old = state.path().join("decisions/another-version");
        fs::create_dir_all(&old).expect("made");
        let long_ago = SystemTime::now() - KEPT - Duration::from_secs(60);
        fs::File::open(&old)
            .and_then(|file| file.set_modified(long_ago))
            .expect("a time");
        let decisions = Decisions::at(Some(state.path()));
        decisions.remember(&path("a"), "a", &program());
        assert!(!old.exists() && decisions.recall(&path("a")).is_some());
    }

    #[test]
    fn without_a_place_nothing_is_remembered() {
        Decisions::none().remember(&path("a"), "a", &program());
        assert_eq!(Decisions::none().recall(&path("a")), None);
        // A place that cannot be made is no error either.
        let file = tempfile::NamedTempFile::new().expect("a file");
        let blocked = Decisions::at(Some(file.path()));
        blocked.remember(&path("a"), "a", &program());
        assert_eq!(blocked.recall(&path("a")), None);
    }
}
