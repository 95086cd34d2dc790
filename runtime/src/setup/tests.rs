//! Set-ups and their undoing, below roots that are made here.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::change::Target;
use super::*;
use crate::doctor::machine::{NixProgram, Person};
use crate::doctor::sources::Sources;
use crate::doctor::version::Version;
use crate::policy::Policy;

/// Everything below a root: mode, owner, and content or target.
type Tree = BTreeMap<PathBuf, (u32, u32, Vec<u8>)>;

fn tree(root: &Path) -> Tree {
    let mut found = Tree::new();
    let mut todo = vec![root.to_owned()];
    while let Some(directory) = todo.pop() {
        for entry in fs::read_dir(&directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            let data = path.symlink_metadata().expect("there");
            let content = match (data.is_dir(), data.is_symlink()) {
                (true, _) => Vec::new(),
                (_, true) => fs::read_link(&path)
                    .expect("a link")
                    .to_string_lossy()
                    .into_owned()
                    .into_bytes(),
                _ => fs::read(&path).expect("a file"),
            };
            if data.is_dir() {
                todo.push(path.clone());
            }
            found.insert(path, (data.mode(), data.uid(), content));
        }
    }
    found
}

/// A machine with this configuration of Nix.
fn machine(root: &Path, conf: Option<&[u8]>, version: &str, person: &str) -> Machine {
    if let Some(conf) = conf {
        fs::create_dir_all(root.join("etc/nix")).expect("made");
        fs::write(root.join("etc/nix/nix.conf"), conf).expect("written");
    }
    look(root, version, person)
}

fn look(root: &Path, version: &str, name: &str) -> Machine {
    let person = Person {
        name: name.to_owned(),
        root: name == "root",
        uid: None,
        groups: Vec::new(),
        home: Some(PathBuf::from("/home").join(name)),
    };
    let sources = Sources::of(&person, |_| None);
    let (conf, own) = sources.read(root, name == "root", false);
    Machine {
        sources,
        root: root.to_owned(),
        nix: NixProgram::Found(Version::parse(&format!("nix (Nix) {version}")).expect("a version")),
        conf,
        own,
        multi_user: name == "root",
        policy: Ok(Policy::default()),
        store: person
            .home
            .clone()
            .map(|home| home.join(".local/share/wasibuild")),
        program: PathBuf::from("/usr/bin/wasibuild"),
        vm: None,
        path: Vec::new(),
        person,
    }
}

fn target(root: &Path) -> Target {
    Target {
        root: root.to_owned(),
        record: PathBuf::from("/var/lib/wasibuild/setup.json"),
    }
}

const CASES: [(&str, Option<&[u8]>); 5] = [
    ("nothing", None),
    ("empty", Some(b"")),
    (
        "plain",
        Some(b"max-jobs = 4\nbuilders = ssh://mac aarch64-darwin\n"),
    ),
    (
        "without an end",
        Some(b"# \xff\xfe bytes\nexternal-builders = [{\"systems\":[\"x\"],\"program\":\"/x\"}]"),
    ),
    ("carriage returns", Some(b"a = b\r\n\r\n")),
];

const DOORS: [(Door, &str, Service); 5] = [
    (Door::Daemon, "2.8.0", Service::Systemd),
    (Door::Daemon, "2.34.8", Service::Launchd),
    (Door::ExternalBuilder, "2.34.8", Service::Systemd),
    (Door::Hook, "2.8.0", Service::None),
    (Door::Hook, "2.34.8", Service::Systemd),
];

use units::Service;

#[test]
fn undoing_restores_every_byte() {
    for (name, conf) in CASES {
        for (door, version, service) in DOORS {
            for person in ["root", "alice"] {
                let directory = tempfile::tempdir().expect("a directory");
                let root = directory.path();
                let machine = machine(root, conf, version, person);
                if conf.is_some() {
                    let file = root.join("etc/nix/nix.conf");
                    fs::set_permissions(file, fs::Permissions::from_mode(0o640)).expect("a mode");
                }
                let before = tree(root);
                let plan = plan(&machine, door, 4, service).expect("a plan");
                let target = target(root);
                let context = format!("{name} {door:?} {version} {person}");
                assert_eq!(target.apply(&plan).ok(), Some(true), "{context}");
                let after = tree(root);
                assert_ne!(before, after, "{context}");
                // Again, from what the machine is now: nothing changes.
                let again = look(root, version, person);
                let same = super::plan(&again, door, 4, service).expect("a plan");
                assert_eq!(same, plan, "{context}");
                assert_eq!(target.apply(&same).ok(), Some(false), "{context}");
                assert_eq!(tree(root), after, "{context}");
                assert_eq!(target.undo().ok(), Some(Vec::new()), "{context}");
                assert_eq!(tree(root), before, "{context}");
                assert_eq!(target.undo().ok(), Some(Vec::new()), "{context}");
            }
        }
    }
}

#[test]
fn another_door_takes_the_place_of_the_first() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    let first = machine(root, Some(b"a = b"), "2.34.8", "root");
    let before = tree(root);
    let target = target(root);
    let daemon = plan(&first, Door::Daemon, 4, Service::Systemd).expect("a plan");
    target.apply(&daemon).expect("applied");
    let second = look(root, "2.34.8", "root");
    let external = plan(&second, Door::ExternalBuilder, 4, Service::Systemd).expect("a plan");
    assert_eq!(target.apply(&external).ok(), Some(true));
    let text = fs::read_to_string(root.join("etc/nix/nix.conf")).expect("text");
    assert!(
        text.contains("external-builders = [") && !text.contains("builders = @"),
        "{text}"
    );
    assert!(!root.join("etc/systemd").exists());
    target.undo().expect("undone");
    assert_eq!(tree(root), before);
}

#[test]
fn what_others_set_stays_in_effect() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    let conf = b"builders = ssh://mac aarch64-darwin\nexternal-builders = [{\"systems\":[\"x\"],\"program\":\"/x\"}]\n";
    let machine = machine(root, Some(conf), "2.34.8", "root");
    let lines = |door| match plan(&machine, door, 4, Service::None)
        .expect("a plan")
        .changes
        .pop()
    {
        Some(Change::Lines { lines, .. }) => lines,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        lines(Door::Daemon),
        [
            "builders = ssh://mac aarch64-darwin ; unix:///var/lib/wasibuild/store/nix/var/wasibuild/daemon.sock?root=/var/lib/wasibuild/store wasm32-wasip1,wasm32-wasi - 4"
        ]
    );
    let external = lines(Door::ExternalBuilder).pop().expect("a line");
    let entries = external
        .strip_prefix("external-builders = ")
        .expect("the setting");
    let json: serde_json::Value = serde_json::from_str(entries).expect("JSON");
    assert_eq!(json.as_array().map(Vec::len), Some(2), "{external}");
    assert_eq!(json[0]["program"], "/x");
    assert_eq!(json[1]["args"][0], "external-builder");
}

#[test]
fn what_somebody_changed_since_is_not_touched() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    let machine = machine(root, Some(b"a = b\n"), "2.8.0", "root");
    let target = target(root);
    let plan = plan(&machine, Door::Daemon, 4, Service::Systemd).expect("a plan");
    target.apply(&plan).expect("applied");
    let unit = root.join("etc/systemd/system/wasibuild.service");
    fs::write(&unit, "mine now").expect("written");
    // Lines of others in the same file do not matter.
    let conf = root.join("etc/nix/nix.conf");
    let more = [fs::read(&conf).expect("read"), b"more = x\n".to_vec()].concat();
    fs::write(&conf, more).expect("written");
    let left = target.undo().expect("undone but for one");
    assert_eq!(
        left,
        [PathBuf::from("/etc/systemd/system/wasibuild.service")]
    );
    assert_eq!(fs::read(&conf).ok(), Some(b"a = b\nmore = x\n".to_vec()));
    assert_eq!(fs::read(&unit).ok(), Some(b"mine now".to_vec()));
    fs::remove_file(unit).expect("removed");
    assert_eq!(target.undo().ok(), Some(Vec::new()));
    assert!(!root.join("var/lib/wasibuild").exists());
}

#[test]
fn what_was_interrupted_can_be_undone() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    let machine = machine(root, Some(b"a = b"), "2.8.0", "root");
    let before = tree(root);
    let plan = plan(&machine, Door::Daemon, 4, Service::Systemd).expect("a plan");
    let target = target(root);
    target.apply(&plan).expect("applied");
    // As if it had ended after the first file: the last is as before.
    fs::write(root.join("etc/nix/nix.conf"), b"a = b").expect("written");
    fs::remove_file(root.join("etc/systemd/system/wasibuild.service")).expect("removed");
    assert_eq!(target.undo().ok(), Some(Vec::new()));
    let after: Vec<_> = tree(root).into_keys().collect();
    assert_eq!(after, before.into_keys().collect::<Vec<_>>());
}

#[test]
fn files_of_others_are_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    let refused = |machine: &Machine, door| {
        plan(machine, door, 4, Service::Systemd)
            .expect_err("refused")
            .to_string()
    };
    // NixOS makes a link into its store.
    fs::create_dir_all(root.join("etc/nix")).expect("made");
    std::os::unix::fs::symlink("/etc/static/nix.conf", root.join("etc/nix/nix.conf"))
        .expect("a link");
    let linked = look(root, "2.34.8", "root");
    assert!(refused(&linked, Door::Daemon).contains("it is a symbolic link"));
    fs::remove_file(root.join("etc/nix/nix.conf")).expect("removed");
    // A version without the door.
    let old = look(root, "2.26.3", "root");
    assert!(refused(&old, Door::ExternalBuilder).contains("has no external builders"));
    assert!(refused(&old, Door::Hook).contains("ignores `build-hook`"));
    // A unit that is there already.
    let unit = root.join("etc/systemd/system/wasibuild.socket");
    fs::create_dir_all(unit.parent().expect("a directory")).expect("made");
    fs::write(&unit, "theirs").expect("written");
    let machine = look(root, "2.8.0", "root");
    let plan = plan(&machine, Door::Daemon, 4, Service::Systemd).expect("a plan");
    let before = tree(root);
    let error = target(root).apply(&plan).expect_err("refused").to_string();
    assert!(error.contains("it is there already"), "{error}");
    assert_eq!(tree(root), before);
}

#[test]
fn determinate_nix_has_a_file_for_others() {
    let directory = tempfile::tempdir().expect("a directory");
    let conf = b"# Do not edit\n!include nix.custom.conf\n";
    let machine = machine(directory.path(), Some(conf), "2.34.8", "root");
    let plan = plan(&machine, Door::ExternalBuilder, 4, Service::Launchd).expect("a plan");
    let last = plan.changes.last().map(Change::path);
    assert_eq!(last, Some(Path::new("/etc/nix/nix.custom.conf")));
}
