//! `linkFarm`: a directory of links, each at a name of its own.
//!
//! Counterpart: nixpkgs' `linkFarm`, which runs `mkdir -p` and `ln -s` for each name in the order of
//! names. What GNU's tools would refuse, or would do in a surprising place, is refused here.

use bstr::{BStr, BString};
use std::collections::BTreeMap;
use wasibuild_guest::output::relative_parts;
use wasibuild_guest::{Error, Node, Result};

/// Plans the output from names and the targets of their links.
pub fn plan(entries: &BTreeMap<String, String>) -> Result<Node> {
    let mut tree = Node::directory();
    for (name, target) in entries {
        let attribute = format!("entries.{name:?}");
        let parts = relative_parts(&attribute, name.as_bytes())?;
        if name.ends_with('/') {
            return Err(Error::value(
                attribute,
                "ends with a slash; name the link itself",
            ));
        }
        let directory = parts
            .split_last()
            .map_or(Default::default(), |(_, parents)| parents);
        if directory.iter().any(|part| part.ends_with(b"\n")) {
            return Err(Error::value(
                attribute,
                "a directory's name ends with a newline, which the shell of nixpkgs would drop",
            ));
        }
        if target.is_empty() || target.contains('\0') {
            return Err(Error::value(
                attribute,
                format!("{target:?} cannot be the target of a symlink"),
            ));
        }
        let node = Node::Symlink(BString::from(target.as_str()));
        tree.insert(name.as_bytes(), node).map_err(|obstacle| {
            let obstacle = BStr::new(&obstacle);
            let problem = if tree_path(&parts) == *obstacle {
                format!("`{obstacle}` is already there; remove one of the two")
            } else {
                format!("`{obstacle}` is itself a link; a link cannot be made in it")
            };
            Error::value(attribute, problem)
        })?;
    }
    Ok(tree)
}

fn tree_path(parts: &[&[u8]]) -> BString {
    BString::from(bstr::join("/", parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn farm(entries: &[(&str, &str)]) -> Result<Node> {
        let entry = |(name, target): &(&str, &str)| ((*name).to_owned(), (*target).to_owned());
        plan(&entries.iter().map(entry).collect())
    }

    #[test]
    fn makes_directories_on_the_way() {
        let tree = farm(&[("a/b", "/x"), ("c", "/y"), ("./d", "/z")]);
        assert!(tree.is_err(), "`.` is refused");
        let tree = farm(&[("a/b", "/x"), ("c", "/y")]).unwrap();
        assert_eq!(tree.get(b"a/b"), Some(&Node::Symlink("/x".into())));
    }

    #[test]
    fn what_cannot_be_made_is_refused_by_name() {
        for (entries, words) in [
            (vec![("a", "/x"), ("a/b", "/y")], "`a` is itself a link"),
            (vec![("a/b", "/x"), ("a//b", "/y")], "already there"),
            (vec![("../a", "/x")], "contains `..`"),
            (vec![("/a", "/x")], "absolute"),
            (vec![("a/", "/x")], "ends with a slash"),
            (vec![("", "/x")], "empty path"),
            (vec![("a\n/b", "/x")], "newline"),
            (vec![("a", "")], "cannot be the target"),
        ] {
            let message = farm(&entries).unwrap_err().to_string();
            assert!(message.contains(words), "{entries:?}: {message}");
        }
    }
}
