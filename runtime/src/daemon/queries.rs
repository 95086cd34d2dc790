//! Questions about the store, and its upkeep.
//!
//! Contract: answers from the store that is served; nothing of the machine's own Nix takes part.
//! Upkeep that could hurt others is for trusted clients.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_store::{GcAction as Action, GcOptions};
use wasibuild_worker_protocol::{GcAction, Request};

use super::answer::Answer;
use super::connection::Connection;
use super::error::OperationError;
use crate::plan::{Facts, Offer};
use crate::printable;
use crate::progress::{Event, Progress};
use crate::realise::World;

/// A request that nobody performs.
pub(super) fn unexpected(request: &Request) -> OperationError {
    OperationError::refused(format!("invalid operation {}", request.operation() as u64))
}

impl Connection<'_> {
    /// Performs an operation that is neither an addition nor a build.
    pub(super) fn query(&self, request: Request) -> Result<Answer, OperationError> {
        let store = &self.store;
        Ok(match request {
            Request::IsValidPath(path) => Answer::flag(store.is_valid(&path)?),
            Request::QueryReferrers(path) => Answer::Paths(store.query_referrers(&path)?),
            Request::QueryValidDerivers(path) => Answer::Paths(store.query_valid_derivers(&path)?),
            Request::QueryDeriver(path) => Answer::Path(store.query_deriver(&path)?),
            Request::QueryAllValidPaths => Answer::Paths(store.all_valid_paths()?),
            Request::QueryPathInfo(path) => {
                Answer::Info(store.query_path_info(&path)?.map(Box::new))
            }
            Request::QueryPathFromHashPart(part) => {
                Answer::Path(store.query_path_from_hash_part(&part)?)
            }
            Request::QueryDerivationOutputs(path) => {
                Answer::Paths(self.outputs(&path)?.into_values().collect())
            }
            Request::QueryDerivationOutputNames(path) => {
                Answer::Texts(self.outputs(&path)?.into_keys().collect())
            }
            Request::QueryDerivationOutputMap(path) => Answer::Outputs(self.outputs(&path)?),
            Request::QueryValidPaths { paths, substitute } => {
                Answer::Paths(self.valid_paths(paths, substitute)?)
            }
            Request::QuerySubstitutablePaths(paths) => Answer::Paths(
                self.offers(&paths)?
                    .into_iter()
                    .map(|(path, _)| path)
                    .collect(),
            ),
            Request::QuerySubstitutablePathInfos(paths) => {
                Answer::Offers(self.offers(&paths.into_keys().collect())?)
            }
            Request::QuerySubstitutablePathInfo(path) => {
                let offers = self.offers(&BTreeSet::from([path]))?;
                Answer::Offer(offers.into_iter().next().map(|(_, offer)| offer))
            }
            // Realisations belong to content-addressed derivations, which are not built here.
            Request::QueryRealisation(_) => Answer::Number(0),
            Request::RegisterDrvOutput(_) => {
                return Err(OperationError::refused(
                    "content-addressed derivations are not supported",
                ));
            }
            Request::NarFromPath(path) => {
                if !store.is_valid(&path)? {
                    return Err(not_valid(&path));
                }
                Answer::Nar(path)
            }
            other => return self.keep_up(other),
        })
    }

    fn keep_up(&self, request: Request) -> Result<Answer, OperationError> {
        let store = &self.store;
        Ok(match request {
            Request::AddTempRoot(path) => {
                store.add_temp_root(&path)?;
                Answer::Number(1)
            }
            Request::AddPermRoot { path, link } => {
                self.trust.require("make garbage collector roots")?;
                let link = store.add_root(Path::new(OsStr::from_bytes(&link)), &path)?;
                Answer::Text(link.to_string_lossy().into_owned())
            }
            Request::AddIndirectRoot(link) => {
                self.trust.require("make garbage collector roots")?;
                self.add_indirect_root(Path::new(OsStr::from_bytes(&link)))?;
                Answer::Number(1)
            }
            Request::AddSignatures { path, signatures } => {
                self.trust.require("add signatures")?;
                store.add_signatures(&path, &signatures)?;
                Answer::Number(1)
            }
            // There is nothing to wait for, and files are not shared.
            Request::SyncWithGc | Request::OptimiseStore => Answer::Number(1),
            Request::FindRoots => {
                self.trust.require("list the garbage collector's roots")?;
                Answer::Roots(store.roots()?)
            }
            Request::VerifyStore {
                check_contents,
                repair,
            } => {
                self.trust.require("verify the store")?;
                if repair {
                    return Err(OperationError::refused(
                        "repairing is not supported\nhint: verify without --repair, then `wasibuild store delete` what is damaged",
                    ));
                }
                let report = store.verify(check_contents)?;
                for problem in &report.problems {
                    self.log.event(Event::Warning(&problem.to_string()));
                }
                Answer::flag(!report.is_ok())
            }
            Request::CollectGarbage {
                action,
                paths,
                ignore_liveness,
                max_freed,
            } => {
                self.trust.require("collect garbage")?;
                if ignore_liveness {
                    return Err(OperationError::refused(
                        "you are not allowed to ignore liveness",
                    ));
                }
                self.collect(action, paths, max_freed)?
            }
            other => return Err(unexpected(&other)),
        })
    }

    fn collect(
        &self,
        action: GcAction,
        paths: BTreeSet<StorePath>,
        max_freed: u64,
    ) -> Result<Answer, OperationError> {
        let action = match action {
            GcAction::ReturnLive => Action::ListLive,
            GcAction::ReturnDead => Action::ListDead,
            GcAction::DeleteDead => Action::DeleteDead,
            GcAction::DeleteSpecific => Action::DeletePaths(paths),
        };
        let report = self.store.gc(&GcOptions {
            action,
            max_freed: (max_freed != u64::MAX).then_some(max_freed),
            ..GcOptions::default()
        })?;
        Ok(Answer::Collected(report.paths, report.bytes_freed))
    }

    fn outputs(
        &self,
        derivation: &StorePath,
    ) -> Result<std::collections::BTreeMap<String, StorePath>, OperationError> {
        if !self.store.is_valid(derivation)? {
            return Err(not_valid(derivation));
        }
        Ok(self.store.query_derivation_outputs(derivation)?)
    }

    fn valid_paths(
        &self,
        paths: BTreeSet<StorePath>,
        substitute: bool,
    ) -> Result<BTreeSet<StorePath>, OperationError> {
        // From now on they stay, so that what is reported valid still is when it is used.
        self.store.add_temp_roots(&paths)?;
        self.store.take_over(&paths)?;
        if substitute {
            self.fetch_what_is_offered(&paths)?;
        }
        let mut valid = BTreeSet::new();
        for path in paths {
            if self.store.is_valid(&path)? {
                valid.insert(path);
            }
        }
        Ok(valid)
    }

    /// What the binary caches offer of these paths.
    pub(super) fn offers(
        &self,
        paths: &BTreeSet<StorePath>,
    ) -> Result<Vec<(StorePath, Offer)>, OperationError> {
        if !self.options.use_substitutes {
            return Ok(Vec::new());
        }
        let world = self.world();
        Ok(world.offered(paths)?.into_iter().collect())
    }

    /// The store and the caches.
    pub(super) fn world(&self) -> World<'_> {
        World {
            store: &self.store,
            caches: &self.caches,
            expected: BTreeSet::new(),
        }
    }

    /// Keeps what a link points to, as `nix-store --add-root --indirect` does.
    fn add_indirect_root(&self, link: &Path) -> Result<(), OperationError> {
        let shown = || printable::name(link.as_os_str().as_bytes());
        let refused = |problem: String| {
            OperationError::refused(format!("cannot make '{}' a root: {problem}", shown()))
        };
        let target = std::fs::read_link(link).map_err(|error| refused(error.to_string()))?;
        let (path, _) = StorePath::split_absolute_path(target.as_os_str().as_bytes())
            .map_err(|error| refused(error.to_string()))?;
        self.store.add_root(link, &path)?;
        Ok(())
    }
}

/// Nix's words, which its clients look for.
pub(super) fn not_valid(path: &StorePath) -> OperationError {
    OperationError::refused(format!("path '{}' is not valid", path.to_absolute_path()))
}
