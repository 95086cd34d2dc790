//! Writes trees where people can look at them: what `--keep-failed` and `--check` leave behind.
//!
//! Contract: these are copies for eyes, never store objects: files are writable by their owner, and
//! nothing is registered. No recursion.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice};
use wasibuild_nix_compat::file_system_object::FileSystemObject;

/// Writes a tree at `place`, which must not exist.
///
/// # Errors
/// With the file that could not be written.
pub fn write_tree(object: &FileSystemObject, place: &Path) -> io::Result<()> {
    let mut todo = vec![(place.to_owned(), object)];
    while let Some((place, object)) = todo.pop() {
        write_node(object, &place).map_err(|error| named(&place, error))?;
        if let FileSystemObject::Directory { entries } = object {
            for (name, object) in entries {
                if !is_plain_name(name) {
                    return Err(named(
                        &place,
                        io::Error::other("an entry has an impossible name"),
                    ));
                }
                todo.push((place.join(OsStr::from_bytes(name)), object));
            }
        }
    }
    Ok(())
}

/// Removes what an earlier run left there.
pub fn remove(place: &Path) -> io::Result<()> {
    match place.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(place),
        Ok(_) => fs::remove_file(place),
    }
}

/// Writes what a failed build left into a directory of its own, and says where, or why not.
pub fn keep_leftovers(name: &str, leftovers: &BTreeMap<BString, FileSystemObject>) -> String {
    let kept = failed_directory(name).and_then(|directory| {
        for (name, object) in leftovers {
            write_tree(object, &directory.join(OsStr::from_bytes(name)))?;
        }
        Ok(directory)
    });
    match kept {
        Ok(directory) => format!(
            "keeping what the build of '{name}' left in '{}'",
            directory.display()
        ),
        Err(error) => format!("cannot keep what the build of '{name}' left: {error}"),
    }
}

/// Makes a directory of its own for a failed build and returns it.
pub fn failed_directory(name: &str) -> io::Result<PathBuf> {
    let prefix = format!("wasibuild-{name}-");
    Ok(tempfile::Builder::new().prefix(&prefix).tempdir()?.keep())
}

fn write_node(object: &FileSystemObject, place: &Path) -> io::Result<()> {
    match object {
        FileSystemObject::Directory { .. } => fs::create_dir(place),
        FileSystemObject::Symlink { target } => symlink(OsStr::from_bytes(target), place),
        FileSystemObject::File {
            executable,
            contents,
        } => {
            let mode = if *executable { 0o755 } else { 0o644 };
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(mode)
                .open(place)?;
            io::copy(&mut contents.reader(), &mut file).map(|_| ())
        }
    }
}

fn is_plain_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && name.find_byteset(b"/\0").is_none()
}

fn named(place: &Path, error: io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("cannot write '{}': {error}", place.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_are_written_and_removed() {
        let directory = tempfile::tempdir().expect("a directory");
        let place = directory.path().join("tree");
        let object = FileSystemObject::directory([
            (
                "dir".into(),
                FileSystemObject::directory([("run".into(), FileSystemObject::executable("#!"))]),
            ),
            ("link".into(), FileSystemObject::symlink("/nowhere")),
        ]);
        write_tree(&object, &place).expect("written");
        assert_eq!(fs::read(place.join("dir/run")).expect("read"), b"#!");
        assert_eq!(
            fs::read_link(place.join("link")).expect("read"),
            Path::new("/nowhere")
        );
        write_tree(&object, &place).expect_err("it exists");
        remove(&place).expect("removed");
        remove(&place).expect("nothing to remove");
        assert!(!place.exists());
    }

    #[test]
    fn a_name_cannot_lead_out() {
        let directory = tempfile::tempdir().expect("a directory");
        for name in ["..", "a/b", "", "."] {
            let object = FileSystemObject::directory([(name.into(), FileSystemObject::file(""))]);
            let place = directory.path().join("tree");
            write_tree(&object, &place).expect_err("refused");
            remove(&place).expect("removed");
        }
    }
}
