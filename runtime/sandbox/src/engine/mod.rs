//! The WebAssembly engine that all builds of a program share.
//!
//! Contract: one configuration, the same on every host, because parts of it can be observed by a
//! guest: NaN bits are canonical, relaxed SIMD is deterministic, there are no threads. Modules are
//! compiled once. Epochs serve only to stop a guest (time limits, cancelling); they never switch
//! between processes.
//!
//! - [`module`]: a module ready to be instantiated. [`cache`]: compiled code on disk.
//! - [`trust`]: who may write there. [`derived`]: what modules answered. [`epochs`]: what stops guests.

pub mod cache;
pub mod derived;
mod epochs;
pub mod module;
pub mod trust;

pub use module::Module;

use crate::error::EngineError;
use crate::wasi::call::Ctx;
use crate::{wasi, wasibuild_v1};
use cache::Cache;
use epochs::Epochs;
use module::FileIdentity;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::num::NonZeroUsize;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use wasibuild_nix_compat::file_system_object::{Contents, FileSystemObject};
use wasmtime::{
    Config, Enabled, InstanceAllocationStrategy, Linker, PoolingAllocationConfig, WasmFeatures,
};

/// Bytes of native stack that wasm code of one process may use. Deeper recursion traps.
const WASM_STACK: usize = 8 * 1024 * 1024;
/// Bytes of native stack of one process: wasm code and the host calls that it makes.
const PROCESS_STACK: usize = WASM_STACK + 2 * 1024 * 1024;
/// Instances of the pool, for all builds of a program. Making it takes 2 µs for each; further
/// instances are mapped anew.
const SLOTS: u32 = 64;
/// Tables of one module.
const TABLES: u32 = 4;
/// Bytes of memory that an instance of the pool used and that are cleared by writing, not by
/// unmapping, where the system tells which pages were used (Linux 6.7, `PAGEMAP_SCAN`): the next
/// instance finds them mapped. It is what a shell with a large setup script takes.
const KEPT: usize = 8 << 20;
/// The same where it does not tell: then the lowest addresses are cleared whether used or not.
const KEPT_BLINDLY: usize = 1 << 16;
/// Where compiled code is kept.
#[derive(Clone, Debug, Default)]
pub struct EngineOptions {
    /// The user's own cache; made if missing. `None` = modules are compiled in memory.
    pub cache_dir: Option<PathBuf>,
    /// Code that came with the program, never written to.
    pub precompiled_dir: Option<PathBuf>,
}

/// The engine; cheap to clone, shared by threads.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

/// An engine that maps the memory of each instance anew, for more instances than the pool has.
pub(crate) struct Unpooled {
    wasmtime: wasmtime::Engine,
    linker: Linker<Ctx>,
}

/// A module, once it is compiled.
type Slot = Arc<Mutex<Option<Module>>>;

struct Inner {
    wasmtime: wasmtime::Engine,
    linker: Linker<Ctx>,
    epochs: Epochs,
    unpooled: OnceLock<Unpooled>,
    cache: Cache,
    /// By the digest of the wasm bytes. Each has a lock of its own, so that a module is compiled
    /// once however many builds ask for it.
    modules: Mutex<HashMap<[u8; 32], Slot>>,
    /// By the identity of a file on the host, so that a known file is not even read.
    files: Mutex<HashMap<FileIdentity, Module>>,
    /// By the SHA-256 of the NAR of a file alone, as far as it was computed from the same bytes.
    archives: Mutex<HashMap<[u8; 32], Module>>,
    answers: derived::Answers,
}

impl Engine {
    /// Sets the engine up.
    ///
    /// # Errors
    /// [`EngineError::Setup`] if wasmtime cannot work on this machine.
    pub fn new(options: EngineOptions) -> Result<Engine, EngineError> {
        let setup = |error: wasmtime::Error| EngineError::Setup(format!("{error:#}"));
        let wasmtime = match wasmtime::Engine::new(&config(Some(SLOTS))) {
            Ok(engine) => engine,
            Err(error) => {
                // A limit on address space (`ulimit -v`, some containers).
                tracing::debug!("no pool of instances, each is mapped anew: {error:#}");
                wasmtime::Engine::new(&config(None)).map_err(setup)?
            }
        };
        let linker = linker(&wasmtime).map_err(setup)?;
        let epochs = Epochs::start(&wasmtime)?;
        let cache = Cache::open(&wasmtime, &options);
        Ok(Engine {
            inner: Arc::new(Inner {
                wasmtime,
                linker,
                epochs,
                unpooled: OnceLock::new(),
                cache,
                modules: Mutex::default(),
                files: Mutex::default(),
                archives: Mutex::default(),
                answers: derived::Answers::default(),
            }),
        })
    }

    /// The module with these bytes (`\0asm…`), compiled now unless that was done before.
    ///
    /// # Errors
    /// Not WebAssembly, not a WASI command, or an import that the sandbox does not have.
    pub fn module(&self, bytes: &[u8]) -> Result<Module, EngineError> {
        self.module_of(bytes).map(|(module, _)| module)
    }

    /// The same, with the digest of the bytes.
    fn module_of(&self, bytes: &[u8]) -> Result<(Module, [u8; 32]), EngineError> {
        let digest: [u8; 32] = Sha256::digest(bytes).into();
        let compile = || {
            self.inner
                .cache
                .compile(self.wasmtime(), &digest, bytes)
                .map(Some)
        };
        let module = self.once(&digest, compile)?;
        // `compile` gives one or an error.
        let module = module.ok_or_else(|| EngineError::Invalid("it has no code".to_owned()))?;
        Ok((module, digest))
    }

    /// The module with this digest, which `code` gives if it was never asked for.
    fn once(
        &self,
        digest: &[u8; 32],
        code: impl FnOnce() -> Result<Option<wasmtime::Module>, EngineError>,
    ) -> Result<Option<Module>, EngineError> {
        let slot = {
            let mut modules = lock(&self.inner.modules);
            Arc::clone(modules.entry(*digest).or_default())
        };
        let mut slot = lock(&slot);
        if let Some(module) = &*slot {
            return Ok(Some(module.clone()));
        }
        let Some(compiled) = code()? else {
            return Ok(None);
        };
        let module = Module::link(&self.inner.linker, &compiled)?;
        *slot = Some(module.clone());
        Ok(Some(module))
    }

    /// The module in a file. A file whose identity (device, inode, size, times) is known is not
    /// read again: its change time cannot be set back.
    ///
    /// # Errors
    /// As [`Engine::module`], and when the file cannot be read.
    pub fn module_from_file(&self, file: &File) -> Result<Module, EngineError> {
        let identity = FileIdentity::of(file).map_err(unread)?;
        if let Some(module) = lock(&self.inner.files).get(&identity) {
            return Ok(module.clone());
        }
        let module = self.module(&read(file)?)?;
        lock(&self.inner.files).insert(identity, module.clone());
        Ok(module)
    }

    /// The module in a file that is a store path by itself. `nar_hash` is SHA-256 of its NAR, as the
    /// store has it: the compiled module is found by it, and the file is opened and read only if
    /// there is none.
    ///
    /// That is as safe as hashing the file each time: which wasm bytes a NAR hash stands for is kept
    /// only when it was computed from them, and what is run is what the hash stands for, even if the
    /// file was changed since.
    ///
    /// # Errors
    /// As [`Engine::module_from_file`], and those of `open`.
    pub fn module_from_store(
        &self,
        nar_hash: [u8; 32],
        open: impl FnOnce() -> Result<File, EngineError>,
    ) -> Result<Module, EngineError> {
        if let Some(module) = lock(&self.inner.archives).get(&nar_hash) {
            return Ok(module.clone());
        }
        let cache = &self.inner.cache;
        let known = match cache.digest_of(&nar_hash) {
            Some(digest) => self.once(&digest, || Ok(cache.load(self.wasmtime(), &digest)))?,
            None => None,
        };
        let module = match known {
            Some(module) => module,
            None => {
                let file = open()?;
                let bytes = read(&file)?;
                let (module, digest) = self.module_of(&bytes)?;
                if nar_hash_of(&file, bytes).map_err(unread)? != nar_hash {
                    return Ok(module);
                }
                cache.note_digest(&nar_hash, &digest);
                module
            }
        };
        lock(&self.inner.archives).insert(nar_hash, module.clone());
        Ok(module)
    }

    /// Compiles ahead of time: the code that a `precompiled_dir` holds for these bytes, and the
    /// file name under which it is found there.
    ///
    /// # Errors
    /// As [`Engine::module`].
    pub fn precompile(&self, bytes: &[u8]) -> Result<(String, Vec<u8>), EngineError> {
        let digest: [u8; 32] = Sha256::digest(bytes).into();
        let code = self
            .inner
            .wasmtime
            .precompile_module(bytes)
            .map_err(|error| EngineError::Invalid(format!("{error:#}")))?;
        Ok((self.inner.cache.file_name(&digest), code))
    }

    /// The engine for instances that have no room in the pool, made when it is first needed.
    pub(crate) fn unpooled(&self) -> wasmtime::Result<&Unpooled> {
        if let Some(unpooled) = self.inner.unpooled.get() {
            return Ok(unpooled);
        }
        let wasmtime = wasmtime::Engine::new(&config(None))?;
        let linker = linker(&wasmtime)?;
        self.inner.epochs.also(&wasmtime);
        let made = Unpooled { wasmtime, linker };
        Ok(self.inner.unpooled.get_or_init(|| made))
    }

    /// wasmtime's engine.
    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.inner.wasmtime
    }

    /// Has running guests asked whether they may go on, until the result is dropped.
    pub(crate) fn ticking(&self) -> epochs::Ticking<'_> {
        self.inner.epochs.ticking()
    }
}

/// The configuration. Whatever a guest can observe is fixed here, not taken from the host.
///
/// `slots` instances are made from a pool: reserving address space for each anew takes longer than
/// a small build. The pool's bounds are those of the format, and what is used is counted for every
/// instance ([`crate::wasi::call`]), so that no guest can tell whether there is one.
fn config(slots: Option<u32>) -> Config {
    let mut config = Config::new();
    config
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(true)
        .relaxed_simd_deterministic(true)
        .wasm_features(WasmFeatures::THREADS, false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(PROCESS_STACK)
        .memory_init_cow(true)
        .wasm_backtrace_max_frames(NonZeroUsize::new(16))
        .generate_address_map(false);
    if let Some(slots) = slots {
        let mut pool = PoolingAllocationConfig::new();
        let scan = PoolingAllocationConfig::is_pagemap_scan_available();
        pool.total_core_instances(slots)
            .total_memories(slots)
            .total_stacks(slots)
            .total_tables(slots * TABLES)
            .max_tables_per_module(TABLES)
            .table_elements(u32::MAX as usize)
            .max_memory_size(1 << 32)
            .max_core_instance_size(1 << 26)
            .pagemap_scan(if scan { Enabled::Yes } else { Enabled::No })
            .linear_memory_keep_resident(if scan { KEPT } else { KEPT_BLINDLY })
            .table_keep_resident(1 << 14)
            .async_stack_keep_resident(1 << 15);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    config
}

impl Unpooled {
    /// wasmtime's engine.
    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.wasmtime
    }
}

/// All that a guest may import.
fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<Ctx>> {
    let mut linker = Linker::new(engine);
    wasi::add_to_linker(&mut linker)?;
    wasibuild_v1::add_to_linker(&mut linker)?;
    Ok(linker)
}

/// All bytes of a file.
fn read(mut file: &File) -> Result<Vec<u8>, EngineError> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(unread)?;
    Ok(bytes)
}

fn unread(source: std::io::Error) -> EngineError {
    EngineError::Read {
        path: PathBuf::from("module"),
        source,
    }
}

/// SHA-256 of the NAR of a file with these bytes.
fn nar_hash_of(file: &File, bytes: Vec<u8>) -> std::io::Result<[u8; 32]> {
    let object = FileSystemObject::File {
        executable: file.metadata()?.mode() & 0o100 != 0,
        contents: Contents::from(bytes),
    };
    let hashed = object.nar_hash().map_err(std::io::Error::other)?;
    Ok(hashed.0)
}

/// Locks a table; a panic elsewhere leaves it whole, since every change is one insertion.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
