//! Fetches paths from binary caches into the store.
//!
//! Contract: the caches are set up at the first question, so that a run that needs nothing from them
//! touches neither the network nor the certificates. What comes in was verified by
//! [`wasibuild_binary_cache`], and the store checks hash and size once more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use wasibuild_binary_cache as cache;
use wasibuild_binary_cache::{Cancel, Candidate, DownloadError, Substituter, Unavailable};
use wasibuild_nix_compat::store_path::StorePath;

use super::Realiser;
use super::error::{RealiseError, chain};
use super::report::Status;
use super::stop::Stop;
use crate::plan::Offer;
use crate::printable;
use crate::progress::{Event, Progress};

/// The binary caches of a run.
pub struct Caches {
    urls: Vec<String>,
    keys: Vec<String>,
    progress: Arc<dyn Progress>,
    stop: Stop,
    substituter: OnceLock<Substituter>,
    candidates: Mutex<BTreeMap<StorePath, Candidate>>,
}

impl Caches {
    /// Caches at these URLs, trusting these public keys.
    pub fn new(
        urls: Vec<String>,
        keys: Vec<String>,
        progress: Arc<dyn Progress>,
        stop: Stop,
    ) -> Self {
        Caches {
            urls,
            keys,
            progress,
            stop,
            substituter: OnceLock::new(),
            candidates: Mutex::default(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.urls.is_empty()
    }

    fn substituter(&self) -> Result<&Substituter, cache::Error> {
        if let Some(substituter) = self.substituter.get() {
            return Ok(substituter);
        }
        let mut options = cache::Options::from_environment()?;
        options.trusted_public_keys = self
            .keys
            .iter()
            .map(|key| cache::parse_public_key(key))
            .collect::<Result<_, _>>()?;
        let cancel = Cancel::new();
        let thrown = cancel.clone();
        self.stop.on_stop(move || thrown.cancel());
        let observer = Arc::new(Observer::new(self.progress.clone()));
        let made = Substituter::new(&self.urls, options, cancel, observer)?;
        Ok(self.substituter.get_or_init(|| made))
    }

    /// Which of these paths the caches offer; asks them all at once.
    pub(super) fn offered(
        &self,
        paths: &BTreeSet<StorePath>,
    ) -> Result<BTreeMap<StorePath, Offer>, RealiseError> {
        if self.is_empty() || paths.is_empty() {
            return Ok(BTreeMap::new());
        }
        let first = paths
            .first()
            .map(StorePath::to_absolute_path)
            .unwrap_or_default();
        let failed = |error| RealiseError::fetch(first.clone(), error);
        // Only the paths themselves: the planner walks the closure.
        let plan = self
            .substituter()
            .map_err(failed)?
            .plan(paths, &mut |path| !paths.contains(path));
        let plan = plan.map_err(failed)?;
        for (path, reason) in &plan.unavailable {
            if let Unavailable::Failed(error) = reason {
                let text = format!(
                    "cannot ask for '{}': {}",
                    path.to_absolute_path(),
                    chain(error)
                );
                self.progress.event(Event::Warning(&text));
            }
        }
        let mut candidates = self
            .candidates
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let offers = plan.paths.into_iter().map(|candidate| {
            let info = &candidate.narinfo.info;
            let offer = Offer {
                references: info.references.clone(),
                nar_size: info.nar_size,
                download_size: candidate.narinfo.file_size,
            };
            let path = info.path.clone();
            candidates.insert(path.clone(), candidate);
            (path, offer)
        });
        Ok(offers.collect())
    }

    fn candidate(&self, path: &StorePath) -> Option<Candidate> {
        self.candidates
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(path)
            .cloned()
    }
}

impl Realiser<'_> {
    /// Fetches one path whose references are valid.
    pub(super) fn fetch(&self, path: &StorePath) -> Result<Status, RealiseError> {
        let absolute = path.to_absolute_path();
        if self.store.is_valid(path)? {
            self.progress.event(Event::FetchEnded {
                path: &absolute,
                ok: true,
            });
            return Ok(Status::Valid);
        }
        let result = self.download(path, &absolute);
        self.progress.event(Event::FetchEnded {
            path: &absolute,
            ok: result.is_ok(),
        });
        result.map(|()| Status::Substituted)
    }

    fn download(&self, path: &StorePath, absolute: &str) -> Result<(), RealiseError> {
        let failed = |error| RealiseError::fetch(absolute.to_owned(), error);
        let problem = |problem: String| RealiseError::Fetch {
            path: absolute.to_owned(),
            problem,
        };
        let substituter = self.caches.substituter().map_err(failed)?;
        let candidate = self.caches.candidate(path);
        let candidate = candidate.ok_or_else(|| problem("no cache offered it".to_owned()))?;
        let plan = cache::Plan {
            paths: vec![candidate],
            unavailable: BTreeMap::new(),
        };
        let report =
            substituter.download(&plan, &|info, nar| self.store.add_nar(info.clone(), nar));
        match report.failed.into_values().next() {
            None => Ok(()),
            Some(DownloadError::Caches(error)) => Err(failed(error)),
            Some(DownloadError::Receiver(error)) => Err(RealiseError::Store(error)),
            Some(DownloadError::Reference(path)) => Err(problem(format!(
                "'{}', which it refers to, could not be fetched",
                path.to_absolute_path()
            ))),
            Some(_) => Err(problem("its archive was not read to the end".to_owned())),
        }
    }
}

/// Passes the caches' events on.
struct Observer {
    progress: Arc<dyn Progress>,
    /// How much of each running download was told.
    downloaded: Mutex<BTreeMap<StorePath, u64>>,
}

impl Observer {
    fn new(progress: Arc<dyn Progress>) -> Self {
        Observer {
            progress,
            downloaded: Mutex::default(),
        }
    }

    /// Tells the bytes that came since the last time.
    fn advance(&self, path: &StorePath, downloaded: u64, over: bool) {
        let bytes = {
            let mut known = self
                .downloaded
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let before = known.get(path).copied().unwrap_or_default();
            if over {
                known.remove(path);
            } else {
                known.insert(path.clone(), downloaded);
            }
            downloaded.saturating_sub(before)
        };
        self.progress.event(Event::Fetched { bytes });
    }

    fn warn(&self, text: &str) {
        self.progress.event(Event::Warning(text));
    }
}

impl cache::Observer for Observer {
    fn event(&self, event: &cache::Event<'_>) {
        match event {
            cache::Event::Started {
                path,
                url,
                nar_size,
                ..
            } => {
                let (path, url) = (path.to_absolute_path(), printable::name(url.as_bytes()));
                self.progress.event(Event::FetchStarted {
                    path: &path,
                    from: &url,
                    bytes: *nar_size,
                });
            }
            cache::Event::Progress { path, downloaded } => self.advance(path, *downloaded, false),
            cache::Event::Finished {
                path, downloaded, ..
            } => self.advance(path, *downloaded, true),
            cache::Event::Fault { error, .. } => self.warn(&chain(*error)),
            cache::Event::Retrying {
                url, reason, delay, ..
            } => {
                let seconds = delay.as_secs_f64();
                self.warn(&format!(
                    "{reason}; trying '{}' again in {seconds:.1} s",
                    printable::name(url.as_bytes())
                ));
            }
            _ => {}
        }
    }
}
