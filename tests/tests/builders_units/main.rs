//! The unit-file builder: single units against their bytes in NixOS, and the directory of units
//! against GNU bash and coreutils, for written and generated systems.

mod single;

use proptest::prelude::*;
use serde_json::{Value, json};
use wasibuild_tests::builder_reference::{Attributes, Case, Places, Tree, check, refuse, script};

/// Units that packages ship, that the system defines, and that refer to each other. Sorted.
const NAMES: [&str; 7] = [
    "a.service",
    "b.service",
    "b.socket",
    "dev-x\\x2dy.swap",
    "multi-user.target",
    "t@.service",
    "t@one.service",
];

fn link(target: &str) -> Tree {
    Tree::Symlink(target.as_bytes().to_vec())
}

fn directory(entries: impl IntoIterator<Item = (String, Tree)>) -> Tree {
    let entries = entries.into_iter();
    Tree::Directory(
        entries
            .map(|(name, tree)| (name.into_bytes(), tree))
            .collect(),
    )
}

/// A tree below directories: `nested("a/b", tree)` is `a/b/…`.
fn nested(path: &str, tree: Tree) -> Tree {
    path.rsplit('/')
        .fold(tree, |tree, name| directory([(name.to_owned(), tree)]))
}

/// A unit of the system.
#[derive(Clone, Debug)]
struct Unit {
    name: String,
    masked: bool,
    strategy: Option<&'static str>,
    aliases: Vec<String>,
    wanted_by: Vec<String>,
    upheld_by: Vec<String>,
    required_by: Vec<String>,
}

impl Unit {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            masked: false,
            strategy: None,
            aliases: Vec::new(),
            wanted_by: Vec::new(),
            upheld_by: Vec::new(),
            required_by: Vec::new(),
        }
    }

    fn tree(&self) -> Tree {
        let file = if self.masked {
            link("/dev/null")
        } else {
            Tree::file(format!("[Unit]\nDescription={}\n", self.name))
        };
        directory([(self.name.clone(), file)])
    }
}

/// The arguments of `generateUnits`.
#[derive(Clone, Debug)]
struct System {
    kind: &'static str,
    /// What systemd ships for this kind.
    upstream: Tree,
    upstream_units: Vec<String>,
    upstream_wants: Vec<String>,
    packages: Vec<Tree>,
    /// Indices of packages, some twice.
    listed: Vec<usize>,
    /// Sorted by name.
    units: Vec<Unit>,
    allow_collisions: bool,
}

impl System {
    /// A system with what every system needs, and these units.
    fn of(units: impl IntoIterator<Item = Unit>) -> Self {
        let wants = directory([("remote.target".to_owned(), link("../nothing.target"))]);
        let upstream = directory([
            ("a.service".to_owned(), Tree::file("[Unit]\n")),
            ("multi-user.target".to_owned(), Tree::file("[Unit]\n")),
            ("multi-user.target.wants".to_owned(), wants),
        ]);
        Self {
            kind: "system",
            upstream,
            upstream_units: vec!["a.service".to_owned()],
            upstream_wants: vec!["multi-user.target.wants".to_owned()],
            packages: Vec::new(),
            listed: Vec::new(),
            units: units.into_iter().collect(),
            allow_collisions: true,
        }
    }

    fn folder(&self) -> &'static str {
        if self.kind == "initrd" {
            "system"
        } else {
            self.kind
        }
    }

    fn inputs(&self) -> Vec<(String, Tree)> {
        let upstream = nested(
            &format!("example/systemd/{}", self.folder()),
            self.upstream.clone(),
        );
        let packages = self.packages.iter().enumerate();
        let units = self.units.iter().enumerate();
        std::iter::once(("systemd".to_owned(), upstream))
            .chain(packages.map(|(index, tree)| (format!("p{index}"), tree.clone())))
            .chain(units.map(|(index, unit)| (format!("u{index}"), unit.tree())))
            .collect()
    }

    fn packages(&self, places: &Places) -> Vec<String> {
        let path = |index: &usize| places.input(&format!("p{index}"));
        self.listed.iter().map(path).collect()
    }

    fn attributes(&self, places: &Places) -> Attributes {
        let units: serde_json::Map<String, Value> = (self.units.iter().enumerate())
            .map(|(index, unit)| {
                let mut value = json!({
                    "unit": places.input(&format!("u{index}")),
                    "aliases": unit.aliases,
                    "wantedBy": unit.wanted_by,
                    "upheldBy": unit.upheld_by,
                    "requiredBy": unit.required_by,
                });
                if let Some(strategy) = unit.strategy {
                    value["overrideStrategy"] = json!(strategy);
                }
                (unit.name.clone(), value)
            })
            .collect();
        let mut attributes = json!({
            "name": "units",
            "type": self.kind,
            "units": units,
            "upstreamUnits": self.upstream_units,
            "upstreamWants": self.upstream_wants,
            "packages": self.packages(places),
            "package": places.input("systemd"),
            "allowCollisions": self.allow_collisions,
        });
        if self.kind == "system" {
            attributes["defaultUnit"] = json!("graphical.target");
            attributes["ctrlAltDelUnit"] = json!("reboot.target");
        }
        Attributes::structured(attributes)
    }

    fn reference(&self, places: &Places) -> std::process::Command {
        let table = |list: fn(&Unit) -> &Vec<String>| -> String {
            let lines = self.units.iter().flat_map(|unit| {
                let name = &unit.name;
                list(unit)
                    .iter()
                    .map(move |other| format!("{name} {other}\n"))
            });
            lines.collect()
        };
        let units: String = (self.units.iter().enumerate())
            .map(|(index, unit)| {
                let strategy = match unit.strategy {
                    Some("asDropin") => "always",
                    _ => "if-exists",
                };
                format!(
                    "{} {} {strategy}\n",
                    unit.name,
                    places.input(&format!("u{index}"))
                )
            })
            .collect();
        let mut command = script("bash", "units.sh");
        command
            .args([&places.out(), self.kind, &places.input("systemd")])
            .env("upstream_units", self.upstream_units.join(" "))
            .env("upstream_wants", self.upstream_wants.join(" "))
            .env("packages", self.packages(places).join(" "))
            .env("units", units)
            .env("aliases", table(|unit| &unit.aliases))
            .env("wanted_by", table(|unit| &unit.wanted_by))
            .env("upheld_by", table(|unit| &unit.upheld_by))
            .env("required_by", table(|unit| &unit.required_by))
            .env(
                "forbid_collisions",
                if self.allow_collisions { "" } else { "1" },
            )
            .env("default_unit", "graphical.target")
            .env("ctrl_alt_del_unit", "reboot.target");
        command
    }

    fn check(&self) {
        check(&Case {
            module: "unit-file",
            inputs: self.inputs(),
            attributes: &|places| self.attributes(places),
            reference: &|places| self.reference(places),
        });
    }
}

fn names(most: usize) -> impl Strategy<Value = Vec<String>> + Clone {
    prop::sample::subsequence(NAMES.as_slice(), 0..=most)
        .prop_map(|names| names.into_iter().map(str::to_owned).collect())
}

fn units() -> impl Strategy<Value = Vec<Unit>> {
    let unit = (
        prop::bool::weighted(0.2),
        prop::sample::select(vec![None, None, Some("asDropinIfExists"), Some("asDropin")]),
        prop::sample::subsequence(
            vec!["alias.service", "b.service", "multi-user.target"],
            0..=1,
        ),
        names(2),
        names(1),
        names(1),
    );
    names(5).prop_flat_map(move |names| {
        let count = names.len();
        (Just(names), prop::collection::vec(unit.clone(), count)).prop_map(|(names, units)| {
            names
                .into_iter()
                .zip(units)
                .map(
                    |(name, (masked, strategy, aliases, wanted_by, upheld_by, required_by))| Unit {
                        name,
                        masked,
                        strategy,
                        aliases: aliases.into_iter().map(str::to_owned).collect(),
                        wanted_by,
                        upheld_by,
                        required_by,
                    },
                )
                .collect::<Vec<_>>()
        })
    })
}

/// What a package ships below `lib/systemd/system`: units, links, drop-ins and `.wants`.
fn shipped() -> impl Strategy<Value = Tree> {
    let content = prop_oneof![
        4 => Just(Tree::file("[Unit]\n")),
        1 => prop::sample::select(vec!["a.service", "nothing", "../other/c.service", "/dev/null"])
            .prop_map(link),
    ];
    let drop_ins = prop::collection::btree_map(
        prop::sample::select(vec!["10-x.conf", "20-y.conf", "old~", ".hidden"]),
        content.clone(),
        1..3,
    );
    let drop_ins = drop_ins.prop_map(|files| {
        directory(
            files
                .into_iter()
                .map(|(name, tree)| (name.to_owned(), tree)),
        )
    });
    (
        names(2),
        prop::collection::vec(content, 7),
        prop::option::of((
            prop::sample::select(vec![".d", ".wants", ".requires"]),
            drop_ins,
        )),
    )
        .prop_map(|(names, contents, more)| {
            let more = more.map(|(suffix, tree)| (format!("b.service{suffix}"), tree));
            directory(names.into_iter().zip(contents).chain(more))
        })
}

/// Which of two packages comes first depends on their paths, which differ between runs; so no two
/// of them have the same drop-in. (builders/unit-file/tests checks the order.)
fn with_own_drop_ins(package: Tree, index: usize) -> Tree {
    let Tree::Directory(mut files) = package else {
        return package;
    };
    for tree in files.values_mut() {
        if let Tree::Directory(drop_ins) = tree {
            let own = |(name, tree): (Vec<u8>, Tree)| {
                (
                    [name, b"-".to_vec(), index.to_string().into_bytes()].concat(),
                    tree,
                )
            };
            *drop_ins = std::mem::take(drop_ins).into_iter().map(own).collect();
        }
    }
    Tree::Directory(files)
}

fn systems() -> impl Strategy<Value = System> {
    let package = (prop::sample::select(vec!["etc", "lib"]), shipped());
    (
        prop::sample::select(vec!["system", "user", "initrd"]),
        prop::collection::vec(package, 0..3),
        prop::collection::vec(0..3_usize, 0..4),
        shipped(),
        names(2),
        units(),
        prop::bool::weighted(0.8),
        prop::collection::btree_map(prop::sample::select(NAMES.as_slice()), names(1), 0..3),
    )
        .prop_map(
            |(kind, packages, listed, shipped, chosen, units, allow_collisions, wants)| {
                let mut system = System {
                    kind,
                    units,
                    allow_collisions,
                    ..System::of([])
                };
                let (Tree::Directory(mut files), Tree::Directory(more)) =
                    (system.upstream, shipped)
                else {
                    unreachable!("both are directories");
                };
                files.extend(more);
                if let Some(Tree::Directory(links)) =
                    files.get_mut(b"multi-user.target.wants".as_slice())
                {
                    links.extend(
                        wants
                            .keys()
                            .map(|name| ((*name).as_bytes().to_vec(), link(&format!("../{name}")))),
                    );
                }
                // Names that are not shipped would all fail in the same way; keep a few.
                let there =
                    |name: &String| files.contains_key(name.as_bytes()) || name == "t@.service";
                system
                    .upstream_units
                    .extend(chosen.into_iter().filter(there));
                system.upstream_units.dedup();
                system.upstream = Tree::Directory(files);
                let folder = if kind == "initrd" { "system" } else { kind };
                system.packages = (packages.into_iter().enumerate())
                    .map(|(index, (place, tree))| {
                        let tree = with_own_drop_ins(tree, index);
                        nested(&format!("{place}/systemd/{folder}"), tree)
                    })
                    .collect();
                let count = system.packages.len();
                system.listed = listed.into_iter().filter(|index| *index < count).collect();
                system
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn any_directory_of_units_is_that_of_the_reference(system in systems()) {
        system.check();
    }
}

#[test]
fn own_units_extend_replace_or_mask() {
    let mut drop_in = Unit::new("a.service");
    drop_in.wanted_by = vec!["multi-user.target".to_owned()];
    System::of([drop_in.clone()]).check();
    System {
        allow_collisions: false,
        ..System::of([drop_in.clone()])
    }
    .check();
    drop_in.masked = true;
    System::of([drop_in]).check();
    let mut always = Unit::new("t@one.service");
    always.strategy = Some("asDropin");
    always.aliases = vec!["other@one.service".to_owned()];
    always.upheld_by = vec!["x.target".to_owned()];
    always.required_by = vec!["x.target".to_owned(), "y.target".to_owned()];
    System::of([always]).check();
    System::of([Unit::new("new.service"), Unit::new("dev-x\\x2dy.swap")]).check();
}

#[test]
fn packages_give_units_and_drop_ins_but_no_wants() {
    let unit = |text: &str| Tree::file(text);
    let lib = directory([
        ("b.service".to_owned(), unit("b")),
        (
            "c.service.d".to_owned(),
            directory([
                ("x.conf".to_owned(), unit("lib")),
                ("y.conf".to_owned(), link("x.conf")),
            ]),
        ),
        (
            "b.target.wants".to_owned(),
            directory([("z.service".to_owned(), link("../z.service"))]),
        ),
        (".hidden".to_owned(), unit("")),
    ]);
    let etc = directory([
        (
            "c.service.d".to_owned(),
            directory([("x.conf".to_owned(), unit("etc"))]),
        ),
        ("link.service".to_owned(), link("nothing")),
    ]);
    let first = directory([
        ("etc".to_owned(), nested("systemd/system", etc)),
        ("lib".to_owned(), nested("systemd/system", lib)),
    ]);
    let more = directory([("z.conf".to_owned(), unit("second"))]);
    let second = nested("etc/systemd/system/c.service.d", more);
    let mut system = System::of([Unit::new("b.service"), Unit::new("link.service")]);
    system.packages = vec![first, second];
    for listed in [vec![0, 1], vec![1, 0], vec![0, 0, 1], vec![1]] {
        System {
            listed,
            ..system.clone()
        }
        .check();
    }
}

#[test]
fn units_of_systemd_are_linked_copied_or_missing() {
    let mut system = System::of([]);
    let upstream = |link_to: &str| {
        let Tree::Directory(mut files) = System::of([]).upstream else {
            unreachable!("it is a directory")
        };
        files.insert(b"x.service".to_vec(), link(link_to));
        Tree::Directory(files)
    };
    system.upstream_units.push("x.service".to_owned());
    system.check();
    for target in [
        "a.service",
        "../system/a.service",
        "../system/multi-user.target",
        "nothing",
    ] {
        System {
            upstream: upstream(target),
            ..system.clone()
        }
        .check();
    }
    system.upstream_units = vec!["a.service".to_owned(), "a.service".to_owned()];
    system.check();
    System {
        upstream_wants: Vec::new(),
        ..System::of([])
    }
    .check();
}

#[test]
fn bad_attributes_are_refused_by_name() {
    let system = |more: Value| {
        let mut attributes = json!({
            "units": {}, "defaultUnit": "a.target", "ctrlAltDelUnit": "b.target",
        });
        if let (Some(attributes), Value::Object(more)) = (attributes.as_object_mut(), more) {
            attributes.extend(more);
        }
        attributes
    };
    let unit = |more: Value| json!({"unit": "/nix/store/u", "aliases": [], "wantedBy": more});
    for (attributes, words) in [
        (json!({}), "unitName (one unit)"),
        (
            json!({"unitName": "x.service"}),
            "`text`, `sections`, `definition`",
        ),
        (
            json!({"unitName": "x.service", "text": "", "sections": {}}),
            "contradict",
        ),
        (
            json!({"unitName": "x.service", "text": "", "units": {}}),
            "contradict",
        ),
        (
            json!({"unitName": "x.service", "text": "", "texts": ""}),
            "unknown attribute `texts`",
        ),
        (json!({"unitName": "../x.service", "text": ""}), "`..`"),
        (json!({"unitName": "x\ny.service", "text": ""}), "blank"),
        (
            json!({"unitName": "x.service", "sections": {"A\n[B": {}}}),
            "`sections.A\n[B`",
        ),
        (
            json!({"unitName": "x.service", "sections": {"A": {"b": {"c": 1}}}}),
            "`sections.A.b`",
        ),
        (json!({"unitName": "x.swap", "definition": {}}), "no kind"),
        (
            json!({"unitName": "x.timer", "definition": {"timer": {}}}),
            "`definition.timer`",
        ),
        (system(json!({"type": "session"})), "not one of system"),
        (
            system(json!({"type": "user"})),
            "`defaultUnit` and `type` contradict",
        ),
        (
            system(json!({"upstreamUnits": ["a.service"]})),
            "`package` is missing",
        ),
        (system(json!({"packages": ["/nix/store/a b"]})), "blanks"),
        (
            system(json!({"units": {"a b.service": unit(json!([]))}})),
            "blank",
        ),
        (
            system(json!({"units": {"a.service": unit(json!(["../x.target"]))}})),
            "`..`",
        ),
        (
            system(json!({"units": {"a.service": {"unit": "/u", "wants": []}}})),
            "unknown field `wants`",
        ),
        (
            system(json!({"units": {"a.service": {"unit": "/u", "overrideStrategy": "never"}}})),
            "unknown variant `never`",
        ),
        (
            system(json!({"units": {"a.service": unit(json!([]))}})),
            "holds 0 files",
        ),
        (
            system(json!({})),
            "`multi-user.target.wants' does not exist",
        ),
    ] {
        refuse(
            "unit-file",
            &[],
            &|_| Attributes::structured(attributes.clone()),
            &[words],
        );
    }
}
