//! `symlinkJoin` and `linkFarm`.

use serde_json::json;
use std::cell::RefCell;
use wasibuild_tests::builder_reference::{Attributes, Case, Places, Tree, check, hosts, script};

use super::{acyclic, executable, link, messages_of};

/// `symlinkJoin` of packages, against the script of nixpkgs.
pub fn check_join(
    packages: &[Tree],
    below: &str,
    silent: bool,
    ignore_links: bool,
    fail_on_missing: bool,
) {
    let inputs: Vec<_> = (packages.iter().enumerate())
        .map(|(index, tree)| (format!("p{index}"), acyclic(tree.clone(), index)))
        .collect();
    let paths = |places: &Places| -> Vec<String> {
        (inputs
            .iter()
            .map(|(name, _)| format!("{}{below}", places.input(name))))
        .collect()
    };
    let attributes = |places: &Places| {
        Attributes::structured(json!({
            "name": "join",
            "paths": paths(places),
            "silent": silent,
            "ignoreLinks": ignore_links,
            "failOnMissing": fail_on_missing,
        }))
    };
    let reference = |places: &Places| {
        let mut options = Vec::new();
        options.extend(silent.then_some("-silent"));
        options.extend(ignore_links.then_some("-ignorelinks"));
        let mut command = script("bash", "symlink-join.sh");
        command.arg(places.out());
        command.arg(if fail_on_missing { "1" } else { "" });
        command.arg(options.join(" ")).args(paths(places));
        command
    };
    let messages = RefCell::new(String::new());
    check(&Case {
        module: "symlink-tree",
        inputs: inputs.clone(),
        attributes: &attributes,
        reference: &|places| {
            messages.replace(messages_of(reference(places), places));
            reference(places)
        },
    });
    for host in hosts() {
        let found = host.run("symlink-tree", &inputs, &attributes);
        let found = found.log.replace("symlink-tree: join: error: ", "");
        assert_eq!(found, *messages.borrow(), "messages on the {}", host.name());
    }
}

#[test]
fn lndir_leaves_out_backups_and_revisions_and_copies_links() {
    let package = Tree::directory([
        ("f~", Tree::file("backup")),
        ("CVS", Tree::directory([("Entries", Tree::file("x"))])),
        (".svn", Tree::file("a file may be called so")),
        ("to-lib", link("lib")),
        (
            "lib",
            Tree::directory([("l", link("../f~")), ("x", executable("y"))]),
        ),
    ]);
    let other = Tree::directory([
        ("to-lib", Tree::directory([("z", Tree::file("z"))])),
        ("lib", Tree::file("no directory")),
        ("new", link("/absolute")),
    ]);
    for ignore_links in [false, true] {
        check_join(std::slice::from_ref(&package), "", true, ignore_links, true);
        check_join(
            &[package.clone(), other.clone()],
            "",
            true,
            ignore_links,
            true,
        );
        check_join(
            &[other.clone(), package.clone()],
            "",
            false,
            ignore_links,
            true,
        );
    }
}

/// `linkFarm` of names and paths, likewise.
pub fn check_farm(entries: &[(&str, &str)]) {
    check(&Case {
        module: "symlink-tree",
        inputs: Vec::new(),
        attributes: &|_| {
            let entries: serde_json::Map<_, _> = (entries.iter())
                .map(|(name, path)| ((*name).to_owned(), json!(path)))
                .collect();
            Attributes::structured(json!({"name": "farm", "entries": entries}))
        },
        reference: &|places| {
            let mut sorted = entries.to_vec();
            sorted.sort_unstable();
            let mut command = script("bash", "link-farm.sh");
            command.arg(places.out());
            command.args(sorted.iter().flat_map(|(name, path)| [name, path]));
            command
        },
    });
}

#[test]
fn a_farm_has_a_link_for_each_name() {
    check_farm(&[]);
    check_farm(&[
        ("hello", "/nix/store/x"),
        ("with blank/ü\nx", "relative"),
        ("-dash", "/y"),
    ]);
    check_farm(&[("a", "/x"), ("a/b", "/y")]);
}
