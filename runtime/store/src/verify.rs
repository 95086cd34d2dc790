//! Checking the store: that all valid paths exist, and hold what was registered.
//!
//! Contract, from Nix's `verifyStore`: a valid path that has disappeared is forgotten,
//! unless a path that is still there refers to it; then it is a problem. With
//! `check_contents` each path's NAR is hashed. Nothing on the disk is changed.

use std::collections::BTreeSet;
use std::fmt;
use std::os::fd::AsFd;

use rustix::fs::Mode;
use wasibuild_nix_compat::hash::{NixHash, Sha256Writer};
use wasibuild_nix_compat::store_path::StorePath;

use crate::Store;
use crate::cursor::{self, OPEN_DIR};
use crate::error::{Context, Result};
use crate::lock_file::{self, Kind};
use crate::temp_roots;
use crate::walk_tree::causes;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The path is registered and referred to, but not there.
    Missing {
        /// The path.
        path: StorePath,
    },
    /// The path is not what was registered.
    Modified {
        /// The path.
        path: StorePath,
        /// The registered hash and size.
        expected: String,
        /// What is on the disk.
        found: String,
    },
    /// The path cannot be read, or holds what a store path cannot hold.
    Unreadable {
        /// The path.
        path: StorePath,
        /// Why.
        reason: String,
    },
    /// SQLite says that the database is damaged.
    Database {
        /// SQLite's words.
        reason: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Missing { path } => write!(
                f,
                "path '{}' has disappeared, but valid paths refer to it",
                path.to_absolute_path()
            ),
            Problem::Modified {
                path,
                expected,
                found,
            } => write!(
                f,
                "path '{}' was modified: expected {expected}, found {found}",
                path.to_absolute_path()
            ),
            Problem::Unreadable { path, reason } => {
                write!(
                    f,
                    "path '{}' cannot be read: {reason}",
                    path.to_absolute_path()
                )
            }
            Problem::Database { reason } => write!(f, "the database is damaged: {reason}"),
        }
    }
}

/// The outcome of a verification.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How many valid paths were looked at.
    pub paths: usize,
    /// How many NARs were hashed.
    pub hashed: usize,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// Paths that had disappeared and are no longer registered; nothing needed them.
    pub forgotten: Vec<StorePath>,
    /// Entries of the store directory that are not valid paths: what killed processes
    /// left, or running ones are writing. A garbage collection removes it.
    pub rubbish: Vec<String>,
}

impl Report {
    /// True if nothing is wrong. Forgotten paths and rubbish are not, as in Nix.
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "error: {problem}")?;
        }
        for path in &self.forgotten {
            let path = path.to_absolute_path();
            writeln!(
                f,
                "warning: path '{path}' had disappeared; it is no longer registered"
            )?;
        }
        if !self.rubbish.is_empty() {
            writeln!(
                f,
                "note: {} entries of the store are not valid paths; `wasibuild store gc` removes them",
                self.rubbish.len()
            )?;
        }
        write!(
            f,
            "{} valid paths, {} hashed, {} problems",
            self.paths,
            self.hashed,
            self.problems.len()
        )
    }
}

impl Store {
    /// Checks the store, hashing all contents if asked to.
    pub fn verify(&self, check_contents: bool) -> Result<Report> {
        self.explain(self.verify_store(check_contents))
    }

    fn verify_store(&self, check_contents: bool) -> Result<Report> {
        let mut report = Report::default();
        // No collection may run, or paths would disappear under us.
        let lock_path = temp_roots::gc_lock_path(self.layout());
        let lock = lock_file::open(&lock_path)?;
        lock_file::lock(&lock, Kind::Shared, &lock_path)?;
        self.check_database(&mut report)?;

        // The listing comes after the query: a path is in place before it is registered.
        let valid = self.all_valid_paths()?;
        report.paths = valid.len();
        let dir = &self.layout().store;
        let listing = rustix::fs::open(dir, OPEN_DIR, Mode::empty())
            .context("open the store directory", dir)?;
        let present: BTreeSet<Vec<u8>> = cursor::names(listing.as_fd(), dir)?.into_iter().collect();
        let (here, gone): (BTreeSet<StorePath>, BTreeSet<StorePath>) =
            valid.into_iter().partition(|path| {
                let lies_here = present.contains(path.basename().as_bytes());
                lies_here || (self.inner.lower.is_some() && self.is_present(path))
            });
        self.handle_missing(gone, &mut report)?;
        report.rubbish = present
            .iter()
            .filter(|name| name.as_slice() != b".links")
            .filter(|name| !StorePath::from_basename(name).is_ok_and(|path| here.contains(&path)))
            .map(|name| name.escape_ascii().to_string())
            .collect();
        if check_contents {
            for path in &here {
                self.check_contents(path, &mut report)?;
            }
        }
        Ok(report)
    }

    fn check_database(&self, report: &mut Report) -> Result<()> {
        let answers: Vec<String> = self.database().read("check the database", |db| {
            db.prepare("pragma quick_check")?
                .query_map([], |row| row.get(0))?
                .collect()
        })?;
        for reason in answers.into_iter().filter(|answer| answer != "ok") {
            report.problems.push(Problem::Database { reason });
        }
        Ok(())
    }

    /// Forgets the paths that nothing needs.
    fn handle_missing(&self, gone: BTreeSet<StorePath>, report: &mut Report) -> Result<()> {
        let mut needed = BTreeSet::new();
        let mut todo = Vec::new();
        for path in &gone {
            if self
                .query_referrers(path)?
                .iter()
                .any(|referrer| !gone.contains(referrer))
            {
                todo.push(path.clone());
            }
        }
        while let Some(path) = todo.pop() {
            if needed.insert(path.clone()) {
                let references = self.query_references(&path)?;
                todo.extend(references.into_iter().filter(|r| gone.contains(r)));
            }
        }
        let forgotten = gone.difference(&needed).cloned().collect();
        for path in self.referrers_first(&forgotten)? {
            if self.database().invalidate(&path)?.is_empty() {
                report.forgotten.push(path);
            }
        }
        report
            .problems
            .extend(needed.into_iter().map(|path| Problem::Missing { path }));
        Ok(())
    }

    fn check_contents(&self, path: &StorePath, report: &mut Report) -> Result<()> {
        let Some(info) = self.query_path_info(path)? else {
            return Ok(());
        };
        let mut hash = Sha256Writer::new();
        let dumped = self.dump(path.basename(), &mut hash);
        report.hashed += 1;
        let problem = match dumped {
            Err(error) => Problem::Unreadable {
                path: path.clone(),
                reason: causes(&error),
            },
            Ok(()) => {
                let found = hash.finish();
                if found.0 == info.nar_hash && (info.nar_size == 0 || found.1 == info.nar_size) {
                    return Ok(());
                }
                let text = |hash: [u8; 32], size: u64| {
                    format!("{} ({size} bytes)", NixHash::sha256(hash).to_nix32())
                };
                Problem::Modified {
                    path: path.clone(),
                    expected: text(info.nar_hash, info.nar_size),
                    found: text(found.0, found.1),
                }
            }
        };
        report.problems.push(problem);
        Ok(())
    }
}
