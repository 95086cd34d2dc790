//! The tree that a build starts with.
//!
//! Contract: `/nix/store` with the declared inputs, `/build` with the given files, an empty `/tmp`,
//! and what Nix's Linux sandbox has in `/dev` and `/etc`, with its content
//! (`local-derivation-goal.cc`, `linux-derivation-builder.cc`). Nothing else exists: no `/proc`,
//! no `/homeless-shelter`, no `/usr`.

use super::data::Data;
use super::input::Inputs;
use super::node::{Body, Device, Domain, Node, NodeId, Times};
use super::{INPUT_TIME_NS, Usage, Vfs};
use crate::errno::Result;
use crate::inputs::InputSet;
use crate::limits::Limits;
use crate::program::ProgramLoader;
use bstr::BString;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use wasibuild_nix_compat::file_system_object::{Contents, FileSystemObject};

const PASSWD: &str = "root:x:0:0:Nix build user:/build:/noshell\n\
                      nixbld:x:1000:100:Nix build user:/build:/noshell\n\
                      nobody:x:65534:65534:Nobody:/:/noshell\n";
const GROUP: &str = "root:x:0:\nnixbld:!:100:\nnogroup:x:65534:\n";
const HOSTS: &str = "127.0.0.1 localhost\n::1 localhost\n";

/// First inode number of what guests create; the fixed tree has those below.
const FIRST_GUEST_INO: u64 = 1000;

/// What the tree is made from.
pub struct Layout<'a> {
    /// Base name of each input and its place on disk.
    pub inputs: &'a BTreeMap<String, PathBuf>,
    /// Further inputs.
    pub closure: Option<Arc<dyn InputSet>>,
    /// Base names of the outputs.
    pub outputs: BTreeSet<BString>,
    /// Whether other names may be created beside the outputs.
    pub open_store: bool,
    /// Files in `/build`.
    pub build_files: &'a BTreeMap<BString, Contents>,
    /// What `/bin` holds.
    pub bin: &'a [String],
    /// Trees for `/build` and `/tmp`, by path.
    pub trees: &'a [(BString, FileSystemObject)],
    /// Knows which links of inputs stand for programs.
    pub programs: Arc<dyn ProgramLoader>,
    /// The disk that holds the inputs folds case.
    pub folded_case: bool,
    /// Where large files spill to.
    pub spill_dir: Option<PathBuf>,
    /// The build's bounds.
    pub limits: &'a Limits,
}

impl Vfs {
    /// Builds the initial tree.
    pub fn new(layout: Layout<'_>) -> Result<Vfs> {
        let mut vfs = Vfs {
            nodes: Vec::with_capacity(64),
            free: Vec::new(),
            fd_nodes: BTreeMap::new(),
            root: NodeId::ZERO,
            store: NodeId::ZERO,
            build: NodeId::ZERO,
            outputs: layout.outputs,
            open_store: layout.open_store,
            programs: layout.programs,
            stand_ins: BTreeMap::new(),
            inputs: Inputs::new(layout.inputs, layout.closure, layout.folded_case),
            usage: Usage {
                limits: layout.limits.clone(),
                files: 0,
                bytes: 0,
                in_memory: 0,
                spill_dir: layout.spill_dir,
            },
            next_ino: 1,
        };
        let root = vfs.fixed(0o755, Body::Directory(BTreeMap::new()))?;
        vfs.root = root;
        if !layout.bin.is_empty() {
            let bin = vfs.fixed_in(root, "bin", 0o555, Body::Directory(BTreeMap::new()))?;
            for name in layout.bin {
                vfs.fixed_in(bin, name, 0o555, Body::Device(Device::Program))?;
            }
        }
        vfs.build = vfs.writable_in(root, "build", 0o700)?;
        vfs.devices(root)?;
        let etc = vfs.fixed_in(root, "etc", 0o555, Body::Directory(BTreeMap::new()))?;
        for (name, text) in [("group", GROUP), ("hosts", HOSTS), ("passwd", PASSWD)] {
            let contents = Contents::Memory(Bytes::from_static(text.as_bytes()));
            vfs.fixed_in(etc, name, 0o644, Body::File(Data::Shared(contents)))?;
        }
        let nix = vfs.fixed_in(root, "nix", 0o755, Body::Directory(BTreeMap::new()))?;
        vfs.store = vfs.fixed_in(nix, "store", 0o1775, Body::Directory(BTreeMap::new()))?;
        let store = vfs.store;
        vfs.node_mut(store)?.domain = Domain::StoreDir;
        vfs.writable_in(root, "tmp", 0o1777)?;
        vfs.next_ino = FIRST_GUEST_INO;
        for (name, contents) in layout.build_files {
            let data = Data::Shared(contents.clone());
            vfs.usage.bytes = vfs.usage.bytes.saturating_add(data.len());
            let node = vfs.fresh(0o644, Body::File(data));
            let id = vfs.insert(node)?;
            vfs.attach(vfs.build, name.clone(), id)?;
        }
        for (path, object) in layout.trees {
            vfs.plant(path, object)?;
        }
        Ok(vfs)
    }

    /// Puts a tree at a path, over what is there.
    fn plant(&mut self, path: &BString, object: &FileSystemObject) -> Result<()> {
        let mut todo = vec![(path.clone(), object)];
        while let Some((path, object)) = todo.pop() {
            let place = self.resolve(self.root, &path, false)?;
            match object {
                FileSystemObject::Directory { entries } => {
                    if place.node.is_none() {
                        self.create_directory(&place, 0o755)?;
                    }
                    // The last is planted first; numbers of files follow the order of names.
                    for (name, object) in entries.iter().rev() {
                        let mut below = path.clone();
                        below.push(b'/');
                        below.extend_from_slice(name);
                        todo.push((below, object));
                    }
                }
                FileSystemObject::Symlink { target } => self.create_symlink(&place, target)?,
                FileSystemObject::File {
                    executable,
                    contents,
                } => {
                    let id = self.create_file(&place, if *executable { 0o755 } else { 0o644 })?;
                    let data = Data::Shared(contents.clone());
                    self.usage.bytes = self.usage.bytes.saturating_add(data.len());
                    self.node_mut(id)?.body = Body::File(data);
                }
            }
        }
        Ok(())
    }

    /// `/dev` as Nix makes it; `stdin` and its like lead to `/dev/fd`, since there is no `/proc`.
    fn devices(&mut self, root: NodeId) -> Result<()> {
        let dev = self.fixed_in(root, "dev", 0o755, Body::Directory(BTreeMap::new()))?;
        for (name, device) in [
            ("full", Device::Full),
            ("null", Device::Null),
            ("random", Device::Random),
            ("urandom", Device::Random),
            ("zero", Device::Zero),
        ] {
            self.fixed_in(dev, name, 0o666, Body::Device(device))?;
        }
        self.fixed_in(dev, "fd", 0o555, Body::Device(Device::FdDirectory))?;
        for (name, target) in [
            ("stderr", "/dev/fd/2"),
            ("stdin", "/dev/fd/0"),
            ("stdout", "/dev/fd/1"),
        ] {
            self.fixed_in(dev, name, 0o777, Body::Symlink(target.into()))?;
        }
        Ok(())
    }

    /// A node that no builder may change.
    fn fixed(&mut self, mode: u32, body: Body) -> Result<NodeId> {
        let ino = self.next_ino;
        self.next_ino += 1;
        self.insert(Node {
            ino,
            mode,
            links: 1,
            opens: 0,
            times: Times::all(INPUT_TIME_NS),
            domain: Domain::Fixed,
            parent: None,
            body,
        })
    }

    /// A fixed node with a name.
    fn fixed_in(&mut self, dir: NodeId, name: &str, mode: u32, body: Body) -> Result<NodeId> {
        let id = self.fixed(mode, body)?;
        self.attach(dir, name.into(), id)?;
        Ok(id)
    }

    /// A writable directory of the initial tree.
    fn writable_in(&mut self, dir: NodeId, name: &str, mode: u32) -> Result<NodeId> {
        let node = self.fresh(mode, Body::Directory(BTreeMap::new()));
        let id = self.insert(node)?;
        self.attach(dir, name.into(), id)?;
        Ok(id)
    }
}
