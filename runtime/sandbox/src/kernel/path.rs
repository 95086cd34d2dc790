//! Operations on paths, each from the directory behind a descriptor.
//!
//! Contract: the walk is [`crate::vfs::resolve`]'s; the descriptor only says where it starts. It is
//! no capability of its own: `..` may leave the directory, but never the view.

use super::Kernel;
use super::table;
use crate::errno::{Errno, Result};
use crate::vfs::meta::Stat;
use crate::vfs::node::{Body, Device, NodeId};
use crate::vfs::resolve::Place;
use bstr::BString;

impl Kernel {
    /// Walks a path.
    fn walk(&mut self, pid: u32, fd: u32, path: &[u8], follow: bool) -> Result<Place> {
        let start = self.directory(pid, fd)?;
        self.vfs.resolve(start, path, follow)
    }

    /// The node at a path; an entry of `/dev/fd` exists only while the process has it open.
    fn find(&mut self, pid: u32, fd: u32, path: &[u8], follow: bool) -> Result<NodeId> {
        let node = self.walk(pid, fd, path, follow)?.existing()?;
        if let Body::Device(Device::Fd(number)) = self.vfs.node(node)?.body {
            let fd = table::from_posix(number).ok_or(Errno::Noent)?;
            self.process(pid)?.table.get(fd).ok_or(Errno::Noent)?;
        }
        Ok(node)
    }

    /// Metadata. An entry of `/dev/fd` that is followed shows what it leads to.
    pub fn path_stat(&mut self, pid: u32, fd: u32, path: &[u8], follow: bool) -> Result<Stat> {
        let node = self.find(pid, fd, path, follow)?;
        match self.vfs.node(node)?.body {
            Body::Device(Device::Fd(number)) if follow => {
                let fd = table::from_posix(number).ok_or(Errno::Noent)?;
                self.stat(pid, fd)
            }
            _ => self.vfs.stat(node),
        }
    }

    /// May the process access the path in all ways of `bits` (4 read, 2 write, 1 execute)?
    pub fn path_access(
        &mut self,
        pid: u32,
        fd: u32,
        path: &[u8],
        follow: bool,
        bits: u32,
    ) -> Result<()> {
        let node = self.find(pid, fd, path, follow)?;
        self.vfs.access(node, bits)
    }

    /// Sets permission bits.
    pub fn path_set_mode(
        &mut self,
        pid: u32,
        fd: u32,
        path: &[u8],
        follow: bool,
        mode: u32,
    ) -> Result<()> {
        let node = self.find(pid, fd, path, follow)?;
        self.vfs.set_mode(node, mode)
    }

    /// Sets times.
    pub fn path_set_times(
        &mut self,
        pid: u32,
        fd: u32,
        path: &[u8],
        follow: bool,
        times: (Option<u64>, Option<u64>),
    ) -> Result<()> {
        let node = self.find(pid, fd, path, follow)?;
        self.vfs.set_times(node, times.0, times.1)
    }

    /// Creates a directory, with the process's mask.
    pub fn make_directory(&mut self, pid: u32, fd: u32, path: &[u8]) -> Result<()> {
        let place = self.walk(pid, fd, path, false)?;
        let mode = 0o777 & !self.process(pid)?.umask;
        self.vfs.create_directory(&place, mode)
    }

    /// Creates a symbolic link.
    pub fn make_symlink(&mut self, pid: u32, target: &[u8], fd: u32, path: &[u8]) -> Result<()> {
        let place = self.walk(pid, fd, path, false)?;
        self.vfs.create_symlink(&place, target)
    }

    /// Creates a hard link.
    pub fn make_link(
        &mut self,
        pid: u32,
        from: (u32, &[u8], bool),
        to: (u32, &[u8]),
    ) -> Result<()> {
        let from = self.walk(pid, from.0, from.1, from.2)?;
        let to = self.walk(pid, to.0, to.1, false)?;
        self.vfs.link(&from, &to)
    }

    /// Reads a link. For `/dev/fd/N` that is what Linux shows for it.
    pub fn read_link(&mut self, pid: u32, fd: u32, path: &[u8]) -> Result<BString> {
        let node = self.find(pid, fd, path, false)?;
        self.vfs.read_link(node).cloned()
    }

    /// Removes a name that is no directory.
    pub fn unlink(&mut self, pid: u32, fd: u32, path: &[u8]) -> Result<()> {
        let place = self.walk(pid, fd, path, false)?;
        self.vfs.unlink(&place)
    }

    /// Removes an empty directory.
    pub fn remove_directory(&mut self, pid: u32, fd: u32, path: &[u8]) -> Result<()> {
        let place = self.walk_no_link(pid, fd, path)?;
        self.vfs.remove_directory(&place)
    }

    /// Moves a name.
    pub fn rename(&mut self, pid: u32, from: (u32, &[u8]), to: (u32, &[u8])) -> Result<()> {
        let from = self.walk_no_link(pid, from.0, from.1)?;
        let to = self.walk_no_link(pid, to.0, to.1)?;
        self.vfs.rename(&from, &to)
    }

    /// Walks a path whose last component is not followed even before a slash, as Linux does for
    /// `rmdir` and `rename` (`LOOKUP_PARENT`). The slash still asks for a directory.
    fn walk_no_link(&mut self, pid: u32, fd: u32, path: &[u8]) -> Result<Place> {
        let trimmed = match path.iter().rposition(|byte| *byte != b'/') {
            Some(last) => path.get(..=last).unwrap_or(path),
            None => path,
        };
        let mut place = self.walk(pid, fd, trimmed, false)?;
        if trimmed.len() < path.len() {
            place.slash = true;
            if let Some(node) = place.node
                && !self.vfs.node(node)?.is_directory()
            {
                return Err(Errno::Notdir.into());
            }
        }
        Ok(place)
    }
}
