//! The directory that `wasibuild sh --dir` shows: read before, brought up to date after.
//!
//! Contract: what the program did not change is not touched; a changed file is written beside its
//! place and renamed over it, so that a file is never half written. Links are copied, not followed.
//! Sockets and their like cannot be shown and are an error.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use bstr::BString;
use wasibuild_nix_compat::file_system_object::{Contents, FileSystemObject};
use wasibuild_nix_compat::nar::MAX_DEPTH;

use crate::realise::keep;

/// Files up to this size are read at once; larger ones stay where they are, open.
const SMALL: u64 = 1 << 20;

/// Reads a directory.
///
/// # Errors
/// With the file that cannot be read or shown.
pub fn read(directory: &Path) -> io::Result<FileSystemObject> {
    read_below(directory, 0)
}

fn read_below(place: &Path, depth: usize) -> io::Result<FileSystemObject> {
    if depth > MAX_DEPTH {
        return Err(named(
            place,
            io::Error::other("directories are nested too deep"),
        ));
    }
    let mut entries = BTreeMap::new();
    for entry in fs::read_dir(place).map_err(|error| named(place, error))? {
        let entry = entry.map_err(|error| named(place, error))?;
        let below = entry.path();
        let kind = entry.file_type().map_err(|error| named(&below, error))?;
        let object = if kind.is_dir() {
            read_below(&below, depth + 1)?
        } else {
            read_leaf(&below, kind).map_err(|error| named(&below, error))?
        };
        entries.insert(BString::from(entry.file_name().as_bytes()), object);
    }
    Ok(FileSystemObject::Directory { entries })
}

fn read_leaf(place: &Path, kind: fs::FileType) -> io::Result<FileSystemObject> {
    if kind.is_symlink() {
        let target = fs::read_link(place)?;
        return Ok(FileSystemObject::Symlink {
            target: target.as_os_str().as_bytes().into(),
        });
    }
    if !kind.is_file() {
        return Err(io::Error::other(
            "it is neither a file, a directory nor a symbolic link",
        ));
    }
    let mut file = File::open(place)?;
    let metadata = file.metadata()?;
    let contents = if metadata.len() <= SMALL {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Contents::from(bytes)
    } else {
        Contents::Spilled {
            file: Arc::new(file),
            len: metadata.len(),
        }
    };
    Ok(FileSystemObject::File {
        executable: metadata.permissions().mode() & 0o100 != 0,
        contents,
    })
}

/// Makes the directory what the program left of it.
///
/// # Errors
/// With the file that cannot be written.
pub fn write_back(
    directory: &Path,
    before: &FileSystemObject,
    after: &FileSystemObject,
) -> io::Result<()> {
    use FileSystemObject::{Directory, File as Regular, Symlink};
    let mut todo = vec![(directory.to_owned(), Some(before), Some(after))];
    while let Some((place, before, after)) = todo.pop() {
        match (before, after) {
            (Some(Directory { entries: before }), Some(Directory { entries: after })) => {
                let gone = before.keys().filter(|name| !after.contains_key(*name));
                for name in gone.chain(after.keys()) {
                    let below = place.join(OsStr::from_bytes(name));
                    todo.push((below, before.get(name), after.get(name)));
                }
            }
            (before, None) => {
                if before.is_some() {
                    keep::remove(&place).map_err(|error| named(&place, error))?;
                }
            }
            (Some(old @ Regular { .. }), Some(new @ Regular { .. })) => {
                if !same(old, new)? {
                    replace(new, &place)?;
                }
            }
            (Some(Symlink { target: old }), Some(Symlink { target: new })) if old == new => {}
            (_, Some(after)) => {
                keep::remove(&place).map_err(|error| named(&place, error))?;
                keep::write_tree(after, &place)?;
            }
        }
    }
    Ok(())
}

/// Writes a file beside its place, then puts it there.
fn replace(object: &FileSystemObject, place: &Path) -> io::Result<()> {
    let mut name = place.file_name().unwrap_or_default().to_owned();
    name.push(".wasibuild-new");
    let beside = place.with_file_name(name);
    keep::remove(&beside).map_err(|error| named(&beside, error))?;
    keep::write_tree(object, &beside)?;
    fs::rename(&beside, place).map_err(|error| named(place, error))
}

/// Whether two files have the same bytes and mode.
fn same(old: &FileSystemObject, new: &FileSystemObject) -> io::Result<bool> {
    let (
        FileSystemObject::File {
            executable: old_mode,
            contents: old,
        },
        FileSystemObject::File {
            executable: new_mode,
            contents: new,
        },
    ) = (old, new)
    else {
        return Ok(false);
    };
    if old_mode != new_mode || old.len() != new.len() {
        return Ok(false);
    }
    let (mut old, mut new) = (old.reader(), new.reader());
    let (mut left, mut right) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let count = old.read(&mut left)?;
        if count == 0 {
            return Ok(true);
        }
        let (left, right) = (&left[..count], &mut right[..count]);
        new.read_exact(right)?;
        if left != right {
            return Ok(false);
        }
    }
}

fn named(place: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("'{}': {error}", place.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_written() {
        let directory = tempfile::tempdir().expect("a directory");
        let place = directory.path();
        let file = |name: &str, text: &str| fs::write(place.join(name), text).expect("written");
        file("same", "1");
        file("changed", "1");
        file("gone", "1");
        fs::create_dir(place.join("dir")).expect("made");
        file("dir/gone", "1");
        std::os::unix::fs::symlink("same", place.join("link")).expect("linked");
        let before = read(place).expect("read");
        let inode = |name: &str| {
            use std::os::unix::fs::MetadataExt;
            fs::symlink_metadata(place.join(name)).expect("there").ino()
        };
        let (kept, link) = (inode("same"), inode("link"));
        let after = FileSystemObject::directory([
            ("same".into(), FileSystemObject::file("1")),
            ("changed".into(), FileSystemObject::executable("2")),
            (
                "new".into(),
                FileSystemObject::directory([("x".into(), FileSystemObject::file(""))]),
            ),
            (
                "dir".into(),
                FileSystemObject::file("no directory any more"),
            ),
            ("link".into(), FileSystemObject::symlink("same")),
        ]);
        write_back(place, &before, &after).expect("written");
        let hash = |tree: &FileSystemObject| tree.nar_hash().expect("hashed");
        assert_eq!(hash(&read(place).expect("read")), hash(&after));
        assert_eq!((inode("same"), inode("link")), (kept, link));
    }
}
