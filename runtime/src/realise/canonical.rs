//! Writes a tree as it lies in a store: Nix's canonical metadata.
//!
//! Contract: files have the modes 444 or 555, directories 555, and the time of all is one second after
//! 1970 began. For stores that are not ours: our own store writes its trees itself. Counterpart:
//! `canonicalisePathMetaData` in `libstore/posix-fs-canonicalise.cc`.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use wasibuild_nix_compat::file_system_object::FileSystemObject;

use super::keep;

/// Writes a tree at `place`; what lies there is removed first.
///
/// # Errors
/// With the file that could not be written.
pub fn write(object: &FileSystemObject, place: &Path) -> io::Result<()> {
    keep::remove(place)?;
    keep::write_tree(object, place)?;
    // A directory before what is in it: from the end that is the other way round, as it must be.
    let mut order = Vec::new();
    let mut todo = vec![(place.to_owned(), object)];
    while let Some((place, object)) = todo.pop() {
        if let FileSystemObject::Directory { entries } = object {
            let entries = entries.iter();
            todo.extend(entries.map(|(name, entry)| (place.join(OsStr::from_bytes(name)), entry)));
        }
        order.push((place, object));
    }
    for (place, object) in order.iter().rev() {
        let mode = match object {
            FileSystemObject::Directory { .. } => Some(0o555),
            FileSystemObject::File {
                executable: true, ..
            } => Some(0o555),
            FileSystemObject::File {
                executable: false, ..
            } => Some(0o444),
            FileSystemObject::Symlink { .. } => None,
        };
        if let Some(mode) = mode {
            fs::set_permissions(place, fs::Permissions::from_mode(mode))?;
        }
        let time = Timespec {
            tv_sec: 1,
            tv_nsec: 0,
        };
        let times = Timestamps {
            last_access: time,
            last_modification: time,
        };
        utimensat(CWD, place, &times, AtFlags::SYMLINK_NOFOLLOW)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn modes_and_times_are_nixs() {
        let directory = tempfile::tempdir().expect("a directory");
        let place = directory.path().join("tree");
        let object = FileSystemObject::directory([
            ("run".into(), FileSystemObject::executable("#!")),
            ("text".into(), FileSystemObject::file("x")),
            ("link".into(), FileSystemObject::symlink("/nowhere")),
            ("dir".into(), FileSystemObject::directory([])),
        ]);
        fs::write(&place, "an old one").expect("written");
        write(&object, &place).expect("written");
        for (name, mode) in [("", 0o555), ("run", 0o555), ("text", 0o444), ("dir", 0o555)] {
            let metadata = fs::metadata(place.join(name)).expect("it is there");
            assert_eq!(
                (metadata.mode() & 0o7777, metadata.mtime()),
                (mode, 1),
                "{name}"
            );
        }
        let link = place.join("link").symlink_metadata().expect("it is there");
        assert_eq!(link.mtime(), 1);
    }
}
