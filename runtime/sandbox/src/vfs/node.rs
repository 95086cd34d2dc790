//! What a node of the tree is.
//!
//! Contract: a node's owner, device and inode number are fixed by the request and by the order in
//! which the guests created things; nothing comes from the host's own metadata but a file's kind,
//! size, content and executable bit.

use super::data::Data;
use super::input::{HostEntry, HostPath};
use bstr::BString;
use std::collections::BTreeMap;

/// Device number of everything in the sandbox.
pub const DEVICE: u64 = 1;
/// Owner of what the builder creates: Nix's `sandboxUid`.
pub const BUILD_UID: u32 = 1000;
/// Group of what the builder creates: Nix's `sandboxGid`.
pub const BUILD_GID: u32 = 100;
/// Owner of what the builder does not own: root outside, which a user namespace shows as nobody.
pub const FOREIGN_ID: u32 = 65534;

/// Names a node of one [`super::Vfs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId(u32);

impl NodeId {
    /// The first slot, which holds the root.
    pub(super) const ZERO: NodeId = NodeId(0);

    /// The id of the table's slot `index`; `None` beyond 2³² nodes.
    pub(super) fn new(index: usize) -> Option<NodeId> {
        u32::try_from(index).ok().map(NodeId)
    }

    /// The slot in the table.
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Who may change a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// Outputs, `/build`, `/tmp`: owned by the builder, mode bits decide.
    Writable,
    /// `/nix/store` itself: only the declared outputs may be created.
    StoreDir,
    /// Inputs and the fixed files: never.
    Fixed,
}

/// Access, modification and change time, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Times {
    pub access: u64,
    pub modification: u64,
    pub change: u64,
}

impl Times {
    /// The same value three times.
    pub fn all(ns: u64) -> Times {
        Times {
            access: ns,
            modification: ns,
            change: ns,
        }
    }
}

/// A node: a file, directory, link or device.
pub struct Node {
    /// Inode number: by creation order for writable nodes, by path for inputs.
    pub ino: u64,
    /// Permission bits, `0o7777`.
    pub mode: u32,
    /// Names that lead here (1 for a directory).
    pub links: u32,
    /// Descriptors that hold it open.
    pub opens: u32,
    /// The three times.
    pub times: Times,
    /// Who may change it.
    pub domain: Domain,
    /// The directory that holds it; only kept for directories (for `..`).
    pub parent: Option<NodeId>,
    /// What it is.
    pub body: Body,
}

/// What a node is.
pub enum Body {
    /// A regular file held by the sandbox.
    File(Data),
    /// A directory held by the sandbox, sorted by name.
    Directory(BTreeMap<BString, NodeId>),
    /// A symbolic link and its target.
    Symlink(BString),
    /// A named pipe.
    Fifo,
    /// A device of `/dev`.
    Device(Device),
    /// A file of an input, with its size.
    HostFile(HostPath, u64),
    /// A directory of an input, with what is already known of it.
    HostDirectory(HostPath, HostChildren),
}

/// What was looked up in a host directory so far.
#[derive(Default)]
pub struct HostChildren {
    /// Names that were looked up: the node, or `None` for "does not exist".
    pub known: BTreeMap<BString, Option<NodeId>>,
    /// All names, once the directory was listed.
    pub listing: Option<BTreeMap<BString, HostEntry>>,
}

/// The devices that Nix's Linux sandbox offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Device {
    Null,
    Zero,
    Full,
    /// `/dev/random` and `/dev/urandom`: seeded, see `kernel::random`.
    Random,
    /// The directory `/dev/fd`.
    FdDirectory,
    /// `/dev/fd/N`, by POSIX number.
    Fd(u32),
    /// `/bin/sh`, and what links out of the store mean: an executable without content whose program
    /// the loader supplies.
    Program,
}

/// File types as WASI numbers them (type `filetype`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum FileType {
    Unknown = 0,
    CharacterDevice = 2,
    Directory = 3,
    RegularFile = 4,
    /// A named pipe: WASI has no number for it, and wasi-libc takes this one for `S_IFIFO`.
    Fifo = 6,
    SymbolicLink = 7,
}

impl Node {
    /// The node's type.
    pub fn file_type(&self) -> FileType {
        match &self.body {
            Body::File(_) | Body::HostFile(..) | Body::Device(Device::Program) => {
                FileType::RegularFile
            }
            Body::Directory(_) | Body::HostDirectory(..) | Body::Device(Device::FdDirectory) => {
                FileType::Directory
            }
            Body::Symlink(_) => FileType::SymbolicLink,
            Body::Fifo => FileType::Fifo,
            Body::Device(Device::Fd(_)) => FileType::SymbolicLink,
            Body::Device(_) => FileType::CharacterDevice,
        }
    }

    /// Is it a directory?
    pub fn is_directory(&self) -> bool {
        self.file_type() == FileType::Directory
    }

    /// Size in bytes: content, length of a link's target, 4096 for a directory, 0 for a device.
    pub fn size(&self) -> u64 {
        match &self.body {
            Body::File(data) => data.len(),
            Body::HostFile(_, size) => *size,
            Body::Symlink(target) => target.len() as u64,
            _ if self.is_directory() => 4096,
            _ => 0,
        }
    }

    /// Owner and group.
    pub fn owner(&self) -> (u32, u32) {
        match self.domain {
            Domain::Writable => (BUILD_UID, BUILD_GID),
            Domain::StoreDir => (FOREIGN_ID, BUILD_GID),
            Domain::Fixed => (FOREIGN_ID, FOREIGN_ID),
        }
    }

    /// May the builder (uid 1000, gid 100) access the node in all ways of `bits` (4 read, 2 write,
    /// 1 search or execute)? As Linux decides it from owner, group and mode; inputs and the fixed
    /// files are never writable.
    pub fn permits(&self, bits: u32) -> bool {
        let granted = match self.domain {
            Domain::Writable => self.mode >> 6,
            Domain::StoreDir => self.mode >> 3,
            Domain::Fixed => self.mode,
        };
        granted & bits & 7 == bits & 7
    }
}
