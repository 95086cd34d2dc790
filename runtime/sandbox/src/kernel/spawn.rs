//! Starting processes, and what happens when one ends.

use super::description::{Object, OpenFile};
use super::exec::{Loaded, Start};
use super::log::Channel;
use super::process::{Environment, Process, State};
use super::random::Stream;
use super::status::Status;
use super::table::{Descriptor, FIRST_PREOPEN, PREOPENS, Table};
use super::{Kernel, signal};
use crate::errno::{Errno, Result};
use crate::error::Fatal;
use crate::error::ScriptLine;
use crate::limits::LimitKind;
use crate::vfs::node::NodeId;
use bstr::BString;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The mask that Nix gives a builder.
const UMASK: u32 = 0o022;

/// Argument vector and environment together, in bytes (Linux's usual `ARG_MAX`).
pub const ARG_MAX: usize = 2 * 1024 * 1024;

/// What a process is started with.
pub struct SpawnRequest {
    /// The program: absolute, or from `cwd`.
    pub path: BString,
    /// Argument vector.
    pub argv: Vec<BString>,
    /// Environment, as the program gets it.
    pub env: Environment,
    /// Working directory, absolute.
    pub cwd: BString,
    /// Descriptor of the child and of the parent that it duplicates. Nothing else is inherited.
    pub descriptors: Vec<(u32, u32)>,
    /// The script and the line that ask for it, for messages.
    pub place: Option<ScriptLine>,
}

impl Kernel {
    /// Makes the build's first process: standard input is `/dev/null`, output and error the log.
    pub fn start_first(&mut self, loaded: Loaded, env: Environment, cwd: BString) -> Result<u32> {
        let null = self
            .vfs
            .resolve(self.vfs.root(), b"/dev/null", true)?
            .existing()?;
        self.vfs.hold(null)?;
        let log = |channel| OpenFile::new(Object::Log(channel), true, true, 0);
        let output = self.files.insert(log(Channel::Output));
        let (input, error) = if self.console.is_some() {
            (Object::Input, self.files.insert(log(Channel::Error)))
        } else {
            self.files.retain(output);
            (Object::Null(null), output)
        };
        let input = self.files.insert(OpenFile::new(input, true, false, 0));
        let mut table = Table::default();
        for (number, file) in [(0, input), (1, output), (2, error)] {
            table.set(
                number,
                Descriptor {
                    file,
                    preopen: None,
                },
            );
        }
        self.add_process(0, loaded, env, cwd, table, (UMASK, 0))
    }

    /// Starts a child of `pid`; gives its number.
    ///
    /// # Errors
    /// As `posix_spawn`: those of `execve(2)`; `EBADF`, `EINVAL` for descriptors; `E2BIG`.
    pub fn spawn(&mut self, pid: u32, request: SpawnRequest) -> Result<u32> {
        let size: usize = request
            .argv
            .iter()
            .map(|word| word.len() + 9)
            .sum::<usize>()
            + request
                .env
                .iter()
                .map(|(name, value)| name.len() + value.len() + 10)
                .sum::<usize>();
        if size > ARG_MAX {
            return Err(Errno::TooBig.into());
        }
        if request.cwd.first() != Some(&b'/') {
            return Err(Errno::Inval.into());
        }
        let cwd = self.vfs.resolve(self.vfs.root(), &request.cwd, true)?;
        if !self.vfs.node(cwd.existing()?)?.is_directory() {
            return Err(Errno::Notdir.into());
        }
        let preopens = FIRST_PREOPEN..FIRST_PREOPEN + PREOPENS;
        let mut files = BTreeMap::new();
        for (child, parent) in &request.descriptors {
            if preopens.contains(child) || *child >= self.limits.open_files {
                return Err(Errno::Inval.into());
            }
            files.insert(*child, self.descriptor(pid, *parent)?.file);
        }
        if self.processes.len() as u64 >= u64::from(self.limits.processes) {
            return Err(Fatal::Limit(LimitKind::Processes).into());
        }
        let start = Start {
            argv: request.argv,
            place: request.place,
        };
        let loaded = self.load_program(pid, &request.path, start, &request.cwd)?;
        let mut table = Table::default();
        for (child, file) in files {
            self.files.retain(file);
            table.set(
                child as usize,
                Descriptor {
                    file,
                    preopen: None,
                },
            );
        }
        let parent = self.process(pid)?;
        let inherited = (parent.umask, parent.ignored);
        self.add_process(pid, loaded, request.env, request.cwd, table, inherited)
    }

    /// Adds a process to the table and to the end of the run queue.
    #[allow(clippy::too_many_arguments)] // The parts of a process; a struct would only rename them.
    fn add_process(
        &mut self,
        parent: u32,
        loaded: Loaded,
        env: Environment,
        cwd: BString,
        mut table: Table,
        (umask, ignored): (u32, u32),
    ) -> Result<u32> {
        let pid = self.next_pid;
        self.next_pid = pid.checked_add(1).ok_or(Errno::Again)?;
        let preopens: [(&'static str, NodeId); PREOPENS as usize] = [
            ("/nix/store", self.vfs.store()),
            ("/build", self.vfs.build()),
            ("/", self.vfs.root()),
        ];
        for (number, (path, node)) in (FIRST_PREOPEN as usize..).zip(preopens) {
            self.vfs.hold(node)?;
            let object = Object::Directory(node, None);
            let file = self.files.insert(OpenFile::new(object, true, false, 0));
            let preopen = Some(path);
            table.set(number, Descriptor { file, preopen });
        }
        self.processes.insert(
            pid,
            Process {
                parent,
                module: loaded.module.clone(),
                program: loaded.program,
                place: loaded.place,
                argv: loaded.argv,
                env,
                cwd,
                umask,
                table,
                state: State::Ready,
                queued: true,
                waits_for_child: false,
                opening: None,
                killed: None,
                ignored,
                random: Stream::new(&self.seed, "process", u64::from(pid)),
            },
        );
        self.started.push_back((pid, loaded.module));
        self.ready.push_back(pid);
        Ok(pid)
    }

    /// A process ended: its descriptors close, its parent may know, its children have none.
    pub fn ended(&mut self, pid: u32, status: Status) {
        self.clock.clear(pid);
        if let Status::Trap(_, text) = &status
            && pid != super::process::FIRST_PID
            && self.fatal.is_none()
        {
            let name = self
                .process(pid)
                .ok()
                .and_then(|it| it.argv.first().cloned());
            let first = text.lines().next().unwrap_or_default();
            let line = format!(
                "wasibuild: process {pid} ({}) trapped: {first}\n",
                name.unwrap_or_default()
            );
            // A full log is noticed by the next writer.
            let _ = self.log.write(Channel::Error, line.as_bytes());
        }
        let Some(process) = self.processes.get_mut(&pid) else {
            return;
        };
        let parent = process.parent;
        process.state = State::Ended(status);
        let opening = process.opening.take();
        for descriptor in process.table.drain() {
            self.release(descriptor.file);
        }
        self.abandon_opening(opening);
        let mut orphans = Vec::new();
        for (child, process) in &mut self.processes {
            if process.parent == pid {
                process.parent = 0;
                if let State::Ended(_) = process.state {
                    orphans.push(*child);
                }
            }
        }
        for orphan in orphans {
            self.processes.remove(&orphan);
        }
        match self.processes.get_mut(&parent) {
            Some(parent_process) if parent_process.waits_for_child => {
                parent_process.waits_for_child = false;
                self.wake_one(parent);
            }
            None if pid != super::process::FIRST_PID => {
                self.processes.remove(&pid);
            }
            _ => {}
        }
    }

    /// Sends a signal. `Ok(true)` means that it ends the caller itself.
    ///
    /// # Errors
    /// `ESRCH`, `EINVAL`.
    pub fn kill(&mut self, pid: u32, target: u32, number: u8) -> Result<bool> {
        if number > signal::MAX {
            return Err(Errno::Inval.into());
        }
        let process = self.process_mut(target)?;
        if number == 0 || process.ignores(number) {
            return Ok(false);
        }
        if let State::Ended(_) = process.state {
            return Ok(false);
        }
        if target == pid {
            return Ok(true);
        }
        process.killed.get_or_insert(number);
        self.wake_one(target);
        Ok(false)
    }

    /// What the module of a process answers to a question about a text ([`crate::engine::derived`]).
    ///
    /// # Errors
    /// `ENOTSUP` in a run that answers one, `EIO` if the module fails.
    pub fn derive(&mut self, pid: u32, words: &[BString], text: &[u8]) -> Result<Arc<[u8]>> {
        let watch = self.watch.clone().ok_or(Errno::Notsup)?;
        let module = self.process(pid)?.module.clone();
        let answer = self.engine.derive(&module, words, text, &watch)?;
        answer.ok_or(Errno::Io.into())
    }

    /// What builds of this run remembered under a key ([`crate::run_memory`]).
    ///
    /// # Errors
    /// `ENOTSUP` if the build takes no part, `ENOENT` if there is nothing.
    pub fn recall(&self, pid: u32, key: &[u8]) -> Result<Vec<u8>> {
        let memory = self.run_memory.as_ref().ok_or(Errno::Notsup)?;
        let found = memory.recall(&self.process(pid)?.module, key);
        found.ok_or(Errno::Noent.into())
    }

    /// Adds to it.
    ///
    /// # Errors
    /// `ENOTSUP` if the build takes no part, `ENOSPC` if there is no room.
    pub fn remember(&self, pid: u32, key: &[u8], value: &[u8]) -> Result<()> {
        let memory = self.run_memory.as_ref().ok_or(Errno::Notsup)?;
        match memory.remember(&self.process(pid)?.module, key, value) {
            true => Ok(()),
            false => Err(Errno::Nospc.into()),
        }
    }

    /// Ignores a signal, or no longer.
    ///
    /// # Errors
    /// `EINVAL` for one that cannot be ignored.
    pub fn ignore_signal(&mut self, pid: u32, number: u8, ignore: bool) -> Result<()> {
        if !signal::can_ignore(number) {
            return Err(Errno::Inval.into());
        }
        let bit = 1u32 << number;
        let process = self.process_mut(pid)?;
        if ignore {
            process.ignored |= bit;
        } else {
            process.ignored &= !bit;
        }
        Ok(())
    }
}

impl Kernel {
    /// Notes the process's working directory, so that its children and the host know it.
    ///
    /// # Errors
    /// `EINVAL` unless absolute; as `chdir(2)` otherwise.
    pub fn set_cwd(&mut self, pid: u32, path: BString) -> Result<()> {
        if path.first() != Some(&b'/') {
            return Err(Errno::Inval.into());
        }
        let place = self.vfs.resolve(self.vfs.root(), &path, true)?;
        let node = self.vfs.node(place.existing()?)?;
        if !node.is_directory() {
            return Err(Errno::Notdir.into());
        }
        if !node.permits(1) {
            return Err(Errno::Acces.into());
        }
        self.process_mut(pid)?.cwd = path;
        Ok(())
    }
}
