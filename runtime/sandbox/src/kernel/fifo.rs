//! Named pipes.
//!
//! Contract: as `fifo(7)`: who opens one for reading waits until there is a writer, who opens one for
//! writing until there is a reader, who opens it for both does not wait; with `fdflags.nonblock` a
//! reader does not wait and a writer without readers gets `ENXIO`. What is left in the pipe when its
//! last end closes is gone. Between its ends it is a [`super::pipe`].

use super::description::{FLAG_NONBLOCK, FileId, Object, OpenFile};
use super::open::OpenHow;
use super::pipe::PipeId;
use super::{Kernel, Step};
use crate::errno::{Errno, Result};
use crate::vfs::node::NodeId;

/// An end that is open, but waits for the other one before its descriptor is given.
#[derive(Debug)]
pub struct Opening {
    file: FileId,
    pipe: PipeId,
    /// Waits for a reader, rather than for a writer.
    for_reader: bool,
    /// How often the other end had been opened before.
    seen: u64,
}

impl Kernel {
    /// Makes a named pipe; the file mask applies.
    ///
    /// # Errors
    /// As `mkfifoat(2)`.
    pub fn make_fifo(&mut self, pid: u32, fd: u32, path: &[u8], mode: u32) -> Result<()> {
        let start = self.directory(pid, fd)?;
        let place = self.vfs.resolve(start, path, false)?;
        let mode = mode & !self.process(pid)?.umask;
        self.vfs.create_fifo(&place, mode)
    }

    /// Opens an end of the named pipe `node`. If it must wait, the process holds it meanwhile.
    pub(super) fn open_fifo(
        &mut self,
        pid: u32,
        node: NodeId,
        how: OpenHow,
    ) -> Result<Step<FileId>> {
        let ino = self.vfs.node(node)?.ino;
        let pipe = match self.fifos.get(&ino) {
            Some(pipe) => *pipe,
            None => {
                let pipe = self.pipes.create_named();
                self.fifos.insert(ino, pipe);
                pipe
            }
        };
        let (readers, writers, reader_opens, writer_opens) = match self.pipes.get(pipe) {
            Some(it) => (it.readers, it.writers, it.reader_opens, it.writer_opens),
            None => return Err(Errno::Badf.into()),
        };
        let nonblock = how.flags & FLAG_NONBLOCK != 0;
        let (object, waits) = match (how.read, how.write) {
            (true, true) => (Object::PipeBoth(pipe), false),
            (false, true) if nonblock && readers == 0 => return Err(Errno::Nxio.into()),
            (false, true) => (Object::PipeWriter(pipe), readers == 0),
            _ => (Object::PipeReader(pipe), writers == 0 && !nonblock),
        };
        let woken = self.pipes.open(pipe, how.read || !how.write, how.write);
        self.wake(woken);
        let file = OpenFile::new(object, how.read, how.write, how.flags);
        let file = self.files.insert(file);
        if !waits {
            return Ok(Step::Done(file));
        }
        let opening = Opening {
            file,
            pipe,
            for_reader: how.write,
            seen: if how.write {
                reader_opens
            } else {
                writer_opens
            },
        };
        self.process_mut(pid)?.opening = Some(opening);
        self.wait_for_other_end(pid, pipe);
        Ok(Step::Blocked)
    }

    /// Goes on with what [`Kernel::open_fifo`] began; `None` if nothing was begun.
    pub(super) fn continue_opening(&mut self, pid: u32) -> Result<Option<Step<FileId>>> {
        let Some(opening) = self.process_mut(pid)?.opening.take() else {
            return Ok(None);
        };
        let opens = match self.pipes.get(opening.pipe) {
            Some(pipe) if opening.for_reader => pipe.reader_opens,
            Some(pipe) => pipe.writer_opens,
            None => return Err(Errno::Badf.into()),
        };
        if opens != opening.seen {
            return Ok(Some(Step::Done(opening.file)));
        }
        let pipe = opening.pipe;
        self.process_mut(pid)?.opening = Some(opening);
        self.wait_for_other_end(pid, pipe);
        Ok(Some(Step::Blocked))
    }

    fn wait_for_other_end(&mut self, pid: u32, pipe: PipeId) {
        self.pipes.wait(pipe, pid);
        self.block(pid, "waits for the other end of a named pipe");
    }

    /// The process ended while it waited.
    pub(super) fn abandon_opening(&mut self, opening: Option<Opening>) {
        if let Some(opening) = opening {
            self.release(opening.file);
        }
    }
}
