//! Outputs as file system objects, in the store's canonical form.
//!
//! Contract: a file is executable iff its owner may execute it (Nix's `canonicalisePathMetaData`
//! makes that 555 or 444); times, owners, set-id bits and hard links do not exist in the result
//! (each name has the bytes of its own); what a store cannot hold is refused with its path.

use super::Vfs;
use super::node::{Body, NodeId};
use crate::errno::{Errno, Result};
use bstr::BString;
use std::collections::BTreeMap;
use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_nix_compat::nar::MAX_DEPTH;

/// Why an output cannot be taken.
pub enum CollectError {
    /// There is no such output.
    Missing,
    /// It holds something that a store cannot, at this path.
    Refused(BString, &'static str),
}

impl Vfs {
    /// The output with this base name.
    pub fn collect(
        &mut self,
        base_name: &str,
    ) -> std::result::Result<FileSystemObject, CollectError> {
        let id = match self.child(self.store, base_name.as_bytes()) {
            Ok(Some(id)) => id,
            _ => return Err(CollectError::Missing),
        };
        let mut path = BString::from(format!("/nix/store/{base_name}"));
        self.object(id, &mut path, 0)
    }

    /// What lies at a path of the view after a build failed; none if it cannot be taken.
    pub fn leftover(&mut self, path: &BString) -> Option<FileSystemObject> {
        let place = self.resolve(self.root(), path, false).ok()?;
        let id = place.existing().ok()?;
        self.object(id, &mut path.clone(), 0).ok()
    }

    /// One node; recursion is bounded by [`MAX_DEPTH`].
    fn object(
        &mut self,
        id: NodeId,
        path: &mut BString,
        depth: usize,
    ) -> std::result::Result<FileSystemObject, CollectError> {
        let refused = |path: &BString, why| Err(CollectError::Refused(path.clone(), why));
        let Ok(node) = self.node_mut(id) else {
            return refused(path, "it vanished");
        };
        let executable = node.mode & 0o100 != 0;
        let children: Vec<(BString, NodeId)> = match &mut node.body {
            Body::File(data) => {
                return Ok(FileSystemObject::File {
                    executable,
                    contents: data.contents(),
                });
            }
            Body::Symlink(target) => {
                return Ok(FileSystemObject::Symlink {
                    target: target.clone(),
                });
            }
            Body::Directory(_) if depth >= MAX_DEPTH => {
                return refused(path, "directories are nested more than 1024 deep");
            }
            Body::Directory(entries) => entries
                .iter()
                .map(|(name, id)| (name.clone(), *id))
                .collect(),
            _ => {
                return refused(
                    path,
                    "it is neither a file, a directory nor a symbolic link",
                );
            }
        };
        let mut entries = BTreeMap::new();
        for (name, id) in children {
            let len = path.len();
            path.push(b'/');
            path.extend_from_slice(&name);
            let object = self.object(id, path, depth + 1)?;
            path.truncate(len);
            entries.insert(name, object);
        }
        Ok(FileSystemObject::Directory { entries })
    }

    /// The target of a link.
    ///
    /// # Errors
    /// `EINVAL` if the node is none.
    pub fn read_link(&self, id: NodeId) -> Result<&BString> {
        match &self.node(id)?.body {
            Body::Symlink(target) => Ok(target),
            _ => Err(Errno::Inval.into()),
        }
    }
}
