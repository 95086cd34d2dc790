//! Adds to the store what was found beside a loose derivation.
//!
//! Contract: sources first, each only if its path follows from its content
//! ([`crate::request::SourceFile`]), then derivations, inputs first, many in one transaction.
//! Everything is read again here;
//! a file that changed since it was checked is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bstr::{BString, ByteSlice};
use wasibuild_nix_compat::content_address::{CaMethod, ContentAddress};
use wasibuild_nix_compat::derivation::Derivation;
use wasibuild_nix_compat::file_system_object::{Contents, FileSystemObject, Limits};
use wasibuild_nix_compat::hash::{HashAlgo, NixHash, hash_reader, sha256};
use wasibuild_nix_compat::nar::MAX_DEPTH;
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::store_path::{
    STORE_DIR_SLASH, StorePath, build_ca_path, build_text_path,
};
use wasibuild_store::{NewDerivation, Store};

use super::error::chain;
use crate::request::{Imports, RequestError, SourceFile, SourceForm, list_sources};

/// The longest text that may refer to other paths, in bytes.
const MAX_TEXT: u64 = 256 << 20;
/// Files up to this size are read into memory; of larger ones the file itself is used.
const IN_MEMORY: u64 = 64 * 1024;

/// Adds everything.
///
/// # Errors
/// When a file is not what its name says, or the store fails.
pub fn import(imports: &Imports, store: &Store) -> Result<(), RequestError> {
    if !imports.sources.is_empty() {
        add_sources(imports, store)?;
    }
    let new = imports.derivations.iter();
    let added = store.add_derivations(new.map(|(path, file)| read_derivation(path, file)))?;
    for ((path, file), added) in imports.derivations.iter().zip(added) {
        if added != *path {
            return Err(RequestError::WrongName {
                path: file.to_owned(),
                expected: added.basename().to_owned(),
            });
        }
    }
    Ok(())
}

fn add_sources(imports: &Imports, store: &Store) -> Result<(), RequestError> {
    let beside = list_sources(&imports.directories).map_err(|source| RequestError::Read {
        path: imports.directories.first().cloned().unwrap_or_default(),
        source,
    })?;
    let sources = Sources {
        beside: &beside,
        store,
    };
    let mut todo: Vec<(StorePath, SourceFile)> = imports.sources.clone().into_iter().collect();
    let mut waiting: BTreeMap<StorePath, (SourceFile, PathInfo)> = BTreeMap::new();
    while let Some((path, source)) = todo.pop() {
        if waiting.contains_key(&path) {
            continue;
        }
        let object = read(&path, &source)?;
        let info = sources.address(&path, &source, &object)?;
        for reference in &info.references {
            if store.is_valid(reference)? {
                continue;
            }
            let Some(found) = beside.get(reference) else {
                return Err(RequestError::MissingSource {
                    path: reference.to_absolute_path(),
                    needed_by: path.to_absolute_path(),
                });
            };
            todo.push((reference.clone(), found.clone()));
        }
        waiting.insert(path, (source, info));
    }
    // What a source refers to has to be valid before it. Since paths follow from contents, there is
    // no circle; were there one, the store would refuse the first of it.
    while let Some((first, _)) = waiting.first_key_value() {
        let free = waiting.iter().find(|(_, (_, info))| {
            info.references
                .iter()
                .all(|reference| !waiting.contains_key(reference))
        });
        let path = free.map_or(first, |(path, _)| path).clone();
        if let Some((source, info)) = waiting.remove(&path) {
            add(&path, &source, info, store)?;
        }
    }
    Ok(())
}

fn add(
    path: &StorePath,
    source: &SourceFile,
    info: PathInfo,
    store: &Store,
) -> Result<(), RequestError> {
    let object = read(path, source)?;
    if let SourceForm::Embedded(_) = source.form {
        // In memory, and the same bytes as a moment ago.
        return Ok(store.add_object(path, &object, &info.references, info.ca)?);
    }
    let bad = |error: &dyn std::error::Error| bad_source(path, source, chain(error));
    let mut nar = tempfile::spooled_tempfile(1 << 20);
    let mut writer = BufWriter::new(&mut nar);
    object.write_nar(&mut writer).map_err(|error| bad(&error))?;
    writer.flush().map_err(|error| bad(&error))?;
    drop(writer);
    nar.seek(SeekFrom::Start(0)).map_err(|error| bad(&error))?;
    Ok(store.add_nar(info, &mut nar)?)
}

fn read_derivation(path: &StorePath, file: &Path) -> Result<NewDerivation, RequestError> {
    let bytes = fs::read(file).map_err(|source| RequestError::Read {
        path: file.to_owned(),
        source,
    })?;
    match Derivation::from_aterm_bytes(&bytes) {
        Ok(derivation) => Ok(NewDerivation {
            name: path.name().to_owned(),
            bytes,
            derivation,
        }),
        Err(source) => Err(RequestError::Parse {
            path: file.to_owned(),
            source,
        }),
    }
}

/// What sources may refer to.
struct Sources<'a> {
    beside: &'a BTreeMap<StorePath, SourceFile>,
    store: &'a Store,
}

impl Sources<'_> {
    /// Finds out in which way the path follows from the content: recursively, as a text that may
    /// refer to other sources, or flat.
    fn address(
        &self,
        path: &StorePath,
        source: &SourceFile,
        object: &FileSystemObject,
    ) -> Result<PathInfo, RequestError> {
        let bad = |error: &dyn std::error::Error| bad_source(path, source, chain(error));
        let (nar_hash, nar_size) = object.nar_hash().map_err(|error| bad(&error))?;
        let mut info = PathInfo::new(path.clone(), nar_hash, nar_size);
        let hash = NixHash::sha256(nar_hash);
        let mut found = ContentAddress {
            method: CaMethod::Recursive,
            hash,
        };
        if leads_to(path, &found, &info.references) {
            info.ca = Some(found);
            return Ok(info);
        }
        if let FileSystemObject::File {
            executable: false,
            contents,
        } = object
        {
            for algo in HashAlgo::ALL {
                let hash = hash_reader(algo, &mut contents.reader())
                    .map_err(|error| bad(&error))?
                    .0;
                found = ContentAddress {
                    method: CaMethod::Flat,
                    hash,
                };
                if leads_to(path, &found, &info.references) {
                    info.ca = Some(found);
                    return Ok(info);
                }
            }
            let text = contents.to_bytes(MAX_TEXT).map_err(|error| bad(&error))?;
            info.references = self.references(&text)?;
            let hash = NixHash::sha256(sha256(&text));
            if build_text_path(path.name(), &text, &info.references)
                .is_ok_and(|built| built == *path)
            {
                info.ca = Some(ContentAddress {
                    method: CaMethod::Text,
                    hash,
                });
                return Ok(info);
            }
        }
        Err(RequestError::WrongSource {
            found: source.place.clone(),
            path: path.to_absolute_path(),
        })
    }

    /// The store paths that stand in a text. A name that is known decides where a path ends;
    /// otherwise it goes on as far as it can.
    fn references(&self, text: &[u8]) -> Result<BTreeSet<StorePath>, RequestError> {
        let mut references = BTreeSet::new();
        for at in text.find_iter(STORE_DIR_SLASH) {
            let rest = text.get(at + STORE_DIR_SLASH.len()..).unwrap_or_default();
            let length = rest.iter().take_while(|byte| is_name_byte(**byte)).count();
            let Ok(longest) = StorePath::from_basename(rest.get(..length).unwrap_or_default())
            else {
                continue;
            };
            let part = longest.hash_part();
            let beside = self
                .beside
                .keys()
                .find(|path| path.hash_part() == part)
                .cloned();
            let known = match beside {
                Some(path) => Some(path),
                None => self.store.query_path_from_hash_part(part)?,
            };
            references.insert(known.unwrap_or(longest));
        }
        Ok(references)
    }
}

/// The bytes that a store path's base name may have.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+-._?=".contains(&byte)
}

fn leads_to(path: &StorePath, ca: &ContentAddress, references: &BTreeSet<StorePath>) -> bool {
    build_ca_path(path.name(), ca.method, &ca.hash, references, false)
        .is_ok_and(|found| found == *path)
}

/// Reads a source as it lies there.
fn read(path: &StorePath, source: &SourceFile) -> Result<FileSystemObject, RequestError> {
    match source.form {
        SourceForm::Embedded(builder) => Ok(builder.object()),
        SourceForm::Plain => {
            read_tree(&source.place).map_err(|error| bad_source(path, source, error.to_string()))
        }
        SourceForm::Nar => {
            let failed = |error| RequestError::Read {
                path: source.place.clone(),
                source: error,
            };
            let file = File::open(&source.place).map_err(failed)?;
            let mut reader = BufReader::new(file);
            let object = FileSystemObject::from_nar(
                &mut reader,
                &Limits::default(),
                &mut tempfile::tempfile,
            )
            .map_err(|error| bad_source(path, source, chain(&error)))?;
            let mut rest = [0];
            match io::Read::read(&mut reader, &mut rest).map_err(failed)? {
                0 => Ok(object),
                _ => Err(bad_source(
                    path,
                    source,
                    "bytes follow the end of the archive".to_owned(),
                )),
            }
        }
    }
}

fn bad_source(path: &StorePath, source: &SourceFile, problem: String) -> RequestError {
    RequestError::BadSource {
        found: source.place.clone(),
        path: path.to_absolute_path(),
        problem,
    }
}

/// A directory that is being read.
struct Open {
    name: BString,
    place: PathBuf,
    todo: Vec<BString>,
    entries: BTreeMap<BString, FileSystemObject>,
}

/// Reads a file, link or directory of the host. No recursion; links are not followed.
fn read_tree(place: &Path) -> io::Result<FileSystemObject> {
    let mut stack: Vec<Open> = Vec::new();
    let mut next = Some((BString::default(), place.to_owned()));
    loop {
        let (name, object) = match next.take() {
            Some((name, place)) => match read_node(&place)? {
                Some(object) => (name, object),
                None if stack.len() >= MAX_DEPTH => {
                    return Err(io::Error::other(format!(
                        "'{}' is nested too deep",
                        place.display()
                    )));
                }
                None => {
                    let todo = list(&place)?;
                    stack.push(Open {
                        name,
                        place,
                        todo,
                        entries: BTreeMap::new(),
                    });
                    next = step(&mut stack);
                    continue;
                }
            },
            None => match stack.pop() {
                Some(open) => (
                    open.name,
                    FileSystemObject::Directory {
                        entries: open.entries,
                    },
                ),
                None => return Err(io::Error::other("nothing was read")),
            },
        };
        match stack.last_mut() {
            Some(parent) => {
                parent.entries.insert(name, object);
                next = step(&mut stack);
            }
            None => return Ok(object),
        }
    }
}

/// The next entry of the innermost directory; none when it is done.
fn step(stack: &mut [Open]) -> Option<(BString, PathBuf)> {
    let open = stack.last_mut()?;
    let name = open.todo.pop()?;
    let place = open.place.join(OsStr::from_bytes(&name));
    Some((name, place))
}

fn list(place: &Path) -> io::Result<Vec<BString>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(place)? {
        names.push(BString::from(entry?.file_name().into_vec()));
    }
    names.sort();
    Ok(names)
}

/// Reads a file or link; none for a directory.
fn read_node(place: &Path) -> io::Result<Option<FileSystemObject>> {
    let named = |error: io::Error| {
        io::Error::new(
            error.kind(),
            format!("cannot read '{}': {error}", place.display()),
        )
    };
    let metadata = place.symlink_metadata().map_err(named)?;
    if metadata.is_dir() {
        return Ok(None);
    }
    if metadata.is_symlink() {
        let target = fs::read_link(place)
            .map_err(named)?
            .into_os_string()
            .into_vec();
        return Ok(Some(FileSystemObject::symlink(target)));
    }
    if !metadata.is_file() {
        return Err(io::Error::other(format!(
            "'{}' is neither file, link nor directory",
            place.display()
        )));
    }
    let executable = metadata.permissions().mode() & 0o100 != 0;
    let contents = if metadata.len() <= IN_MEMORY {
        Contents::from(fs::read(place).map_err(named)?)
    } else {
        Contents::Spilled {
            file: Arc::new(File::open(place).map_err(named)?),
            len: metadata.len(),
        }
    };
    Ok(Some(FileSystemObject::File {
        executable,
        contents,
    }))
}
