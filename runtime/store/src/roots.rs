//! Garbage collector roots: what must stay, and why.
//!
//! Contract, from Nix's `gc.cc`: links in `gcroots` and `profiles` that point into the
//! store; indirect ones, `gcroots/auto/HASH`, which point to a link anywhere that points
//! into the store; files there that have a store path's name; temporary roots; and what
//! running processes use. Links name logical paths (`/nix/store/…`) as Nix's do.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use wasibuild_nix_compat::hash::{HashAlgo, Hasher};
use wasibuild_nix_compat::store_path::{STORE_DIR_SLASH, StorePath};

use crate::Store;
use crate::error::{Context, Error, Result};
use crate::layout::{Layout, make_dirs};
use crate::{platform, temp_roots};

/// A root: who holds which path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Root {
    /// What is held.
    pub path: StorePath,
    /// The link, or `{temp:PID}` or `{running}` as Nix writes it.
    pub holder: String,
}

impl Store {
    /// Makes `link` a symbolic link to a valid path, and a garbage collector root
    /// (`--out-link`): as long as the link is there and points to the path, the path stays.
    /// Replaces a link into the store, nothing else. Returns the link's absolute path.
    pub fn add_root(&self, link: &Path, path: &StorePath) -> Result<PathBuf> {
        self.add_temp_root(path)?;
        if !self.is_valid(path)? {
            return Err(self.not_valid(path));
        }
        let problem = |problem: &str| Error::RootLink {
            link: link.to_owned(),
            problem: problem.to_owned(),
        };
        let absolute = std::path::absolute(link).context("find the place of", link)?;
        let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else {
            return Err(problem("it has no name"));
        };
        make_dirs(parent)?;
        let parent = fs::canonicalize(parent).context("find the place of", parent)?;
        let absolute = parent.join(name);
        if absolute.starts_with(&self.layout().store) {
            return Err(problem("it would be in the store; choose a place outside"));
        }
        match fs::symlink_metadata(&absolute) {
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(e).context("read the state of", &absolute),
            Ok(_) if fs::read_link(&absolute).is_ok_and(|t| target_path(&t).is_some()) => {}
            Ok(_) => {
                return Err(problem(
                    "something else is there already; remove it, or choose another name",
                ));
            }
        }
        replace_link(&absolute, Path::new(&path.to_absolute_path()))?;
        let auto = self.layout().gc_roots.join("auto");
        make_dirs(&auto)?;
        replace_link(&auto.join(auto_name(&absolute)), &absolute)?;
        Ok(absolute)
    }

    /// All roots, sorted. Stale indirect links and files of dead processes are removed.
    pub fn roots(&self) -> Result<Vec<Root>> {
        let mut roots = self.permanent_roots()?;
        for (path, process) in temp_roots::read_all(&self.layout().temp_roots)? {
            roots
                .entry(path)
                .or_default()
                .push(format!("{{temp:{process}}}"));
        }
        let mut roots: Vec<Root> = roots
            .into_iter()
            .flat_map(|(path, holders)| {
                holders.into_iter().map(move |holder| Root {
                    path: path.clone(),
                    holder,
                })
            })
            .collect();
        roots.sort();
        Ok(roots)
    }

    /// Links and running processes; all are valid paths.
    pub(crate) fn permanent_roots(&self) -> Result<BTreeMap<StorePath, Vec<String>>> {
        let Layout {
            gc_roots, profiles, ..
        } = self.layout();
        let mut roots: BTreeMap<StorePath, Vec<String>> = BTreeMap::new();
        let mut todo = vec![gc_roots.clone(), profiles.clone()];
        while let Some(place) = todo.pop() {
            match self.visit_root(&place, &mut todo, &mut roots) {
                // What cannot be read or is gone holds nothing, as in Nix.
                Err(Error::Io { source, .. })
                    if matches!(
                        source.kind(),
                        ErrorKind::NotFound
                            | ErrorKind::PermissionDenied
                            | ErrorKind::NotADirectory
                    ) =>
                {
                    tracing::debug!(path = %place.display(), "cannot read a possible root");
                }
                other => other?,
            }
        }
        let mut real = self.layout().store.as_os_str().as_bytes().to_vec();
        real.push(b'/');
        let prefixes = [STORE_DIR_SLASH.as_bytes(), real.as_slice()];
        for used in platform::paths_in_use(&prefixes) {
            let logical = match used.strip_prefix(real.as_slice()) {
                Some(rest) => [STORE_DIR_SLASH.as_bytes(), rest].concat(),
                None => used,
            };
            if let Ok((path, _)) = StorePath::split_absolute_path(&logical)
                && self.is_valid(&path)?
            {
                roots.entry(path).or_default().push("{running}".to_owned());
            }
        }
        Ok(roots)
    }

    fn visit_root(
        &self,
        place: &Path,
        todo: &mut Vec<PathBuf>,
        roots: &mut BTreeMap<StorePath, Vec<String>>,
    ) -> Result<()> {
        let kind = fs::symlink_metadata(place)
            .context("read the state of", place)?
            .file_type();
        if kind.is_dir() {
            for entry in fs::read_dir(place).context("list", place)? {
                todo.push(entry.context("list", place)?.path());
            }
            return Ok(());
        }
        let found = if kind.is_symlink() {
            let target = fs::read_link(place).context("read the link", place)?;
            match target_path(&target) {
                Some(path) => Some((path, place.to_owned())),
                None => self.indirect_root(place, &target)?,
            }
        } else if kind.is_file() {
            let name = place.file_name().unwrap_or_default().as_bytes();
            StorePath::from_basename(name)
                .ok()
                .map(|path| (path, place.to_owned()))
        } else {
            None
        };
        if let Some((path, holder)) = found {
            if self.is_valid(&path)? {
                roots
                    .entry(path)
                    .or_default()
                    .push(holder.display().to_string());
            } else {
                tracing::debug!(holder = %holder.display(), %path, "skipping an invalid root");
            }
        }
        Ok(())
    }

    /// A link to a link into the store. One in `auto` whose aim is gone is removed.
    fn indirect_root(&self, place: &Path, target: &Path) -> Result<Option<(StorePath, PathBuf)>> {
        let target = place.parent().unwrap_or(place).join(target);
        match fs::symlink_metadata(&target) {
            Err(e) if e.kind() == ErrorKind::NotFound => {
                if place.starts_with(self.layout().gc_roots.join("auto")) {
                    tracing::info!(link = %place.display(), "removing a stale root");
                    let _ = fs::remove_file(place);
                }
                Ok(None)
            }
            Err(e) => Err(e).context("read the state of", &target),
            Ok(meta) if meta.is_symlink() => {
                let second = fs::read_link(&target).context("read the link", &target)?;
                Ok(target_path(&second).map(|path| (path, target)))
            }
            Ok(_) => Ok(None),
        }
    }
}

/// The store path that a link's target is, or lies in.
fn target_path(target: &Path) -> Option<StorePath> {
    StorePath::split_absolute_path(target.as_os_str().as_bytes())
        .ok()
        .map(|(path, _)| path)
}

/// Nix's name for an indirect root: SHA-1 of the link's path, in base 32.
fn auto_name(link: &Path) -> String {
    let mut hasher = Hasher::new(HashAlgo::Sha1);
    hasher.update(link.as_os_str().as_bytes());
    hasher.finish().0.digest_nix32()
}

/// Makes or replaces a link in one step.
fn replace_link(link: &Path, target: &Path) -> Result<()> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let mut temporary = link.as_os_str().to_owned().into_vec();
    let _ = write!(temporary, ".tmp-{}-{number}", std::process::id());
    let temporary = PathBuf::from(std::ffi::OsString::from_vec(temporary));
    let make = || -> io::Result<()> {
        match std::os::unix::fs::symlink(target, &temporary) {
            // Left by a killed process that had our number.
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {
                fs::remove_file(&temporary)?;
                std::os::unix::fs::symlink(target, &temporary)?;
            }
            other => other?,
        }
        fs::rename(&temporary, link).inspect_err(|_| {
            let _ = fs::remove_file(&temporary);
        })
    };
    make().context("make the link", link)
}
