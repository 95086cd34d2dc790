//! The directory of units as NixOS makes it.
//!
//! In this order, later steps seeing what earlier ones made: units of systemd itself; its `.wants`
//! directories, as far as their units exist; units of packages; the system's own units, which become
//! drop-ins where a package ships the unit; aliases; `.wants`, `.upholds`, `.requires`; the links that
//! every system has.
//!
//! Counterpart: `generateUnits` in nixos/lib/systemd-lib.nix, a shell script under `set -e` and
//! `nullglob`. Each step here is one of its loops.

use crate::names;
use crate::shell_order;
use bstr::{BStr, BString, ByteSlice};
use builder_symlink_tree::error::{Problem, Result, quoted, words};
use builder_symlink_tree::lndir::{self, Options};
use builder_symlink_tree::overlay::Overlay;
use builder_symlink_tree::real_path::RealPaths;
use builder_symlink_tree::source::{Kind as FileKind, Source};
use std::collections::BTreeMap;
use std::path::Path;
use wasibuild_guest::{Node, bytes};

/// Which manager the units are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The system.
    System,
    /// The first stage of booting.
    Initrd,
    /// The users' managers.
    User,
    /// Containers.
    Nspawn,
}

impl Kind {
    /// The kind that NixOS calls so.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "system" => Self::System,
            "initrd" => Self::Initrd,
            "user" => Self::User,
            "nspawn" => Self::Nspawn,
            _ => return None,
        })
    }

    /// The directory of packages that holds such units.
    fn directory(self) -> &'static str {
        match self {
            Self::System | Self::Initrd => "system",
            Self::User => "user",
            Self::Nspawn => "nspawn",
        }
    }
}

/// One unit of the system.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Unit {
    /// A directory that holds the unit, as `makeUnit` makes it.
    pub unit: String,
    /// What to do where a package ships the unit.
    #[serde(default)]
    pub override_strategy: OverrideStrategy,
    /// Further names.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Units that start this one.
    #[serde(default)]
    pub wanted_by: Vec<String>,
    /// Units that keep this one running.
    #[serde(default)]
    pub upheld_by: Vec<String>,
    /// Units that do not start without this one.
    #[serde(default)]
    pub required_by: Vec<String>,
}

/// `overrideStrategy` of NixOS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub enum OverrideStrategy {
    /// A drop-in where the unit exists already, the unit itself otherwise.
    #[default]
    #[serde(rename = "asDropinIfExists")]
    IfExists,
    /// A drop-in in every case.
    #[serde(rename = "asDropin")]
    Always,
}

/// The arguments of `generateUnits`.
#[derive(Clone, Debug)]
pub struct Request {
    /// For which manager.
    pub kind: Kind,
    /// The system's units by name.
    pub units: BTreeMap<String, Unit>,
    /// Units of systemd that are wanted.
    pub upstream_units: Vec<BString>,
    /// Its `.wants` directories that are wanted.
    pub upstream_wants: Vec<BString>,
    /// Packages that ship units.
    pub packages: Vec<BString>,
    /// systemd itself.
    pub package: BString,
    /// Whether a unit that is there already may be extended.
    pub allow_collisions: bool,
    /// What `default.target` is.
    pub default_unit: BString,
    /// What `ctrl-alt-del.target` is.
    pub ctrl_alt_del_unit: BString,
}

struct Units<'a> {
    request: &'a Request,
    source: &'a dyn Source,
    overlay: Overlay<'a>,
    real_paths: RealPaths<'a>,
    tree: Node,
    log: &'a mut Vec<BString>,
}

/// Plans the output. What the original prints is added to `log`.
pub fn plan(
    request: &Request,
    out: &Path,
    source: &dyn Source,
    log: &mut Vec<BString>,
) -> Result<Node> {
    let mut units = Units {
        request,
        source,
        overlay: Overlay::new(bytes::from_path(out), source),
        real_paths: RealPaths::new(source),
        tree: Node::directory(),
        log,
    };
    for unit in &request.upstream_units {
        units.upstream_unit(unit)?;
    }
    for wants in &request.upstream_wants {
        units.upstream_wants(wants)?;
    }
    for package in shell_order::unique(&request.packages) {
        units.package(&package)?;
    }
    for unit in request.units.values() {
        if unit.override_strategy == OverrideStrategy::IfExists {
            units.own_unit(unit.unit.as_bytes())?;
        }
    }
    for unit in request.units.values() {
        if unit.override_strategy == OverrideStrategy::Always {
            let (file, name) = units.file_of(unit.unit.as_bytes())?;
            units.drop_in(file, &name)?;
        }
    }
    for (name, unit) in &request.units {
        for alias in &unit.aliases {
            units.replace(name.as_bytes().into(), alias.as_bytes())?;
        }
    }
    type List = fn(&Unit) -> &Vec<String>;
    let kinds: [(&str, List); 3] = [
        ("wants", |unit| &unit.wanted_by),
        ("upholds", |unit| &unit.upheld_by),
        ("requires", |unit| &unit.required_by),
    ];
    for (suffix, list) in kinds {
        for (name, unit) in &request.units {
            for other in list(unit) {
                let directory = BString::from(format!("{other}.{suffix}"));
                units.make_directory(&directory)?;
                let place = join(&directory, names::base(name.as_bytes()));
                if matches!(units.tree.get(&place), Some(Node::Directory(_))) {
                    return Err(units.in_the_way(&place));
                }
                units.replace(words(&[b"../", name.as_bytes()]), &place)?;
            }
        }
    }
    if request.kind == Kind::System {
        units.system_links()?;
    }
    Ok(units.tree)
}

impl Units<'_> {
    /// `PACKAGE/example/systemd/KIND/NAME`, which must exist.
    fn upstream(&self, name: &[u8]) -> Result<BString> {
        let mut path = self.request.package.clone();
        path.extend_from_slice(b"/example/systemd/");
        path.extend_from_slice(self.request.kind.directory().as_bytes());
        let path = join(&path, name);
        match self.source.followed(&path) {
            Some(_) => Ok(path),
            None => Err(Problem::Refused(words(&[b"missing ", &path]))),
        }
    }

    /// A link to the unit; where that is a link itself, a copy of it, or a link to where a link
    /// beginning with `../` leads.
    fn upstream_unit(&mut self, name: &[u8]) -> Result<()> {
        let path = self.upstream(name)?;
        if self.source.kind(&path) != Some(FileKind::Symlink) {
            return self.link(path.clone(), names::base(&path));
        }
        let target = self.source.link_target(&path)?;
        if !target.starts_with(b"../") {
            return self.put(names::base(&path), Node::Symlink(target));
        }
        match self.real_paths.resolve(&path) {
            Some(real) => self.link(real.clone(), names::base(&real)),
            None => Err(Problem::Refused(words(&[b"missing ", &path]))),
        }
    }

    /// The links of a `.wants` directory that lead to units which are there.
    fn upstream_wants(&mut self, name: &[u8]) -> Result<()> {
        let path = self.upstream(name)?;
        let directory = BString::from(names::base(&path));
        if self.tree.get(&directory).is_some() {
            return Err(self.in_the_way(&directory));
        }
        self.put(&directory, Node::directory())?;
        for (path, kind) in self.listed(&path)? {
            if kind != FileKind::Symlink {
                return Err(Problem::Refused(words(&[
                    &quoted(&path),
                    b" is not a symlink; only symlinks to units belong into such a directory",
                ])));
            }
            let target = self.source.link_target(&path)?;
            let place = join(&directory, names::base(&path));
            self.put(&place, Node::Symlink(target))?;
            if self.overlay.followed(&self.tree, &place).is_none() {
                remove(&mut self.tree, &place);
            }
        }
        Ok(())
    }

    /// All units of a package. Directories (drop-ins) of several packages are merged.
    fn package(&mut self, package: &[u8]) -> Result<()> {
        for place in ["etc", "lib"] {
            let directory = [
                package,
                b"/",
                place.as_bytes(),
                b"/systemd/",
                self.request.kind.directory().as_bytes(),
            ]
            .concat();
            if self.source.followed(&directory) != Some(FileKind::Directory) {
                continue;
            }
            for (path, kind) in self.listed(&directory)? {
                if path.ends_with(b"wants") {
                    continue;
                }
                let is_directory = kind == FileKind::Directory
                    || self.source.followed(&path) == Some(FileKind::Directory);
                let name = BString::from(names::base(&path));
                if !is_directory {
                    self.link(path, &name)?;
                    continue;
                }
                self.make_directory(&name)?;
                let options = Options::default();
                lndir::shadow(
                    &mut self.tree,
                    &name,
                    &path,
                    options,
                    &self.overlay,
                    self.log,
                )?;
            }
        }
        Ok(())
    }

    /// A unit of the system: itself, a drop-in where it exists, or a mask.
    fn own_unit(&mut self, directory: &[u8]) -> Result<()> {
        let (file, name) = self.file_of(directory)?;
        if self.overlay.followed(&self.tree, &name).is_none() {
            return self.replace(file, &name);
        }
        if self
            .real_paths
            .resolve(&file)
            .is_some_and(|real| real == "/dev/null")
        {
            return self.replace("/dev/null".into(), &name);
        }
        if !self.request.allow_collisions {
            return Err(Problem::Refused(words(&[
                b"Found multiple derivations configuring ",
                &name,
                b"!",
            ])));
        }
        self.drop_in(file, &name)
    }

    fn drop_in(&mut self, file: BString, name: &[u8]) -> Result<()> {
        let directory = words(&[name, b".d"]);
        self.make_directory(&directory)?;
        self.link(file, &join(&directory, b"overrides.conf"))
    }

    /// The one file in the directory of a unit, and its name.
    fn file_of(&self, directory: &[u8]) -> Result<(BString, BString)> {
        let files = if self.source.followed(directory) == Some(FileKind::Directory) {
            self.listed(directory)?
        } else {
            Vec::new()
        };
        // `basename` takes a second argument for a suffix, which never fits, and no third one.
        match files.as_slice() {
            [(file, _)] | [(file, _), _] => Ok((file.clone(), BString::from(names::base(file)))),
            _ => Err(Problem::Refused(words(&[
                &quoted(directory),
                format!(" holds {} files; expected the one unit", files.len()).as_bytes(),
            ]))),
        }
    }

    /// The links that every system has.
    fn system_links(&mut self) -> Result<()> {
        self.link(self.request.default_unit.clone(), b"default.target")?;
        self.link(
            self.request.ctrl_alt_del_unit.clone(),
            b"ctrl-alt-del.target",
        )?;
        self.link("rescue.target".into(), b"kbrequest.target")?;
        self.make_directory(b"getty.target.wants")?;
        self.link(
            "../autovt@tty1.service".into(),
            b"getty.target.wants/autovt@tty1.service",
        )?;
        self.link(
            "../remote-fs.target".into(),
            b"multi-user.target.wants/remote-fs.target",
        )
    }

    /// What `directory/*` expands to, with what each is. Names that a shell would take apart are
    /// refused.
    fn listed(&self, directory: &[u8]) -> Result<Vec<(BString, FileKind)>> {
        let mut files = Vec::new();
        for entry in self.source.entries(directory)? {
            if entry.name.starts_with(b".") {
                continue;
            }
            let path = join(directory, &entry.name);
            if !names::is_plain(&entry.name) {
                return Err(Problem::Refused(words(&[
                    &quoted(&path),
                    b" has a blank, a quote, a wildcard or `$` in its name, which no unit may have",
                ])));
            }
            files.push((path, entry.kind));
        }
        Ok(files)
    }

    /// `mkdir -p`.
    fn make_directory(&mut self, path: &[u8]) -> Result<()> {
        match self.tree.get(path) {
            Some(Node::Directory(_)) => Ok(()),
            Some(_) if self.overlay.followed(&self.tree, path) == Some(FileKind::Directory) => {
                Ok(())
            }
            Some(_) => Err(self.in_the_way(path)),
            None => self.put(path, Node::directory()),
        }
    }

    /// `ln -s`: the place must be free and its directory be there.
    fn link(&mut self, target: BString, place: &[u8]) -> Result<()> {
        if let Some(directory) = place.rfind_byte(b'/') {
            let directory = place.get(..directory).unwrap_or_default();
            match self.tree.get(directory) {
                Some(Node::Directory(_)) => {}
                Some(_) => return Err(self.in_the_way(directory)),
                None => {
                    return Err(Problem::Refused(words(&[
                        b"cannot link ",
                        &quoted(place),
                        b": the directory ",
                        &quoted(directory),
                        b" does not exist; no unit is in it",
                    ])));
                }
            }
        }
        if let Some(old) = self.tree.get(place) {
            let old = match old {
                Node::Symlink(old) => words(&[b"a link to ", &quoted(old)]),
                _ => "a directory".into(),
            };
            return Err(Problem::Refused(words(&[
                b"cannot link ",
                &quoted(place),
                b" to ",
                &quoted(&target),
                b": it is ",
                &old,
                b" already; let only one of them provide it",
            ])));
        }
        self.put(place, Node::Symlink(target))
    }

    /// `ln -sfn`: replaces a link; in a directory, makes or replaces a link in it.
    fn replace(&mut self, target: BString, place: &[u8]) -> Result<()> {
        let place = match self.tree.get(place) {
            Some(Node::Directory(entries)) => {
                let name = names::base(&target);
                let inside = join(place, name);
                if matches!(entries.get(BStr::new(name)), Some(Node::Directory(_))) {
                    return Err(self.in_the_way(&inside));
                }
                inside
            }
            _ => BString::from(place),
        };
        remove(&mut self.tree, &place);
        self.link(target, &place)
    }

    /// Puts a node at a place, over a link that may be there.
    fn put(&mut self, place: &[u8], node: Node) -> Result<()> {
        remove(&mut self.tree, place);
        self.tree
            .insert(place, node)
            .map_err(|obstacle| self.in_the_way(&obstacle))
    }

    fn in_the_way(&self, place: &[u8]) -> Problem {
        let what = match self.tree.get(place) {
            Some(Node::Symlink(target)) => words(&[b"a link to ", &quoted(target)]),
            Some(Node::Directory(_)) => "a directory".into(),
            _ => "a file".into(),
        };
        Problem::Refused(words(&[&quoted(place), b" is already there as ", &what]))
    }
}

/// Removes a link from the tree; directories stay.
fn remove(tree: &mut Node, path: &[u8]) {
    let mut here = tree;
    let mut parts: Vec<&[u8]> = path
        .split_str("/")
        .filter(|part| !part.is_empty())
        .collect();
    let Some(last) = parts.pop() else { return };
    for part in parts {
        let Node::Directory(entries) = here else {
            return;
        };
        let Some(next) = entries.get_mut(BStr::new(part)) else {
            return;
        };
        here = next;
    }
    if let Node::Directory(entries) = here
        && !matches!(entries.get(BStr::new(last)), Some(Node::Directory(_)))
    {
        entries.remove(BStr::new(last));
    }
}

fn join(directory: &[u8], name: &[u8]) -> BString {
    words(&[directory, b"/", name])
}
