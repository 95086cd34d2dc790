//! Sources that lie beside a loose derivation.
//!
//! Contract: a source `/nix/store/HASH-NAME` may lie beside the file as `HASH-NAME` (a file, link or
//! directory) or as `HASH-NAME.nar`. Either is taken only if the path follows from the content, in
//! one of the ways in which Nix names sources: recursive SHA-256 (paths, `nix-store --add`), a text
//! (`builtins.toFile`), or a flat hash. A source may refer to other sources of the same derivation.
//! The program's own builders count as lying there.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use wasibuild_nix_compat::store_path::StorePath;

use crate::embedded::{self, Builder};

/// A source that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Where it lies.
    pub place: PathBuf,
    /// How.
    pub form: SourceForm,
}

/// How a source lies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceForm {
    /// As it will be in the store.
    Plain,
    /// As a NAR.
    Nar,
    /// In the program.
    Embedded(&'static Builder),
}

/// Looks for a source in directories, in their order, then among the program's builders.
pub(super) fn find(path: &StorePath, directories: &[PathBuf]) -> Option<SourceFile> {
    let beside = directories.iter().find_map(|directory| {
        let plain = directory.join(path.basename());
        if exists(&plain) {
            return Some(SourceFile {
                place: plain,
                form: SourceForm::Plain,
            });
        }
        let nar = directory.join(format!("{}.nar", path.basename()));
        exists(&nar).then_some(SourceFile {
            place: nar,
            form: SourceForm::Nar,
        })
    });
    beside.or_else(|| {
        embedded::find(path).map(|builder| SourceFile {
            place: PathBuf::from(format!("builder {} of this program", builder.name)),
            form: SourceForm::Embedded(builder),
        })
    })
}

/// Everything in directories that has the name of a store object and is no derivation.
///
/// # Errors
/// When a directory cannot be listed.
pub fn list(directories: &[PathBuf]) -> io::Result<BTreeMap<StorePath, SourceFile>> {
    let mut found = BTreeMap::new();
    for directory in directories {
        for entry in fs::read_dir(directory)? {
            let name = entry?.file_name();
            let name = name.as_bytes();
            let base_name = name.strip_suffix(b".nar").unwrap_or(name);
            let Ok(path) = StorePath::from_basename(base_name) else {
                continue;
            };
            if !path.is_derivation()
                && !found.contains_key(&path)
                && let Some(source) = find(&path, directories)
            {
                found.insert(path, source);
            }
        }
    }
    Ok(found)
}

/// Whether there is something, be it a link that points nowhere.
fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
