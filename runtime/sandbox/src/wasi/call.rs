//! One call from a guest into the kernel.
//!
//! Contract: a call has the kernel and the guest's memory for itself; its failure becomes an errno,
//! the end of the process, or the end of the build. A call that must wait gives the processor to
//! the next process of the run queue and is asked again when something changed.

use crate::errno::{Errno, Fail, Result};
use crate::error::Fatal;
use crate::kernel::{Kernel, Step};
use crate::limits::LimitKind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wasmtime::{Caller, Extern, Memory, ResourceLimiter};

/// What a process's wasm store carries.
pub struct Ctx {
    /// The process's number.
    pub pid: u32,
    kernel: Arc<Mutex<Kernel>>,
    memory: Option<Memory>,
    /// Linear memory of this process, in bytes.
    used: u64,
}

/// The kernel and the memory of the process that calls.
pub struct Call<'a> {
    /// The build's kernel.
    pub kernel: &'a mut Kernel,
    /// The guest's memory.
    pub memory: &'a mut [u8],
    /// The process that calls.
    pub pid: u32,
}

/// How a process ends from inside a host call; carried through wasm as an error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// `proc_exit`.
    #[error("the process exits with {0}")]
    Exit(u8),
    /// A signal that it sent itself, or `SIGPIPE`.
    #[error("the process gets signal {0}")]
    Signal(u8),
    /// The whole build ends; the kernel holds the reason.
    #[error("the build ends")]
    Build,
    /// A pointer outside the memory.
    #[error("{0}")]
    Fault(&'static str),
}

impl Ctx {
    /// The data of a new process's store.
    pub fn new(pid: u32, kernel: Arc<Mutex<Kernel>>) -> Ctx {
        Ctx {
            pid,
            kernel,
            memory: None,
            used: 0,
        }
    }

    /// The kernel, for as long as the guard lives.
    pub fn kernel(&self) -> MutexGuard<'_, Kernel> {
        lock(&self.kernel)
    }
}

/// Locks the kernel. No code panics while it holds the lock, and a poisoned kernel is still whole:
/// it is only read for its error then.
pub fn lock(kernel: &Mutex<Kernel>) -> MutexGuard<'_, Kernel> {
    kernel.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Ctx {
    fn drop(&mut self) {
        let used = self.used;
        let mut kernel = self.kernel();
        kernel.memory = kernel.memory.saturating_sub(used);
    }
}

impl ResourceLimiter for Ctx {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let growth = (desired as u64).saturating_sub(current as u64);
        self.charge(growth)?;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let growth = (desired as u64).saturating_sub(current as u64);
        self.charge(growth.saturating_mul(8))?;
        Ok(true)
    }
}

impl Ctx {
    /// Counts memory against both bounds.
    fn charge(&mut self, bytes: u64) -> wasmtime::Result<()> {
        let used = self.used.saturating_add(bytes);
        let mut kernel = lock(&self.kernel);
        let total = kernel.memory.saturating_add(bytes);
        let passed = if used > kernel.limits.memory {
            Some(LimitKind::Memory)
        } else if total > kernel.limits.total_memory {
            Some(LimitKind::TotalMemory)
        } else {
            None
        };
        if let Some(kind) = passed {
            kernel.fatal.get_or_insert(Fatal::Limit(kind));
            return Err(Ended::Build.into());
        }
        kernel.memory = total;
        drop(kernel);
        self.used = used;
        Ok(())
    }
}

/// The guest's memory, which a command module exports.
fn memory(caller: &mut Caller<'_, Ctx>) -> wasmtime::Result<Memory> {
    if let Some(memory) = caller.data().memory {
        return Ok(memory);
    }
    match caller.get_export("memory") {
        Some(Extern::Memory(memory)) => {
            caller.data_mut().memory = Some(memory);
            Ok(memory)
        }
        _ => Err(Ended::Fault("the module exports no memory").into()),
    }
}

/// Runs one operation for the calling process.
fn with<R>(
    caller: &mut Caller<'_, Ctx>,
    operation: impl FnOnce(&mut Call<'_>) -> Result<R>,
) -> wasmtime::Result<Result<R, Errno>> {
    let memory = memory(caller)?;
    let (memory, ctx) = memory.data_and_store_mut(caller);
    let mut kernel = lock(&ctx.kernel);
    let mut call = Call {
        kernel: &mut kernel,
        memory,
        pid: ctx.pid,
    };
    match operation(&mut call) {
        Ok(value) => Ok(Ok(value)),
        Err(Fail::Errno(errno)) => Ok(Err(errno)),
        Err(Fail::Fatal(fatal)) => {
            kernel.fatal.get_or_insert(*fatal);
            Err(Ended::Build.into())
        }
        Err(Fail::Signal(signal)) => Err(Ended::Signal(signal).into()),
        Err(Fail::Trap(text)) => Err(Ended::Fault(text).into()),
    }
}

/// A call that never waits.
pub fn enter(
    caller: &mut Caller<'_, Ctx>,
    operation: impl FnOnce(&mut Call<'_>) -> Result<()>,
) -> wasmtime::Result<u32> {
    Ok(match with(caller, operation)? {
        Ok(()) => Errno::Success as u32,
        Err(errno) => errno as u32,
    })
}

/// A call that may have to wait. After it the log is handed on, before the process runs further.
pub async fn enter_blocking(
    caller: &mut Caller<'_, Ctx>,
    mut operation: impl FnMut(&mut Call<'_>) -> Result<Step<()>>,
) -> wasmtime::Result<u32> {
    let errno = loop {
        match with(caller, &mut operation)? {
            Ok(Step::Done(())) => break Errno::Success,
            Ok(Step::Blocked) => pause().await,
            Err(errno) => break errno,
        }
    };
    if caller.data().kernel().log.is_pending() {
        pause().await;
    }
    Ok(errno as u32)
}

/// Returns to the scheduler once.
pub fn pause() -> impl Future<Output = ()> + Send {
    let mut paused = false;
    std::future::poll_fn(move |_| {
        if std::mem::replace(&mut paused, true) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
}
