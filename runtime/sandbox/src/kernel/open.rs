//! Opening a path.

use super::description::{FileId, Object, OpenFile};
use super::random::Stream;
use super::table;
use super::{Kernel, Step};
use crate::errno::{Errno, Result};
use crate::vfs::node::{Body, Device, NodeId};
use crate::vfs::resolve::Last;
use std::sync::Arc;

/// How a path is opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenHow {
    /// Follow a link at the end.
    pub follow: bool,
    /// `O_CREAT`.
    pub create: bool,
    /// `O_DIRECTORY`.
    pub directory: bool,
    /// `O_EXCL`.
    pub exclusive: bool,
    /// `O_TRUNC`.
    pub truncate: bool,
    /// For reading.
    pub read: bool,
    /// For writing.
    pub write: bool,
    /// WASI `fdflags`.
    pub flags: u16,
}

impl Kernel {
    /// Opens `path` from the directory behind `fd` and gives the new descriptor. A named pipe may
    /// have to wait; asked again, the process goes on with it.
    ///
    /// # Errors
    /// As `open(2)`.
    pub fn open(&mut self, pid: u32, fd: u32, path: &[u8], how: OpenHow) -> Result<Step<u32>> {
        match self.continue_opening(pid)? {
            None => {}
            Some(Step::Blocked) => return Ok(Step::Blocked),
            Some(Step::Done(file)) => return self.install(pid, file, 0).map(Step::Done),
        }
        let start = self.directory(pid, fd)?;
        let place = self
            .vfs
            .resolve(start, path, how.follow && !(how.create && how.exclusive))?;
        let node = match place.node {
            Some(_) if how.create && how.exclusive => return Err(Errno::Exist.into()),
            Some(node) => node,
            None if how.create && how.directory => return Err(Errno::Inval.into()),
            None if how.create => {
                let mode = 0o666 & !self.process(pid)?.umask;
                let node = self.vfs.create_file(&place, mode)?;
                let file = self.open_node(pid, node, how)?;
                return self.install(pid, file, 0).map(Step::Done);
            }
            None => return Err(Errno::Noent.into()),
        };
        if how.create && self.vfs.node(node)?.is_directory() && place.last == Last::Name {
            return Err(Errno::Isdir.into());
        }
        self.check_open(node, how)?;
        if let Body::Fifo = self.vfs.node(node)?.body {
            return match self.open_fifo(pid, node, how)? {
                Step::Done(file) => self.install(pid, file, 0).map(Step::Done),
                Step::Blocked => Ok(Step::Blocked),
            };
        }
        let file = self.open_node(pid, node, how)?;
        if how.truncate
            && let Some(file) = self.files.get(file)
            && let Object::File(node) = file.object
            && let Err(fail) = self.vfs.set_len(node, 0)
        {
            return Err(fail);
        }
        self.install(pid, file, 0).map(Step::Done)
    }

    /// May the node be opened in this way?
    fn check_open(&self, node: NodeId, how: OpenHow) -> Result<()> {
        let it = self.vfs.node(node)?;
        if let Body::Symlink(_) = it.body {
            return Err(Errno::Loop.into());
        }
        if let Body::Device(Device::Fd(_)) = it.body {
            return Ok(());
        }
        let directory = it.is_directory();
        if how.directory && !directory {
            return Err(Errno::Notdir.into());
        }
        if directory && (how.write || how.truncate) {
            return Err(Errno::Isdir.into());
        }
        let mut bits = 0;
        if how.read {
            bits |= 4;
        }
        if how.write || how.truncate {
            bits |= 2;
        }
        self.vfs.access(node, bits)
    }

    /// Makes the description for a node.
    pub(super) fn open_node(&mut self, pid: u32, node: NodeId, how: OpenHow) -> Result<FileId> {
        let object = match &self.vfs.node(node)?.body {
            Body::File(_) => Object::File(node),
            Body::Device(Device::Program) => Object::Null(node),
            Body::HostFile(path, _) => {
                let path = path.clone();
                Object::HostFile(node, Arc::new(self.vfs.open_input(&path)?))
            }
            Body::Directory(_) | Body::HostDirectory(..) | Body::Device(Device::FdDirectory) => {
                Object::Directory(node, None)
            }
            Body::Symlink(_) => return Err(Errno::Loop.into()),
            // Opened by `open_fifo`; this is for who opens it in another way.
            Body::Fifo => return Err(Errno::Nxio.into()),
            Body::Device(Device::Null) => Object::Null(node),
            Body::Device(Device::Zero) => Object::Zero(node),
            Body::Device(Device::Full) => Object::Full(node),
            Body::Device(Device::Random) => {
                let number = self.next_device_stream;
                self.next_device_stream += 1;
                Object::Random(node, Box::new(Stream::new(&self.seed, "device", number)))
            }
            Body::Device(Device::Fd(number)) => return self.reopen(pid, *number, how),
        };
        self.vfs.hold(node)?;
        Ok(self
            .files
            .insert(OpenFile::new(object, how.read, how.write, how.flags)))
    }

    /// Opens `/dev/fd/N`: a file anew from its start, anything else as a duplicate.
    fn reopen(&mut self, pid: u32, number: u32, how: OpenHow) -> Result<FileId> {
        let fd = table::from_posix(number).ok_or(Errno::Noent)?;
        let descriptor = self.process(pid)?.table.get(fd).ok_or(Errno::Noent)?;
        let file = self.files.get(descriptor.file).ok_or(Errno::Noent)?;
        match file.object {
            Object::File(node) | Object::HostFile(node, _) => {
                self.check_open(node, how)?;
                let id = self.open_node(pid, node, how)?;
                if how.truncate {
                    self.vfs.set_len(node, 0)?;
                }
                Ok(id)
            }
            _ => {
                if (how.read && !file.read) || (how.write && !file.write) {
                    return Err(Errno::Acces.into());
                }
                self.files.retain(descriptor.file);
                Ok(descriptor.file)
            }
        }
    }

    /// The directory behind a descriptor.
    ///
    /// # Errors
    /// `EBADF`, `ENOTDIR`.
    pub(super) fn directory(&mut self, pid: u32, fd: u32) -> Result<NodeId> {
        match self.file(pid, fd)?.object {
            Object::Directory(node, _) => Ok(node),
            _ => Err(Errno::Notdir.into()),
        }
    }
}
