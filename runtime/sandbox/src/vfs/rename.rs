//! Moving a name, as `rename(2)`: atomic, replaces a file or an empty directory.

use super::Vfs;
use super::node::NodeId;
use super::resolve::{Last, Place};
use crate::errno::{Errno, Result};

impl Vfs {
    /// Moves `from` to `to`, replacing what is there.
    ///
    /// # Errors
    /// As Linux: `EISDIR`, `ENOTDIR`, `ENOTEMPTY`, `EINVAL` (into itself), `EBUSY` (`.`, `..`, `/`),
    /// `EACCES`. `/build`, `/tmp` and the outputs count as one file system (never `EXDEV`).
    pub fn rename(&mut self, from: &Place, to: &Place) -> Result<()> {
        if from.last != Last::Name || to.last != Last::Name {
            return Err(Errno::Busy.into());
        }
        let id = from.existing()?;
        let directory = self.node(id)?.is_directory();
        if !directory && (from.slash || to.slash) {
            return Err(Errno::Notdir.into());
        }
        self.check_change(from.parent, &from.name)?;
        self.check_change(to.parent, &to.name)?;
        if to.node == Some(id) {
            return Ok(());
        }
        if directory {
            self.check_not_below(id, to.parent)?;
        }
        if let Some(target) = to.node {
            match (directory, self.node(target)?.is_directory()) {
                (true, true) => self.check_empty(target)?,
                (true, false) => return Err(Errno::Notdir.into()),
                (false, true) => return Err(Errno::Isdir.into()),
                (false, false) => {}
            }
            self.detach(to.parent, &to.name)?;
        }
        self.node_mut(id)?.links += 1;
        self.detach(from.parent, &from.name)?;
        self.attach(to.parent, to.name.clone(), id)
    }

    /// Refuses to move a directory below itself.
    fn check_not_below(&self, directory: NodeId, mut place: NodeId) -> Result<()> {
        loop {
            if place == directory {
                return Err(Errno::Inval.into());
            }
            match self.node(place)?.parent {
                Some(parent) if place != self.root => place = parent,
                _ => return Ok(()),
            }
        }
    }
}
