//! Open file descriptions: what several descriptors, of several processes, may share.
//!
//! Contract: the offset and the flags belong to the description (`open(2)`); it is closed with its
//! last descriptor.

use super::log::Channel;
use super::pipe::PipeId;
use super::random::Stream;
use crate::vfs::list::Entry;
use crate::vfs::node::NodeId;
use std::fs::File;
use std::sync::Arc;

/// Names an open file description of one build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId(usize);

impl FileId {
    /// The number, which follows from the order of opening.
    pub fn number(self) -> u64 {
        self.0 as u64
    }
}

/// What a description leads to.
pub enum Object {
    /// A file held by the sandbox.
    File(NodeId),
    /// A file of an input, open on the host.
    HostFile(NodeId, Arc<File>),
    /// A directory, and its listing once it was read.
    Directory(NodeId, Option<Vec<Entry>>),
    /// `/dev/null`.
    Null(NodeId),
    /// `/dev/zero`.
    Zero(NodeId),
    /// `/dev/full`.
    Full(NodeId),
    /// `/dev/random` and `/dev/urandom`.
    Random(NodeId, Box<Stream>),
    /// The reading end of a pipe.
    PipeReader(PipeId),
    /// The writing end of a pipe.
    PipeWriter(PipeId),
    /// Both ends of a named pipe.
    PipeBoth(PipeId),
    /// The build's log.
    Log(Channel),
    /// Standard input of a console.
    Input,
}

impl Object {
    /// The node that is held open, if there is one.
    pub fn node(&self) -> Option<NodeId> {
        match self {
            Object::File(id)
            | Object::HostFile(id, _)
            | Object::Directory(id, _)
            | Object::Null(id)
            | Object::Zero(id)
            | Object::Full(id)
            | Object::Random(id, _) => Some(*id),
            Object::PipeReader(_)
            | Object::PipeWriter(_)
            | Object::PipeBoth(_)
            | Object::Log(_)
            | Object::Input => None,
        }
    }
}

/// An open file description.
pub struct OpenFile {
    /// Descriptors that lead here.
    pub references: u32,
    /// What it leads to.
    pub object: Object,
    /// Position of the next byte.
    pub offset: u64,
    /// Opened for reading.
    pub read: bool,
    /// Opened for writing.
    pub write: bool,
    /// WASI `fdflags`: append 1, dsync 2, nonblock 4, rsync 8, sync 16.
    pub flags: u16,
}

/// Write at the end (WASI `fdflags`).
pub const FLAG_APPEND: u16 = 1;
/// Never block (WASI `fdflags`).
pub const FLAG_NONBLOCK: u16 = 4;

impl OpenFile {
    /// A description with one descriptor.
    pub fn new(object: Object, read: bool, write: bool, flags: u16) -> OpenFile {
        OpenFile {
            references: 1,
            object,
            offset: 0,
            read,
            write,
            flags,
        }
    }
}

/// All open file descriptions of a build.
#[derive(Default)]
pub struct Descriptions {
    slots: Vec<Option<OpenFile>>,
    free: Vec<usize>,
}

impl Descriptions {
    /// Adds one.
    pub fn insert(&mut self, file: OpenFile) -> FileId {
        if let Some(index) = self.free.pop()
            && let Some(slot) = self.slots.get_mut(index)
        {
            *slot = Some(file);
            return FileId(index);
        }
        self.slots.push(Some(file));
        FileId(self.slots.len() - 1)
    }

    /// The description.
    pub fn get(&mut self, id: FileId) -> Option<&mut OpenFile> {
        self.slots.get_mut(id.0).and_then(Option::as_mut)
    }

    /// The description, to look at.
    pub fn get_ref(&self, id: FileId) -> Option<&OpenFile> {
        self.slots.get(id.0).and_then(Option::as_ref)
    }

    /// One more descriptor leads to it.
    pub fn retain(&mut self, id: FileId) {
        if let Some(file) = self.get(id) {
            file.references += 1;
        }
    }

    /// One descriptor less; gives the description when it was the last.
    pub fn release(&mut self, id: FileId) -> Option<OpenFile> {
        let slot = self.slots.get_mut(id.0)?;
        let file = slot.as_mut()?;
        file.references = file.references.saturating_sub(1);
        if file.references > 0 {
            return None;
        }
        self.free.push(id.0);
        slot.take()
    }
}
