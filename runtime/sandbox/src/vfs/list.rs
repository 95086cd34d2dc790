//! The names in a directory, sorted by bytes, whatever the disk's order.

use super::Vfs;
use super::input::HostEntry;
use super::lookup::path_ino;
use super::node::{Body, FileType, NodeId};
use crate::errno::{Errno, Result};
use bstr::BString;
use std::collections::BTreeMap;

/// One entry of a directory as `fd_readdir` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: BString,
    /// Inode number.
    pub ino: u64,
    /// Type.
    pub file_type: FileType,
}

impl Vfs {
    /// All entries of a directory, `.` and `..` first, then sorted.
    ///
    /// # Errors
    /// `ENOTDIR`; fatal if an input cannot be read.
    pub fn list(&mut self, dir: NodeId) -> Result<Vec<Entry>> {
        if dir == self.store {
            for name in self.inputs.names() {
                self.child(dir, &name)?;
            }
        }
        let node = self.node(dir)?;
        let ino = node.ino;
        let up = match node.parent {
            Some(parent) => self.node(parent)?.ino,
            None => ino,
        };
        let dot = |name: &str, ino| Entry {
            name: name.into(),
            ino,
            file_type: FileType::Directory,
        };
        let mut all = vec![dot(".", ino), dot("..", up)];
        match &node.body {
            Body::Directory(entries) => {
                for (name, id) in entries {
                    let node = self.node(*id)?;
                    all.push(Entry {
                        name: name.clone(),
                        ino: node.ino,
                        file_type: node.file_type(),
                    });
                }
            }
            Body::HostDirectory(..) => {
                for (name, entry) in self.host_listing(dir)? {
                    all.push(Entry {
                        name: name.clone(),
                        ino: path_ino(ino, name),
                        file_type: entry.file_type,
                    });
                }
            }
            Body::Device(super::node::Device::FdDirectory) => {}
            _ => return Err(Errno::Notdir.into()),
        }
        Ok(all)
    }

    /// The names of a directory of an input, read from disk once.
    pub(super) fn host_listing(&mut self, dir: NodeId) -> Result<&BTreeMap<BString, HostEntry>> {
        let path = match &self.node(dir)?.body {
            Body::HostDirectory(path, children) => match children.listing {
                Some(_) => None,
                None => Some(path.clone()),
            },
            _ => return Err(Errno::Notdir.into()),
        };
        let listing = match path {
            Some(path) => Some(self.inputs.list(&path)?),
            None => None,
        };
        match &mut self.node_mut(dir)?.body {
            Body::HostDirectory(_, children) => Ok(children
                .listing
                .get_or_insert_with(|| listing.unwrap_or_default())),
            _ => Err(Errno::Notdir.into()),
        }
    }
}
