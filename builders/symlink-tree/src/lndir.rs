//! `lndir`: a shadow of a directory tree, with directories for directories and links for the rest.
//!
//! A symlink of the original is copied, not linked to, unless `ignore_links`. What is there already
//! stays; a difference is pointed out and is no failure. Backups (`…~`) and the directories of
//! revision control systems are left out.
//!
//! Counterpart: X.Org's lndir 1.0.3 and newer, which nixpkgs uses.

use crate::error::Result;
use crate::overlay::{Overlay, Resolved};
use crate::source::{Entry, Kind, Source};
use bstr::{BString, ByteSlice};
use std::collections::BTreeMap;
use wasibuild_guest::Node;

/// The options of the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `-silent`: the directories are not listed; messages say in which one they arose.
    pub silent: bool,
    /// `-ignorelinks`: link to the symlinks of the original.
    pub ignore_links: bool,
}

/// Directories that keep revisions.
const REVISIONS: [&[u8]; 6] = [b"BitKeeper", b"RCS", b"SCCS", b"CVS", b"CVS.adm", b".svn"];

/// A directory that is being shadowed.
struct Frame {
    /// The original.
    source: BString,
    /// The shadow, relative to the output; components joined by `/`.
    shadow: BString,
    /// What is left of it, in reverse order.
    entries: Vec<Entry>,
}

/// Adds the shadow of the directory `original` to the tree at `place` (a directory there; empty for
/// the output itself).
///
/// Messages that the program writes to either stream are added to `log`.
pub fn shadow(
    tree: &mut Node,
    place: &[u8],
    original: &[u8],
    options: Options,
    overlay: &Overlay<'_>,
    log: &mut Vec<BString>,
) -> Result<()> {
    let mut shadowing = Shadowing {
        options,
        overlay,
        log,
        header: None,
    };
    let mut frames = vec![Frame::open(
        original.into(),
        place.into(),
        overlay.source(),
    )?];
    while let Some(frame) = frames.last_mut() {
        let Some(entry) = frame.entries.pop() else {
            frames.pop();
            // The program forgets that it has shown this directory.
            shadowing.header = match frames.len() {
                0 | 1 => None,
                _ => frames.last().map(|frame| frame.source.clone()),
            };
            continue;
        };
        let source = join(&frame.source, &entry.name);
        let shadow = join(&frame.shadow, &entry.name);
        if entry.name.ends_with(b"~") {
            continue;
        }
        if entry.kind != Kind::Directory {
            shadowing.link(tree, &frame.shadow, &entry, source)?;
            continue;
        }
        if REVISIONS.contains(&entry.name.as_slice()) {
            continue;
        }
        let parent = frame.source.clone();
        let depth = frames.len();
        if shadowing.enter(tree, &source, &shadow, &entry.name) {
            frames.push(Frame::open(source, shadow, overlay.source())?);
        } else {
            shadowing.header = (depth > 1).then_some(parent);
        }
    }
    Ok(())
}

impl Frame {
    fn open(source: BString, shadow: BString, packages: &dyn Source) -> Result<Self> {
        let mut entries = packages.entries(&source)?;
        entries.reverse();
        Ok(Self {
            source,
            shadow,
            entries,
        })
    }
}

struct Shadowing<'a> {
    options: Options,
    overlay: &'a Overlay<'a>,
    log: &'a mut Vec<BString>,
    /// The directory that the next message names first.
    header: Option<BString>,
}

impl Shadowing<'_> {
    /// Makes the shadow of a directory, and says whether it can be entered.
    fn enter(&mut self, tree: &mut Node, source: &[u8], shadow: &[u8], name: &[u8]) -> bool {
        self.header = if self.options.silent {
            Some(source.into())
        } else {
            self.log.push(BString::from([source, b":"].concat()));
            None
        };
        let problem = match tree.get(shadow) {
            Some(Node::Directory(_)) => return true,
            Some(Node::File { .. }) => "Not a directory",
            Some(Node::Symlink(_)) if self.overlay.resolve(tree, shadow) == Resolved::Missing => {
                "File exists"
            }
            Some(Node::Symlink(_)) => "is a link instead of a directory",
            None => {
                // The parent is a directory: it was entered.
                return tree.insert(shadow, Node::directory()).is_ok();
            }
        };
        self.say([name, b": ", problem.as_bytes()].concat());
        false
    }

    /// Makes the link for anything but a directory.
    fn link(
        &mut self,
        tree: &mut Node,
        directory: &[u8],
        entry: &Entry,
        source: BString,
    ) -> Result<()> {
        let target = if entry.kind == Kind::Symlink && !self.options.ignore_links {
            self.overlay.source().link_target(&source)?
        } else {
            source
        };
        let Some(entries) = entries_at(tree, directory) else {
            self.say([entry.name.as_slice(), b": Permission denied"].concat());
            return Ok(());
        };
        match entries.get(&entry.name) {
            None => {
                entries.insert(entry.name.clone(), Node::Symlink(target));
            }
            Some(Node::Symlink(old))
                if *old == target || *old == without_double_slashes(&target) => {}
            Some(Node::Symlink(old)) => {
                let words = [entry.name.as_slice(), b": ", old].concat();
                self.say(words);
            }
            Some(_) => self.say([entry.name.as_slice(), b": File exists"].concat()),
        }
        Ok(())
    }

    fn say(&mut self, words: Vec<u8>) {
        if let Some(directory) = self.header.take() {
            self.log
                .push(BString::from([directory.as_slice(), b":"].concat()));
        }
        self.log.push(BString::from(words));
    }
}

/// The entries of the directory at a relative path of the tree.
fn entries_at<'a>(tree: &'a mut Node, path: &[u8]) -> Option<&'a mut BTreeMap<BString, Node>> {
    let mut here = tree;
    for part in path.split_str("/").filter(|part| !part.is_empty()) {
        let Node::Directory(entries) = here else {
            return None;
        };
        here = entries.get_mut(bstr::BStr::new(part))?;
    }
    match here {
        Node::Directory(entries) => Some(entries),
        _ => None,
    }
}

fn without_double_slashes(path: &[u8]) -> BString {
    let mut shorter = BString::default();
    for byte in path {
        if *byte != b'/' || !shorter.ends_with(b"/") {
            shorter.push(*byte);
        }
    }
    shorter
}

fn join(directory: &[u8], name: &[u8]) -> BString {
    let mut path = BString::from(directory);
    if !path.is_empty() && !path.ends_with(b"/") {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}
