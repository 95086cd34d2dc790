//! Sources that lie beside a loose derivation.
//!
//! Contract: a source `/nix/store/HASH-NAME` may lie beside the file as `HASH-NAME` (a file, link or
//! directory) or as `HASH-NAME.nar`. Either is taken only if the path follows from the content, in
//! one of the ways in which Nix names sources: recursive SHA-256 (paths, `nix-store --add`), a text
//! (`builtins.toFile`), or a flat hash. A source may refer to other sources of the same derivation.

use std::path::{Path, PathBuf};

use wasibuild_nix_compat::content_address::ContentAddress;
use wasibuild_nix_compat::store_path::StorePath;

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
}

/// What a source's path follows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The content address to register.
    pub ca: ContentAddress,
    /// Whether the references that were scanned are part of the path.
    pub with_references: bool,
}

/// Looks for a source in directories, in their order.
pub(super) fn find(path: &StorePath, directories: &[PathBuf]) -> Option<SourceFile> {
    directories.iter().find_map(|directory| {
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
    })
}

/// Whether there is something, be it a link that points nowhere.
fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
