//! The kernel: what all processes of one build share.
//!
//! Contract: one kernel belongs to one build and is changed by one process at a time, so every run
//! of a request takes the same steps. Its operations know nothing of wasm: they take process
//! numbers, descriptors and byte slices. Counterpart: the Linux system calls of the same names.
//!
//! - [`process`], [`table`], [`description`]: processes, their descriptors, what those share.
//! - [`pipe`], [`fifo`], [`clock`], [`random`], [`log`], [`signal`], [`status`]: the smaller parts.
//! - [`open`], [`transfer`], [`descriptor`], [`path`]: files. [`exec`], [`spawn`], [`wait`]: programs.

pub mod clock;
pub mod description;
pub mod descriptor;
pub mod exec;
pub mod fifo;
pub mod log;
pub mod open;
pub mod path;
pub mod pipe;
pub mod process;
pub mod random;
pub mod signal;
pub mod spawn;
pub mod status;
pub mod table;
pub mod transfer;
pub mod wait;

use crate::engine::{Engine, Module};
use crate::errno::{Errno, Result};
use crate::error::Fatal;
use crate::limits::{LimitKind, Limits};
use crate::program::ProgramLoader;
use crate::request::{Console, ProgramTime};
use crate::run_memory::RunMemory;
use crate::vfs::Vfs;
use crate::watch::Watch;
use bstr::{BString, ByteSlice};
use clock::Clock;
use description::{Descriptions, FileId, Object, OpenFile};
use log::Log;
use pipe::{PipeId, Pipes};
use process::{Process, State};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use table::Descriptor;

/// Outcome of an operation that may have to wait.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<T> {
    /// It is done.
    Done(T),
    /// It could not go on; the process was registered with what it waits for. Ask again later.
    Blocked,
}

/// The state of one build.
pub struct Kernel {
    /// The files.
    pub vfs: Vfs,
    /// The build's bounds.
    pub limits: Limits,
    /// Virtual time.
    pub clock: Clock,
    /// The log.
    pub log: Log,
    /// Where standard input comes from, and where the log goes; `None` in a build.
    pub console: Option<Console>,
    /// What ends the build in time; `None` in a run that only answers a question, which may not ask
    /// any.
    pub watch: Option<Arc<Watch>>,
    /// What builds of the same run remember for each other.
    pub run_memory: Option<Arc<RunMemory>>,
    /// Why the build ends now, once that is decided.
    pub fatal: Option<Fatal>,
    /// What each program took.
    pub programs_time: BTreeMap<BString, ProgramTime>,
    /// Linear memory of all processes, in bytes.
    pub memory: u64,
    files: Descriptions,
    pipes: Pipes,
    /// The pipes of the named pipes that are open, by inode number.
    fifos: BTreeMap<u64, PipeId>,
    processes: BTreeMap<u32, Process>,
    ready: VecDeque<u32>,
    started: VecDeque<(u32, Module)>,
    next_pid: u32,
    next_device_stream: u64,
    seed: [u8; 32],
    programs: Arc<dyn ProgramLoader>,
    engine: Engine,
}

impl Kernel {
    /// A kernel without processes.
    pub fn new(
        vfs: Vfs,
        limits: Limits,
        seed: [u8; 32],
        programs: Arc<dyn ProgramLoader>,
        engine: Engine,
    ) -> Kernel {
        Kernel {
            vfs,
            clock: Clock::default(),
            log: Log::new(limits.log_size),
            limits,
            console: None,
            watch: None,
            run_memory: None,
            fatal: None,
            programs_time: BTreeMap::new(),
            memory: 0,
            files: Descriptions::default(),
            pipes: Pipes::default(),
            fifos: BTreeMap::new(),
            processes: BTreeMap::new(),
            ready: VecDeque::new(),
            started: VecDeque::new(),
            next_pid: process::FIRST_PID,
            next_device_stream: 0,
            seed,
            programs,
            engine,
        }
    }

    /// The process with this number.
    pub fn process(&self, pid: u32) -> Result<&Process> {
        self.processes.get(&pid).ok_or(Errno::Srch.into())
    }

    /// The process with this number, to change it.
    pub fn process_mut(&mut self, pid: u32) -> Result<&mut Process> {
        self.processes.get_mut(&pid).ok_or(Errno::Srch.into())
    }

    /// The next process to run.
    pub fn next_ready(&mut self) -> Option<u32> {
        let pid = self.ready.pop_front()?;
        if let Some(process) = self.processes.get_mut(&pid) {
            process.queued = false;
            process.state = State::Ready;
        }
        Some(pid)
    }

    /// The next process that was made and has no instance yet.
    pub fn next_started(&mut self) -> Option<(u32, Module)> {
        self.started.pop_front()
    }

    /// Puts processes at the end of the run queue, unless they are in it.
    fn wake(&mut self, pids: Vec<u32>) {
        for pid in pids {
            self.wake_one(pid);
        }
    }

    /// Puts a process at the end of the run queue, unless it is in it or ended.
    pub fn wake_one(&mut self, pid: u32) {
        if let Some(process) = self.processes.get_mut(&pid)
            && !process.queued
            && !matches!(process.state, State::Ended(_))
        {
            process.queued = true;
            self.ready.push_back(pid);
        }
    }

    /// Puts a process at the head of the run queue.
    pub fn wake_first(&mut self, pid: u32) {
        if let Some(process) = self.processes.get_mut(&pid) {
            process.queued = true;
            self.ready.push_front(pid);
        }
    }

    /// Notes what a process waits for.
    fn block(&mut self, pid: u32, why: &'static str) {
        if let Some(process) = self.processes.get_mut(&pid) {
            process.state = State::Blocked(why);
        }
    }

    /// A process ran for this long; `started` when it ran for the first time.
    pub fn ran(&mut self, pid: u32, time: std::time::Duration, started: bool) {
        let Some(process) = self.processes.get(&pid) else {
            return;
        };
        let called = process.argv.first().map(|name| name.as_slice());
        let name = called.and_then(|name| name.rsplit_str("/").next());
        let name = name.unwrap_or_default().as_bstr();
        match self.programs_time.get_mut(name) {
            Some(program) => {
                program.time += time;
                program.count += u32::from(started);
            }
            None => {
                let count = u32::from(started);
                self.programs_time
                    .insert(name.to_owned(), ProgramTime { count, time });
            }
        }
    }

    /// Processes that were started so far.
    pub fn process_count(&self) -> u32 {
        self.next_pid.saturating_sub(process::FIRST_PID)
    }

    /// Each process and what it waits for, in words.
    pub fn describe_waiting(&self) -> String {
        let mut words = Vec::new();
        for (pid, process) in &self.processes {
            if let State::Blocked(why) = process.state {
                let name = process.argv.first().cloned().unwrap_or_default();
                words.push(format!("process {pid} ({name}) {why}"));
            }
        }
        words.join(", ")
    }

    /// The descriptor `fd` of a process.
    fn descriptor(&self, pid: u32, fd: u32) -> Result<Descriptor> {
        self.process(pid)?.table.get(fd).ok_or(Errno::Badf.into())
    }

    /// The open file behind a descriptor.
    fn file(&mut self, pid: u32, fd: u32) -> Result<&mut OpenFile> {
        let descriptor = self.descriptor(pid, fd)?;
        self.files.get(descriptor.file).ok_or(Errno::Badf.into())
    }

    /// Gives a process a descriptor for an open file, at the lowest free number from `min` on.
    ///
    /// # Errors
    /// Fatal when the bound on descriptors is passed; the file is then closed.
    fn install(&mut self, pid: u32, file: FileId, min: u32) -> Result<u32> {
        let limit = self.limits.open_files;
        let table = &mut self.process_mut(pid)?.table;
        let number = table.free(min);
        match u32::try_from(number).ok().filter(|fd| *fd < limit) {
            Some(fd) => {
                table.set(
                    number,
                    Descriptor {
                        file,
                        preopen: None,
                    },
                );
                Ok(fd)
            }
            None => {
                self.release(file);
                Err(Fatal::Limit(LimitKind::OpenFiles).into())
            }
        }
    }

    /// A descriptor of an open file is gone.
    fn release(&mut self, id: FileId) {
        let Some(file) = self.files.release(id) else {
            return;
        };
        if let Some(node) = file.object.node() {
            self.vfs.unhold(node);
        }
        let (pipe, ends): (_, &[bool]) = match file.object {
            Object::PipeReader(pipe) => (pipe, &[false]),
            Object::PipeWriter(pipe) => (pipe, &[true]),
            Object::PipeBoth(pipe) => (pipe, &[false, true]),
            _ => return,
        };
        for writer in ends {
            let woken = self.pipes.close(pipe, *writer);
            self.wake(woken);
        }
        if !self.fifos.is_empty() && !self.pipes.exists(pipe) {
            self.fifos.retain(|_, named| *named != pipe);
        }
    }
}
