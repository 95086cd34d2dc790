//! Following links in a tree that is not written yet.
//!
//! A link of the output may lead to another name of the output (relative, or by the output's own
//! path) or to an input. `test -e` sees no difference, so neither does this.

use crate::source::{Kind, Source};
use bstr::BString;
use wasibuild_guest::Node;

/// Linux gives up after so many links.
const MOST_LINKS: u32 = 40;

/// Where a path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// To this.
    Found(Kind),
    /// To nothing.
    Missing,
    /// From link to link without an end.
    Endless,
}

/// A planned tree, seen where it will be, over the inputs.
pub struct Overlay<'a> {
    out: BString,
    source: &'a dyn Source,
}

impl<'a> Overlay<'a> {
    /// The inputs with a tree at the absolute path `out`.
    pub fn new(out: &[u8], source: &'a dyn Source) -> Self {
        Self {
            out: BString::from(out),
            source,
        }
    }

    /// The inputs.
    pub fn source(&self) -> &'a dyn Source {
        self.source
    }

    /// What a path relative to the output is when links are followed. `None`: nothing.
    pub fn followed(&self, tree: &Node, path: &[u8]) -> Option<Kind> {
        match self.resolve(tree, path) {
            Resolved::Found(kind) => Some(kind),
            Resolved::Missing | Resolved::Endless => None,
        }
    }

    /// What a path relative to the output is when links are followed, and if nothing, why.
    pub fn resolve(&self, tree: &Node, path: &[u8]) -> Resolved {
        let mut links = 0;
        let found = self.walk(tree, path, &mut links);
        match found {
            Some(kind) => Resolved::Found(kind),
            None if links > MOST_LINKS => Resolved::Endless,
            None => Resolved::Missing,
        }
    }

    fn walk(&self, tree: &Node, path: &[u8], links: &mut u32) -> Option<Kind> {
        let mut absolute = self.out.clone();
        absolute.push(b'/');
        absolute.extend_from_slice(path);
        // What is left, the next component last; and where we are, in the output or outside.
        let mut remaining = components(&absolute);
        let mut here: Vec<BString> = Vec::new();
        while let Some(component) = remaining.pop() {
            match component.as_slice() {
                b"" | b"." => continue,
                b".." => {
                    here.pop();
                    continue;
                }
                _ => here.push(component),
            }
            let Some(inside) = self.inside(&here) else {
                // Outside: the inputs hold no way back into an output that does not exist yet.
                let outside = absolute_path(&here);
                let above = self.out.starts_with(&[outside.as_slice(), b"/"].concat());
                if above {
                    continue;
                }
                let mut rest = outside;
                for component in remaining.iter().rev() {
                    rest.push(b'/');
                    rest.extend_from_slice(component);
                }
                return self.source.followed(&rest);
            };
            match tree.get(&inside)? {
                Node::Symlink(target) => {
                    *links += 1;
                    if *links > MOST_LINKS {
                        return None;
                    }
                    if target.starts_with(b"/") {
                        here.clear();
                    } else {
                        here.pop();
                    }
                    remaining.append(&mut components(target));
                }
                Node::File { .. } if !remaining.is_empty() => return None,
                Node::File { .. } | Node::Directory(_) => {}
            }
        }
        match self.inside(&here) {
            None => self.source.followed(&absolute_path(&here)),
            Some(inside) => match tree.get(&inside)? {
                Node::Directory(_) => Some(Kind::Directory),
                Node::File { .. } => Some(Kind::File),
                Node::Symlink(_) => None,
            },
        }
    }

    /// The path relative to the output, if it is in it.
    fn inside(&self, here: &[BString]) -> Option<BString> {
        let path = absolute_path(here);
        let rest = path.strip_prefix(self.out.as_slice())?;
        (rest.is_empty() || rest.starts_with(b"/")).then(|| BString::from(rest))
    }
}

/// The components of a path, the first one last.
fn components(path: &[u8]) -> Vec<BString> {
    path.split(|byte| *byte == b'/')
        .rev()
        .map(BString::from)
        .collect()
}

fn absolute_path(components: &[BString]) -> BString {
    let mut path = BString::default();
    for component in components {
        path.push(b'/');
        path.extend_from_slice(component);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Disk, Modes};
    use std::fs;
    use wasibuild_guest::bytes;

    #[test]
    fn follows_links_through_output_and_inputs() {
        let directory = tempfile::tempdir().unwrap();
        let store = directory.path().canonicalize().unwrap();
        fs::create_dir_all(store.join("pkg/lib")).unwrap();
        let out = store.join("out");
        let out = bytes::from_path(&out);
        let mut tree = Node::directory();
        let mut link = |name: &str, target: String| {
            tree.insert(name.as_bytes(), Node::Symlink(target.into()))
                .unwrap();
        };
        link("lib", format!("{}/pkg/lib", store.display()));
        link("sub/up", "../lib".to_owned());
        link("sub/outside", "../../pkg".to_owned());
        link("self", format!("{out}/sub"));
        link("dangling", "/nowhere/x".to_owned());
        link("loop", "loop".to_owned());
        let disk = Disk::new(Modes::Unknown);
        let overlay = Overlay::new(out, &disk);
        for (path, expected) in [
            ("lib", true),
            ("sub/up", true),
            ("sub/outside", true),
            ("sub/outside/lib", true),
            ("self/up", true),
            ("self/../lib", true),
            ("dangling", false),
            ("loop", false),
            ("absent", false),
            ("lib/absent", false),
        ] {
            let found = overlay.followed(&tree, path.as_bytes());
            assert_eq!(found.is_some(), expected, "{path}: {found:?}");
        }
    }
}
