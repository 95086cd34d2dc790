//! The etc-tree builder against GNU bash and coreutils.

use proptest::prelude::*;
use serde_json::json;
use wasibuild_tests::builder_reference::{Attributes, Case, Places, Tree, check, refuse, script};

/// One entry: source (below the input `files` when it begins with `@`), target, mode, user, group.
type Entry = (String, String, String, String, String);

fn entry(source: &str, target: &str, mode: &str) -> Entry {
    let [source, target, mode] = [source, target, mode].map(str::to_owned);
    (source, target, mode, "root".to_owned(), "+7".to_owned())
}

fn files() -> Vec<(String, Tree)> {
    let tree = Tree::directory([
        ("hosts", Tree::file("127.0.0.1 localhost\n")),
        ("a.conf", Tree::file("a")),
        ("b.conf", Tree::file("b")),
        (".hidden.conf", Tree::file("h")),
        ("[x]", Tree::file("brackets")),
        (
            "dir",
            Tree::directory([
                ("a.conf", Tree::file("other a")),
                ("c.conf", Tree::file("c")),
                ("dangling", Tree::Symlink(b"nowhere".to_vec())),
            ]),
        ),
        ("dir2", Tree::directory([("d.conf", Tree::file("d"))])),
    ]);
    vec![("files".to_owned(), tree)]
}

fn source(places: &Places, source: &str) -> String {
    source.replace('@', &format!("{}/", places.input("files")))
}

fn check_entries(entries: &[Entry]) {
    check(&Case {
        module: "etc-tree",
        inputs: files(),
        attributes: &|places| {
            let entries: Vec<_> = entries
                .iter()
                .map(|(from, target, mode, user, group)| {
                    json!({
                        "source": source(places, from), "target": target,
                        "mode": mode, "user": user, "group": group,
                    })
                })
                .collect();
            Attributes::structured(json!({ "name": "etc", "entries": entries }))
        },
        reference: &|places| {
            let mut command = script("bash", "etc-tree.sh");
            command.arg(places.out());
            for (from, target, mode, user, group) in entries {
                command.args([&source(places, from), target, mode, user, group]);
            }
            command
        },
    });
}

#[test]
fn links_in_directories() {
    check_entries(&[]);
    check_entries(&[
        entry("@hosts", "hosts", "symlink"),
        entry("@dir", "ssh", "symlink"),
        entry("@a.conf", "x/y/z.conf", "symlink"),
        entry("/run/made later", "x/runtime", "symlink"),
        entry("relative", "r", "symlink"),
        entry("@hosts", "/x//h", "symlink"),
    ]);
}

#[test]
fn modes_and_owners_stand_beside() {
    check_entries(&[
        entry("@hosts", "shadow", "0640"),
        entry("@hosts", "sub/direct", "direct-symlink"),
        entry("@hosts", "sub/other", "600"),
    ]);
}

#[test]
fn duplicates_agree_or_are_refused() {
    for second in [
        entry("@hosts", "hosts", "symlink"),
        entry("@hosts", "hosts", "0600"),
        entry("@a.conf", "hosts", "symlink"),
        entry("@a.conf", "hosts/below", "symlink"),
        entry("@a.conf", "hosts.mode", "symlink"),
    ] {
        check_entries(&[entry("@hosts", "hosts", "symlink"), second.clone()]);
        check_entries(&[entry("@hosts", "hosts", "0440"), second]);
    }
    // An earlier directory, and a source that does not exist during the build.
    check_entries(&[
        entry("@hosts", "d/hosts", "symlink"),
        entry("@dir", "d", "symlink"),
    ]);
    check_entries(&[
        entry("/run/later", "x", "symlink"),
        entry("/run/later", "x", "symlink"),
    ]);
}

#[test]
fn patterns_fill_directories() {
    for pattern in [
        "@*.conf",
        "@dir/*",
        "@*/*.conf",
        "@*/a*",
        "@.*conf",
        "@dir*/[b-d].conf*",
        "@[!a]*.conf",
        "@no-such-*",
        "@no-such-dir*/x",
        "@*.conf @dir/c*",
        "@*.conf @dir/a*",
        "@\\[x]*",
        "@[[]*",
        "@*]",
        "@hosts*",
        "@dir/dang*",
    ] {
        if pattern.contains('\\') {
            continue;
        }
        check_entries(&[entry(pattern, "conf.d", "symlink")]);
        check_entries(&[
            entry("@b.conf", "conf.d/b.conf", "symlink"),
            entry(pattern, "conf.d", "0600"),
        ]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_entries(
        entries in prop::collection::vec(
            (
                prop::sample::select(vec!["@hosts", "@a.conf", "@dir", "@*.conf", "@dir/*", "/run/x"]),
                prop::collection::vec(prop::sample::select(vec!["a", "b", "a.mode", "a.conf"]), 1..3),
                prop::sample::select(vec!["symlink", "symlink", "0444"]),
            )
                .prop_map(|(source, target, mode)| entry(source, &target.join("/"), mode)),
            0..5,
        ),
    ) {
        // The script would follow a link out of the output; see the test below.
        prop_assume!(!goes_through_a_link(&entries));
        check_entries(&entries);
    }
}

/// Whether an entry is below a link to a directory, or says its mode in a file that is a link.
fn goes_through_a_link(entries: &[Entry]) -> bool {
    entries.iter().any(|(source, link, ..)| {
        entries.iter().any(|(other, target, mode, ..)| {
            let below = target.starts_with(&format!("{link}/"));
            let filled = target == link && other.contains('*');
            let marked = mode != "symlink" && *link == format!("{target}.mode");
            (source == "@dir" && (below || filled)) || marked
        })
    })
}

#[test]
fn nothing_is_placed_through_a_link() {
    let refuse_entries = |entries: serde_json::Value, messages: &[&str]| {
        let attributes = |places: &Places| {
            let text = entries.to_string();
            let text = text.replace("DIR", &format!("{}/dir", places.input("files")));
            let entries: serde_json::Value = serde_json::from_str(&text).expect("still JSON");
            Attributes::structured(json!({ "name": "etc", "entries": entries }))
        };
        refuse("etc-tree", &files(), &attributes, messages);
    };
    refuse_entries(
        json!([{ "source": "DIR", "target": "d" }, { "source": "/x", "target": "d/new" }]),
        &["etc/d/new cannot be placed", "etc/d is a symlink"],
    );
    refuse_entries(
        json!([{ "source": "DIR", "target": "d" }, { "source": "DIR/*", "target": "d" }]),
        &["etc/d must be a directory", "a symlink to"],
    );
    refuse_entries(
        json!([
            { "source": "DIR/a.conf", "target": "a.mode" },
            { "source": "DIR/a.conf", "target": "a", "mode": "0600" },
        ]),
        &["etc/a.mode says how to copy etc/a", "declared too"],
    );
}

#[test]
fn bad_entries_are_refused() {
    let bad = |entries: serde_json::Value, messages: &[&str]| {
        let attributes =
            |_: &Places| Attributes::structured(json!({ "name": "etc", "entries": entries }));
        refuse("etc-tree", &[], &attributes, messages);
    };
    bad(json!(null), &["`entries` is missing"]);
    bad(json!("x"), &["`entries`: expected a list of sets"]);
    bad(
        json!([{ "source": "/x" }]),
        &["`entries`", "missing field `target`"],
    );
    bad(
        json!([{ "source": "/x", "target": "y", "modes": "0600" }]),
        &["unknown field `modes`"],
    );
    for target in ["../passwd", "a/../../b", "./x"] {
        bad(
            json!([{ "source": "/x", "target": target }]),
            &["`entries[0].target`", target, "contains `."],
        );
    }
    bad(json!([{ "source": "/x", "target": "" }]), &["empty path"]);
    bad(
        json!([{ "source": "/x", "target": "y/" }]),
        &["ends in `/`"],
    );
    bad(
        json!([{ "source": "", "target": "y" }]),
        &["`entries[0].source`: is empty"],
    );
    for mode in ["0999", "rw", "", "06000", "-600"] {
        bad(
            json!([{ "source": "/x", "target": "y", "mode": mode }]),
            &["`entries[0].mode`", "4 octal digits"],
        );
    }
    for user in ["", "a:b", "two\nlines", "+", "+x"] {
        bad(
            json!([{ "source": "/x", "target": "y", "mode": "0600", "user": user }]),
            &["`entries[0].user`", "neither a name"],
        );
    }
    bad(
        json!([{ "source": "/x", "target": "y" }, { "source": "/z", "target": "y" }]),
        &["etc/y is declared twice", "/x", "/z", "remove one"],
    );
    bad(
        json!([{ "source": "/x/\\*", "target": "y" }]),
        &["pattern", "not supported"],
    );
}
