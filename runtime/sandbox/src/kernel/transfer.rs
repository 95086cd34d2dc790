//! Reading and writing through descriptors.
//!
//! Contract: as `read(2)`, `pread(2)`, `write(2)`, `pwrite(2)`: a pipe may block; a file never does;
//! the offset moves by what was transferred; appending writes at the end.

use super::description::{FLAG_APPEND, FLAG_NONBLOCK, Object};
use super::signal::SIGPIPE;
use super::{Kernel, Step, pipe};
use crate::errno::{Errno, Fail, Result};
use crate::error::Fatal;
use std::os::unix::fs::FileExt;
use std::sync::PoisonError;

impl Kernel {
    /// Reads at the description's offset into `buf`; 0 at the end of the file.
    pub fn read(&mut self, pid: u32, fd: u32, buf: &mut [u8]) -> Result<Step<usize>> {
        let file = self.file(pid, fd)?;
        if !file.read {
            return Err(Errno::Badf.into());
        }
        let (offset, flags) = (file.offset, file.flags);
        let count = match &mut file.object {
            Object::File(node) => {
                let node = *node;
                self.vfs.read_at(node, offset, buf)?
            }
            Object::HostFile(_, host) => host.read_at(buf, offset).map_err(unreadable)?,
            Object::Directory(..) => return Err(Errno::Isdir.into()),
            Object::Null(_) | Object::Log(_) => 0,
            Object::Input => self.read_console(buf)?,
            Object::Zero(_) | Object::Full(_) => {
                buf.fill(0);
                buf.len()
            }
            Object::Random(_, stream) => {
                stream.fill(buf);
                buf.len()
            }
            Object::PipeReader(pipe) | Object::PipeBoth(pipe) => {
                let pipe = *pipe;
                return self.read_pipe(pid, pipe, flags, buf);
            }
            Object::PipeWriter(_) => return Err(Errno::Badf.into()),
        };
        self.file(pid, fd)?.offset = offset.saturating_add(count as u64);
        Ok(Step::Done(count))
    }

    /// Reads at `offset`, which leaves the description's own alone.
    pub fn read_at(&mut self, pid: u32, fd: u32, buf: &mut [u8], offset: u64) -> Result<usize> {
        let file = self.file(pid, fd)?;
        if !file.read {
            return Err(Errno::Badf.into());
        }
        match &mut file.object {
            Object::File(node) => {
                let node = *node;
                self.vfs.read_at(node, offset, buf)
            }
            Object::HostFile(_, host) => Ok(host.read_at(buf, offset).map_err(unreadable)?),
            Object::Directory(..) => Err(Errno::Isdir.into()),
            Object::PipeReader(_)
            | Object::PipeWriter(_)
            | Object::PipeBoth(_)
            | Object::Log(_)
            | Object::Input => Err(Errno::Spipe.into()),
            Object::Null(_) => Ok(0),
            Object::Zero(_) | Object::Full(_) => {
                buf.fill(0);
                Ok(buf.len())
            }
            Object::Random(_, stream) => {
                stream.fill(buf);
                Ok(buf.len())
            }
        }
    }

    /// Writes `buf` at the description's offset, or at the end when appending. A pipe takes what
    /// fits; the caller asks again with the rest.
    pub fn write(&mut self, pid: u32, fd: u32, buf: &[u8]) -> Result<Step<usize>> {
        let file = self.file(pid, fd)?;
        if !file.write {
            return Err(Errno::Badf.into());
        }
        let (mut offset, flags) = (file.offset, file.flags);
        match file.object {
            Object::File(node) => {
                if flags & FLAG_APPEND != 0 {
                    offset = self.vfs.node(node)?.size();
                }
                self.vfs.write_at(node, offset, buf)?;
                self.file(pid, fd)?.offset = offset.saturating_add(buf.len() as u64);
            }
            Object::Null(_) | Object::Zero(_) | Object::Random(..) => {}
            Object::Full(_) if buf.is_empty() => {}
            Object::Full(_) => return Err(Errno::Nospc.into()),
            Object::Log(channel) => self.log.write(channel, buf)?,
            Object::PipeWriter(pipe) | Object::PipeBoth(pipe) => {
                return self.write_pipe(pid, pipe, flags, buf);
            }
            Object::Directory(..)
            | Object::HostFile(..)
            | Object::PipeReader(_)
            | Object::Input => {
                return Err(Errno::Badf.into());
            }
        }
        Ok(Step::Done(buf.len()))
    }

    /// Writes at `offset`, which leaves the description's own alone.
    pub fn write_at(&mut self, pid: u32, fd: u32, buf: &[u8], offset: u64) -> Result<usize> {
        let file = self.file(pid, fd)?;
        if !file.write {
            return Err(Errno::Badf.into());
        }
        let append = file.flags & FLAG_APPEND != 0;
        match file.object {
            Object::File(node) => {
                // Linux appends even then (pwrite(2), BUGS).
                let offset = if append {
                    self.vfs.node(node)?.size()
                } else {
                    offset
                };
                self.vfs.write_at(node, offset, buf)?;
                Ok(buf.len())
            }
            Object::Null(_) | Object::Zero(_) | Object::Random(..) => Ok(buf.len()),
            Object::Full(_) => Err(Errno::Nospc.into()),
            Object::PipeReader(_)
            | Object::PipeWriter(_)
            | Object::PipeBoth(_)
            | Object::Log(_) => Err(Errno::Spipe.into()),
            Object::Directory(..) | Object::HostFile(..) | Object::Input => Err(Errno::Badf.into()),
        }
    }

    /// Reads what the console's standard input gives, and waits for it: a console has one user, who
    /// is there to type.
    fn read_console(&mut self, buf: &mut [u8]) -> Result<usize> {
        let Some(console) = &self.console else {
            return Ok(0);
        };
        let mut input = console.input.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match input.read(buf) {
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(
                        Fatal::Host(format!("standard input cannot be read: {error}")).into(),
                    );
                }
            }
        }
    }

    /// Reads what a pipe holds, or waits for it.
    fn read_pipe(
        &mut self,
        pid: u32,
        id: pipe::PipeId,
        flags: u16,
        buf: &mut [u8],
    ) -> Result<Step<usize>> {
        let pipe = self.pipes.get(id).ok_or(Errno::Badf)?;
        if buf.is_empty() {
            return Ok(Step::Done(0));
        }
        if pipe.is_empty() {
            if pipe.writers == 0 {
                return Ok(Step::Done(0));
            }
            if flags & FLAG_NONBLOCK != 0 {
                return Err(Errno::Again.into());
            }
            self.pipes.wait(id, pid);
            self.block(pid, "waits for data from a pipe");
            return Ok(Step::Blocked);
        }
        let count = pipe.take(buf);
        let woken = self.pipes.changed(id);
        self.wake(woken);
        Ok(Step::Done(count))
    }

    /// Writes what fits into a pipe, or waits for room.
    fn write_pipe(
        &mut self,
        pid: u32,
        id: pipe::PipeId,
        flags: u16,
        buf: &[u8],
    ) -> Result<Step<usize>> {
        let pipe = self.pipes.get(id).ok_or(Errno::Badf)?;
        if pipe.readers == 0 {
            if self.process(pid)?.ignores(SIGPIPE) {
                return Err(Errno::Pipe.into());
            }
            return Err(Fail::Signal(SIGPIPE));
        }
        if buf.is_empty() {
            return Ok(Step::Done(0));
        }
        let needed = if buf.len() <= pipe::ATOMIC {
            buf.len()
        } else {
            1
        };
        if pipe.room() < needed {
            if flags & FLAG_NONBLOCK != 0 {
                return Err(Errno::Again.into());
            }
            self.pipes.wait(id, pid);
            self.block(pid, "waits for room in a pipe");
            return Ok(Step::Blocked);
        }
        let count = pipe.put(buf);
        let woken = self.pipes.changed(id);
        self.wake(woken);
        Ok(Step::Done(count))
    }
}

/// An input that was opened and cannot be read ends the build.
fn unreadable(error: std::io::Error) -> Fatal {
    Fatal::Host(format!(
        "an input could be opened but not read: {error}; check the disk and the store"
    ))
}
