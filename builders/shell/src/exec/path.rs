//! `PATH`, taken apart, and what is in its directories. Today's `setup.sh` asks two hundred times whether
//! a program has the name of a hook, and `PATH` has fifteen directories.
//!
//! Contract: a directory is listed only if nobody can change it while the shell runs
//! ([`sys::is_fixed`]), which is so for inputs of a build and for nothing else; a name that it does not
//! list is not in it. Every other question is asked anew, as bash asks it.

use std::rc::Rc;

use crate::state::value::PlainMap;
use crate::sys::{self, FileKind};

/// How often must be searched until listing is cheaper.
const WORTHWHILE: u32 = 12;

/// The names in a directory that stays as it is.
type Names = Rc<PlainMap<Vec<u8>, ()>>;

/// The directories of `PATH`.
#[derive(Debug, Default)]
pub struct SearchPath {
    /// The text that was taken apart.
    text: Vec<u8>,
    directories: Vec<(Vec<u8>, Option<Names>)>,
    /// Directories that were asked about; `None`: they may change.
    listed: PlainMap<Vec<u8>, Option<Names>>,
    /// How often was searched.
    searches: u32,
}

impl SearchPath {
    /// The directories of `text`, in order, without those that surely have nothing of that name.
    pub fn places<'a>(&'a mut self, text: &[u8], name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.searches = self.searches.saturating_add(1);
        let listing = self.searches >= WORTHWHILE;
        if self.text != text || self.searches == WORTHWHILE {
            self.text = text.to_vec();
            self.directories.clear();
            for directory in text.split(|c| *c == b':') {
                let directory = if directory.is_empty() {
                    b"."
                } else {
                    directory
                };
                let names = match self.listed.get(directory) {
                    Some(names) => names.clone(),
                    None if listing => {
                        let names = list(directory).map(Rc::new);
                        self.listed.insert(directory.to_vec(), names.clone());
                        names
                    }
                    None => None,
                };
                self.directories.push((directory.to_vec(), names));
            }
        }
        for (directory, names) in &self.directories {
            if names.is_some() {
                sys::asked(directory);
            }
        }
        let places = self.directories.iter();
        let possible = places.filter(|(_, names)| {
            let names = names.as_deref();
            names.is_none_or(|names| names.contains_key(name))
        });
        possible.map(|(directory, _)| directory.as_slice())
    }
}

/// The names in a directory right in a store path, if both stay as they are and neither is a link: then no
/// step of the way to it can come to lead elsewhere.
fn list(directory: &[u8]) -> Option<PlainMap<Vec<u8>, ()>> {
    let within = directory.strip_prefix(b"/nix/store/")?;
    let slash = within.iter().position(|c| *c == b'/')?;
    let (object, inner) = (within.get(..slash)?, within.get(slash + 1..)?);
    if inner.contains(&b'/')
        || [object, inner]
            .iter()
            .any(|it| it.is_empty() || it.starts_with(b"."))
    {
        return None;
    }
    let object = directory.get(..directory.len() - inner.len() - 1)?;
    let stays = |path: &[u8]| {
        let kind = sys::is_fixed(path).then(|| sys::stat(path, false));
        kind.is_some_and(|stat| stat.is_ok_and(|stat| stat.kind == FileKind::Directory))
    };
    if !stays(object) || !stays(directory) {
        return None;
    }
    let names = sys::read_dir(directory).ok()?;
    Some(names.into_iter().map(|(name, _)| (name, ())).collect())
}

#[cfg(test)]
mod tests {
    use super::SearchPath;

    #[test]
    fn directories_come_in_their_order_and_empty_ones_are_here() {
        let mut path = SearchPath::default();
        for _ in 0..20 {
            let found: Vec<&[u8]> = path.places(b"/a::b:/nix/store/x/bin:", b"n").collect();
            assert_eq!(found, [&b"/a"[..], b".", b"b", b"/nix/store/x/bin", b"."]);
        }
        let found: Vec<&[u8]> = path.places(b"/c", b"n").collect();
        assert_eq!(found, [&b"/c"[..]]);
    }
}
