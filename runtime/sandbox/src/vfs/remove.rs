//! Names that go: unlink and rmdir. A file lives on while a descriptor holds it.

use super::Vfs;
use super::WALL_CLOCK_NS;
use super::node::{Body, Domain, NodeId};
use super::resolve::{Last, Place};
use crate::errno::{Errno, Result};
use bstr::ByteSlice;

impl Vfs {
    /// Takes a name out of its directory, and the node with its last name and descriptor.
    pub(super) fn detach(&mut self, dir: NodeId, name: &[u8]) -> Result<()> {
        let parent = self.node_mut(dir)?;
        if parent.domain == Domain::Writable {
            parent.times.modification = WALL_CLOCK_NS;
            parent.times.change = WALL_CLOCK_NS;
        }
        let Body::Directory(entries) = &mut parent.body else {
            return Err(Errno::Notdir.into());
        };
        let id = entries.remove(name.as_bstr()).ok_or(Errno::Noent)?;
        let node = self.node_mut(id)?;
        node.links = node.links.saturating_sub(1);
        node.times.change = WALL_CLOCK_NS;
        if node.is_directory() {
            node.parent = None;
        }
        self.release_if_unused(id)
    }

    /// Removes a name that is no directory.
    pub fn unlink(&mut self, place: &Place) -> Result<()> {
        if place.last != Last::Name {
            return Err(Errno::Isdir.into());
        }
        let id = place.existing()?;
        self.check_change(place.parent, &place.name)?;
        if self.node(id)?.is_directory() {
            return Err(Errno::Isdir.into());
        }
        self.detach(place.parent, &place.name)
    }

    /// Removes an empty directory.
    pub fn remove_directory(&mut self, place: &Place) -> Result<()> {
        match place.last {
            Last::Name => {}
            Last::Dot => return Err(Errno::Inval.into()),
            Last::DotDot => return Err(Errno::Notempty.into()),
            Last::Root => return Err(Errno::Busy.into()),
        }
        let id = place.existing()?;
        self.check_change(place.parent, &place.name)?;
        self.check_empty(id)?;
        self.detach(place.parent, &place.name)
    }

    /// Is the node a directory without entries?
    pub(super) fn check_empty(&self, id: NodeId) -> Result<()> {
        match &self.node(id)?.body {
            Body::Directory(entries) if entries.is_empty() => Ok(()),
            Body::Directory(_) | Body::HostDirectory(..) => Err(Errno::Notempty.into()),
            _ => Err(Errno::Notdir.into()),
        }
    }
}
