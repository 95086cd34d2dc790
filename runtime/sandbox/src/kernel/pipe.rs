//! Pipes between processes of one build.
//!
//! Contract: 64 KiB of buffer as on Linux; a read blocks while the pipe is empty and has a writer,
//! a write blocks while it is full and has a reader; a write of at most 4096 bytes is atomic;
//! reading without writers gives the end of file, writing without readers `SIGPIPE`.
//! Counterpart: `pipe(7)`.

use std::collections::VecDeque;

/// Bytes that a pipe holds.
pub const CAPACITY: usize = 64 * 1024;
/// Writes up to this size are not divided (`PIPE_BUF`).
pub const ATOMIC: usize = 4096;

/// Names a pipe of one build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PipeId(usize);

/// One pipe.
#[derive(Default)]
pub struct Pipe {
    buffer: VecDeque<u8>,
    /// Open descriptions of the reading end.
    pub readers: u32,
    /// Open descriptions of the writing end.
    pub writers: u32,
    /// How often a reading end was opened: who opens a named pipe for writing waits for that.
    pub reader_opens: u64,
    /// How often a writing end was opened.
    pub writer_opens: u64,
    /// Processes that wait for the pipe to change, in order.
    waiting: Vec<u32>,
}

impl Pipe {
    /// Bytes in the buffer.
    pub fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Is the buffer empty?
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Free bytes in the buffer.
    pub fn room(&self) -> usize {
        CAPACITY.saturating_sub(self.buffer.len())
    }

    /// Takes bytes out into `buf`; returns how many.
    pub fn take(&mut self, buf: &mut [u8]) -> usize {
        let count = buf.len().min(self.buffer.len());
        let (first, second) = self.buffer.as_slices();
        let mut rest = buf;
        for part in [first, second] {
            let length = part.len().min(rest.len());
            let (now, later) = rest.split_at_mut(length);
            now.copy_from_slice(part.get(..length).unwrap_or_default());
            rest = later;
        }
        self.buffer.drain(..count);
        count
    }

    /// Puts as many bytes in as fit; returns how many.
    pub fn put(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.room());
        self.buffer.extend(bytes.get(..count).unwrap_or_default());
        count
    }
}

/// All pipes of a build.
#[derive(Default)]
pub struct Pipes {
    slots: Vec<Option<Pipe>>,
}

impl Pipes {
    /// A new pipe with one end each.
    pub fn create(&mut self) -> PipeId {
        self.insert(Pipe {
            readers: 1,
            writers: 1,
            ..Pipe::default()
        })
    }

    /// A new pipe without ends; [`Pipes::open`] adds them.
    pub fn create_named(&mut self) -> PipeId {
        self.insert(Pipe::default())
    }

    /// Opens ends of a named pipe. Returns who waits for that.
    pub fn open(&mut self, id: PipeId, reader: bool, writer: bool) -> Vec<u32> {
        let Some(pipe) = self.get(id) else {
            return Vec::new();
        };
        pipe.readers += u32::from(reader);
        pipe.reader_opens += u64::from(reader);
        pipe.writers += u32::from(writer);
        pipe.writer_opens += u64::from(writer);
        std::mem::take(&mut pipe.waiting)
    }

    /// Is there such a pipe still?
    pub fn exists(&self, id: PipeId) -> bool {
        self.slots.get(id.0).is_some_and(Option::is_some)
    }

    fn insert(&mut self, pipe: Pipe) -> PipeId {
        if let Some(index) = self.slots.iter().position(Option::is_none)
            && let Some(slot) = self.slots.get_mut(index)
        {
            *slot = Some(pipe);
            return PipeId(index);
        }
        self.slots.push(Some(pipe));
        PipeId(self.slots.len() - 1)
    }

    /// The pipe.
    pub fn get(&mut self, id: PipeId) -> Option<&mut Pipe> {
        self.slots.get_mut(id.0).and_then(Option::as_mut)
    }

    /// An end was closed for good. Returns who waits for that.
    pub fn close(&mut self, id: PipeId, writer: bool) -> Vec<u32> {
        let Some(slot) = self.slots.get_mut(id.0) else {
            return Vec::new();
        };
        let Some(pipe) = slot else {
            return Vec::new();
        };
        if writer {
            pipe.writers = pipe.writers.saturating_sub(1);
        } else {
            pipe.readers = pipe.readers.saturating_sub(1);
        }
        let waiting = std::mem::take(&mut pipe.waiting);
        if pipe.readers == 0 && pipe.writers == 0 {
            *slot = None;
        }
        waiting
    }

    /// `pid` wants to know when the pipe changes.
    pub fn wait(&mut self, id: PipeId, pid: u32) {
        if let Some(pipe) = self.get(id)
            && !pipe.waiting.contains(&pid)
        {
            pipe.waiting.push(pid);
        }
    }

    /// The pipe changed: who waits for that?
    pub fn changed(&mut self, id: PipeId) -> Vec<u32> {
        self.get(id)
            .map(|pipe| std::mem::take(&mut pipe.waiting))
            .unwrap_or_default()
    }
}
