//! `buildEnv`: many packages merged into one tree of symlinks.
//!
//! A name that one package has is linked to it. A name that several have as directories becomes
//! a directory, and the question is asked again for what is in it. All else collides: the higher
//! priority (the smaller number) wins, and equal ones are refused, ignored or compared.
//!
//! The work is one visit for each name that is entered; an entry that collides with nothing costs
//! no system call beyond the listing that showed it. Nothing recurses.
//!
//! Counterpart: nixpkgs' pkgs/build-support/buildenv/builder.pl, by the [`Rules`] of its age.

use crate::error::{Problem, Result, quoted, words};
use crate::real_path::RealPaths;
use crate::rules::Rules;
use crate::selection::{self, Selection};
use crate::source::{Kind, Source};
use bstr::{BStr, BString, ByteSlice};
use std::collections::{BTreeMap, BTreeSet};
use wasibuild_guest::Node;

/// Packages of one priority, as nixpkgs' `chosenOutputs` has them.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// The outputs that are linked.
    pub paths: Vec<String>,
    /// `meta.priority`; the smaller one wins.
    pub priority: f64,
}

/// What the script of nixpkgs finds in its environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The output, for messages.
    pub out: BString,
    /// `/nix/store`, by which a package that is a single file is known.
    pub store_directory: BString,
    /// What was asked for, in this order.
    pub packages: Vec<Package>,
    /// The closure of the packages, if that is wanted too; these come last.
    pub extra_paths: Vec<BString>,
    /// Names below a package that are linked; `/` is all.
    pub paths_to_link: Vec<BString>,
    /// Where in the output the tree begins: empty, or as `/share`.
    pub extra_prefix: BString,
    /// Warn of collisions and take the first.
    pub ignore_collisions: bool,
    /// Let files collide that have the same contents and mode.
    pub check_collision_contents: bool,
    /// Warn of packages that are single files and leave them out.
    pub ignore_single_file_outputs: bool,
    /// What the link `manifest` of the output leads to; empty for none.
    pub manifest: BString,
}

/// The priority of what packages propagate: below all that was asked for.
const PROPAGATED_PRIORITY: f64 = 1000.0;

/// What precedes and follows the paths of a collision.
const EXPLAINED: &[u8] = b"two given paths contain a conflicting subpath:\n";
const HINTS: &[u8] =
    b"\nhint: this may be caused by two different versions of the same package in \
    buildEnv's `paths` parameter\nhint: `pkgs.nix-diff` can be used to compare derivations";

/// What to do when names collide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Collisions {
    Refused,
    Shown,
    Silent,
}

/// What a name of the tree is so far.
struct Placed {
    /// What it links to; `None` for a directory of the tree.
    target: Option<Target>,
    priority: f64,
}

#[derive(Clone)]
struct Target {
    path: BString,
    /// What the path itself is.
    kind: Option<Kind>,
}

/// One step of the merge.
enum Step {
    /// A package offers `target` under `name`.
    Visit {
        name: BString,
        target: Target,
        priority: f64,
    },
    /// All entries of `directory` are offered under `name`.
    Enter {
        name: BString,
        directory: BString,
        priority: f64,
    },
}

struct Merge<'a> {
    request: &'a Request,
    rules: Rules,
    source: &'a dyn Source,
    real_paths: RealPaths<'a>,
    selection: Selection,
    placed: BTreeMap<BString, Placed>,
    done: BTreeSet<BString>,
    postponed: BTreeSet<BString>,
    log: &'a mut Vec<BString>,
}

/// Plans the output. Warnings and the count of links are added to `log`, also before a failure.
pub fn plan(
    request: &Request,
    rules: Rules,
    source: &dyn Source,
    log: &mut Vec<BString>,
) -> Result<Node> {
    let selection = Selection::new(&request.paths_to_link);
    let directories = if rules.parents_first {
        selection.with_parents()
    } else {
        let root = |path: &BString| {
            if path == "/" {
                BString::default()
            } else {
                path.clone()
            }
        };
        request.paths_to_link.iter().map(root).collect()
    };
    let directory = || Placed {
        target: None,
        priority: 0.0,
    };
    let mut merge = Merge {
        request,
        rules,
        source,
        real_paths: RealPaths::new(source),
        selection,
        placed: directories
            .into_iter()
            .map(|name| (name, directory()))
            .collect(),
        done: BTreeSet::new(),
        postponed: BTreeSet::new(),
        log,
    };
    merge.add_all()?;
    merge.tree()
}

impl Merge<'_> {
    /// First what was asked for, then what that propagates, then the closure.
    fn add_all(&mut self) -> Result<()> {
        let request = self.request;
        let chosen = if request.ignore_collisions {
            Collisions::Shown
        } else {
            Collisions::Refused
        };
        for package in &request.packages {
            for path in &package.paths {
                let path = BStr::new(path);
                if self.source.followed(path).is_some() {
                    self.add(path, chosen, package.priority)?;
                }
            }
        }
        let mut priority = PROPAGATED_PRIORITY;
        while !self.postponed.is_empty() {
            for path in std::mem::take(&mut self.postponed) {
                self.add(path.as_bstr(), Collisions::Silent, priority)?;
                priority += 1.0;
            }
        }
        for path in &request.extra_paths {
            if self.is_directory(path) {
                self.add(path.as_bstr(), chosen, PROPAGATED_PRIORITY)?;
            }
        }
        Ok(())
    }

    /// Adds one package, unless it was added before, and notes what it propagates.
    fn add(&mut self, package: &BStr, collisions: Collisions, priority: f64) -> Result<()> {
        if !self.done.insert(package.to_owned()) {
            return Ok(());
        }
        let target = Target {
            path: package.to_owned(),
            kind: self.source.kind(package),
        };
        self.merge(target, collisions, priority)?;
        let mut list = package.to_owned();
        list.extend_from_slice(b"/nix-support/propagated-user-env-packages");
        if self.source.followed(&list).is_some() {
            // The script reads one line.
            let contents = self.source.contents(&list)?;
            let line = contents.lines().next().unwrap_or_default();
            let new = wasibuild_guest::bytes::words(line)
                .into_iter()
                .filter(|path| !self.done.contains(path));
            self.postponed.extend(new);
        }
        Ok(())
    }

    /// Offers a package and all that has to be entered for it, in the order of names.
    fn merge(&mut self, package: Target, collisions: Collisions, priority: f64) -> Result<()> {
        if self.rules.single_files_checked && self.is_single_file(&package) {
            let problem = words(&[
                b"The store path ",
                &package.path,
                b" is a file and can't be merged into an environment using pkgs.buildEnv",
            ]);
            if !(self.request.ignore_single_file_outputs && self.rules.single_files_ignorable) {
                return Err(Problem::Refused(words(&[&problem, b"!"])));
            }
            self.warn(&[&problem, b", ignoring it"]);
            return Ok(());
        }
        // The next step is the last one, as on a call stack.
        let mut steps = vec![Step::Visit {
            name: BString::default(),
            target: package,
            priority,
        }];
        while let Some(step) = steps.pop() {
            match step {
                Step::Visit {
                    name,
                    target,
                    priority,
                } => {
                    self.visit(name, target, priority, collisions, &mut steps)?;
                }
                Step::Enter {
                    name,
                    directory,
                    priority,
                } => {
                    let entries = self.source.entries(&directory)?;
                    steps.extend(entries.into_iter().rev().map(|entry| Step::Visit {
                        name: joined(&name, &entry.name),
                        target: Target {
                            path: joined(&directory, &entry.name),
                            kind: Some(entry.kind),
                        },
                        priority,
                    }));
                }
            }
        }
        Ok(())
    }

    /// Decides one name. What it leads to is pushed onto `steps`.
    fn visit(
        &mut self,
        name: BString,
        target: Target,
        priority: f64,
        collisions: Collisions,
        steps: &mut Vec<Step>,
    ) -> Result<()> {
        let base_name = match name.rfind_byte(b'/') {
            Some(slash) => name.get(slash + 1..).unwrap_or_default(),
            None => b"",
        };
        if selection::never_linked(&name, base_name, &self.rules) {
            return Ok(());
        }
        let selected = self.selection.leads_to(&name) || self.selection.contains(&name);
        if self.rules.unselected_skipped && !selected {
            return Ok(());
        }
        let Some(old) = self.placed.get(&name) else {
            return self.place(name, target, priority);
        };
        let old_priority = old.priority;
        let old_target = old.target.clone();
        // A link to anything but a directory, which a better priority replaces.
        let old_leaf = match &old_target {
            Some(old) => !self.leads_to_directory(old),
            None => false,
        };
        if old_leaf && priority < old_priority {
            return self.place(name, target, priority);
        }
        if let Some(old) = &old_target
            && self.rules.same_file_agrees
            && self.same_file(&target.path, &old.path)
        {
            if old.kind == Some(Kind::Symlink) && target.kind != Some(Kind::Symlink) {
                self.placed.insert(
                    name,
                    Placed {
                        target: Some(target),
                        priority,
                    },
                );
            }
            return Ok(());
        }
        if old_leaf && priority > old_priority {
            return Ok(());
        }
        let is_directory = self.leads_to_directory(&target);
        if self.rules.directories_required && old_target.is_none() && !is_directory {
            let found = quoted(&target.path);
            return Err(Problem::Refused(words(&[b"not a directory: ", &found])));
        }
        if !is_directory || old_leaf {
            return self.collide(old_target, &target, collisions);
        }
        steps.push(Step::Enter {
            name: name.clone(),
            directory: target.path,
            priority,
        });
        if let Some(old) = old_target {
            steps.push(Step::Enter {
                name: name.clone(),
                directory: old.path,
                priority: old_priority,
            });
        }
        self.placed.insert(
            name,
            Placed {
                target: None,
                priority,
            },
        );
        Ok(())
    }

    /// Links a name, whatever it was before.
    fn place(&mut self, name: BString, target: Target, priority: f64) -> Result<()> {
        if self.rules.dangling_shown && self.dangles(&target) {
            let request = self.request;
            let link = self.source.link_target(&target.path)?;
            self.warn(&[
                b"creating dangling symlink `",
                &request.out,
                &request.extra_prefix,
                b"/",
                &name,
                b"' -> ",
                &quoted(&target.path),
                b" -> ",
                &quoted(&link),
            ]);
        }
        self.placed.insert(
            name,
            Placed {
                target: Some(target),
                priority,
            },
        );
        Ok(())
    }

    /// Two targets for one name that cannot be merged.
    fn collide(&mut self, old: Option<Target>, new: &Target, collisions: Collisions) -> Result<()> {
        let nothing = Target {
            path: BString::default(),
            kind: None,
        };
        let old = old.unwrap_or(nothing);
        let explained = self.rules.collisions_explained;
        match collisions {
            Collisions::Silent => Ok(()),
            Collisions::Shown => {
                let start: &[u8] = if explained {
                    b"colliding subpath (ignored): "
                } else {
                    b"collision between "
                };
                let (new, old) = (self.shown(new), self.shown(&old));
                self.warn(&[start, &new, b" and ", &old]);
                Ok(())
            }
            Collisions::Refused
                if self.request.check_collision_contents && self.agree(&old, new)? =>
            {
                Ok(())
            }
            Collisions::Refused => {
                let (new, old) = (self.shown(new), self.shown(&old));
                Err(Problem::Refused(if explained {
                    words(&[EXPLAINED, b"  ", &new, b" and\n  ", &old, HINTS])
                } else {
                    words(&[b"collision between ", &new, b" and ", &old])
                }))
            }
        }
    }

    /// Whether two paths have the same mode and contents. Different modes are pointed out.
    fn agree(&mut self, old: &Target, new: &Target) -> Result<bool> {
        let kinds = (
            self.source.followed(&old.path),
            self.source.followed(&new.path),
        );
        if self.rules.missing_differs_silently && (kinds.0.is_none() || kinds.1.is_none()) {
            return Ok(false);
        }
        if kinds == (Some(Kind::File), Some(Kind::File)) {
            let modes = (
                self.mode(&old.path, kinds.0)?,
                self.mode(&new.path, kinds.1)?,
            );
            return match modes {
                (Some(old_mode), Some(new_mode)) if old_mode != new_mode => {
                    self.warn_of_modes(old, old_mode, new, new_mode);
                    Ok(false)
                }
                (Some(_), Some(_)) => self.source.same_contents(&old.path, &new.path),
                _ if !self.source.same_contents(&old.path, &new.path)? => Ok(false),
                _ => Err(Problem::ModesUnknown {
                    first: old.path.clone(),
                    second: new.path.clone(),
                }),
            };
        }
        if kinds.0 != kinds.1 {
            let modes = (
                self.mode(&old.path, kinds.0)?,
                self.mode(&new.path, kinds.1)?,
            );
            if let (Some(old_mode), Some(new_mode)) = modes {
                self.warn_of_modes(old, old_mode, new, new_mode);
            }
        }
        Ok(false)
    }

    /// The permission bits that a store path has, or `None` where they cannot be seen.
    fn mode(&self, path: &[u8], kind: Option<Kind>) -> Result<Option<u32>> {
        match kind {
            None => Ok(Some(0)),
            Some(Kind::File) => Ok(self
                .source
                .executable(path)?
                .map(|executable| if executable { 0o555 } else { 0o444 })),
            Some(_) => Ok(Some(0o555)),
        }
    }

    fn warn_of_modes(&mut self, old: &Target, old_mode: u32, new: &Target, new_mode: u32) {
        self.warn(&[
            b"different permissions in ",
            &quoted(&old.path),
            b" and ",
            &quoted(&new.path),
            format!(": {old_mode:04o} <-> {new_mode:04o}").as_bytes(),
        ]);
    }

    fn warn(&mut self, pieces: &[&[u8]]) {
        let warning = self.rules.warning.as_bytes();
        self.log.push(words(&[warning, &pieces.concat()]));
    }

    /// A path in a message about a collision.
    fn shown(&self, target: &Target) -> BString {
        let dangling = self.rules.dangling_shown && self.dangles(target);
        let note: &[u8] = if dangling { b"dangling symlink " } else { b"" };
        words(&[note, &quoted(&target.path)])
    }

    fn dangles(&self, target: &Target) -> bool {
        target.kind == Some(Kind::Symlink) && self.source.followed(&target.path).is_none()
    }

    fn is_directory(&self, path: &[u8]) -> bool {
        self.source.followed(path) == Some(Kind::Directory)
    }

    fn leads_to_directory(&self, target: &Target) -> bool {
        match target.kind {
            Some(Kind::Directory) => true,
            Some(Kind::Symlink) => self.is_directory(&target.path),
            _ => false,
        }
    }

    fn same_file(&self, first: &[u8], second: &[u8]) -> bool {
        match self.real_paths.resolve(first) {
            Some(first) => self.real_paths.resolve(second) == Some(first),
            None => self.rules.lost_paths_agree && self.real_paths.resolve(second).is_none(),
        }
    }

    /// A store path, and not something in one, that is a file.
    fn is_single_file(&self, target: &Target) -> bool {
        let path = trimmed(&target.path);
        let Some(slash) = path.rfind_byte(b'/') else {
            return false;
        };
        trimmed(path.get(..slash).unwrap_or_default()) == self.request.store_directory
            && self.source.followed(&target.path) == Some(Kind::File)
    }

    /// The output from what was placed.
    fn tree(self) -> Result<Node> {
        let prefix = &self.request.extra_prefix;
        let mut tree = Node::directory();
        let mut links = 0_usize;
        let mut made = false;
        for (name, placed) in &self.placed {
            if !self.selection.contains(name) {
                continue;
            }
            made = true;
            let mut path = prefix.clone();
            if !name.starts_with(b"/") {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            let node = match &placed.target {
                Some(target) => {
                    links += 1;
                    Node::Symlink(target.path.clone())
                }
                None if path.bytes().all(|byte| byte == b'/') => continue,
                None => Node::directory(),
            };
            tree.insert(&path, node).map_err(|_| {
                let twice = quoted(&words(&[&self.request.out, prefix, b"/", name]));
                Problem::Refused(words(&[b"cannot create directory ", &twice, b" twice"]))
            })?;
        }
        if !made {
            return Err(Problem::NoOutput);
        }
        let summary = format!("created {links} symlinks in user environment");
        self.log.push(BString::from(summary));
        let manifest = &self.request.manifest;
        if !manifest.is_empty() {
            tree.insert(b"manifest", Node::Symlink(manifest.clone()))
                .map_err(|_| Problem::refused("cannot create manifest"))?;
        }
        Ok(tree)
    }
}

/// `directory/name`.
fn joined(directory: &[u8], name: &[u8]) -> BString {
    let mut path = Vec::with_capacity(directory.len() + 1 + name.len());
    path.extend_from_slice(directory);
    path.push(b'/');
    path.extend_from_slice(name);
    BString::from(path)
}

/// Without slashes at the end.
fn trimmed(path: &[u8]) -> &[u8] {
    path.trim_end_with(|character| character == '/')
}
