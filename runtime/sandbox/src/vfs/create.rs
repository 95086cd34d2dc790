//! New names: files, directories, symbolic and hard links.
//!
//! Contract: in `/nix/store` only the declared outputs can be created (where the builder is one for
//! Linux, any name that is no input, as in Nix's sandbox: `sed -i $out` needs it); in inputs and fixed
//! directories nothing (`EACCES`, as for Nix's build user, who owns none of them).

use super::Vfs;
use super::WALL_CLOCK_NS;
use super::data::Data;
use super::node::{Body, Domain, NodeId};
use super::resolve::{Last, PATH_MAX, Place};
use crate::errno::{Errno, Result};
use bstr::{BString, ByteSlice};
use std::collections::BTreeMap;

impl Vfs {
    /// May the builder put `name` into, or take it from, the directory?
    pub(super) fn check_change(&self, dir: NodeId, name: &[u8]) -> Result<()> {
        let node = self.node(dir)?;
        if !node.is_directory() {
            return Err(Errno::Notdir.into());
        }
        if node.domain == Domain::Writable && node.links == 0 {
            return Err(Errno::Noent.into());
        }
        let declared = node.domain != Domain::StoreDir
            || self.outputs.contains(name.as_bstr())
            || (self.open_store && !self.inputs.has(name));
        if node.domain == Domain::Fixed || !declared || !node.permits(3) {
            return Err(Errno::Acces.into());
        }
        Ok(())
    }

    /// The checks before a new name: it is a name, it is free, it may be created.
    fn check_new(&self, place: &Place) -> Result<()> {
        if place.node.is_some() || place.last != Last::Name {
            return Err(Errno::Exist.into());
        }
        self.check_change(place.parent, &place.name)
    }

    /// Puts a node into a directory and marks the directory as changed.
    pub(super) fn attach(&mut self, dir: NodeId, name: BString, id: NodeId) -> Result<()> {
        if self.node(id)?.is_directory() {
            self.node_mut(id)?.parent = Some(dir);
        }
        let node = self.node_mut(dir)?;
        if node.domain == Domain::Writable {
            node.times.modification = WALL_CLOCK_NS;
            node.times.change = WALL_CLOCK_NS;
        }
        match &mut node.body {
            Body::Directory(entries) => {
                entries.insert(name, id);
                Ok(())
            }
            _ => Err(Errno::Notdir.into()),
        }
    }

    /// Creates an empty file; `mode` is already masked.
    pub fn create_file(&mut self, place: &Place, mode: u32) -> Result<NodeId> {
        if place.slash {
            return Err(Errno::Isdir.into());
        }
        self.check_new(place)?;
        let node = self.fresh(mode & 0o7777, Body::File(Data::Memory(Vec::new())));
        let id = self.insert(node)?;
        self.attach(place.parent, place.name.clone(), id)?;
        Ok(id)
    }

    /// Creates a named pipe; `mode` is already masked.
    pub fn create_fifo(&mut self, place: &Place, mode: u32) -> Result<()> {
        if place.node.is_none() && place.slash {
            return Err(Errno::Noent.into());
        }
        self.check_new(place)?;
        let node = self.fresh(mode & 0o7777, Body::Fifo);
        let id = self.insert(node)?;
        self.attach(place.parent, place.name.clone(), id)
    }

    /// Creates a directory; `mode` is already masked.
    pub fn create_directory(&mut self, place: &Place, mode: u32) -> Result<()> {
        self.check_new(place)?;
        let node = self.fresh(mode & 0o7777, Body::Directory(BTreeMap::new()));
        let id = self.insert(node)?;
        self.attach(place.parent, place.name.clone(), id)
    }

    /// Creates a symbolic link. The target is stored as given and need not exist.
    pub fn create_symlink(&mut self, place: &Place, target: &[u8]) -> Result<()> {
        if target.is_empty() {
            return Err(Errno::Noent.into());
        }
        if target.contains(&0) {
            return Err(Errno::Inval.into());
        }
        if target.len() >= PATH_MAX {
            return Err(Errno::Nametoolong.into());
        }
        if place.node.is_none() && place.slash {
            return Err(Errno::Noent.into());
        }
        self.check_new(place)?;
        let node = self.fresh(0o777, Body::Symlink(target.into()));
        let id = self.insert(node)?;
        self.attach(place.parent, place.name.clone(), id)
    }

    /// Gives a file or link that the builder owns a second name.
    ///
    /// # Errors
    /// `EPERM` for a directory (as Linux) and for what the builder does not own (as Linux with
    /// `fs.protected_hardlinks`, under which an input cannot be linked).
    pub fn link(&mut self, from: &Place, to: &Place) -> Result<()> {
        let id = from.existing()?;
        let node = self.node(id)?;
        if node.is_directory() || node.domain != Domain::Writable {
            return Err(Errno::Perm.into());
        }
        if to.node.is_none() && to.slash {
            return Err(Errno::Noent.into());
        }
        self.check_new(to)?;
        let node = self.node_mut(id)?;
        node.links += 1;
        node.times.change = WALL_CLOCK_NS;
        self.attach(to.parent, to.name.clone(), id)
    }
}
