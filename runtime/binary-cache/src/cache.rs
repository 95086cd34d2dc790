//! One binary cache: its `nix-cache-info`, its narinfo files, its NARs.
//!
//! Contract: [`BinaryCache::query`] parses and checks that a narinfo is about the path that was
//! asked for and that its NAR can be fetched; whether it is trusted is the
//! [`Substituter`](crate::Substituter)'s matter. Answers, negative ones too, are kept in memory
//! for the life of the value. Counterpart in Nix: `BinaryCacheStore`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use wasibuild_nix_compat::content_address::ContentAddress;
use wasibuild_nix_compat::narinfo::NarInfo;
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::store_path::{STORE_DIR, StorePath};

use crate::cache_info::{CacheInfo, MAX_CACHE_INFO_BYTES};
use crate::cancel::Cancel;
use crate::compression::Compression;
use crate::error::Error;
use crate::location::{CacheUrl, Object};
use crate::nar_stream::{Announced, NarStream};
use crate::options::Options;
use crate::progress::Observer;
use crate::resume::ResumingReader;
use crate::transport::Context;

/// The most bytes that are read of a narinfo: room for some 50,000 references.
pub const MAX_NARINFO_BYTES: u64 = 4 * 1024 * 1024;

/// See the module.
pub struct BinaryCache {
    url: CacheUrl,
    context: Arc<Context>,
    info: OnceLock<Result<CacheInfo, Error>>,
    lookups: Mutex<BTreeMap<StorePath, Option<Arc<NarInfo>>>>,
    /// The text of the failure after which the cache is not asked again.
    disabled: OnceLock<String>,
}

impl BinaryCache {
    /// Opens a single cache and reads its `nix-cache-info`.
    pub fn open(
        url: &str,
        options: Options,
        cancel: Cancel,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, Error> {
        let url = CacheUrl::parse(url)?;
        let context = Arc::new(Context::new(options, cancel, observer)?);
        let cache = Self::with_context(url, context);
        cache.info()?;
        Ok(cache)
    }

    /// Asks nothing yet.
    pub(crate) fn with_context(url: CacheUrl, context: Arc<Context>) -> Self {
        Self {
            url,
            context,
            info: OnceLock::new(),
            lookups: Mutex::default(),
            disabled: OnceLock::new(),
        }
    }

    /// The address, without credentials and parameters.
    #[must_use]
    pub fn url(&self) -> String {
        self.url.to_string()
    }

    /// Whether the user said that its paths need no signature.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.url.trusted
    }

    /// What the cache says about itself; asked for once.
    pub fn info(&self) -> Result<&CacheInfo, Error> {
        let result = self.info.get_or_init(|| self.read_info());
        result.as_ref().map_err(Clone::clone)
    }

    /// Like [`BinaryCache::info`], but a cache that fails here is not asked again.
    pub(crate) fn probe(&self) -> Result<(), Error> {
        let result = self.info().map(drop);
        if let Err(error) = &result {
            self.disable(error);
        }
        result
    }

    fn disable(&self, error: &Error) {
        // A second thread may have been faster; its reason is as good.
        let _ = self.disabled.set(error.full_text());
    }

    /// Lower is asked first: as in the address, else as the cache says, else Nix's default, 0.
    pub fn priority(&self) -> Result<i64, Error> {
        let info = self.info()?;
        Ok(self.url.priority.or(info.priority).unwrap_or(0))
    }

    fn read_info(&self) -> Result<CacheInfo, Error> {
        let object = self.url.object("nix-cache-info");
        let Some(bytes) = self.context.read_small(&object, MAX_CACHE_INFO_BYTES)? else {
            return Err(Error::NotACache {
                url: self.url.to_string(),
            });
        };
        let info = CacheInfo::parse(&bytes).map_err(|source| Error::CacheInfo {
            url: object.to_string(),
            source,
        })?;
        if info.store_dir != STORE_DIR {
            return Err(Error::StoreDir {
                url: self.url.to_string(),
                expected: STORE_DIR,
                found: info.store_dir,
            });
        }
        Ok(info)
    }

    /// The narinfo of `path`; `Ok(None)` when the cache does not have it.
    pub fn query(&self, path: &StorePath) -> Result<Option<Arc<NarInfo>>, Error> {
        if let Some(known) = self.lookups().get(path) {
            return Ok(known.clone());
        }
        if let Some(reason) = self.disabled.get() {
            return Err(Error::Disabled {
                url: self.url.to_string(),
                reason: reason.clone(),
            });
        }
        let result = self.info().and_then(|_| self.read_narinfo(path));
        match result {
            Ok(narinfo) => {
                let narinfo = narinfo.map(Arc::new);
                self.lookups().insert(path.clone(), narinfo.clone());
                Ok(narinfo)
            }
            Err(error) => {
                if error.concerns_whole_cache() {
                    self.disable(&error);
                }
                Err(error)
            }
        }
    }

    fn read_narinfo(&self, path: &StorePath) -> Result<Option<NarInfo>, Error> {
        let object = self.narinfo_object(path);
        let url = object.to_string();
        let bytes = match self.context.read_small(&object, MAX_NARINFO_BYTES) {
            // Object stores answer 403 for a missing file when listing is not allowed.
            Ok(None) | Err(Error::Status { status: 403, .. }) => return Ok(None),
            Ok(Some(bytes)) => bytes,
            Err(error) => return Err(error),
        };
        let narinfo = NarInfo::parse(&bytes).map_err(|source| Error::NarInfo {
            url: url.clone(),
            path: path.clone(),
            source,
        })?;
        if narinfo.info.path != *path {
            return Err(Error::WrongPath {
                url,
                expected: path.clone(),
                found: narinfo.info.path,
            });
        }
        self.nar_location(&narinfo)?;
        Ok(Some(narinfo))
    }

    fn narinfo_object(&self, path: &StorePath) -> Object {
        self.url.object(&format!("{}.narinfo", path.hash_part()))
    }

    /// The narinfo's address, for messages.
    pub(crate) fn narinfo_url(&self, path: &StorePath) -> String {
        self.narinfo_object(path).to_string()
    }

    /// Where and how the NAR is kept, or why it cannot be fetched.
    fn nar_location(&self, narinfo: &NarInfo) -> Result<(Object, Compression), Error> {
        let path = &narinfo.info.path;
        let url = || self.narinfo_url(path);
        let object = self
            .url
            .nar_object(&narinfo.url)
            .map_err(|expected| Error::NarUrl {
                url: url(),
                path: path.clone(),
                found: narinfo.url.clone(),
                expected,
            })?;
        let method = Compression::from_name(narinfo.compression.as_bytes());
        let method = method.ok_or_else(|| Error::Compression {
            url: url(),
            path: path.clone(),
            found: narinfo.compression.clone(),
        })?;
        Ok((object, method))
    }

    /// Opens the NAR that `narinfo`, from this cache, describes.
    pub fn fetch(&self, narinfo: &NarInfo) -> Result<NarStream, Error> {
        let (object, method) = self.nar_location(narinfo)?;
        let announced = Announced {
            path: narinfo.info.path.clone(),
            url: object.to_string(),
            method,
            file_size: narinfo.file_size.filter(|size| *size > 0),
            file_hash: narinfo.file_hash.clone(),
            nar_size: narinfo.info.nar_size,
            nar_hash: narinfo.info.nar_hash,
            ca: checkable_content_address(&narinfo.info),
        };
        let source = ResumingReader::open(
            self.context.clone(),
            object,
            announced.file_size,
            |expected, found| announced.mismatch("file size", expected, found),
        )?;
        match source {
            Some(source) => Ok(NarStream::new(self.context.clone(), source, announced)),
            None => Err(Error::Status {
                url: announced.url,
                status: 404,
            }),
        }
    }

    fn lookups(&self) -> MutexGuard<'_, BTreeMap<StorePath, Option<Arc<NarInfo>>>> {
        self.lookups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The content address, unless the object's own name takes part in it.
fn checkable_content_address(info: &PathInfo) -> Option<ContentAddress> {
    info.ca
        .clone()
        .filter(|_| !info.references.contains(&info.path))
}

impl std::fmt::Debug for BinaryCache {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "BinaryCache({})", self.url)
    }
}
