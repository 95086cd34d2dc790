//! One name in one directory: from the tree, or from an input on disk, which then joins the tree.

use super::INPUT_TIME_NS;
use super::Vfs;
use super::input::{Found, HostPath};
use super::node::{Body, Device, Domain, HostChildren, Node, NodeId, Times};
use crate::errno::{Errno, Result};
use crate::error::Fatal;
use bstr::{BString, ByteSlice};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// POSIX descriptor numbers that `/dev/fd` knows at most.
const MAX_FD: u32 = 1 << 20;

impl Vfs {
    /// The node called `name` in the directory `dir`.
    ///
    /// # Errors
    /// `ENOTDIR` if `dir` is no directory; fatal if an input cannot be read.
    pub fn child(&mut self, dir: NodeId, name: &[u8]) -> Result<Option<NodeId>> {
        match &self.node(dir)?.body {
            Body::Directory(entries) => match entries.get(name.as_bstr()) {
                Some(id) => Ok(Some(*id)),
                None if dir == self.store => self.input(name),
                None => Ok(None),
            },
            Body::HostDirectory(path, children) => {
                if let Some(known) = children.known.get(name.as_bstr()) {
                    return Ok(*known);
                }
                let path = path.clone();
                self.host_child(dir, &path, name)
            }
            Body::Device(Device::FdDirectory) => self.fd_entry(dir, name),
            _ => Err(Errno::Notdir.into()),
        }
    }

    /// A declared input, which joins the tree at its first use.
    fn input(&mut self, name: &[u8]) -> Result<Option<NodeId>> {
        let Some(path) = self.inputs.find(name) else {
            return Ok(None);
        };
        let found = self.inputs.look(&path)?;
        let id = self.adopt(self.store, name, path, found)?;
        if let (Some(id), Body::Directory(entries)) = (id, &mut self.node_mut(self.store)?.body) {
            entries.insert(BString::from(name), id);
        }
        Ok(id)
    }

    /// A child of a directory of an input.
    fn host_child(&mut self, dir: NodeId, path: &HostPath, name: &[u8]) -> Result<Option<NodeId>> {
        let on_disk = if self.inputs.folded_case {
            let Some(entry) = self.host_listing(dir)?.get(name.as_bstr()) else {
                return Ok(None);
            };
            entry.name.clone()
        } else {
            OsStr::from_bytes(name).to_owned()
        };
        let path = self.inputs.child(path, &on_disk);
        let found = self.inputs.look(&path)?;
        let id = self.adopt(dir, name, path, found)?;
        if let Body::HostDirectory(_, children) = &mut self.node_mut(dir)?.body
            && (id.is_some() || children.known.len() < 4096)
        {
            children.known.insert(BString::from(name), id);
        }
        Ok(id)
    }

    /// Makes a node for what was found on disk.
    fn adopt(
        &mut self,
        dir: NodeId,
        name: &[u8],
        path: HostPath,
        found: Option<Found>,
    ) -> Result<Option<NodeId>> {
        let Some(found) = found else {
            return Ok(None);
        };
        let mut stands_in = false;
        let (mode, body) = match found {
            Found::Directory => (0o555, Body::HostDirectory(path, HostChildren::default())),
            Found::File(size, true) => (0o555, Body::HostFile(path, size)),
            Found::File(size, false) => (0o444, Body::HostFile(path, size)),
            Found::Symlink(target) => {
                if leaves_the_store(&target) {
                    let link = self.path_of(dir, name)?;
                    stands_in = self.programs.knows(link.as_bstr());
                }
                (0o777, Body::Symlink(target))
            }
            Found::Special => {
                return Err(Fatal::Host(format!(
                    "an input holds '{}', which is no file, directory or link",
                    name.as_bstr()
                ))
                .into());
            }
        };
        let ino = path_ino(self.node(dir)?.ino, name);
        let node = |ino, mode, body| Node {
            ino,
            mode,
            links: 1,
            opens: 0,
            times: Times::all(INPUT_TIME_NS),
            domain: Domain::Fixed,
            parent: Some(dir),
            body,
        };
        let id = self.insert(node(ino, mode, body))?;
        if stands_in {
            let ino = path_ino(ino, b"program");
            let program = self.insert(node(ino, 0o555, Body::Device(Device::Program)))?;
            self.stand_ins.insert(id, program);
        }
        Ok(Some(id))
    }

    /// `/dev/fd/N`. Whether `N` is open depends on the process, so the kernel checks it.
    fn fd_entry(&mut self, dir: NodeId, name: &[u8]) -> Result<Option<NodeId>> {
        let number = name
            .to_str()
            .ok()
            .and_then(|text| text.parse::<u32>().ok())
            .filter(|number| *number < MAX_FD && number.to_string().as_bytes() == name);
        let Some(number) = number else {
            return Ok(None);
        };
        if let Some(id) = self.fd_nodes.get(&number) {
            return Ok(Some(*id));
        }
        let node = Node {
            ino: path_ino(self.node(dir)?.ino, name),
            mode: 0o700,
            links: 1,
            opens: 0,
            times: Times::all(super::WALL_CLOCK_NS),
            domain: Domain::Fixed,
            parent: None,
            body: Body::Device(Device::Fd(number)),
        };
        let id = self.insert(node)?;
        self.fd_nodes.insert(number, id);
        Ok(Some(id))
    }
}

/// Whether a link of an input leads to a place that no input can be.
fn leaves_the_store(target: &[u8]) -> bool {
    target.first() == Some(&b'/') && !target.starts_with(b"/nix/store/")
}

/// Inode number of a file of an input: FNV-1a over the directory's number and the name, with the
/// top bit set, so that it never meets the numbers given by creation order.
pub fn path_ino(dir: u64, name: &[u8]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in dir.to_le_bytes().iter().chain(name) {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash | 1 << 63
}
