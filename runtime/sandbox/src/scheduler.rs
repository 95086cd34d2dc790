//! Runs the processes of one build, one at a time, on the calling thread.
//!
//! Contract: a queue, first in, first out. A process runs until it ends or a host call must wait;
//! nothing else (no time slice, no signal of the host) switches. So two runs of a request take the
//! same steps. Every process waiting with no timer set is a deadlock, which is an error.

use crate::engine::{Engine, Module};
use crate::error::Fatal;
use crate::kernel::Kernel;
use crate::kernel::log::LogSink;
use crate::kernel::process::{FIRST_PID, State};
use crate::kernel::status::Status;
use crate::wasi::call::{Ctx, Ended, lock};
use crate::watch::Watch;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use wasmtime::{PoolConcurrencyLimitError, Store, Trap, UpdateDeadline, WasmBacktrace};

/// A process's instance, running or waiting in a host call.
type Task = Pin<Box<dyn Future<Output = Status> + Send>>;

/// Why the processes stopped.
pub enum End {
    /// The first process ended; others that were left are gone.
    Exit(Status),
    /// The build was stopped.
    Fatal(Fatal),
    /// No process can go on; each and what it waits for.
    Deadlock(String),
}

/// Runs the build until its first process ends.
pub fn run(
    engine: &Engine,
    kernel: &Arc<Mutex<Kernel>>,
    watch: &Arc<Watch>,
    sink: &mut dyn LogSink,
) -> End {
    let mut tasks: BTreeMap<u32, Task> = BTreeMap::new();
    // Processes run for the first time in the order of their numbers.
    let mut seen = 0;
    let mut context = Context::from_waker(Waker::noop());
    loop {
        let pid = {
            let mut guard = lock(kernel);
            if guard.log.drain(sink) {
                watch.output();
            }
            if let Some(fatal) = guard.fatal.take() {
                return End::Fatal(fatal);
            }
            if let Err(fatal) = watch.check() {
                return End::Fatal(fatal);
            }
            while let Some((pid, module)) = guard.next_started() {
                tasks.insert(pid, task(engine, kernel, watch, pid, module));
            }
            let Some(pid) = guard.next_ready() else {
                match guard.clock.jump() {
                    Some(pid) => guard.wake_one(pid),
                    None => return End::Deadlock(guard.describe_waiting()),
                }
                continue;
            };
            let killed = guard.process(pid).ok().and_then(|process| process.killed);
            if let Some(signal) = killed {
                // The task's store takes the kernel's lock when it goes.
                drop(guard);
                tasks.remove(&pid);
                let mut guard = lock(kernel);
                guard.ended(pid, Status::Signal(signal));
                if pid == FIRST_PID {
                    guard.log.drain(sink);
                    return End::Exit(Status::Signal(signal));
                }
                continue;
            }
            pid
        };
        let Some(running) = tasks.get_mut(&pid) else {
            continue;
        };
        let began = watch.elapsed();
        let polled = running.as_mut().poll(&mut context);
        let time = watch.elapsed().saturating_sub(began);
        let started = seen < pid;
        seen = seen.max(pid);
        match polled {
            Poll::Pending => {
                let mut guard = lock(kernel);
                guard.ran(pid, time, started);
                guard.resume_if_ready(pid);
            }
            Poll::Ready(status) => {
                tasks.remove(&pid);
                let mut guard = lock(kernel);
                guard.ran(pid, time, started);
                guard.ended(pid, status.clone());
                guard.log.drain(sink);
                if let Some(fatal) = guard.fatal.take() {
                    return End::Fatal(fatal);
                }
                if pid == FIRST_PID {
                    return End::Exit(status);
                }
            }
        }
    }
}

impl Kernel {
    /// A process that returned to the scheduler without waiting for anything (so that its log is
    /// handed on) runs on before all others.
    fn resume_if_ready(&mut self, pid: u32) {
        if let Ok(process) = self.process(pid)
            && matches!(process.state, State::Ready)
            && !process.queued
        {
            self.wake_first(pid);
        }
    }
}

/// The future that is a process: it makes the instance and calls `_start`.
fn task(
    engine: &Engine,
    kernel: &Arc<Mutex<Kernel>>,
    watch: &Arc<Watch>,
    pid: u32,
    module: Module,
) -> Task {
    let (engine, kernel, watch) = (engine.clone(), Arc::clone(kernel), Arc::clone(watch));
    Box::pin(async move {
        let outcome = async {
            let mut store = store(engine.wasmtime(), &kernel, &watch, pid);
            let made = module.pre().instantiate_async(&mut store).await;
            let instance = match made {
                // Which instances come from the pool is nothing that a guest could notice.
                Err(error) if error.is::<PoolConcurrencyLimitError>() => {
                    let unpooled = engine.unpooled()?;
                    let pre = module.unpooled(unpooled)?;
                    store = self::store(unpooled.wasmtime(), &kernel, &watch, pid);
                    pre.instantiate_async(&mut store).await?
                }
                made => made?,
            };
            let start = instance.get_typed_func::<(), ()>(&mut store, "_start")?;
            start.call_async(&mut store, ()).await
        };
        match outcome.await {
            Ok(()) => Status::Exit(0),
            Err(error) => status_of(&error),
        }
    })
}

/// What holds the instance of a process.
fn store(
    engine: &wasmtime::Engine,
    kernel: &Arc<Mutex<Kernel>>,
    watch: &Arc<Watch>,
    pid: u32,
) -> Store<Ctx> {
    let mut store = Store::new(engine, Ctx::new(pid, Arc::clone(kernel)));
    store.limiter(|ctx| ctx);
    store.set_epoch_deadline(1);
    let watch = Arc::clone(watch);
    store.epoch_deadline_callback(move |store| match watch.check() {
        Ok(()) => Ok(UpdateDeadline::Continue(1)),
        Err(fatal) => {
            store.data().kernel().fatal.get_or_insert(fatal);
            Err(Ended::Build.into())
        }
    });
    store
}

/// The status that an error out of wasm means.
fn status_of(error: &wasmtime::Error) -> Status {
    match error.downcast_ref::<Ended>() {
        Some(Ended::Exit(code)) => return Status::Exit(*code),
        Some(Ended::Signal(signal)) => return Status::Signal(*signal),
        Some(Ended::Build | Ended::Fault(_)) | None => {}
    }
    let trap = error.downcast_ref::<Trap>().copied();
    let trap = match error.downcast_ref::<Ended>() {
        Some(Ended::Fault(_)) => Some(Trap::MemoryOutOfBounds),
        _ => trap,
    };
    let mut text = error.root_cause().to_string();
    if let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() {
        for frame in backtrace.frames().iter().take(16) {
            let name = frame.func_name().unwrap_or("<unnamed function>");
            text.push_str("\n  in ");
            text.push_str(name);
        }
    }
    Status::from_trap(trap, text)
}
