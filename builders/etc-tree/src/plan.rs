//! The tree of links and mode files, decided without writing.
//!
//! The rules are those of `makeEtcEntry`: a directory that is missing is made; a target that is
//! there already must be a symlink with the same source. NixOS's script of today only reports
//! a mismatch and builds on; here it is refused, as `make-etc.sh` refused it.

use crate::attributes::{Copy, Entry};
use crate::glob;
use bstr::{BString, ByteSlice};
use wasibuild_guest::{Error, Node, Result, bytes};

/// Plans the output: a directory with `etc` in it.
pub fn plan(entries: &[Entry]) -> Result<Node> {
    let mut etc = Node::directory();
    for entry in entries {
        if entry.is_pattern() {
            place_pattern(&mut etc, entry)?;
        } else {
            place_link(&mut etc, entry)?;
            if let Some(copy) = &entry.copy {
                place_mode_files(&mut etc, &entry.target, copy)?;
            }
        }
    }
    Ok(Node::Directory([(BString::from("etc"), etc)].into()))
}

fn place_link(etc: &mut Node, entry: &Entry) -> Result<()> {
    let Entry { source, target, .. } = entry;
    let link = Node::Symlink(source.clone());
    match etc.get(target) {
        Some(there) if *there == link => {
            // The script's `test -e` follows the link; to what is not there, its `ln` fails.
            if !exists(source) {
                return Err(Error::Refused(format!(
                    "etc/{target} is declared twice, and its source {source} does not exist in \
                     the build; declare it once"
                )));
            }
            eprintln!("etc-tree: duplicate entry {target} -> {source}");
            Ok(())
        }
        Some(there) => Err(Error::Refused(format!(
            "etc/{target} is declared twice: {} and {}; remove one",
            describe(there),
            describe(&link)
        ))),
        None => insert(etc, target, link),
    }
}

/// Whether the source exists now. A relative one would have to be in the output.
fn exists(source: &BString) -> bool {
    source.starts_with(b"/") && bytes::to_path(source).exists()
}

fn place_pattern(etc: &mut Node, entry: &Entry) -> Result<()> {
    if entry.copy.is_some() {
        eprintln!(
            "etc-tree: warning: the mode of {} is ignored, as its source is a pattern",
            entry.target
        );
    }
    match etc.get(&entry.target) {
        Some(Node::Directory(_)) => {}
        Some(there) => {
            return Err(Error::Refused(format!(
                "etc/{} must be a directory for {}, but it is {}",
                entry.target,
                entry.source,
                describe(there)
            )));
        }
        None => insert(etc, &entry.target, Node::directory())?,
    }
    for source in glob::expand(&entry.source)? {
        let name = match source.rfind_byte(b'/') {
            Some(slash) => source.get(slash + 1..).unwrap_or_default(),
            None => source.as_slice(),
        };
        let mut target = entry.target.clone();
        target.push(b'/');
        target.extend_from_slice(name);
        if let Some(there) = etc.get(&target) {
            return Err(Error::Refused(format!(
                "etc/{target} is declared twice: {} and a symlink to {source}; remove one",
                describe(there)
            )));
        }
        insert(etc, &target, Node::Symlink(source.clone()))?;
    }
    Ok(())
}

/// Writes what the activation reads. The last entry for a target decides.
fn place_mode_files(etc: &mut Node, target: &BString, copy: &Copy) -> Result<()> {
    for (suffix, line) in [
        (".mode", &copy.mode),
        (".uid", &copy.user),
        (".gid", &copy.group),
    ] {
        let mut path = target.clone();
        path.extend_from_slice(suffix.as_bytes());
        let file = Node::file(format!("{line}\n"));
        match etc.get_mut(&path) {
            Some(there @ Node::File { .. }) => *there = file,
            Some(there) => {
                return Err(Error::Refused(format!(
                    "etc/{path} says how to copy etc/{target}, but it is declared too: {}",
                    describe(there)
                )));
            }
            None => insert(etc, &path, file)?,
        }
    }
    Ok(())
}

fn insert(etc: &mut Node, target: &BString, node: Node) -> Result<()> {
    etc.insert(target, node).map_err(|obstacle| {
        let there = etc.get(&obstacle).map(describe).unwrap_or_default();
        Error::Refused(format!(
            "etc/{target} cannot be placed: etc/{obstacle} is {there}, not a directory"
        ))
    })
}

fn describe(node: &Node) -> String {
    match node {
        Node::Symlink(source) => format!("a symlink to {source}"),
        Node::File { .. } => "a file with a mode, user or group".to_owned(),
        Node::Directory(_) => "a directory".to_owned(),
    }
}
