//! A module that is compiled, linked, and only needs to be instantiated.

use super::Unpooled;
use crate::error::EngineError;
use crate::wasi::call::Ctx;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, OnceLock};
use wasmtime::{ExternType, InstancePre, Linker, UnknownImportError};

/// A program for the sandbox; cheap to clone.
#[derive(Clone)]
pub struct Module {
    pre: InstancePre<Ctx>,
    /// The same for the engine without a pool, made when the pool is empty.
    unpooled: Arc<OnceLock<InstancePre<Ctx>>>,
}

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Module")
    }
}

impl Module {
    /// Checks that a module is a WASI command and resolves its imports.
    pub(super) fn link(
        linker: &Linker<Ctx>,
        module: &wasmtime::Module,
    ) -> Result<Self, EngineError> {
        let not_a_command = |text: &str| Err(EngineError::NotACommand(text.to_owned()));
        match module.get_export("_start") {
            Some(ExternType::Func(start)) if start.params().len() + start.results().len() == 0 => {}
            Some(_) => {
                return not_a_command("its export '_start' is no function without parameters");
            }
            None => return not_a_command("it exports no function '_start'"),
        }
        match module.get_export("memory") {
            Some(ExternType::Memory(memory)) if !memory.is_64() && !memory.is_shared() => {}
            _ => return not_a_command("it exports no 32-bit memory named 'memory'"),
        }
        let pre = linker.instantiate_pre(module).map_err(|error| {
            match error.downcast_ref::<UnknownImportError>() {
                Some(unknown) => EngineError::MissingImport {
                    module: unknown.module().to_owned(),
                    name: unknown.name().to_owned(),
                },
                None => EngineError::Invalid(format!("{error:#}")),
            }
        })?;
        Ok(Module {
            pre,
            unpooled: Arc::default(),
        })
    }

    /// What is instantiated when the engine's pool has no room.
    #[allow(unsafe_code)]
    pub(crate) fn unpooled(&self, engine: &Unpooled) -> wasmtime::Result<InstancePre<Ctx>> {
        if let Some(pre) = self.unpooled.get() {
            return Ok(pre.clone());
        }
        let code = self.pre.module().serialize()?;
        // SAFETY: `deserialize` is sound for bytes that `Module::serialize` made, as these were a
        // line above, in this process' own memory.
        let module = unsafe { wasmtime::Module::deserialize(&engine.wasmtime, code)? };
        let pre = engine.linker.instantiate_pre(&module)?;
        Ok(self.unpooled.get_or_init(|| pre).clone())
    }

    /// What no other module has while this one is there.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.unpooled).addr()
    }

    /// What is instantiated for each process.
    pub(crate) fn pre(&self) -> &InstancePre<Ctx> {
        &self.pre
    }
}

/// What tells one version of a file on the host from any other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileIdentity([u64; 7]);

impl FileIdentity {
    /// The identity of an open file.
    pub(super) fn of(file: &File) -> io::Result<FileIdentity> {
        let meta = file.metadata()?;
        Ok(FileIdentity([
            meta.dev(),
            meta.ino(),
            meta.size(),
            meta.mtime() as u64,
            meta.mtime_nsec() as u64,
            meta.ctime() as u64,
            meta.ctime_nsec() as u64,
        ]))
    }
}
