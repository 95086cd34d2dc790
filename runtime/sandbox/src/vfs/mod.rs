//! The file system that a guest sees: a tree of nodes of our own, never a directory of the host.
//!
//! Contract: what was not declared does not exist; no path, link or `..` leads out of the tree;
//! inputs are read-only; everything that a guest can observe (order, inode numbers, times, sizes,
//! owners) follows from the request alone. Counterpart: the chroot that Nix builds for a Linux
//! sandbox (`local-derivation-goal.cc`), with fixed content.
//!
//! - [`node`]: what a node is. [`data`]: bytes of a writable file, in memory or spilled.
//! - [`input`]: store paths on the host, opened lazily through cap-std.
//! - [`layout`]: the initial tree. [`resolve`]: path walk. [`lookup`]: one name in one directory.
//! - [`create`], [`remove`], [`rename`], [`io`], [`meta`], [`list`]: the operations.
//! - [`collect`]: outputs as file system objects.

pub mod collect;
pub mod create;
pub mod data;
pub mod input;
pub mod io;
pub mod layout;
pub mod list;
pub mod lookup;
pub mod meta;
pub mod node;
pub mod remove;
pub mod rename;
pub mod resolve;

use crate::errno::{Errno, Result};
use crate::error::Fatal;
use crate::limits::{LimitKind, Limits};
use crate::program::ProgramLoader;
use bstr::BString;
use input::Inputs;
use node::{Body, Domain, Node, NodeId, Times};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The wall clock of the sandbox, in nanoseconds since 1970: 1980-01-01T00:00:00Z.
///
/// The value that nixpkgs' stdenv takes for `SOURCE_DATE_EPOCH` when a source has none, and the
/// first that a ZIP archive can hold.
pub const WALL_CLOCK_NS: u64 = 315_532_800 * 1_000_000_000;

/// Time of every input: one second after the epoch, as Nix sets it on all files of a store.
pub const INPUT_TIME_NS: u64 = 1_000_000_000;

/// The tree, its bounds, and what it uses.
pub struct Vfs {
    nodes: Vec<Option<Node>>,
    free: Vec<NodeId>,
    /// Nodes of `/dev/fd`, by number.
    fd_nodes: BTreeMap<u32, NodeId>,
    root: NodeId,
    store: NodeId,
    build: NodeId,
    /// Base names in `/nix/store` that the guest may create.
    outputs: BTreeSet<BString>,
    /// Other names may be created there too; they are dropped at the end.
    open_store: bool,
    inputs: Inputs,
    programs: Arc<dyn ProgramLoader>,
    /// Links of inputs that lead out of the store and stand for programs: the link, and the file
    /// that is shown to those who follow it.
    stand_ins: BTreeMap<NodeId, NodeId>,
    usage: Usage,
    next_ino: u64,
}

/// What the writable part holds, against its bounds.
struct Usage {
    limits: Limits,
    files: u64,
    bytes: u64,
    in_memory: u64,
    spill_dir: Option<std::path::PathBuf>,
}

impl Vfs {
    /// The root directory.
    pub fn root(&self) -> NodeId {
        self.root
    }

    /// `/nix/store`.
    pub fn store(&self) -> NodeId {
        self.store
    }

    /// `/build`.
    pub fn build(&self) -> NodeId {
        self.build
    }

    /// The node behind an id.
    ///
    /// # Errors
    /// `EBADF` for an id that was freed; a kernel that counts references never asks for one.
    pub fn node(&self, id: NodeId) -> Result<&Node> {
        self.nodes
            .get(id.index())
            .and_then(Option::as_ref)
            .ok_or(Errno::Badf.into())
    }

    /// The node behind an id, to change it.
    pub(crate) fn node_mut(&mut self, id: NodeId) -> Result<&mut Node> {
        self.nodes
            .get_mut(id.index())
            .and_then(Option::as_mut)
            .ok_or(Errno::Badf.into())
    }

    /// Puts a node into the table.
    fn insert(&mut self, node: Node) -> Result<NodeId> {
        if node.domain == Domain::Writable {
            self.usage.files += 1;
            if self.usage.files > self.usage.limits.files {
                return Err(Fatal::Limit(LimitKind::Files).into());
            }
        }
        if let Some(id) = self.free.pop() {
            if let Some(slot) = self.nodes.get_mut(id.index()) {
                *slot = Some(node);
            }
            return Ok(id);
        }
        let id = NodeId::new(self.nodes.len()).ok_or(Fatal::Limit(LimitKind::Files))?;
        self.nodes.push(Some(node));
        Ok(id)
    }

    /// A new writable node with the next inode number and the wall clock's time.
    fn fresh(&mut self, mode: u32, body: Body) -> Node {
        let ino = self.next_ino;
        self.next_ino += 1;
        Node {
            ino,
            mode,
            links: 1,
            opens: 0,
            times: Times::all(WALL_CLOCK_NS),
            domain: Domain::Writable,
            parent: None,
            body,
        }
    }

    /// Drops a writable node that has neither a name nor an open descriptor left.
    fn release_if_unused(&mut self, id: NodeId) -> Result<()> {
        let node = self.node(id)?;
        if node.links > 0 || node.opens > 0 || node.domain != Domain::Writable {
            return Ok(());
        }
        if let Some(slot) = self.nodes.get_mut(id.index())
            && let Some(node) = slot.take()
        {
            self.usage.files = self.usage.files.saturating_sub(1);
            if let Body::File(data) = &node.body {
                self.usage.bytes = self.usage.bytes.saturating_sub(data.len());
                self.usage.in_memory = self.usage.in_memory.saturating_sub(data.in_memory());
            }
            self.free.push(id);
        }
        Ok(())
    }

    /// Opens a file of an input on the host.
    pub fn open_input(&mut self, path: &input::HostPath) -> Result<std::fs::File> {
        self.inputs.open(path)
    }

    /// What the store says of the NAR of the input that is this very file, if it says anything.
    pub fn input_nar_hash(&self, path: &input::HostPath) -> Option<[u8; 32]> {
        self.inputs.nar_hash(path)
    }

    /// Counts a descriptor that holds the node.
    pub fn hold(&mut self, id: NodeId) -> Result<()> {
        self.node_mut(id)?.opens += 1;
        Ok(())
    }

    /// A descriptor of the node was closed.
    pub fn unhold(&mut self, id: NodeId) {
        if let Ok(node) = self.node_mut(id) {
            node.opens = node.opens.saturating_sub(1);
            let _ = self.release_if_unused(id);
        }
    }
}
