//! The build directory that Nix made: files for the builder before, and what it left after a failure.
//!
//! Contract: Nix puts only plain files there (`.attrs.json`, `passAsFile`, reference graphs); whatever
//! else is there is refused rather than left out.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use bstr::BString;
use wasibuild_nix_compat::file_system_object::FileSystemObject;

use crate::realise::keep;

/// The files in it.
pub(super) fn read(directory: &Path) -> io::Result<BTreeMap<BString, BString>> {
    let named = |place: &Path, error: &dyn std::fmt::Display| {
        io::Error::other(format!("cannot read '{}': {error}", place.display()))
    };
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).map_err(|error| named(directory, &error))? {
        let entry = entry.map_err(|error| named(directory, &error))?;
        let place = entry.path();
        let kind = entry.file_type().map_err(|error| named(&place, &error))?;
        if !kind.is_file() {
            return Err(named(&place, &"it is not a plain file"));
        }
        let contents = fs::read(&place).map_err(|error| named(&place, &error))?;
        files.insert(entry.file_name().into_vec().into(), contents.into());
    }
    Ok(files)
}

/// Writes what a failed build left beside what is there; it is for people's eyes, so that what cannot
/// be written is left out.
pub(super) fn write_back(left: &FileSystemObject, directory: &Path) {
    let FileSystemObject::Directory { entries } = left else {
        return;
    };
    for (name, object) in entries {
        let place = directory.join(OsStr::from_bytes(name));
        if place.symlink_metadata().is_err()
            && let Err(error) = keep::write_tree(object, &place)
        {
            tracing::warn!("what the build left cannot be kept: {error}");
        }
    }
}
