//! The embedded store: a directory that is a genuine Nix chroot store.
//!
//! Contract: `nix-store --store ROOT` and this package can use one store at the same
//! time; what either registers the other finds. Whatever happens (a killed process, a
//! full disk), a path that is registered is complete, and the rest is rubbish that the
//! next writer of the path or a garbage collection removes. Paths are logical:
//! `/nix/store/X` lies at `ROOT/nix/store/X`.
//!
//! Counterpart in Nix: `LocalStore` (`local-store.cc`, `gc.cc`, `pathlocks.cc`).
#![forbid(unsafe_code)]

mod add;
mod add_derivations;
mod build_log;
mod cursor;
mod database;
mod derivations;
mod error;
mod gc;
mod gc_socket;
mod hooks;
mod layout;
mod lock_file;
mod lower;
mod outputs;
mod platform;
mod queries;
mod register;
mod remove_tree;
mod roots;
mod signing_key;
mod temp_roots;
mod transfer;
mod verify;
mod walk_tree;
mod write_tree;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use rustix::fs::Mode;
use wasibuild_nix_compat::narinfo::SecretKey;
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::store_path::StorePath;

pub use add_derivations::NewDerivation;
pub use build_log::BuildLogWriter;
pub use error::{Error, Result};
pub use gc::{GcAction, GcOptions, GcReport};
pub use hooks::FaultHook;
pub use outputs::{NewPath, OutputLocks, PlacedOutputs};
pub use roots::Root;
pub use verify::{Problem, Report};

use database::Database;
use error::Context;
use hooks::Hooks;
use layout::Layout;
use lower::Lower;
use temp_roots::TempRoots;

/// An open store. Clones are cheap and share everything; threads may use it at once.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    layout: Layout,
    /// The store directory, to which all writing is relative.
    dir: OwnedFd,
    database: Database,
    temp_roots: TempRoots,
    lower: Option<Lower>,
    case_insensitive: bool,
    hooks: Hooks,
    secret_key: OnceLock<SecretKey>,
    /// The files of a key that was just made, until they are surely on the disk.
    unsynced_key: Mutex<Vec<File>>,
    modulo_hashes: Mutex<derivations::ModuloHashes>,
}

/// How to open a store; the default is right for all but tests.
#[derive(Clone, Default)]
pub struct OpenOptions {
    case_insensitive: Option<bool>,
    fault_hook: Option<FaultHook>,
    host_store: Option<PathBuf>,
}

impl OpenOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says whether names that differ only by case are one file on the store's disk.
    /// Without this the disk is asked.
    pub fn case_insensitive(mut self, yes: bool) -> Self {
        self.case_insensitive = Some(yes);
        self
    }

    /// Takes over what another store on this machine holds, from now on ([`Store::take_over`]). Its root
    /// is kept in this store.
    pub fn host_store(mut self, root: Option<PathBuf>) -> Self {
        self.host_store = root;
        self
    }

    /// For tests: is called at each step that may fail or at which a process may be
    /// killed (see `hooks.rs`).
    #[doc(hidden)]
    pub fn fault_hook(mut self, hook: FaultHook) -> Self {
        self.fault_hook = Some(hook);
        self
    }

    /// Opens the store at `root`, making it on first use.
    pub fn open(self, root: &Path) -> Result<Store> {
        let layout = Layout::create(root)?;
        let dir = rustix::fs::open(&layout.store, cursor::OPEN_DIR, Mode::empty())
            .context("open the store directory", &layout.store)?;
        let database = Database::open(&layout)?;
        if let Some(root) = &self.host_store {
            Lower::note(&layout, root)?;
        }
        let case_insensitive = self
            .case_insensitive
            .unwrap_or_else(|| platform::same_file(dir.as_fd(), ".links", ".LINKS"));
        Ok(Store {
            inner: Arc::new(Inner {
                temp_roots: TempRoots::new(&layout),
                lower: Lower::open(&layout),
                layout,
                dir,
                database,
                case_insensitive,
                hooks: Hooks::new(self.fault_hook),
                secret_key: OnceLock::new(),
                unsynced_key: Mutex::default(),
                modulo_hashes: Mutex::default(),
            }),
        })
    }
}

impl Store {
    /// Opens the store at `root`, making it on first use.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// let store = wasibuild_store::Store::open(dir.path())?;
    /// let path = store.add_text("greeting", b"hello\n", &Default::default())?;
    /// assert_eq!(path.to_string(), "ybf7by4xvcgjhwilsg87rqz9di79bify-greeting");
    /// assert!(store.is_valid(&path)?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn open(root: &Path) -> Result<Store> {
        OpenOptions::new().open(root)
    }

    /// The root, absolute and without symbolic links.
    pub fn root(&self) -> &Path {
        &self.inner.layout.root
    }

    /// The store directory on the disk (`ROOT/nix/store`).
    pub fn store_dir(&self) -> &Path {
        &self.inner.layout.store
    }

    /// Where a path lies on the disk, whether it is valid or not.
    pub fn real_path(&self, path: &StorePath) -> PathBuf {
        let here = self.inner.layout.store.join(path.basename());
        match &self.inner.lower {
            Some(lower) if here.symlink_metadata().is_err() => {
                lower.real_path(path).unwrap_or(here)
            }
            _ => here,
        }
    }

    /// The facts of a path, or none if it is not valid.
    pub fn query_path_info(&self, path: &StorePath) -> Result<Option<PathInfo>> {
        let info = self.inner.database.path_info(path)?;
        Ok(info.filter(|_| self.is_present(path)))
    }

    /// True if the path is registered.
    pub fn is_valid(&self, path: &StorePath) -> Result<bool> {
        Ok(self.inner.database.is_valid(path)? && self.is_present(path))
    }

    /// The valid path with these 32 digits before its dash.
    pub fn query_path_from_hash_part(&self, hash_part: &str) -> Result<Option<StorePath>> {
        self.inner.database.path_from_hash_part(hash_part)
    }

    /// The paths that a path refers to; none if it is not valid.
    pub fn query_references(&self, path: &StorePath) -> Result<BTreeSet<StorePath>> {
        self.inner.database.references(path)
    }

    /// The valid paths that refer to a path.
    pub fn query_referrers(&self, path: &StorePath) -> Result<BTreeSet<StorePath>> {
        self.inner.database.referrers(path)
    }

    /// The valid derivations that have this path as an output.
    pub fn query_valid_derivers(&self, path: &StorePath) -> Result<BTreeSet<StorePath>> {
        self.inner.database.valid_derivers(path)
    }

    /// The outputs of a valid derivation, by name.
    pub fn query_derivation_outputs(
        &self,
        drv: &StorePath,
    ) -> Result<std::collections::BTreeMap<String, StorePath>> {
        self.inner.database.derivation_outputs(drv)
    }

    /// The derivation that made a path, if that is known (it need not be valid itself).
    pub fn query_deriver(&self, path: &StorePath) -> Result<Option<StorePath>> {
        Ok(self.query_path_info(path)?.and_then(|info| info.deriver))
    }

    /// Every valid path.
    pub fn all_valid_paths(&self) -> Result<BTreeSet<StorePath>> {
        self.inner.database.all_valid_paths()
    }

    /// The paths and all that they refer to, directly or not. All must be valid.
    pub fn query_closure(&self, paths: &BTreeSet<StorePath>) -> Result<BTreeSet<StorePath>> {
        let closure = self.database().closure(paths)?;
        match paths.iter().find(|path| !closure.contains(*path)) {
            Some(path) => Err(self.not_valid(path)),
            None => Ok(closure),
        }
    }

    /// Protects a path, valid or not yet, from garbage collections, ours and Nix's, as
    /// long as this process has this store open.
    pub fn add_temp_root(&self, path: &StorePath) -> Result<()> {
        self.add_temp_roots([path])
    }

    /// The same for many paths, with one write.
    pub fn add_temp_roots<'a>(&self, paths: impl IntoIterator<Item = &'a StorePath>) -> Result<()> {
        self.explain(self.inner.temp_roots.add(paths))
    }

    /// Gives up all temporary roots of this process, for a server that has no client at the moment and
    /// keeps the store open.
    pub fn release_temp_roots(&self) {
        self.inner.temp_roots.release();
    }

    /// Writes the NAR of a valid path as it is on the disk.
    pub fn write_nar(&self, path: &StorePath, writer: &mut dyn Write) -> Result<()> {
        if !self.is_valid(path)? {
            return Err(self.not_valid(path));
        }
        self.explain(self.dump(path.basename(), writer))
    }

    /// Writes the NAR of any entry of the store directory.
    fn dump(&self, name: &str, writer: &mut dyn Write) -> Result<()> {
        let mut sink = walk_tree::NarSink::new(writer);
        let (dir, store) = self.place_of(name);
        walk_tree::walk_tree(dir, store, name.as_bytes(), self.strips_case(), &mut sink)
            .and_then(|()| sink.finish().map(|_| ()))
            .map_err(|error| match error {
                Error::Archive { problem, .. } => Error::Archive {
                    what: store.join(name).display().to_string(),
                    problem,
                },
                other => other,
            })
    }

    fn layout(&self) -> &Layout {
        &self.inner.layout
    }

    fn database(&self) -> &Database {
        &self.inner.database
    }

    fn dir(&self) -> BorrowedFd<'_> {
        self.inner.dir.as_fd()
    }

    fn hooks(&self) -> &Hooks {
        &self.inner.hooks
    }

    /// True if names on the disk may carry Nix's `~nix~case~hack~` suffix. Nix on macOS
    /// writes it on a case-sensitive disk too.
    fn strips_case(&self) -> bool {
        self.inner.case_insensitive || platform::NIX_USES_CASE_HACK
    }

    fn target(&self) -> write_tree::Target<'_> {
        write_tree::Target {
            dir: self.dir(),
            path: &self.layout().store,
            case_hack: self.inner.case_insensitive,
            hooks: self.hooks(),
        }
    }

    fn not_valid(&self, path: &StorePath) -> Error {
        Error::NotValid {
            path: path.clone(),
            store: self.root().to_owned(),
        }
    }

    /// Says so if the store has vanished, whatever call noticed it first.
    fn explain<T>(&self, result: Result<T>) -> Result<T> {
        let store = &self.layout().store;
        result.map_err(|error| match error {
            Error::Io {
                action,
                path,
                source,
            } if source.kind() == std::io::ErrorKind::NotFound && !store.is_dir() => {
                tracing::debug!(%source, "the store has vanished");
                Error::Vanished {
                    action,
                    path,
                    store: store.clone(),
                }
            }
            other => other,
        })
    }
}
