//! The changes of files, made and taken back.
//!
//! Contract: each file appears whole or stays as it was, and keeps its owner and permissions. The record is
//! written before the first change, so that what was interrupted can be taken back. What is not as we left
//! it is not touched.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::record::{Entry, Record};
use super::{SetupError, block};
use crate::doctor::nix_conf::below;

/// One change; paths are those of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Lines in a file, between our marks.
    Lines {
        /// The file.
        path: PathBuf,
        /// The lines.
        lines: Vec<String>,
    },
    /// A file of ours.
    File {
        /// The file.
        path: PathBuf,
        /// Its content.
        text: String,
    },
    /// A symbolic link of ours.
    Link {
        /// The link.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
}

impl Change {
    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            Change::Lines { path, .. } | Change::File { path, .. } | Change::Link { path, .. } => {
                path
            }
        }
    }

    fn text(&self) -> String {
        match self {
            Change::Lines { lines, .. } => lines.iter().map(|line| format!("{line}\n")).collect(),
            Change::File { text, .. } => text.clone(),
            Change::Link { target, .. } => target.to_string_lossy().into_owned(),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Change::Lines { .. } => "lines",
            Change::File { .. } => "file",
            Change::Link { .. } => "link",
        }
    }
}

/// All changes, and what is to be done by hand after them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The changes, in this order.
    pub changes: Vec<Change>,
    /// Commands.
    pub then: Vec<String>,
}

impl Plan {
    /// The text that is printed before anything is done.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for change in &self.changes {
            let path = change.path().display();
            out.push_str(&match change {
                Change::Lines { .. } => format!("{path}: add the lines\n"),
                Change::File { .. } => format!("{path}: make the file\n"),
                Change::Link { .. } => format!("{path}: make a symbolic link to\n"),
            });
            change
                .text()
                .lines()
                .for_each(|line| out.push_str(&format!("    {line}\n")));
        }
        if !self.then.is_empty() {
            out.push_str("then run\n");
            self.then
                .iter()
                .for_each(|line| out.push_str(&format!("    {line}\n")));
        }
        out
    }
}

/// A root, and where its record is.
pub struct Target {
    /// The root.
    pub root: PathBuf,
    /// The record, as the machine names it.
    pub record: PathBuf,
}

impl Target {
    fn place(&self, path: &Path) -> PathBuf {
        below(&self.root, path)
    }

    /// What was done before.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn recorded(&self) -> Result<Option<Record>, SetupError> {
        let place = self.place(&self.record);
        match fs::read(&place) {
            Ok(bytes) => Record::parse(&bytes)
                .map(Some)
                .map_err(|problem| SetupError::Refused {
                    path: self.record.clone(),
                    problem: format!("it is no record of `wasibuild setup`: {problem}"),
                }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(SetupError::io("read", &place)(error)),
        }
    }

    /// Makes the changes, in place of those that were made before; whether anything was to be done.
    ///
    /// # Errors
    /// [`SetupError`]; what was done until then is in the record.
    pub fn apply(&self, plan: &Plan) -> Result<bool, SetupError> {
        if let Some(record) = self.recorded()? {
            if self.stands(&record, plan) {
                return Ok(false);
            }
            self.undo()?;
        }
        for change in &plan.changes {
            self.check(change)?;
        }
        let mut record = Record::default();
        let paths = plan
            .changes
            .iter()
            .map(Change::path)
            .chain([self.record.as_path()]);
        for path in paths {
            self.missing_directories(path, &mut record.directories);
        }
        for change in &plan.changes {
            record.entries.push(Entry {
                path: change.path().to_owned(),
                kind: change.kind().to_owned(),
                text: change.text(),
                made: self.place(change.path()).symlink_metadata().is_err(),
            });
        }
        for directory in &record.directories {
            let place = self.place(directory);
            match fs::create_dir(&place) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(SetupError::io("make the directory", &place)(error));
                }
                _ => {}
            }
        }
        self.write(&self.record, &record.to_bytes())?;
        for change in &plan.changes {
            self.make(change)?;
        }
        Ok(true)
    }

    /// Takes back what was done; what was not as we left it.
    ///
    /// # Errors
    /// [`SetupError`]; what is not taken back stays in the record.
    pub fn undo(&self) -> Result<Vec<PathBuf>, SetupError> {
        let Some(record) = self.recorded()? else {
            return Ok(Vec::new());
        };
        let mut left = Record {
            directories: record.directories.clone(),
            entries: Vec::new(),
        };
        for entry in record.entries.iter().rev() {
            if !self.take_back(entry)? {
                left.entries.insert(0, entry.clone());
            }
        }
        if !left.entries.is_empty() {
            self.write(&self.record, &left.to_bytes())?;
            return Ok(left.entries.into_iter().map(|entry| entry.path).collect());
        }
        let place = self.place(&self.record);
        fs::remove_file(&place).map_err(SetupError::io("remove", &place))?;
        for directory in record.directories.iter().rev() {
            // One that others use by now stays.
            let _ = fs::remove_dir(self.place(directory));
        }
        Ok(Vec::new())
    }

    /// Whether everything is as the plan wants it.
    fn stands(&self, record: &Record, plan: &Plan) -> bool {
        record.entries.len() == plan.changes.len()
            && record
                .entries
                .iter()
                .zip(&plan.changes)
                .all(|(entry, change)| {
                    entry.path == change.path()
                        && entry.kind == change.kind()
                        && entry.text == change.text()
                        && self.found(entry).as_deref() == Some(entry.text.as_bytes())
                })
    }

    /// What stands where an entry is.
    fn found(&self, entry: &Entry) -> Option<Vec<u8>> {
        let place = self.place(&entry.path);
        match entry.kind.as_str() {
            "lines" => block::find(&fs::read(place).ok()?).map(|found| found.text),
            "file" => fs::read(place).ok(),
            _ => {
                let target = fs::read_link(place).ok()?;
                Some(target.to_string_lossy().into_owned().into_bytes())
            }
        }
    }

    fn check(&self, change: &Change) -> Result<(), SetupError> {
        let place = self.place(change.path());
        let refused = |problem: &str| SetupError::Refused {
            path: change.path().to_owned(),
            problem: problem.to_owned(),
        };
        let Ok(there) = place.symlink_metadata() else {
            return Ok(());
        };
        match change {
            Change::Lines { .. } if !there.is_file() => Err(refused("it is no plain file")),
            Change::Lines { .. } => Ok(()),
            _ => Err(refused(
                "it is there already, and not from `wasibuild setup`\nhint: move it away first",
            )),
        }
    }

    fn missing_directories(&self, path: &Path, found: &mut Vec<PathBuf>) {
        let above = path.ancestors().skip(1);
        let mut missing: Vec<PathBuf> = above
            .take_while(|above| !self.place(above).is_dir())
            .filter(|above| !found.iter().any(|known| known == above))
            .map(Path::to_owned)
            .collect();
        missing.reverse();
        found.append(&mut missing);
    }

    fn make(&self, change: &Change) -> Result<(), SetupError> {
        let place = self.place(change.path());
        match change {
            Change::Lines { path, lines } => {
                let before = self.read(path)?;
                self.write(path, &block::put(&before, lines))
            }
            Change::File { path, text } => self.write(path, text.as_bytes()),
            Change::Link { target, .. } => std::os::unix::fs::symlink(target, &place)
                .map_err(SetupError::io("make the link", &place)),
        }
    }

    /// Whether it is gone.
    fn take_back(&self, entry: &Entry) -> Result<bool, SetupError> {
        let place = self.place(&entry.path);
        let Some(found) = self.found(entry) else {
            // It was never made, or somebody took it back.
            return Ok(entry.kind == "lines" || place.symlink_metadata().is_err());
        };
        if found != entry.text.as_bytes() {
            return Ok(false);
        }
        if entry.kind == "lines" {
            let rest = block::remove(&self.read(&entry.path)?);
            if !(entry.made && rest.is_empty()) {
                self.write(&entry.path, &rest)?;
                return Ok(true);
            }
        }
        fs::remove_file(&place).map_err(SetupError::io("remove", &place))?;
        Ok(true)
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, SetupError> {
        let place = self.place(path);
        match fs::read(&place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            result => result.map_err(SetupError::io("read", &place)),
        }
    }

    /// Writes a file in one step, with the owner and the permissions of the one that was there.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), SetupError> {
        let place = self.place(path);
        let failed = || SetupError::io("write", &place);
        let directory = place.parent().unwrap_or(Path::new("/"));
        let mut file = tempfile::NamedTempFile::new_in(directory).map_err(failed())?;
        file.write_all(bytes).map_err(failed())?;
        let mode = match fs::metadata(&place) {
            Ok(before) => {
                let now = file.as_file().metadata().map_err(failed())?;
                if (now.uid(), now.gid()) != (before.uid(), before.gid()) {
                    std::os::unix::fs::fchown(
                        file.as_file(),
                        Some(before.uid()),
                        Some(before.gid()),
                    )
                    .map_err(failed())?;
                }
                before.mode() & 0o7777
            }
            Err(_) => 0o644,
        };
        let permissions = fs::Permissions::from_mode(mode);
        file.as_file()
            .set_permissions(permissions)
            .map_err(failed())?;
        file.as_file().sync_all().map_err(failed())?;
        file.persist(&place)
            .map_err(|error| failed()(error.error))?;
        Ok(())
    }
}
