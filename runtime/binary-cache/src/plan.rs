//! Which paths to download so that the wanted ones come with their closures.
//!
//! Contract: [`Substituter::plan`] asks for the wanted paths and, breadth first, for what they
//! refer to, each path once, on a bounded number of threads; it stops at paths that the store has.
//! It downloads no NAR. A path is in the plan only if its whole closure is there or in the plan;
//! the plan lists references first. The result does not depend on timing as long as the caches'
//! answers do not. Counterpart in Nix: `Store::queryMissing`, `Store::topoSortPaths`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use wasibuild_nix_compat::store_path::StorePath;

use crate::error::Error;
use crate::schedule;
use crate::substituter::{Candidate, Substituter};

/// The most paths that a closure may have; all of nixpkgs has about a tenth of it.
pub const MAX_CLOSURE_PATHS: usize = 1 << 20;

/// What to download, and what cannot be.
#[derive(Debug, Default)]
pub struct Plan {
    /// References first.
    pub paths: Vec<Candidate>,
    /// The wanted paths, and those they refer to, that cannot be substituted.
    pub unavailable: BTreeMap<StorePath, Unavailable>,
}

/// Why a path cannot be substituted.
#[derive(Debug)]
#[non_exhaustive]
pub enum Unavailable {
    /// No cache has it.
    NotFound,
    /// Caches failed that might have had it.
    Failed(Error),
    /// It refers to this path, which cannot be substituted.
    Reference(StorePath),
}

impl Plan {
    /// The compressed bytes to download, as far as the caches say.
    #[must_use]
    pub fn download_size(&self) -> u64 {
        let sizes = self.paths.iter().map(|path| path.narinfo.file_size);
        sizes.flatten().fold(0, u64::saturating_add)
    }

    /// The uncompressed bytes to write.
    #[must_use]
    pub fn nar_size(&self) -> u64 {
        let sizes = self.paths.iter().map(|path| path.narinfo.info.nar_size);
        sizes.fold(0, u64::saturating_add)
    }
}

impl Substituter {
    /// See the module. `is_valid` tells which paths the store has; it is called from one thread.
    pub fn plan(
        &self,
        wanted: &BTreeSet<StorePath>,
        is_valid: &mut dyn FnMut(&StorePath) -> bool,
    ) -> Result<Plan, Error> {
        let mut found: BTreeMap<StorePath, Candidate> = BTreeMap::new();
        let mut unavailable = BTreeMap::new();
        let mut seen: BTreeSet<StorePath> = BTreeSet::new();
        let mut wave: Vec<StorePath> = Vec::new();
        let mut next: BTreeSet<StorePath> = wanted.clone();
        loop {
            for path in std::mem::take(&mut next) {
                if seen.insert(path.clone()) && !is_valid(&path) {
                    wave.push(path);
                }
            }
            if seen.len() > MAX_CLOSURE_PATHS {
                let limit = MAX_CLOSURE_PATHS;
                return Err(Error::TooManyPaths { limit });
            }
            if wave.is_empty() {
                break;
            }
            for (path, answer) in self.query_all(std::mem::take(&mut wave)) {
                match answer {
                    Err(Error::Cancelled) => return Err(Error::Cancelled),
                    Err(error) => {
                        unavailable.insert(path, Unavailable::Failed(error));
                    }
                    Ok(None) => {
                        unavailable.insert(path, Unavailable::NotFound);
                    }
                    Ok(Some(candidate)) => {
                        next.extend(candidate.narinfo.info.references.iter().cloned());
                        found.insert(path, candidate);
                    }
                }
            }
        }
        spread(&found, &mut unavailable);
        found.retain(|path, _| !unavailable.contains_key(path));
        Ok(Plan {
            paths: sort(found)?,
            unavailable,
        })
    }

    /// Asks for many paths at once.
    fn query_all(
        &self,
        paths: Vec<StorePath>,
    ) -> Vec<(StorePath, Result<Option<Candidate>, Error>)> {
        let threads = self.context.options.parallel_lookups.get();
        if self.is_empty() {
            return paths.into_iter().map(|path| (path, Ok(None))).collect();
        }
        let next = AtomicUsize::new(0);
        let answers = Mutex::new(Vec::with_capacity(paths.len()));
        std::thread::scope(|scope| {
            for _ in 0..threads.min(paths.len()) {
                scope.spawn(|| {
                    while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let answer = self.query(path);
                        let mut answers = answers
                            .lock()
                            .unwrap_or_else(std::sync::PoisonError::into_inner);
                        answers.push((path.clone(), answer));
                    }
                });
            }
        });
        answers
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Makes unavailable what refers to something unavailable.
fn spread(
    found: &BTreeMap<StorePath, Candidate>,
    unavailable: &mut BTreeMap<StorePath, Unavailable>,
) {
    let mut referrers: BTreeMap<&StorePath, Vec<&StorePath>> = BTreeMap::new();
    for (path, candidate) in found {
        for reference in &candidate.narinfo.info.references {
            referrers.entry(reference).or_default().push(path);
        }
    }
    let mut open: Vec<StorePath> = unavailable.keys().cloned().collect();
    while let Some(path) = open.pop() {
        for referrer in referrers.get(&path).into_iter().flatten() {
            if !unavailable.contains_key(*referrer) {
                unavailable.insert((*referrer).clone(), Unavailable::Reference(path.clone()));
                open.push((*referrer).clone());
            }
        }
    }
}

/// References first.
fn sort(found: BTreeMap<StorePath, Candidate>) -> Result<Vec<Candidate>, Error> {
    let candidates: Vec<Candidate> = found.into_values().collect();
    let order =
        schedule::sort(&dependencies(&candidates)).map_err(|job| match candidates.get(job) {
            Some(candidate) => Error::Cycle {
                path: candidate.narinfo.info.path.clone(),
            },
            None => Error::TooManyPaths {
                limit: MAX_CLOSURE_PATHS,
            },
        })?;
    let mut slots: Vec<Option<Candidate>> = candidates.into_iter().map(Some).collect();
    Ok(order
        .into_iter()
        .filter_map(|job| slots.get_mut(job).and_then(Option::take))
        .collect())
}

/// For each path the numbers of those it refers to, itself left out.
pub(crate) fn dependencies(paths: &[Candidate]) -> Vec<BTreeSet<usize>> {
    let numbers: BTreeMap<&StorePath, usize> = paths
        .iter()
        .enumerate()
        .map(|(number, candidate)| (&candidate.narinfo.info.path, number))
        .collect();
    paths
        .iter()
        .map(|candidate| {
            let info = &candidate.narinfo.info;
            info.references
                .iter()
                .filter(|reference| **reference != info.path)
                .filter_map(|reference| numbers.get(reference).copied())
                .collect()
        })
        .collect()
}
