//! The extensions that WASI preview 1 lacks: modes, pipes, processes.
//!
//! Contract: `docs/abi.md` defines every function; a guest that imports none of them runs on other
//! WASI hosts too. Every function returns a WASI errno.

pub mod files;
pub mod processes;

use crate::wasi::call::Ctx;
use wasmtime::Linker;

/// Name of the imported module.
pub const MODULE: &str = "wasibuild_v1";

/// Adds every function to a linker.
pub fn add_to_linker(linker: &mut Linker<Ctx>) -> wasmtime::Result<()> {
    files::add(linker)?;
    processes::add(linker)
}
