//! Store paths on the host's disk, read through cap-std, opened when first needed.
//!
//! Contract: nothing outside the declared store paths is ever opened; links are never followed by
//! the host (the sandbox resolves them in its own view); a bounded number of directories is held
//! open. On a disk that folds case, a name is found by listing its directory, so that it exists
//! only in its exact spelling, and Nix's `~nix~case~hack~N` suffix is taken off.

use super::node::FileType;
use crate::errno::{Errno, Result, from_host};
use crate::error::Fatal;
use crate::inputs::InputSet;
use bstr::{BString, ByteSlice};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, MetadataExt};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Directories of store paths held open at a time.
const OPEN_ROOTS: usize = 64;

/// Nix's marker in names that differ from another only by case (`archive.cc`, `caseHackSuffix`).
const CASE_HACK: &[u8] = b"~nix~case~hack~";

/// A file below one input.
#[derive(Clone, Debug)]
pub struct HostPath {
    root: usize,
    /// Path below the input as the disk spells it; empty for the input itself.
    below: PathBuf,
}

/// What the host says about a file.
pub enum Found {
    /// A directory.
    Directory,
    /// A regular file: size in bytes and whether its owner may execute it.
    File(u64, bool),
    /// A symbolic link and its target.
    Symlink(BString),
    /// Anything else; a store holds none.
    Special,
}

/// One name of a host directory.
#[derive(Clone)]
pub struct HostEntry {
    /// The name on the disk.
    pub name: OsString,
    /// Its type.
    pub file_type: FileType,
}

struct Root {
    name: String,
    real: PathBuf,
    dir: Option<Arc<Dir>>,
}

/// All inputs of a build.
pub struct Inputs {
    /// Those that were declared one by one, and those of the closure that were met.
    names: BTreeMap<BString, usize>,
    closure: Option<Arc<dyn InputSet>>,
    roots: Vec<Root>,
    open: VecDeque<usize>,
    /// Look names up by listing, and take the case hack's suffix off.
    pub folded_case: bool,
}

impl Inputs {
    /// The inputs by base name, each with its place on disk.
    pub fn new(
        inputs: &BTreeMap<String, PathBuf>,
        closure: Option<Arc<dyn InputSet>>,
        folded_case: bool,
    ) -> Inputs {
        let mut names = BTreeMap::new();
        let mut roots = Vec::new();
        for (name, real) in inputs {
            names.insert(BString::from(name.as_str()), roots.len());
            roots.push(Root {
                name: name.clone(),
                real: real.clone(),
                dir: None,
            });
        }
        Inputs {
            names,
            closure,
            roots,
            open: VecDeque::new(),
            folded_case,
        }
    }

    /// The input with this base name.
    pub fn find(&mut self, name: &[u8]) -> Option<HostPath> {
        let root = match self.names.get(name.as_bstr()) {
            Some(root) => *root,
            None => {
                let text = name.to_str().ok()?;
                let real = self.closure.as_ref()?.place(text)?;
                let root = self.roots.len();
                self.roots.push(Root {
                    name: text.to_owned(),
                    real,
                    dir: None,
                });
                self.names.insert(BString::from(name), root);
                root
            }
        };
        Some(HostPath {
            root,
            below: PathBuf::new(),
        })
    }

    /// Whether there is an input with this base name.
    pub fn has(&self, name: &[u8]) -> bool {
        let in_closure = |closure: &Arc<dyn InputSet>| {
            let name = name.to_str().ok();
            name.is_some_and(|name| closure.place(name).is_some())
        };
        self.names.contains_key(name.as_bstr()) || self.closure.as_ref().is_some_and(in_closure)
    }

    /// All base names, sorted.
    pub fn names(&self) -> BTreeSet<BString> {
        let closure = self.closure.as_ref().map(|closure| closure.names());
        let closure = closure.into_iter().flatten().map(BString::from);
        self.names.keys().cloned().chain(closure).collect()
    }

    /// What the store says of the NAR of the input that is this very file, if it says anything.
    pub fn nar_hash(&self, path: &HostPath) -> Option<[u8; 32]> {
        let root = self.roots.get(path.root)?;
        let closure = self.closure.as_ref()?;
        match path.below.as_os_str().is_empty() {
            true => closure.nar_hash(&root.name),
            false => None,
        }
    }

    /// The path of a child of a directory.
    pub fn child(&self, parent: &HostPath, name: &std::ffi::OsStr) -> HostPath {
        HostPath {
            root: parent.root,
            below: parent.below.join(name),
        }
    }

    /// What is at `path`; `None` if there is nothing.
    pub fn look(&mut self, path: &HostPath) -> Result<Option<Found>> {
        let top = path.below.as_os_str().is_empty();
        let found = if top {
            let real = self.real(path)?;
            std::fs::symlink_metadata(&real).and_then(|meta| {
                if meta.is_symlink() {
                    std::fs::read_link(&real).map(|target| symlink(target.into_os_string()))
                } else {
                    Ok(classify(
                        meta.is_dir(),
                        meta.is_file(),
                        meta.len(),
                        std::os::unix::fs::MetadataExt::mode(&meta),
                    ))
                }
            })
        } else {
            let dir = self.directory(path)?;
            dir.symlink_metadata(&path.below).and_then(|meta| {
                if meta.is_symlink() {
                    dir.read_link_contents(&path.below)
                        .map(|target| symlink(target.into_os_string()))
                } else {
                    Ok(classify(
                        meta.is_dir(),
                        meta.is_file(),
                        meta.len(),
                        meta.mode(),
                    ))
                }
            })
        };
        match found {
            Ok(found) => Ok(Some(found)),
            Err(error) if top => Err(self.vanished(path, &error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.vanished(path, &error)),
        }
    }

    /// The names in a directory, sorted, with the case hack undone where the disk folds case.
    pub fn list(&mut self, path: &HostPath) -> Result<BTreeMap<BString, HostEntry>> {
        let dir = self.directory(path)?;
        let entries = if path.below.as_os_str().is_empty() {
            dir.entries()
        } else {
            dir.read_dir(&path.below)
        };
        let read = |entries: io::Result<cap_std::fs::ReadDir>| -> io::Result<_> {
            let mut sorted = BTreeMap::new();
            for entry in entries? {
                let entry = entry?;
                let name = entry.file_name();
                let kind = entry.file_type()?;
                let file_type = if kind.is_dir() {
                    FileType::Directory
                } else if kind.is_symlink() {
                    FileType::SymbolicLink
                } else if kind.is_file() {
                    FileType::RegularFile
                } else {
                    FileType::Unknown
                };
                let shown = if self.folded_case {
                    without_case_hack(name.as_bytes())
                } else {
                    name.as_bytes()
                };
                sorted.insert(BString::from(shown), HostEntry { name, file_type });
            }
            Ok(sorted)
        };
        read(entries).map_err(|error| self.vanished(path, &error))
    }

    /// Opens a regular file for reading.
    pub fn open(&mut self, path: &HostPath) -> Result<std::fs::File> {
        let opened = if path.below.as_os_str().is_empty() {
            let real = self.real(path)?;
            match (real.parent(), real.file_name()) {
                (Some(parent), Some(name)) => Dir::open_ambient_dir(parent, ambient_authority())
                    .and_then(|parent| parent.open(name)),
                _ => Err(io::ErrorKind::NotFound.into()),
            }
        } else {
            self.directory(path)?.open(&path.below)
        };
        opened
            .map(cap_std::fs::File::into_std)
            .map_err(|error| match from_host(&error) {
                Errno::Noent => Errno::Noent.into(),
                _ => self.vanished(path, &error),
            })
    }

    /// The open directory of the input that holds `path`.
    fn directory(&mut self, path: &HostPath) -> Result<Arc<Dir>> {
        let real = self.real(path)?;
        if let Some(dir) = self.roots.get(path.root).and_then(|root| root.dir.clone()) {
            return Ok(dir);
        }
        let dir = Dir::open_ambient_dir(&real, ambient_authority())
            .map(Arc::new)
            .map_err(|error| self.vanished(path, &error))?;
        if self.open.len() >= OPEN_ROOTS
            && let Some(oldest) = self.open.pop_front()
            && let Some(root) = self.roots.get_mut(oldest)
        {
            root.dir = None;
        }
        self.open.push_back(path.root);
        if let Some(root) = self.roots.get_mut(path.root) {
            root.dir = Some(Arc::clone(&dir));
        }
        Ok(dir)
    }

    /// The input's place on disk.
    fn real(&self, path: &HostPath) -> Result<PathBuf> {
        self.roots
            .get(path.root)
            .map(|root| root.real.clone())
            .ok_or(Errno::Noent.into())
    }

    /// An input that cannot be read ends the build: its bytes would be wrong otherwise.
    fn vanished(&self, path: &HostPath, error: &io::Error) -> crate::errno::Fail {
        let real = self
            .roots
            .get(path.root)
            .map_or(Path::new(""), |root| root.real.as_path());
        Fatal::Host(format!(
            "input '{}' cannot be read: {error}; check the store with `verify`",
            real.join(&path.below).display()
        ))
        .into()
    }
}

/// A link's target as bytes.
fn symlink(target: OsString) -> Found {
    Found::Symlink(BString::from(target.into_vec()))
}

/// The kind of a file that is no link.
fn classify(is_dir: bool, is_file: bool, len: u64, mode: u32) -> Found {
    if is_dir {
        Found::Directory
    } else if is_file {
        Found::File(len, mode & 0o100 != 0)
    } else {
        Found::Special
    }
}

/// The name without Nix's case-hack suffix.
fn without_case_hack(name: &[u8]) -> &[u8] {
    match name.rfind(CASE_HACK) {
        Some(at) => name.get(..at).unwrap_or(name),
        None => name,
    }
}
