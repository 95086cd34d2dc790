//! The symlink-tree builder against GNU bash and coreutils: the trees, and what is printed on the
//! way, for written and generated packages.

mod joined;

use joined::{check_farm, check_join};
use proptest::prelude::*;
use serde_json::json;
use std::cell::RefCell;
use std::process::Command;
use wasibuild_tests::builder_reference::{
    Attributes, Case, Places, Tree, check, hosts, refuse, script,
};

/// Names that meet each other, and those that `buildEnv` treats specially.
const NAMES: [&str; 16] = [
    "bin",
    "lib",
    "share",
    "a",
    "b",
    "info",
    "dir",
    "log",
    "nix-support",
    "mime",
    "packages",
    "perllocal.pod",
    "propagated-build-inputs",
    "with blank",
    "two\nlines",
    "ümlaut",
];

fn link(target: &str) -> Tree {
    Tree::Symlink(target.as_bytes().to_vec())
}

fn executable(contents: &str) -> Tree {
    Tree::File {
        executable: true,
        contents: contents.as_bytes().to_vec(),
    }
}

/// A package: links lead to siblings, to nothing, or (`next:N:NAME`, see [`acyclic`]) into a later
/// package, so that no tree is endless.
fn package() -> impl Strategy<Value = Tree> {
    let names = || prop::sample::select(NAMES.as_slice());
    let targets = prop_oneof![
        names().prop_map(|name| name.replace('\n', " ")),
        Just("missing/below".to_owned()),
        (1..3, names())
            .prop_map(|(package, name)| { format!("next:{package}:{}", name.replace('\n', " ")) }),
    ];
    let leaf = prop_oneof![
        3 => (any::<bool>(), prop::sample::select(vec!["", "one", "two"])).prop_map(
            |(executable, contents)| Tree::File { executable, contents: contents.into() }
        ),
        2 => targets.prop_map(|target| link(&target)),
        1 => Just(Tree::Directory(Default::default())),
    ];
    let tree = leaf.prop_recursive(4, 24, 5, move |inner| directory(inner, 1..4));
    directory(tree, 0..6)
}

/// Replaces `next:N:NAME` in the package `index` by NAME in the Nth package after it.
fn acyclic(tree: Tree, index: usize) -> Tree {
    match tree {
        Tree::Symlink(target) => {
            let text = String::from_utf8_lossy(&target).into_owned();
            let Some((step, name)) = text
                .strip_prefix("next:")
                .and_then(|text| text.split_once(':'))
            else {
                return Tree::Symlink(target);
            };
            let package = index + step.parse::<usize>().expect("a number was written");
            link(&format!(
                "{}/{name}",
                Places::in_inputs(&format!("p{package}"))
            ))
        }
        Tree::Directory(entries) => Tree::Directory(
            (entries.into_iter())
                .map(|(name, tree)| (name, acyclic(tree, index)))
                .collect(),
        ),
        file => file,
    }
}

fn directory(
    entries: impl Strategy<Value = Tree>,
    count: std::ops::Range<usize>,
) -> impl Strategy<Value = Tree> {
    let name = prop::sample::select(NAMES.as_slice()).prop_map(|name| name.as_bytes().to_vec());
    prop::collection::btree_map(name, entries, count).prop_map(Tree::Directory)
}

/// One call of `buildEnv`; packages are named p0, p1, ….
#[derive(Clone, Debug)]
struct Environment {
    packages: Vec<Tree>,
    /// Package, a place below it, priority.
    chosen: Vec<(usize, &'static str, i32)>,
    paths_to_link: Vec<&'static str>,
    extra_prefix: &'static str,
    ignore_collisions: bool,
    check_contents: bool,
    ignore_single_files: bool,
    manifest: &'static str,
    include_closure: bool,
}

impl Environment {
    fn of(packages: impl IntoIterator<Item = Tree>) -> Self {
        let packages: Vec<_> = (packages.into_iter().enumerate())
            .map(|(index, tree)| acyclic(tree, index))
            .collect();
        Self {
            chosen: (0..packages.len()).map(|index| (index, "", 5)).collect(),
            packages,
            paths_to_link: vec!["/"],
            extra_prefix: "",
            ignore_collisions: false,
            check_contents: true,
            ignore_single_files: false,
            manifest: "",
            include_closure: false,
        }
    }

    fn inputs(&self) -> Vec<(String, Tree)> {
        (self.packages.iter().enumerate())
            .map(|(index, tree)| (format!("p{index}"), tree.clone()))
            .collect()
    }

    fn chosen_paths(&self, places: &Places) -> Vec<(String, i32)> {
        let path = |(package, below, priority): &(usize, &str, i32)| {
            let package = places.input(&format!("p{package}"));
            (format!("{package}{below}"), *priority)
        };
        self.chosen.iter().map(path).collect()
    }

    fn attributes(&self, places: &Places) -> Attributes {
        let chosen: Vec<_> = (self.chosen_paths(places).into_iter())
            .map(|(path, priority)| json!({"paths": [path], "priority": priority}))
            .collect();
        let mut attributes = json!({
            "name": "env",
            "chosenOutputs": chosen,
            "pathsToLink": self.paths_to_link,
            "extraPrefix": self.extra_prefix,
            "ignoreCollisions": self.ignore_collisions,
            "checkCollisionContents": self.check_contents,
            "ignoreSingleFileOutputs": self.ignore_single_files,
            "includeClosures": self.include_closure,
            "manifest": self.manifest,
        });
        if self.include_closure {
            // As Nix writes the graph, which is not sorted by path.
            let paths: Vec<_> = (0..self.packages.len())
                .rev()
                .map(|index| json!({"path": places.input(&format!("p{index}")), "references": []}))
                .collect();
            attributes["closure"] = json!(paths);
            attributes["exportReferencesGraph"] = json!({"closure": ["…"]});
        }
        Attributes::structured(attributes)
    }

    fn reference(&self, places: &Places) -> Command {
        let switch = |on: bool| if on { "1" } else { "" };
        let mut command = script("bash", "build-env.sh");
        command
            .arg(places.out())
            .env("paths_to_link", self.paths_to_link.join("\n"))
            .env("extra_prefix", self.extra_prefix)
            .env("manifest", self.manifest)
            .env("ignore_collisions", switch(self.ignore_collisions))
            .env("check_contents", switch(self.check_contents))
            .env("ignore_single_files", switch(self.ignore_single_files));
        for (path, priority) in self.chosen_paths(places) {
            command.arg(priority.to_string()).arg(path);
        }
        if self.include_closure {
            let paths: Vec<_> = (0..self.packages.len())
                .map(|index| places.input(&format!("p{index}")))
                .collect();
            let list = places.input("closure");
            std::fs::write(&list, paths.join("\n") + "\n").expect("the store is writable");
            command.env("extra_paths", list);
        }
        command
    }

    /// Compares the trees and the messages.
    fn check(&self) {
        let messages = RefCell::new(String::new());
        check(&Case {
            module: "symlink-tree-executable",
            inputs: self.inputs(),
            attributes: &|places| self.attributes(places),
            reference: &|places| {
                messages.replace(messages_of(self.reference(places), places));
                self.reference(places)
            },
        });
        let expected = messages.into_inner();
        for host in hosts() {
            let attributes = |places: &Places| self.attributes(places);
            let found = host.run("symlink-tree-executable", &self.inputs(), &attributes);
            let found = found
                .log
                .replace("symlink-tree: env: error: ", "pkgs.buildEnv error: ");
            assert_eq!(
                found,
                expected,
                "messages on the {} for {self:?}",
                host.name()
            );
        }
    }
}

/// What a reference prints, with the store's place renamed as in an outcome. Its output is removed.
fn messages_of(mut command: Command, places: &Places) -> String {
    let output = command.output().expect("bash starts");
    let _ = std::fs::remove_dir_all(places.out());
    let store = places.out();
    let store = store.rsplit_once('/').map_or("", |(store, _)| store);
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).replace(store, "/nix/store")
}

fn environments() -> impl Strategy<Value = Environment> {
    let packages = prop::collection::vec(
        prop_oneof![
            12 => package(),
            1 => Just(Tree::file("single")),
        ],
        1..5,
    );
    packages.prop_flat_map(|packages| {
        let one = (
            0..packages.len(),
            prop::sample::select(vec!["", "", "", "", "/share", "/"]),
            prop::sample::select(vec![5, 5, 5, 4, -10, 10]),
        );
        (
            Just(packages),
            prop::collection::vec(one, 1..5),
            prop::sample::select(vec![
                vec!["/"],
                vec!["/"],
                vec!["/bin"],
                vec!["/bin", "/share"],
                vec!["/share/a", "/share"],
                vec!["/a/b"],
                vec!["/share/mime", "/lib"],
                vec!["/", "/bin"],
                vec!["/lib", "/bin/"],
            ]),
            prop::sample::select(vec!["", "", "/share", "/a/b"]),
            prop::sample::select(vec!["", "", "/nix/manifest"]),
            any::<[bool; 4]>(),
        )
            .prop_map(
                |(packages, chosen, paths_to_link, extra_prefix, manifest, switches)| {
                    let [
                        ignore_collisions,
                        check_contents,
                        ignore_single_files,
                        include_closure,
                    ] = switches;
                    Environment {
                        chosen,
                        paths_to_link,
                        extra_prefix,
                        ignore_collisions,
                        check_contents,
                        ignore_single_files,
                        manifest,
                        include_closure,
                        ..Environment::of(packages)
                    }
                },
            )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_packages_merge_as_in_the_reference(environment in environments()) {
        environment.check();
    }

    #[test]
    fn any_packages_are_joined_as_in_the_reference(
        packages in prop::collection::vec(package(), 1..4),
        silent: bool,
        ignore_links: bool,
        fail_on_missing: bool,
        below in prop::sample::select(vec!["", "", "/share", "/"]),
    ) {
        check_join(&packages, below, silent, ignore_links, fail_on_missing);
    }

    #[test]
    fn any_farm_is_that_of_coreutils(
        entries in prop::collection::btree_map("[a-c]{1,2}(/[a-c]{1,2}){0,2}", "/[a-z]{1,4}", 0..6)
    ) {
        let entries: Vec<_> = entries.iter().map(|(name, path)| (name.as_str(), path.as_str())).collect();
        check_farm(&entries);
    }
}

#[test]
fn a_single_package_is_linked_whole() {
    let package = Tree::directory([
        ("bin", Tree::directory([("hello", executable("x"))])),
        ("README", Tree::file("text")),
        ("nix-support", Tree::directory([])),
    ]);
    Environment::of([package.clone()]).check();
    for paths_to_link in [vec!["/bin"], vec!["/share"], vec!["/bin/hello"]] {
        Environment {
            paths_to_link,
            ..Environment::of([package.clone()])
        }
        .check();
    }
}

#[test]
fn priorities_decide_and_equal_ones_collide() {
    let with = |contents| Tree::directory([("f", Tree::file(contents))]);
    let mut environment = Environment::of([with("one"), with("two")]);
    environment.check();
    environment.chosen = vec![(0, "", 5), (1, "", 4)];
    environment.check();
    environment.chosen = vec![(0, "", 4), (1, "", 5)];
    environment.check();
    environment.chosen = vec![(0, "", 5), (1, "", 5)];
    environment.ignore_collisions = true;
    environment.check();
    Environment::of([with("one"), with("one")]).check();
    Environment {
        check_contents: false,
        ..Environment::of([with("one"), with("one")])
    }
    .check();
    let marked = Tree::directory([("f", executable("one"))]);
    Environment::of([with("one"), marked]).check();
}

#[test]
fn a_file_and_a_directory_collide() {
    let file = Tree::directory([("a", Tree::file("x"))]);
    let directory = Tree::directory([("a", Tree::directory([("b", Tree::file("y"))]))]);
    let dangling = Tree::directory([("a", link("nothing"))]);
    for pair in [
        [file.clone(), directory.clone()],
        [directory.clone(), file.clone()],
        [dangling.clone(), file],
        [directory, dangling],
    ] {
        Environment::of(pair.clone()).check();
        Environment {
            ignore_collisions: true,
            ..Environment::of(pair)
        }
        .check();
    }
}

/// A package with a file of its own that propagates others.
fn propagating(own: &str, propagated: &str) -> Tree {
    let list = ("propagated-user-env-packages", Tree::file(propagated));
    Tree::directory([
        (own, Tree::file(own)),
        ("shared", Tree::file(own)),
        ("nix-support", Tree::directory([list])),
    ])
}

#[test]
fn propagated_packages_come_last_and_cycles_end() {
    let path = |index: usize| Places::in_inputs(&format!("p{index}"));
    let [p0, p1, p2] = [path(0), path(1), path(2)];
    let others = [
        [format!("{p1} {p2}\n"), p0.clone(), format!("{p1}\t{p2}")],
        [format!("{p2}  {p1}"), String::new(), format!("\n{p1}")],
        [
            format!("{p1} {p1}\n{p2}\n"),
            p2.clone(),
            format!("{p0} {p1}"),
        ],
        [
            format!("{p1} /nix/store/nothing"),
            String::new(),
            String::new(),
        ],
    ];
    for [first, second, third] in others {
        let packages = [
            propagating("a", &first),
            propagating("b", &second),
            propagating("c", &third),
        ];
        let mut environment = Environment::of(packages);
        environment.ignore_collisions = true;
        environment.check();
        environment.chosen.truncate(1);
        environment.check();
        environment.include_closure = true;
        environment.check();
        environment.ignore_collisions = false;
        environment.check();
    }
}

/// Links that lead to the same file do not collide, and the one that is the file is taken.
#[test]
fn two_ways_to_one_file_do_not_collide() {
    let one = Tree::directory([
        ("f", Tree::file("x")),
        ("d", Tree::directory([("g", Tree::file("y"))])),
    ]);
    let way = |name: &str| format!("{}/{name}", Places::in_inputs("p0"));
    let two = Tree::directory([("f", link(&way("f"))), ("d", link(&way("d")))]);
    let mut environment = Environment::of([one, two]);
    environment.check();
    environment.chosen.reverse();
    environment.check();
    let dangling = || Tree::directory([("f", link(&way("missing")))]);
    Environment::of([Tree::directory([]), dangling(), dangling()]).check();
}

#[test]
fn bad_attributes_are_refused_by_name() {
    let module = "symlink-tree";
    for (attributes, words) in [
        (json!({}), "chosenOutputs (buildEnv)"),
        (
            json!({"entries": {}, "paths": []}),
            "`paths` and `entries` contradict",
        ),
        (
            json!({"entries": {}, "colour": "red"}),
            "unknown attribute `colour`",
        ),
        (
            json!({"paths": ["relative"]}),
            "`relative` does not begin with a slash",
        ),
        (json!({"entries": {"../x": "/y"}}), "contains `..`"),
        (json!({"entries": {"a\n/b": "/y"}}), "newline"),
        (json!({"entries": ["x"]}), "`entries`: expected"),
        (
            json!({"chosenOutputs": [{"paths": ["/x"]}]}),
            "missing field `priority`",
        ),
        (
            json!({"chosenOutputs": [], "pathsToLink": ["/a/../.."]}),
            "contains `..`",
        ),
        (
            json!({"chosenOutputs": [], "extraPrefix": "share"}),
            "does not begin with a slash",
        ),
        (
            json!({"chosenOutputs": [], "pathsToLink": []}),
            "none of pathsToLink",
        ),
        (
            json!({"chosenOutputs": [], "includeClosures": true}),
            "exportReferencesGraph",
        ),
        (
            json!({"chosenOutputs": [], "includeClosures": true, "extraPathsFrom": "/x"}),
            "`includeClosures` and `extraPathsFrom` contradict",
        ),
    ] {
        refuse(
            module,
            &[],
            &|_| Attributes::structured(attributes.clone()),
            &[words],
        );
    }
}

/// Plain WASI does not show modes, so the portable module says so instead of guessing.
#[test]
fn the_portable_module_does_not_guess_modes() {
    let same = || Tree::directory([("f", Tree::file("same"))]);
    let inputs = [("p0".to_owned(), same()), ("p1".to_owned(), same())];
    let attributes = |places: &Places| {
        let paths = [places.input("p0"), places.input("p1")];
        Attributes::structured(json!({"chosenOutputs": [{"paths": paths, "priority": 5}]}))
    };
    refuse(
        "symlink-tree",
        &inputs,
        &attributes,
        &["`symlink-tree-executable` module"],
    );
}
