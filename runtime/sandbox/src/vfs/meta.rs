//! What `stat` shows, and what of it a builder may set.

use super::Vfs;
use super::WALL_CLOCK_NS;
use super::node::{Body, DEVICE, Domain, FileType, NodeId, Times};
use crate::errno::{Errno, Result};

/// Everything that a guest can learn about a node but its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Stat {
    pub device: u64,
    pub ino: u64,
    pub file_type: FileType,
    pub links: u64,
    pub size: u64,
    pub times: Times,
    /// Permission bits, `0o7777`.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
}

impl Vfs {
    /// The node's metadata.
    pub fn stat(&self, id: NodeId) -> Result<Stat> {
        let node = self.node(id)?;
        let (uid, gid) = node.owner();
        Ok(Stat {
            device: DEVICE,
            ino: node.ino,
            file_type: node.file_type(),
            links: u64::from(node.links),
            size: node.size(),
            times: node.times,
            mode: node.mode,
            uid,
            gid,
        })
    }

    /// Sets the permission bits.
    ///
    /// # Errors
    /// `EPERM` for what the builder does not own; `ENOTSUP` for a link (as Linux).
    pub fn set_mode(&mut self, id: NodeId, mode: u32) -> Result<()> {
        let node = self.node_mut(id)?;
        if let Body::Symlink(_) = node.body {
            return Err(Errno::Notsup.into());
        }
        if node.domain != Domain::Writable {
            return Err(Errno::Perm.into());
        }
        node.mode = mode & 0o7777;
        node.times.change = WALL_CLOCK_NS;
        Ok(())
    }

    /// Sets access and modification time; `None` leaves a value.
    ///
    /// # Errors
    /// `EPERM` for what the builder does not own.
    pub fn set_times(
        &mut self,
        id: NodeId,
        access: Option<u64>,
        modification: Option<u64>,
    ) -> Result<()> {
        let node = self.node_mut(id)?;
        if node.domain != Domain::Writable {
            return Err(Errno::Perm.into());
        }
        if let Some(access) = access {
            node.times.access = access;
        }
        if let Some(modification) = modification {
            node.times.modification = modification;
        }
        node.times.change = WALL_CLOCK_NS;
        Ok(())
    }

    /// May the builder access the node (4 read, 2 write, 1 execute or search), and does it stay as it is
    /// while the build runs (8)?
    ///
    /// # Errors
    /// `EACCES`; `EINVAL` for other bits.
    pub fn access(&self, id: NodeId, bits: u32) -> Result<()> {
        const STAYS: u32 = 8;
        if bits & !(STAYS | 7) != 0 {
            return Err(Errno::Inval.into());
        }
        let node = self.node(id)?;
        let stays = bits & STAYS == 0 || node.domain == Domain::Fixed;
        if stays && node.permits(bits & 7) {
            Ok(())
        } else {
            Err(Errno::Acces.into())
        }
    }
}
