//! Descriptors themselves: close, duplicate, seek, flags, pipes, readiness.

use super::description::{FileId, Object, OpenFile};
use super::log::Channel;
use super::table::Descriptor;
use super::{Kernel, pipe};
use crate::errno::{Errno, Result};
use crate::vfs::list::Entry;
use crate::vfs::meta::Stat;
use crate::vfs::node::{DEVICE, Device, FileType, NodeId, Times};
use crate::vfs::{WALL_CLOCK_NS, node};

/// What `fd_fdstat_get` needs to know.
#[derive(Clone, Copy, Debug)]
pub struct FdStat {
    /// Type of what is behind.
    pub file_type: FileType,
    /// WASI `fdflags`.
    pub flags: u16,
    /// Open for reading.
    pub read: bool,
    /// Open for writing.
    pub write: bool,
    /// It has an offset.
    pub seekable: bool,
    /// It is a preopen.
    pub preopen: bool,
}

/// Where a seek starts.
#[derive(Clone, Copy, Debug)]
pub enum Whence {
    /// At the start.
    Set,
    /// At the offset.
    Current,
    /// At the end.
    End,
}

/// What polling a descriptor finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// Bytes that can be transferred.
    pub bytes: u64,
    /// The other end is closed.
    pub hangup: bool,
}

impl Kernel {
    /// Closes a descriptor.
    pub fn close(&mut self, pid: u32, fd: u32) -> Result<()> {
        let taken = self.process_mut(pid)?.table.take(fd).ok_or(Errno::Badf)?;
        self.release(taken.file);
        Ok(())
    }

    /// A second descriptor for the same description, at the lowest free number from `min` on.
    pub fn duplicate(&mut self, pid: u32, fd: u32, min: u32) -> Result<u32> {
        let descriptor = self.descriptor(pid, fd)?;
        if min >= self.limits.open_files {
            return Err(Errno::Inval.into());
        }
        self.files.retain(descriptor.file);
        self.install(pid, descriptor.file, min)
    }

    /// Makes `to` lead where `from` leads; what `to` was is closed. `keep` leaves `from` open.
    pub fn duplicate_to(&mut self, pid: u32, from: u32, to: u32, keep: bool) -> Result<()> {
        let descriptor = self.descriptor(pid, from)?;
        if to >= self.limits.open_files {
            return Err(Errno::Badf.into());
        }
        if from == to {
            return Ok(());
        }
        let preopen = if keep { None } else { descriptor.preopen };
        self.files.retain(descriptor.file);
        let process = self.process_mut(pid)?;
        let replaced = process.table.set(
            to as usize,
            Descriptor {
                file: descriptor.file,
                preopen,
            },
        );
        if let Some(replaced) = replaced {
            self.release(replaced.file);
        }
        if !keep {
            self.close(pid, from)?;
        }
        Ok(())
    }

    /// The lowest open descriptor from `fd` on.
    pub fn next_descriptor(&self, pid: u32, fd: u32) -> Result<u32> {
        self.process(pid)?.table.next(fd).ok_or(Errno::Badf.into())
    }

    /// Does the descriptor exist?
    pub fn check(&self, pid: u32, fd: u32) -> Result<()> {
        self.descriptor(pid, fd).map(|_| ())
    }

    /// The path of a preopen.
    pub fn preopen(&self, pid: u32, fd: u32) -> Result<&'static str> {
        self.descriptor(pid, fd)?.preopen.ok_or(Errno::Badf.into())
    }

    /// A pipe; gives the reading and the writing descriptor.
    pub fn pipe(&mut self, pid: u32) -> Result<(u32, u32)> {
        let id = self.pipes.create();
        let reader = OpenFile::new(Object::PipeReader(id), true, false, 0);
        let writer = OpenFile::new(Object::PipeWriter(id), false, true, 0);
        let (reader, writer) = (self.files.insert(reader), self.files.insert(writer));
        let first = match self.install(pid, reader, 0) {
            Ok(first) => first,
            Err(fail) => {
                self.release(writer);
                return Err(fail);
            }
        };
        Ok((first, self.install(pid, writer, 0)?))
    }

    /// Type, flags and modes.
    pub fn fd_stat(&mut self, pid: u32, fd: u32) -> Result<FdStat> {
        let preopen = self.descriptor(pid, fd)?.preopen.is_some();
        let id = self.descriptor(pid, fd)?.file;
        let file = self.files.get_ref(id).ok_or(Errno::Badf)?;
        let (file_type, seekable) = match &file.object {
            Object::File(_) | Object::HostFile(..) => (FileType::RegularFile, true),
            Object::Directory(..) => (FileType::Directory, false),
            // wasi-libc takes a character device that cannot seek for a terminal. Nix gives the
            // builder a pseudo-terminal as its log, and Linux lets /dev/null and its like seek.
            Object::Log(channel) => {
                let fd = if *channel == Channel::Output { 1 } else { 2 };
                (self.console_type(fd), false)
            }
            Object::Input => (self.console_type(0), false),
            Object::PipeReader(_) | Object::PipeWriter(_) | Object::PipeBoth(_) => {
                (FileType::Unknown, false)
            }
            _ => (FileType::CharacterDevice, true),
        };
        Ok(FdStat {
            file_type,
            flags: file.flags,
            read: file.read,
            write: file.write,
            seekable,
            preopen,
        })
    }

    /// What one of the three standard files is: a terminal, as Nix's log is, unless there is a
    /// console that is none.
    fn console_type(&self, number: usize) -> FileType {
        let terminal = self
            .console
            .as_ref()
            .is_none_or(|console| console.terminals.get(number) == Some(&true));
        if terminal {
            FileType::CharacterDevice
        } else {
            FileType::Unknown
        }
    }

    /// Sets the flags of the description (append and nonblock; the others have no effect here).
    pub fn set_flags(&mut self, pid: u32, fd: u32, flags: u16) -> Result<()> {
        self.file(pid, fd)?.flags = flags;
        Ok(())
    }

    /// The node behind a descriptor, if it has one.
    pub fn node_of(&mut self, pid: u32, fd: u32) -> Result<Option<NodeId>> {
        Ok(self.file(pid, fd)?.object.node())
    }

    /// Metadata of what is behind a descriptor.
    pub fn stat(&mut self, pid: u32, fd: u32) -> Result<Stat> {
        let descriptor = self.descriptor(pid, fd)?;
        match self.node_of(pid, fd)? {
            Some(node) => self.vfs.stat(node),
            None => {
                let file_type = self.fd_stat(pid, fd)?.file_type;
                Ok(Stat {
                    device: DEVICE,
                    ino: pseudo_ino(descriptor.file),
                    file_type,
                    links: 1,
                    size: 0,
                    times: Times::all(WALL_CLOCK_NS),
                    mode: 0o600,
                    uid: node::BUILD_UID,
                    gid: node::BUILD_GID,
                })
            }
        }
    }

    /// Moves the offset.
    pub fn seek(&mut self, pid: u32, fd: u32, delta: i64, whence: Whence) -> Result<u64> {
        let node = self.node_of(pid, fd)?;
        let size = match node {
            Some(node) => self.vfs.node(node)?.size(),
            None => return Err(Errno::Spipe.into()),
        };
        let file = self.file(pid, fd)?;
        match &file.object {
            Object::File(_) | Object::HostFile(..) => {}
            Object::Directory(..) => return Err(Errno::Isdir.into()),
            // Devices accept a seek and stay where they are.
            _ => return Ok(0),
        }
        let base = match whence {
            Whence::Set => 0,
            Whence::Current => file.offset,
            Whence::End => size,
        };
        let target = base
            .checked_add_signed(delta)
            .filter(|target| i64::try_from(*target).is_ok())
            .ok_or(Errno::Inval)?;
        file.offset = target;
        Ok(target)
    }

    /// The open listing of a directory; `rewind` reads it anew.
    pub fn entries(&mut self, pid: u32, fd: u32, rewind: bool) -> Result<&[Entry]> {
        let node = self.directory(pid, fd)?;
        let known = matches!(self.file(pid, fd)?.object, Object::Directory(_, Some(_)));
        let fresh = if rewind || !known {
            self.vfs.access(node, 4)?;
            let mut entries = self.vfs.list(node)?;
            self.add_fd_entries(pid, node, &mut entries)?;
            Some(entries)
        } else {
            None
        };
        match &mut self.file(pid, fd)?.object {
            Object::Directory(_, listing) => {
                if fresh.is_some() {
                    *listing = fresh;
                }
                Ok(listing.as_deref().unwrap_or_default())
            }
            _ => Err(Errno::Notdir.into()),
        }
    }

    /// `/dev/fd` lists the process's own descriptors.
    fn add_fd_entries(&mut self, pid: u32, node: NodeId, entries: &mut Vec<Entry>) -> Result<()> {
        if !matches!(
            self.vfs.node(node)?.body,
            node::Body::Device(Device::FdDirectory)
        ) {
            return Ok(());
        }
        for fd in self.process(pid)?.table.numbers() {
            let Some(number) = super::table::to_posix(fd) else {
                continue;
            };
            let name = number.to_string();
            if let Some(id) = self.vfs.child(node, name.as_bytes())? {
                entries.push(Entry {
                    name: name.into(),
                    ino: self.vfs.node(id)?.ino,
                    file_type: FileType::SymbolicLink,
                });
            }
        }
        Ok(())
    }

    /// Can the descriptor be read without waiting? `None` if not yet.
    pub fn poll_read(&mut self, pid: u32, fd: u32) -> Result<Option<Ready>> {
        let node = self.node_of(pid, fd)?;
        let size = match node {
            Some(node) => self.vfs.node(node)?.size(),
            None => 0,
        };
        let file = self.file(pid, fd)?;
        if !file.read {
            return Err(Errno::Badf.into());
        }
        let (Object::PipeReader(id) | Object::PipeBoth(id)) = file.object else {
            let bytes = size.saturating_sub(file.offset);
            return Ok(Some(Ready {
                bytes,
                hangup: false,
            }));
        };
        let pipe = self.pipes.get(id).ok_or(Errno::Badf)?;
        if pipe.is_empty() && pipe.writers > 0 {
            return Ok(None);
        }
        Ok(Some(Ready {
            bytes: pipe.len() as u64,
            hangup: pipe.writers == 0,
        }))
    }

    /// Can the descriptor be written without waiting? `None` if not yet.
    pub fn poll_write(&mut self, pid: u32, fd: u32) -> Result<Option<Ready>> {
        let file = self.file(pid, fd)?;
        if !file.write {
            return Err(Errno::Badf.into());
        }
        let (Object::PipeWriter(id) | Object::PipeBoth(id)) = file.object else {
            return Ok(Some(Ready {
                bytes: pipe::CAPACITY as u64,
                hangup: false,
            }));
        };
        let pipe = self.pipes.get(id).ok_or(Errno::Badf)?;
        if pipe.readers > 0 && pipe.room() < pipe::ATOMIC {
            return Ok(None);
        }
        Ok(Some(Ready {
            bytes: pipe.room() as u64,
            hangup: pipe.readers == 0,
        }))
    }

    /// Registers the process with the pipe behind a descriptor.
    pub fn wait_for(&mut self, pid: u32, fd: u32) -> Result<()> {
        if let Object::PipeReader(id) | Object::PipeWriter(id) | Object::PipeBoth(id) =
            self.file(pid, fd)?.object
        {
            self.pipes.wait(id, pid);
        }
        Ok(())
    }

    /// The process sleeps until one of its registrations or its timer wakes it.
    pub fn sleep(&mut self, pid: u32) {
        self.block(pid, "waits for a descriptor or a timer");
    }
}

/// Inode number of what has no node: by the order of opening, apart from all others.
fn pseudo_ino(file: FileId) -> u64 {
    (1 << 62) | file.number()
}
