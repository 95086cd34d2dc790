//! The walk from a path to a node.
//!
//! Contract: component by component, as Linux does it (`path_resolution(7)`): absolute and relative
//! links stay in the tree, `..` of the root is the root, a trailing slash asks for a directory, at
//! most 40 links are followed, a name has at most 255 bytes and a path 4095. The walk keeps its
//! own stack, so no path can exhaust the host's.

use super::Vfs;
use super::node::{Body, NodeId};
use crate::errno::{Errno, Result};
use bstr::BString;
use std::borrow::Cow;
use std::ops::Range;

/// Longest path with its ending NUL, as on Linux (`PATH_MAX`).
pub const PATH_MAX: usize = 4096;
/// Longest name, as on Linux (`NAME_MAX`).
pub const NAME_MAX: usize = 255;
/// Most links that one walk follows, as on Linux (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// What the last component was; some operations refuse all but a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    /// A name.
    Name,
    /// `.`
    Dot,
    /// `..`
    DotDot,
    /// Nothing: the path was `/`.
    Root,
}

/// Where a path leads.
#[derive(Clone, Debug)]
pub struct Place {
    /// The directory that holds (or would hold) the last component.
    pub parent: NodeId,
    /// The last component's name; empty unless `last` is [`Last::Name`].
    pub name: BString,
    /// The node, if it exists.
    pub node: Option<NodeId>,
    /// Kind of the last component.
    pub last: Last,
    /// The path ended in a slash: only a directory will do.
    pub slash: bool,
}

impl Place {
    /// The node.
    ///
    /// # Errors
    /// `ENOENT` if there is none.
    pub fn existing(&self) -> Result<NodeId> {
        self.node.ok_or(Errno::Noent.into())
    }
}

impl Vfs {
    /// Walks `path` from the directory `start`. The last component may be missing. If it is a link,
    /// it is followed when `follow` is set or the path ends in a slash.
    ///
    /// # Errors
    /// As Linux: `ENOENT`, `ENOTDIR`, `ELOOP`, `ENAMETOOLONG`, `EACCES`; `EINVAL` for a NUL.
    pub fn resolve(&mut self, start: NodeId, path: &[u8], follow: bool) -> Result<Place> {
        if path.is_empty() {
            return Err(Errno::Noent.into());
        }
        if path.len() >= PATH_MAX {
            return Err(Errno::Nametoolong.into());
        }
        if path.contains(&0) {
            return Err(Errno::Inval.into());
        }
        let mut current = if path.first() == Some(&b'/') {
            self.root
        } else {
            start
        };
        let mut slash = path.last() == Some(&b'/');
        // What is still to be walked; a link's target comes before what followed the link.
        let mut rest = Cow::Borrowed(path);
        let mut offset = 0;
        let mut links = 0;
        let place = |parent, name: BString, node, last, slash| Place {
            parent,
            name,
            node,
            last,
            slash,
        };
        loop {
            let Some(part) = next_component(&rest, &mut offset) else {
                return Ok(place(
                    current,
                    BString::default(),
                    Some(current),
                    Last::Root,
                    slash,
                ));
            };
            let dir = self.node(current)?;
            if !dir.is_directory() {
                return Err(Errno::Notdir.into());
            }
            if !dir.permits(1) {
                return Err(Errno::Acces.into());
            }
            let name = rest.get(part).unwrap_or_default();
            let after = rest.get(offset..).unwrap_or_default();
            let is_last = after.iter().all(|byte| *byte == b'/');
            if name == b"." || name == b".." {
                let last = if name == b"." {
                    Last::Dot
                } else {
                    current = self.parent_of(current)?;
                    Last::DotDot
                };
                if is_last {
                    return Ok(place(
                        current,
                        BString::default(),
                        Some(current),
                        last,
                        slash,
                    ));
                }
                continue;
            }
            if name.len() > NAME_MAX {
                return Err(Errno::Nametoolong.into());
            }
            let Some(id) = self.child(current, name)? else {
                if is_last {
                    return Ok(place(current, name.into(), None, Last::Name, slash));
                }
                return Err(Errno::Noent.into());
            };
            let node = self.node(id)?;
            if is_last
                && follow
                && let Some(program) = self.stand_ins.get(&id)
            {
                if slash {
                    return Err(Errno::Notdir.into());
                }
                return Ok(place(
                    current,
                    name.into(),
                    Some(*program),
                    Last::Name,
                    slash,
                ));
            }
            if let Body::Symlink(target) = &node.body
                && (!is_last || follow || slash)
            {
                links += 1;
                if links > MAX_LINKS {
                    return Err(Errno::Loop.into());
                }
                if target.is_empty() {
                    return Err(Errno::Noent.into());
                }
                if target.first() == Some(&b'/') {
                    current = self.root;
                }
                slash |= is_last && target.last() == Some(&b'/');
                rest = Cow::Owned([target, &b"/"[..], after].concat());
                offset = 0;
                continue;
            }
            if is_last {
                if slash && !node.is_directory() {
                    return Err(Errno::Notdir.into());
                }
                return Ok(place(current, name.into(), Some(id), Last::Name, slash));
            }
            current = id;
        }
    }

    /// The directory above; the root is above itself.
    ///
    /// # Errors
    /// `ENOENT` for a directory that was removed while open.
    fn parent_of(&self, dir: NodeId) -> Result<NodeId> {
        if dir == self.root {
            return Ok(dir);
        }
        self.node(dir)?.parent.ok_or(Errno::Noent.into())
    }

    /// The absolute path of a directory, or of `name` in it.
    ///
    /// # Errors
    /// `ENOENT` for a directory that was removed while open.
    pub fn path_of(&self, mut dir: NodeId, name: &[u8]) -> Result<BString> {
        let mut parts: Vec<BString> = Vec::new();
        if !name.is_empty() {
            parts.push(name.into());
        }
        while dir != self.root {
            let parent = self.parent_of(dir)?;
            let Body::Directory(entries) = &self.node(parent)?.body else {
                let name = self.name_in_host(parent, dir)?;
                parts.push(name);
                dir = parent;
                continue;
            };
            let name = entries.iter().find(|(_, id)| **id == dir);
            parts.push(name.ok_or(Errno::Noent)?.0.clone());
            dir = parent;
        }
        let mut path = BString::default();
        for part in parts.iter().rev() {
            path.push(b'/');
            path.extend_from_slice(part);
        }
        if path.is_empty() {
            path.push(b'/');
        }
        Ok(path)
    }

    /// The name of a directory of an input in the directory above it.
    fn name_in_host(&self, parent: NodeId, child: NodeId) -> Result<BString> {
        match &self.node(parent)?.body {
            Body::HostDirectory(_, children) => children
                .known
                .iter()
                .find(|(_, id)| **id == Some(child))
                .map(|(name, _)| name.clone())
                .ok_or(Errno::Noent.into()),
            _ => Err(Errno::Noent.into()),
        }
    }
}

/// Where the next component of a path is, from `offset` on, which moves behind it.
fn next_component(path: &[u8], offset: &mut usize) -> Option<Range<usize>> {
    let rest = path.get(*offset..)?;
    let start = *offset + rest.iter().position(|byte| *byte != b'/')?;
    let rest = path.get(start..)?;
    let length = rest.iter().position(|byte| *byte == b'/');
    let end = start + length.unwrap_or(rest.len());
    *offset = end;
    Some(start..end)
}
