//! All binary caches of a run, asked in the order of their priority.
//!
//! Contract: the network is touched at the first question, not before. A cache that fails, lies or
//! is not trusted is reported ([`Event::Fault`]) and the next one is asked; a cache that is out of
//! order as a whole is not asked again. Counterpart in Nix: `PathSubstitutionGoal`,
//! `getDefaultSubstituters`.

use std::sync::{Arc, OnceLock};

use wasibuild_nix_compat::narinfo::NarInfo;
use wasibuild_nix_compat::store_path::StorePath;

use crate::cache::BinaryCache;
use crate::cancel::Cancel;
use crate::error::Error;
use crate::location::CacheUrl;
use crate::nar_stream::NarStream;
use crate::options::Options;
use crate::progress::{Event, Observer};
use crate::transport::Context;
use crate::trust::{Policy, Trust};

/// See the module.
pub struct Substituter {
    pub(crate) context: Arc<Context>,
    policy: Policy,
    caches: Vec<BinaryCache>,
    /// Indices into `caches`, by priority.
    order: OnceLock<Vec<usize>>,
}

/// A trusted description of a path, and the cache that gave it.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The description.
    pub narinfo: Arc<NarInfo>,
    /// Why it is trusted.
    pub trust: Trust,
    /// The cache's place in the order of priority.
    pub(crate) rank: usize,
}

impl Substituter {
    /// `urls`: the `--substituters` values. Events go to `observer`; `cancel` stops everything.
    pub fn new<S: AsRef<str>>(
        urls: impl IntoIterator<Item = S>,
        options: Options,
        cancel: Cancel,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, Error> {
        let urls: Vec<CacheUrl> = urls
            .into_iter()
            .map(|url| CacheUrl::parse(url.as_ref()))
            .collect::<Result<_, _>>()?;
        let policy = Policy {
            keys: options.trusted_public_keys.clone(),
            require_signatures: options.require_signatures,
        };
        let context = Arc::new(Context::new(options, cancel, observer)?);
        let caches = urls
            .into_iter()
            .map(|url| BinaryCache::with_context(url, context.clone()))
            .collect();
        Ok(Self {
            context,
            policy,
            caches,
            order: OnceLock::new(),
        })
    }

    /// Whether there is no cache at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.caches.is_empty()
    }

    /// The caches by priority; equal ones in the order given. Those that cannot say theirs come
    /// last.
    pub(crate) fn order(&self) -> &[usize] {
        self.order.get_or_init(|| {
            // All at once, since a dead one takes its time.
            std::thread::scope(|scope| {
                for cache in &self.caches {
                    scope.spawn(|| self.probe(cache));
                }
            });
            let mut order: Vec<usize> = (0..self.caches.len()).collect();
            order.sort_by_key(|index| {
                let priority = self.caches.get(*index).map(BinaryCache::priority);
                priority.and_then(Result::ok).unwrap_or(i64::MAX)
            });
            order
        })
    }

    fn probe(&self, cache: &BinaryCache) {
        match cache.probe() {
            Ok(()) | Err(Error::Cancelled) => {}
            Err(error) => self.context.observer.event(&Event::Fault {
                path: None,
                error: &error,
            }),
        }
    }

    pub(crate) fn cache(&self, rank: usize) -> Option<&BinaryCache> {
        self.caches.get(*self.order().get(rank)?)
    }

    /// The best trusted description of `path`. `Ok(None)`: no cache has it. An error only when
    /// caches failed that might have had it.
    pub fn query(&self, path: &StorePath) -> Result<Option<Candidate>, Error> {
        let mut failures = Vec::new();
        let mut result = Ok(None);
        for rank in 0..self.order().len() {
            match self.query_rank(rank, path) {
                Ok(None) => {}
                Ok(Some(candidate)) => {
                    result = Ok(Some(candidate));
                    break;
                }
                Err(Error::Cancelled) => return Err(Error::Cancelled),
                Err(error) => {
                    // Told when it happened; once is enough.
                    if !matches!(error, Error::Disabled { .. }) {
                        let path = Some(path);
                        let error = &error;
                        self.context.observer.event(&Event::Fault { path, error });
                    }
                    failures.push(error);
                }
            }
        }
        if matches!(result, Ok(None)) && !failures.is_empty() {
            result = Err(Error::AllFailed {
                path: path.clone(),
                failures,
            });
        }
        self.context.observer.event(&Event::LookedUp {
            path,
            found: matches!(result, Ok(Some(_))),
        });
        result
    }

    /// Asks one cache.
    pub(crate) fn query_rank(
        &self,
        rank: usize,
        path: &StorePath,
    ) -> Result<Option<Candidate>, Error> {
        self.context.cancel.check()?;
        let Some(cache) = self.cache(rank) else {
            return Ok(None);
        };
        let Some(narinfo) = cache.query(path)? else {
            return Ok(None);
        };
        match self.policy.judge(&narinfo, cache.is_trusted()) {
            Ok(trust) => Ok(Some(Candidate {
                narinfo,
                trust,
                rank,
            })),
            Err(found) => Err(Error::Untrusted {
                url: cache.narinfo_url(path),
                path: path.clone(),
                found,
                trusted: self.policy.key_names(),
            }),
        }
    }

    /// Opens the NAR of `candidate` at the cache that described it. For one that falls through to
    /// the next cache see [`Substituter::download`].
    pub fn fetch(&self, candidate: &Candidate) -> Result<NarStream, Error> {
        match self.cache(candidate.rank) {
            Some(cache) => cache.fetch(&candidate.narinfo),
            None => Err(Error::AllFailed {
                path: candidate.narinfo.info.path.clone(),
                failures: Vec::new(),
            }),
        }
    }
}

impl std::fmt::Debug for Substituter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Substituter")
            .field("caches", &self.caches)
            .finish_non_exhaustive()
    }
}
