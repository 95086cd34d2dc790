//! What can go wrong in the store, as types: the path that is concerned, the cause,
//! the consequence and what to do stand in each message.
//!
//! Contract: after any of these errors the store verifies (`nix-store --verify
//! --check-contents`); what was half written is removed, or is rubbish that the
//! garbage collector removes.

use std::io;
use std::path::{Path, PathBuf};

use wasibuild_nix_compat::store_path::StorePath;

/// The result of every operation of the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A system call failed on a path.
    #[error("cannot {action} '{}': {source}", path.display())]
    Io {
        /// What was tried, as in "cannot {action} 'path'".
        action: &'static str,
        /// The file or directory on the disk.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// `ENOSPC` or `EDQUOT`, or SQLite's word for it.
    #[error(
        "cannot {action} '{}': the disk is full; the store stays valid: free some space (for instance by `wasibuild store gc`), then run again",
        path.display()
    )]
    DiskFull {
        /// What was tried.
        action: &'static str,
        /// The file or directory on the disk.
        path: PathBuf,
    },
    /// `EROFS`, or SQLite's word for it.
    #[error(
        "cannot {action} '{}': the file system is read-only; mount it writable, or choose another store with --store",
        path.display()
    )]
    ReadOnly {
        /// What was tried.
        action: &'static str,
        /// The file or directory on the disk.
        path: PathBuf,
    },
    /// The store's directory was removed or unmounted while it was open.
    #[error(
        "cannot {action} '{}': the store's directory '{}' has disappeared while it was in use; mount or restore it, then run again",
        path.display(),
        store.display()
    )]
    Vanished {
        /// What was tried.
        action: &'static str,
        /// The file or directory that was to be used.
        path: PathBuf,
        /// The store directory (`ROOT/nix/store`).
        store: PathBuf,
    },
    /// SQLite refused.
    #[error("cannot {action} in the store's database '{}': {source}", path.display())]
    Database {
        /// What was tried.
        action: &'static str,
        /// `ROOT/nix/var/nix/db/db.sqlite`.
        path: PathBuf,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
    /// `db/schema` is not the version that this program knows.
    #[error(
        "'{}' says schema version '{found}', but this program knows {expected} only: {hint}",
        path.display()
    )]
    Schema {
        /// The `schema` file.
        path: PathBuf,
        /// Its content.
        found: String,
        /// The version that this program knows.
        expected: u32,
        /// What to do.
        hint: &'static str,
    },
    /// A row of the database does not make sense.
    #[error(
        "the database's entry for '{entry}' is corrupt: {problem}; run `wasibuild store verify`"
    )]
    CorruptEntry {
        /// The path as it stands in the database.
        entry: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The path is not registered in this store.
    #[error("path '{}' is not valid in the store '{}'", path.to_absolute_path(), store.display())]
    NotValid {
        /// The path that was asked for.
        path: StorePath,
        /// The root of the store.
        store: PathBuf,
    },
    /// A path shall refer to one that is not valid.
    #[error(
        "cannot register '{}': it refers to '{}', which is not valid in this store; add that path first",
        path.to_absolute_path(),
        reference.to_absolute_path()
    )]
    InvalidReference {
        /// The referrer.
        path: StorePath,
        /// What it refers to.
        reference: StorePath,
    },
    /// The outputs of one registration refer to each other in a circle.
    #[error(
        "cannot register '{}' and '{}': they refer to each other; outputs must not form a cycle",
        path.to_absolute_path(),
        other.to_absolute_path()
    )]
    ReferenceCycle {
        /// A member of the cycle.
        path: StorePath,
        /// Another one.
        other: StorePath,
    },
    /// The caller does not hold the lock of a path that it wants to write.
    #[error("path '{}' must be locked before it is written", path.to_absolute_path())]
    NotLocked {
        /// The path.
        path: StorePath,
    },
    /// The content is not what was announced.
    #[error(
        "{what} mismatch for '{}': expected {expected}, found {found}; nothing was added. The source is damaged or lies: get the path again or from elsewhere",
        path.to_absolute_path()
    )]
    Mismatch {
        /// "hash", "size" or "content address".
        what: &'static str,
        /// The path that was to be added.
        path: StorePath,
        /// What was announced.
        expected: String,
        /// What came.
        found: String,
    },
    /// A content address that this store cannot check.
    #[error("cannot check the content address '{ca}' of '{}': {problem}", path.to_absolute_path())]
    ContentAddress {
        /// The path that was to be added.
        path: StorePath,
        /// The content address as announced.
        ca: String,
        /// Why it cannot be checked or is wrong.
        problem: String,
    },
    /// A derivation that cannot be parsed or lies about its outputs.
    #[error("derivation '{}': {problem}", path.to_absolute_path())]
    Derivation {
        /// The `.drv`.
        path: StorePath,
        /// What is wrong with it.
        problem: String,
    },
    /// An archive that is not well-formed.
    #[error("cannot read the archive of {what}: {problem}")]
    Archive {
        /// The path, or a description of the stream.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A name that cannot stand in a store path or in a directory.
    #[error("'{name}' cannot be used as {what}: {problem}")]
    BadName {
        /// The name, escaped for display.
        name: String,
        /// What it was meant for.
        what: &'static str,
        /// Why not.
        problem: String,
    },
    /// A socket, device or pipe, which a store cannot hold.
    #[error(
        "'{}' is neither a file, a directory nor a symbolic link; a store path can hold nothing else",
        path.display()
    )]
    UnsupportedFile {
        /// The file.
        path: PathBuf,
    },
    /// A file that changed while it was read.
    #[error("'{}' changed while it was copied into the store; run again when it is at rest", path.display())]
    Changed {
        /// The file or the tree.
        path: PathBuf,
    },
    /// A garbage collector root that would overwrite something.
    #[error("cannot make the link '{}': {problem}", link.display())]
    RootLink {
        /// The link.
        link: PathBuf,
        /// Why not.
        problem: String,
    },
    /// A path to be deleted is in use.
    #[error(
        "cannot delete '{}', since it is still alive ({reason}); `nix-store --store ROOT --query --roots` tells what holds it",
        path.to_absolute_path()
    )]
    Alive {
        /// The path.
        path: StorePath,
        /// Which rule keeps it.
        reason: String,
    },
    /// The signing key's file is damaged.
    #[error(
        "the store's signing key '{}' cannot be used: {problem}; move the file away to have a new key made",
        path.display()
    )]
    SigningKey {
        /// The key's file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A log that only Nix's tools can read.
    #[error("the build log is compressed; read it with: bzcat '{}'", path.display())]
    CompressedLog {
        /// The log's file.
        path: PathBuf,
    },
    /// `export` found that a path is not what was registered.
    #[error(
        "the content of '{}' has changed: its hash is {found}, but {expected} was registered; run `wasibuild store verify --check-contents`",
        path.to_absolute_path()
    )]
    Modified {
        /// The path.
        path: StorePath,
        /// The registered hash.
        expected: String,
        /// The hash of what is on the disk.
        found: String,
    },
}

impl Error {
    /// Classifies a failed system call: a full or read-only disk has its own kind.
    pub(crate) fn io(action: &'static str, path: impl AsRef<Path>, source: io::Error) -> Self {
        let path = path.as_ref().to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Error::DiskFull { action, path }
            }
            io::ErrorKind::ReadOnlyFilesystem => Error::ReadOnly { action, path },
            _ => Error::Io {
                action,
                path,
                source,
            },
        }
    }

    /// The same for `rustix`.
    pub(crate) fn sys(
        action: &'static str,
        path: impl AsRef<Path>,
        source: rustix::io::Errno,
    ) -> Self {
        Self::io(action, path, source.into())
    }

    /// The same for SQLite.
    pub(crate) fn database(
        action: &'static str,
        path: impl AsRef<Path>,
        source: rusqlite::Error,
    ) -> Self {
        let path = path.as_ref().to_owned();
        match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Error::DiskFull { action, path },
            Some(rusqlite::ErrorCode::ReadOnly) => Error::ReadOnly { action, path },
            _ => Error::Database {
                action,
                path,
                source,
            },
        }
    }

    /// True if the disk had no room.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Error::DiskFull { .. })
    }
}

/// Shortens `.map_err` for the standard library's and `rustix`' errors.
pub(crate) trait Context<T> {
    /// Names what was tried and on which path.
    fn context(self, action: &'static str, path: impl AsRef<Path>) -> Result<T>;

    /// The same; the path is put together only if there is an error.
    fn context_with(self, action: &'static str, path: impl FnOnce() -> PathBuf) -> Result<T>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, action: &'static str, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|source| Error::io(action, path, source))
    }

    fn context_with(self, action: &'static str, path: impl FnOnce() -> PathBuf) -> Result<T> {
        self.map_err(|source| Error::io(action, path(), source))
    }
}

impl<T> Context<T> for rustix::io::Result<T> {
    fn context(self, action: &'static str, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|source| Error::sys(action, path, source))
    }

    fn context_with(self, action: &'static str, path: impl FnOnce() -> PathBuf) -> Result<T> {
        self.map_err(|source| Error::sys(action, path(), source))
    }
}
