//! The host's own store below this one: what is valid there need not be copied here.
//!
//! Contract: the other store is only read, its database and its trees, and its owner is believed: it is
//! named by who may write to this store. A path is taken over with its closure, by its facts alone: it
//! becomes valid here, and lies there. It counts as valid as long as its tree is in one of the two places, so
//! that what the host's collector removes is asked for again. Derivations are never taken over. Which store
//! it is stands in `nix/var/wasibuild/host-store`, a link, so that every program that opens this one
//! knows. Counterpart: the lower store of Nix's `local-overlay` stores.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, statat};
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::store_path::StorePath;

use crate::Store;
use crate::cursor::OPEN_DIR;
use crate::database::Database;
use crate::error::{Context, Result};
use crate::layout::Layout;
use crate::outputs::OutputLocks;
use crate::register::Registration;

/// The name of the link to the other store's root.
const LINK: &str = "host-store";

/// See the module.
#[derive(Debug)]
pub(crate) struct Lower {
    store: PathBuf,
    dir: OwnedFd,
    database: Database,
}

impl Lower {
    /// Notes the other store's root in this one.
    pub(crate) fn note(layout: &Layout, root: &Path) -> Result<()> {
        let link = layout.own.join(LINK);
        if fs::read_link(&link).is_ok_and(|found| found == root) {
            return Ok(());
        }
        let new = layout.own.join(format!("{LINK}.{}", std::process::id()));
        std::os::unix::fs::symlink(root, &new)
            .and_then(|()| fs::rename(&new, &link))
            .context("make the link", &link)
    }

    /// Opens the store that was noted. One that cannot be opened now is as if nothing were valid in it.
    pub(crate) fn open(layout: &Layout) -> Option<Lower> {
        let link = layout.own.join(LINK);
        let root = match fs::read_link(&link) {
            Ok(root) => root,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(link = %link.display(), %error, "the host's store is not used");
                return None;
            }
        };
        match Self::open_root(&root) {
            Ok(lower) => Some(lower),
            Err(error) => {
                tracing::warn!(root = %root.display(), %error, "the host's store is not used");
                None
            }
        }
    }

    fn open_root(root: &Path) -> Result<Lower> {
        let store = root.join("nix/store");
        let dir = rustix::fs::open(&store, OPEN_DIR, Mode::empty())
            .context("open the store directory", &store)?;
        let database = Database::open_to_read(&root.join("nix/var/nix/db"))?;
        Ok(Lower {
            store,
            dir,
            database,
        })
    }

    /// The store directory, by its descriptor and its path.
    pub(crate) fn directory(&self) -> (BorrowedFd<'_>, &Path) {
        (self.dir.as_fd(), &self.store)
    }

    /// Where a path lies there, if it does.
    pub(crate) fn real_path(&self, path: &StorePath) -> Option<PathBuf> {
        exists(self.dir.as_fd(), path.basename()).then(|| self.store.join(path.basename()))
    }

    /// The facts of a path and of all that it refers to; none if something of it is missing.
    fn closure(&self, path: &StorePath) -> Result<Option<Vec<PathInfo>>> {
        let mut closure = Vec::new();
        for path in self.database.closure(&BTreeSet::from([path.clone()]))? {
            if path.is_derivation() || !exists(self.dir.as_fd(), path.basename()) {
                return Ok(None);
            }
            let Some(mut info) = self.database.path_info(&path)? else {
                return Ok(None);
            };
            info.ultimate = false; // It was not built here.
            info.registration_time = 0; // Now.
            closure.push(info);
        }
        Ok((!closure.is_empty()).then_some(closure))
    }
}

/// Whether something of that name lies in a store directory.
fn exists(dir: BorrowedFd<'_>, name: &str) -> bool {
    statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
}

impl Store {
    /// Makes those of the paths valid that the host's store holds and this one does not. Nothing is copied.
    pub fn take_over<'p>(&self, paths: impl IntoIterator<Item = &'p StorePath>) -> Result<()> {
        let Some(lower) = &self.inner.lower else {
            return Ok(());
        };
        for path in paths {
            if self.is_valid(path)? {
                continue;
            }
            let found = lower.closure(path).or_else(|error| {
                // Such as another version of the database: then it is not used.
                tracing::warn!(%error, "the host's store cannot be asked");
                Ok::<_, crate::Error>(None)
            })?;
            let Some(closure) = found else { continue };
            let names: Vec<StorePath> = closure.iter().map(|info| info.path.clone()).collect();
            let _locks: OutputLocks = self.lock_outputs(&names, |path| {
                tracing::info!("waiting for the lock on '{path}'");
            })?;
            let mut new = Vec::new();
            for info in closure {
                if !self.is_valid(&info.path)? {
                    new.push(Registration {
                        info,
                        outputs: Default::default(),
                    });
                }
            }
            self.database().register(&new.iter().collect::<Vec<_>>())?;
        }
        Ok(())
    }

    /// Whether the tree of a valid path is where it can be found.
    pub(crate) fn is_present(&self, path: &StorePath) -> bool {
        match &self.inner.lower {
            // What is registered is there, or the store is damaged, which `verify` finds.
            None => true,
            Some(lower) => {
                exists(self.dir(), path.basename()) || exists(lower.dir.as_fd(), path.basename())
            }
        }
    }

    /// The store directory in which an entry lies.
    pub(crate) fn place_of(&self, name: &str) -> (BorrowedFd<'_>, &Path) {
        match &self.inner.lower {
            Some(lower) if !exists(self.dir(), name) => lower.directory(),
            _ => (self.dir(), &self.layout().store),
        }
    }
}
