//! WASI preview 1 over the kernel: all 46 functions of `wasi_snapshot_preview1.witx`.
//!
//! Contract: this layer knows the binary interface (addresses, structures, flags) and nothing of
//! files or processes; the kernel knows those and nothing of wasm. Behaviour follows wasmtime's own
//! implementation, which wasi-libc and Rust's std are made for; `docs/abi.md` lists the differences.
//!
//! - [`call`]: a call into the kernel. [`mem`]: guest memory. [`rights`]: what `fdstat` tells.
//! - [`args`], [`clock`], [`fd`], [`fd_io`], [`paths`], [`poll`], [`system`]: the functions.

pub mod args;
pub mod call;
pub mod clock;
pub mod fd;
pub mod fd_io;
pub mod mem;
pub mod paths;
pub mod poll;
pub mod rights;
pub mod system;

use call::Ctx;
use wasmtime::Linker;

/// Name of the imported module.
pub const MODULE: &str = "wasi_snapshot_preview1";

/// Adds every function to a linker.
pub fn add_to_linker(linker: &mut Linker<Ctx>) -> wasmtime::Result<()> {
    args::add(linker)?;
    clock::add(linker)?;
    fd::add(linker)?;
    fd_io::add(linker)?;
    paths::add(linker)?;
    poll::add(linker)?;
    system::add(linker)
}

/// Defines a function that never waits: `host!(linker, module, "name", |call, a: u32| …)`.
macro_rules! host {
    ($linker:expr, $module:expr, $name:literal, |$call:ident $(, $arg:ident : $ty:ty)* $(,)?| $body:expr) => {
        $linker.func_wrap(
            $module,
            $name,
            |mut caller: wasmtime::Caller<'_, $crate::wasi::call::Ctx> $(, $arg: $ty)*| -> wasmtime::Result<u32> {
                $crate::wasi::call::enter(&mut caller, |$call| $body)
            },
        )?
    };
}

/// Defines a function that may wait. The body is asked again after each wait; `let` before it is
/// state that lives across the waits.
macro_rules! host_blocking {
    ($linker:expr, $module:expr, $name:literal, |$call:ident $(, $arg:ident : $ty:ty)* $(,)?| $(let $state:ident = $init:expr;)* $body:expr) => {
        $linker.func_wrap_async(
            $module,
            $name,
            |mut caller: wasmtime::Caller<'_, $crate::wasi::call::Ctx>, ($($arg,)*): ($($ty,)*)| {
                Box::new(async move {
                    $(let mut $state = $init;)*
                    $crate::wasi::call::enter_blocking(&mut caller, |$call| $body).await
                })
            },
        )?
    };
}

pub(crate) use {host, host_blocking};
