//! Carries a plan out: downloads in parallel, references first, next cache on failure.
//!
//! Contract: the receiver gets each path's facts and its NAR as a stream, from several threads,
//! only after all of the path's references in the plan were received. It must read the NAR to its
//! end, or not at all when it has got the path meanwhile (from another process); keep nothing of
//! a path for which it returns an error or a read fails; and expect to be called again for the
//! same path, with the next cache's NAR. One path's failure ends only the paths that refer to it.
//! Counterpart in Nix: `PathSubstitutionGoal`, `copyPaths`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::store_path::StorePath;

use crate::error::Error;
use crate::plan::{self, Plan};
use crate::progress::Event;
use crate::schedule::{self, Fate};
use crate::substituter::{Candidate, Substituter};

/// Takes a path: its facts and its NAR.
pub type Receiver<'a, E> = dyn Fn(&PathInfo, &mut dyn Read) -> Result<(), E> + Sync + 'a;

/// What became of a plan.
#[derive(Debug)]
pub struct Report<E> {
    /// Received and verified, or had already by the receiver.
    pub received: BTreeSet<StorePath>,
    /// Not received.
    pub failed: BTreeMap<StorePath, DownloadError<E>>,
}

/// Why a path was not received.
#[derive(Debug)]
#[non_exhaustive]
pub enum DownloadError<E> {
    /// No cache could provide it.
    Caches(Error),
    /// The receiver refused a sound NAR.
    Receiver(E),
    /// It refers to this path, which was not received.
    Reference(StorePath),
    /// The receiver stopped within the NAR without an error: a defect of the caller.
    NotRead,
}

impl<E> Report<E> {
    /// Whether everything was received.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty()
    }
}

impl Substituter {
    /// See the module.
    pub fn download<E: Send>(&self, plan: &Plan, receiver: &Receiver<'_, E>) -> Report<E> {
        let threads = self.context.options.parallel_downloads;
        let dependencies = plan::dependencies(&plan.paths);
        let fates = schedule::run(&dependencies, threads, &|job| match plan.paths.get(job) {
            Some(candidate) => self.download_one(candidate, receiver),
            None => Ok(()),
        });
        let mut report = Report {
            received: BTreeSet::new(),
            failed: BTreeMap::new(),
        };
        let path_of = |job: usize| plan.paths.get(job).map(|path| &path.narinfo.info.path);
        for (candidate, fate) in plan.paths.iter().zip(fates) {
            let path = candidate.narinfo.info.path.clone();
            let error = match fate {
                Fate::Done => {
                    report.received.insert(path);
                    continue;
                }
                Fate::Failed(error) => error,
                Fate::Skipped(job) => {
                    DownloadError::Reference(path_of(job).unwrap_or(&path).clone())
                }
            };
            report.failed.insert(path, error);
        }
        report
    }

    fn download_one<E>(
        &self,
        planned: &Candidate,
        receiver: &Receiver<'_, E>,
    ) -> Result<(), DownloadError<E>> {
        let path = &planned.narinfo.info.path;
        let mut failures = Vec::new();
        for rank in planned.rank..self.order().len() {
            let failure = match self.try_cache(planned, rank, receiver) {
                Ok(true) => return Ok(()),
                Ok(false) => continue,
                Err(DownloadError::Caches(Error::Cancelled)) => {
                    return Err(DownloadError::Caches(Error::Cancelled));
                }
                Err(DownloadError::Caches(failure)) => failure,
                Err(error) => return Err(error),
            };
            if !matches!(failure, Error::Disabled { .. }) {
                self.context.observer.event(&Event::Fault {
                    path: Some(path),
                    error: &failure,
                });
            }
            failures.push(failure);
        }
        Err(DownloadError::Caches(Error::AllFailed {
            path: path.clone(),
            failures,
        }))
    }

    /// `Ok(false)`: this cache does not have it.
    fn try_cache<E>(
        &self,
        planned: &Candidate,
        rank: usize,
        receiver: &Receiver<'_, E>,
    ) -> Result<bool, DownloadError<E>> {
        let candidate = if rank == planned.rank {
            planned.clone()
        } else {
            let path = &planned.narinfo.info.path;
            let other = self.query_rank(rank, path).map_err(DownloadError::Caches)?;
            match other {
                None => return Ok(false),
                Some(other) => {
                    self.same_references(planned, &other)
                        .map_err(DownloadError::Caches)?;
                    other
                }
            }
        };
        let info = &candidate.narinfo.info;
        let mut nar = self.fetch(&candidate).map_err(DownloadError::Caches)?;
        self.context.observer.event(&Event::Started {
            path: &info.path,
            url: nar.url(),
            download_size: nar.download_size(),
            nar_size: info.nar_size,
        });
        let result = receiver(info, &mut nar);
        if let Some(error) = nar.error() {
            return Err(DownloadError::Caches(error.clone()));
        }
        result.map_err(DownloadError::Receiver)?;
        if !nar.is_complete() && nar.is_touched() {
            return Err(DownloadError::NotRead);
        }
        self.context.observer.event(&Event::Finished {
            path: &info.path,
            downloaded: nar.downloaded(),
            nar_size: info.nar_size,
        });
        Ok(true)
    }

    /// Another build of the same path may refer to other paths, which the plan does not bring.
    fn same_references(&self, planned: &Candidate, other: &Candidate) -> Result<(), Error> {
        let known = &planned.narinfo.info.references;
        let info = &other.narinfo.info;
        match info.references.difference(known).next() {
            None => Ok(()),
            Some(reference) => Err(Error::OtherReferences {
                url: self
                    .cache(other.rank)
                    .map(|cache| cache.narinfo_url(&info.path))
                    .unwrap_or_default(),
                path: info.path.clone(),
                reference: reference.clone(),
            }),
        }
    }
}
