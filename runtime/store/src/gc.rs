//! The garbage collector.
//!
//! Contract: removes what no root reaches, and the rubbish of killed processes; never
//! what a process uses or begins to use meanwhile, ours or Nix's. It holds `gc.lock`
//! exclusively and serves the socket on which processes announce new roots. Each path
//! is first forgotten, then deleted, referrers before what they refer to, so that a
//! collector that is killed leaves a valid store. Nix's defaults: derivations of live
//! outputs are kept (`keep-derivations`), outputs of live derivations are not
//! (`keep-outputs`). Counterpart: `collectGarbage` in `gc.cc`.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, FlockOperation, Mode, flock, openat, statat, unlinkat};
use wasibuild_nix_compat::store_path::{HASH_PART_LEN, StorePath};

use crate::Store;
use crate::cursor::{self, OPEN_DIR};
use crate::error::{Context, Error, Result};
use crate::gc_socket::RootServer;
use crate::lock_file::{self, Kind};
use crate::remove_tree::remove_tree;
use crate::temp_roots;

/// What a collection does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum GcAction {
    /// Delete all that is dead.
    #[default]
    DeleteDead,
    /// Only say what is dead (`--print-dead`).
    ListDead,
    /// Only say what is alive (`--print-live`).
    ListLive,
    /// Delete these paths, if none is alive; all that refers to them must be among them.
    DeletePaths(BTreeSet<StorePath>),
}

/// How to collect; the default is Nix's.
#[derive(Debug, Clone)]
pub struct GcOptions {
    /// What to do.
    pub action: GcAction,
    /// Stop when so many bytes of disk are freed.
    pub max_freed: Option<u64>,
    /// Keep the valid outputs of live derivations (`keep-outputs`).
    pub keep_outputs: bool,
    /// Keep the derivers of live paths (`keep-derivations`).
    pub keep_derivations: bool,
}

impl Default for GcOptions {
    fn default() -> Self {
        GcOptions {
            action: GcAction::DeleteDead,
            max_freed: None,
            keep_outputs: false,
            keep_derivations: true,
        }
    }
}

/// What a collection did or found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GcReport {
    /// The paths that were deleted, or are dead, or are alive, as `/nix/store/…`.
    pub paths: BTreeSet<String>,
    /// The disk space that was freed.
    pub bytes_freed: u64,
}

impl Store {
    /// Collects garbage. Waits for a collection that runs already.
    pub fn gc(&self, options: &GcOptions) -> Result<GcReport> {
        let deletes = matches!(
            options.action,
            GcAction::DeleteDead | GcAction::DeletePaths(_)
        );
        if deletes {
            self.layout().release_reserve();
        }
        let lock_path = temp_roots::gc_lock_path(self.layout());
        let lock = lock_file::open(&lock_path)?;
        if !lock_file::try_lock(&lock, Kind::Exclusive, &lock_path)? {
            tracing::info!("waiting for another garbage collection");
            lock_file::lock(&lock, Kind::Exclusive, &lock_path)?;
        }
        let server = RootServer::start(self.layout())?;
        let mut collection = Collection {
            store: self,
            options,
            server,
            live: BTreeSet::new(),
            report: GcReport::default(),
        };
        let result = self.explain(collection.run());
        let report = std::mem::take(&mut collection.report);
        // The server ends before the lock is released.
        drop(collection);
        if deletes {
            self.layout().reserve();
        }
        result.map(|()| report)
    }

    /// Sorts valid paths so that each comes before those that it refers to.
    pub(crate) fn referrers_first(&self, paths: &BTreeSet<StorePath>) -> Result<Vec<StorePath>> {
        let mut references = BTreeMap::new();
        let mut referrers: BTreeMap<StorePath, usize> =
            paths.iter().map(|path| (path.clone(), 0)).collect();
        for path in paths {
            let mut inside = self.query_references(path)?;
            inside.retain(|reference| reference != path && paths.contains(reference));
            for reference in &inside {
                *referrers.entry(reference.clone()).or_default() += 1;
            }
            references.insert(path, inside);
        }
        let mut ready: Vec<StorePath> = referrers
            .iter()
            .filter(|(_, n)| **n == 0)
            .map(|(p, _)| p.clone())
            .collect();
        let mut sorted = Vec::with_capacity(paths.len());
        while let Some(path) = ready.pop() {
            for reference in references.remove(&path).unwrap_or_default() {
                if let Some(count) = referrers.get_mut(&reference) {
                    *count = count.saturating_sub(1);
                    if *count == 0 {
                        ready.push(reference);
                    }
                }
            }
            sorted.push(path);
        }
        Ok(sorted)
    }
}

/// One collection, under the lock.
struct Collection<'a> {
    store: &'a Store,
    options: &'a GcOptions,
    server: RootServer,
    /// All valid paths that must stay.
    live: BTreeSet<StorePath>,
    report: GcReport,
}

impl Collection<'_> {
    fn run(&mut self) -> Result<()> {
        let roots: Vec<StorePath> = self.store.permanent_roots()?.into_keys().collect();
        self.mark(roots)?;
        // After the server has begun, so that no root falls between the two.
        for (path, _) in temp_roots::read_all(&self.store.layout().temp_roots)? {
            self.server.add_root(&path);
            self.mark(vec![path])?;
        }
        match &self.options.action {
            GcAction::ListLive => {
                self.report.paths = self.live.iter().map(StorePath::to_absolute_path).collect();
                Ok(())
            }
            GcAction::ListDead => self.list_dead(),
            GcAction::DeletePaths(paths) => self.delete_paths(paths),
            GcAction::DeleteDead => self.delete_dead(),
        }
    }

    /// Marks paths, and what they keep, as alive.
    fn mark(&mut self, mut todo: Vec<StorePath>) -> Result<()> {
        while let Some(path) = todo.pop() {
            if self.live.contains(&path) {
                continue;
            }
            let Some(info) = self.store.query_path_info(&path)? else {
                continue;
            };
            todo.extend(info.references);
            if self.options.keep_outputs && path.is_derivation() {
                todo.extend(self.store.query_derivation_outputs(&path)?.into_values());
            }
            if self.options.keep_derivations {
                todo.extend(info.deriver);
            }
            self.live.insert(path);
        }
        Ok(())
    }

    /// Valid paths that are dead, and other entries of the store directory.
    fn dead(&self) -> Result<(BTreeSet<StorePath>, Vec<Vec<u8>>)> {
        let mut dead = self.store.all_valid_paths()?;
        let mut rubbish = Vec::new();
        let listing = openat(self.store.dir(), ".", OPEN_DIR, Mode::empty())
            .context("open the store directory", &self.store.layout().store)?;
        for name in cursor::names(listing.as_fd(), &self.store.layout().store)? {
            // By the digest, since a lock file's name can be too long for a store path.
            let digest = name
                .get(..HASH_PART_LEN)
                .and_then(|d| std::str::from_utf8(d).ok());
            let is_used = digest.is_some_and(|digest| self.server.is_root(digest));
            let is_rubbish = match StorePath::from_basename(&name) {
                Ok(path) => !is_used && !dead.contains(&path),
                Err(_) => !is_used && name != b".links" && !self.is_locked(&name),
            };
            if is_rubbish {
                rubbish.push(name);
            }
        }
        rubbish.sort();
        dead.retain(|path| !self.live.contains(path));
        Ok((dead, rubbish))
    }

    /// Newer Nix locks its temporary directories, whose names are no store paths.
    fn is_locked(&self, name: &[u8]) -> bool {
        openat(self.store.dir(), name, OPEN_DIR, Mode::empty()).is_ok_and(|dir| {
            flock(&dir, FlockOperation::NonBlockingLockExclusive)
                == Err(rustix::io::Errno::WOULDBLOCK)
        })
    }

    fn list_dead(&mut self) -> Result<()> {
        let (dead, rubbish) = self.dead()?;
        let rubbish = rubbish
            .iter()
            .filter_map(|name| StorePath::from_basename(name).ok());
        self.report.paths = dead
            .into_iter()
            .chain(rubbish)
            .map(|p| p.to_absolute_path())
            .collect();
        Ok(())
    }

    fn delete_dead(&mut self) -> Result<()> {
        let (dead, rubbish) = self.dead()?;
        for name in rubbish {
            if self.is_enough() {
                break;
            }
            match StorePath::from_basename(&name) {
                Ok(path) => self.delete(&path)?,
                Err(_) => self.remove(&name)?,
            }
        }
        for path in self.store.referrers_first(&dead)? {
            if self.is_enough() {
                break;
            }
            self.delete(&path)?;
        }
        self.remove_unused_links()
    }

    fn delete_paths(&mut self, paths: &BTreeSet<StorePath>) -> Result<()> {
        for path in paths {
            let alive = |reason: String| Error::Alive {
                path: path.clone(),
                reason,
            };
            if self.live.contains(path) {
                return Err(alive("a root reaches it".to_owned()));
            }
            if self.server.is_root(path.hash_part()) {
                return Err(alive("a process uses it".to_owned()));
            }
            let referrers = self.store.query_referrers(path)?;
            if let Some(referrer) = referrers.iter().find(|r| !paths.contains(*r)) {
                return Err(alive(format!(
                    "'{}' refers to it",
                    referrer.to_absolute_path()
                )));
            }
        }
        for path in self.store.referrers_first(paths)? {
            self.delete(&path)?;
        }
        self.remove_unused_links()
    }

    fn is_enough(&self) -> bool {
        self.options
            .max_freed
            .is_some_and(|max| self.report.bytes_freed >= max)
    }

    /// Deletes a path unless it has come to life since.
    fn delete(&mut self, path: &StorePath) -> Result<()> {
        if self.live.contains(path) {
            return Ok(());
        }
        if !self.server.begin(path) {
            return self.mark(vec![path.clone()]);
        }
        let result = self.forget_and_remove(path);
        self.server.finish();
        result
    }

    fn forget_and_remove(&mut self, path: &StorePath) -> Result<()> {
        let referrers = self.store.database().invalidate(path)?;
        if !referrers.is_empty() {
            // One of them has come to life.
            tracing::debug!(%path, ?referrers, "not deleted: still in use");
            return Ok(());
        }
        self.store
            .hooks()
            .pass("delete a path", &self.store.real_path(path))?;
        self.remove(path.basename().as_bytes())
    }

    fn remove(&mut self, name: &[u8]) -> Result<()> {
        let store = &self.store.layout().store;
        self.report.bytes_freed += remove_tree(self.store.dir(), store, name)?;
        let logical = format!("/nix/store/{}", name.escape_ascii());
        self.report.paths.insert(logical);
        Ok(())
    }

    /// Removes the names that Nix's optimiser gave to files whose other names are gone.
    fn remove_unused_links(&mut self) -> Result<()> {
        let links = &self.store.layout().links;
        let dir = match rustix::fs::open(links, OPEN_DIR, Mode::empty()) {
            Ok(dir) => dir,
            Err(rustix::io::Errno::NOENT) => return Ok(()),
            Err(e) => return Err(e).context("open the directory", links),
        };
        for name in cursor::names(dir.as_fd(), links)? {
            let Ok(stat) = statat(&dir, &name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            if stat.st_nlink == 1 {
                self.report.bytes_freed += crate::remove_tree::disk_bytes(&stat);
                unlinkat(&dir, &name, AtFlags::empty())
                    .context_with("remove", || cursor::join(links, &name))?;
            }
        }
        Ok(())
    }
}
