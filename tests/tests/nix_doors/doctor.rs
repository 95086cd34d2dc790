//! `wasibuild doctor` and `wasibuild setup` with real versions of Nix, on machines that are made here: each a
//! root with files, most of them broken in one way.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Nix, World};

/// A root below which a machine lies.
struct Machine {
    world: World,
    root: PathBuf,
    /// Sockets that somebody listens on.
    _listeners: Vec<UnixListener>,
}

const CONF: &str = "etc/nix/nix.conf";
const SYSTEMS: &str = "wasm32-wasip1,wasm32-wasi - 4";

impl Machine {
    fn new() -> Machine {
        let world = World::new();
        let root = world.path("m");
        let machine = Machine {
            world,
            root,
            _listeners: Vec::new(),
        };
        machine.write(
            "etc/passwd",
            "root:x:0:0::/root:/bin/sh\nalice:x:1000:100::/home/alice:/bin/sh\n",
        );
        machine.write("etc/group", "root:x:0:\nusers:x:100:\nnixers:x:200:alice\n");
        machine.program("usr/bin/wasibuild");
        machine
    }

    fn place(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let place = self.place(path);
        fs::create_dir_all(place.parent().expect("a directory")).expect("made");
        fs::write(place, text).expect("written");
    }

    fn program(&self, path: &str) {
        self.write(path, "#!/bin/sh\n");
        self.mode(path, 0o755);
    }

    fn mode(&self, path: &str, mode: u32) {
        fs::set_permissions(self.place(path), fs::Permissions::from_mode(mode)).expect("a mode");
    }

    /// A socket with these permissions.
    fn socket(&mut self, path: &str, mode: u32) {
        let place = self.place(path);
        fs::create_dir_all(place.parent().expect("a directory")).expect("made");
        self._listeners
            .push(UnixListener::bind(&place).expect("a socket"));
        self.mode(path, mode);
    }

    /// A daemon that runs, and Nix told of it.
    fn with_daemon(&mut self) {
        self.socket("srv/w/nix/var/wasibuild/daemon.sock", 0o600);
        self.write(
            CONF,
            &format!(
                "builders = unix:///srv/w/nix/var/wasibuild/daemon.sock?root=/srv/w {SYSTEMS}\n"
            ),
        );
    }

    fn with_external(&self) {
        self.program("var/cache/wasibuild/text.cwasm");
        for directory in ["usr", "usr/bin", "var", "var/cache", "var/cache/wasibuild"] {
            self.mode(directory, 0o755);
        }
        self.write(
            CONF,
            "extra-experimental-features = external-builders\nexternal-builders = [{\"systems\":[\"wasm32-wasip1\",\"wasm32-wasi\"],\"program\":\"/usr/bin/wasibuild\",\"args\":[\"external-builder\",\"--precompiled\",\"/var/cache/wasibuild\"]}]\n",
        );
    }

    fn edit(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.place(path)).expect("a file");
        assert!(text.contains(from), "'{from}' is not in {text}");
        self.write(path, &text.replace(from, to));
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = self
            .world
            .command(arguments)
            .env_remove("WASIBUILD_STORE")
            .output()
            .expect("it starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (
            output.status.code().unwrap_or(-1),
            text(&output.stdout),
            text(&output.stderr),
        )
    }

    fn doctor(&self, nix: &Path, user: &str) -> (i32, Value) {
        let root = self.root.to_str().expect("text");
        let nix = nix.to_str().expect("text");
        let (code, out, err) = self.run(&[
            "doctor", "--json", "--root", root, "--nix", nix, "--user", user,
        ]);
        let json = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
        (code, json)
    }
}

/// The words of the findings that are this bad.
fn ids<'j>(json: &'j Value, level: &str) -> Vec<&'j str> {
    let all = json["findings"].as_array().expect("findings").iter();
    all.filter(|one| one["level"] == level)
        .map(|one| one["id"].as_str().expect("a word"))
        .collect()
}

fn versions(test: &str) -> (Nix, Nix) {
    let mut all = Nix::all(test).into_iter();
    let first = all.next().expect("Debian's Nix");
    let last = all.next_back().expect("a Nix with external builders");
    (first, last)
}

#[test]
fn machines_that_are_well_are_said_to_be() {
    let (old, new) = versions("machines_that_are_well_are_said_to_be");
    let mut daemon = Machine::new();
    daemon.with_daemon();
    for nix in [&old, &new] {
        let (code, json) = daemon.doctor(&nix.program("nix"), "root");
        assert_eq!(
            (code, &json["recommended"]),
            (0, &"daemon".into()),
            "{json:#}"
        );
        assert_eq!(json["doors"]["daemon"], "open");
        assert!(ids(&json, "problem").is_empty(), "{json:#}");
        let version = format!("Nix {}", nix.version);
        assert!(json["findings"].to_string().contains(&version), "{json:#}");
    }
    let external = Machine::new();
    external.with_external();
    let (code, json) = external.doctor(&new.program("nix"), "root");
    assert_eq!(
        (code, &json["recommended"]),
        (0, &"external-builder".into()),
        "{json:#}"
    );
    let hook = Machine::new();
    hook.write(CONF, "build-hook = /usr/bin/wasibuild hook\n");
    let (code, json) = hook.doctor(&new.program("nix"), "root");
    assert_eq!(
        (code, &json["doors"]["hook"]),
        (0, &"open".into()),
        "{json:#}"
    );
    // Nothing set up: the best that this version has is recommended.
    let bare = Machine::new();
    for (nix, door) in [(&old, "daemon"), (&new, "external-builder")] {
        let (code, json) = bare.doctor(&nix.program("nix"), "root");
        assert_eq!((code, &json["recommended"]), (1, &door.into()), "{json:#}");
        assert!(ids(&json, "problem").is_empty(), "{json:#}");
    }
}

/// What breaks a machine.
type Break = fn(&mut Machine);

/// Each: what is broken, whether with the newest Nix, who asks, how, and what must be found.
const BROKEN: &[(&str, bool, &str, Break, &str)] = &[
    (
        "root= is missing",
        false,
        "root",
        |m| {
            m.with_daemon();
            m.edit(CONF, "?root=/srv/w", "");
        },
        "no-root",
    ),
    (
        "root= leads through a link",
        false,
        "root",
        |m| {
            m.with_daemon();
            std::os::unix::fs::symlink("srv", m.place("link")).expect("a link");
            m.edit(CONF, "root=/srv/w", "root=/link/w");
        },
        "root-path",
    ),
    (
        "root= does not exist",
        false,
        "root",
        |m| {
            m.with_daemon();
            m.edit(CONF, "root=/srv/w", "root=/srv/v");
        },
        "root-missing",
    ),
    (
        "the daemon does not run",
        false,
        "root",
        |m| {
            m.with_daemon();
            fs::remove_file(m.place("srv/w/nix/var/wasibuild/daemon.sock")).expect("removed");
        },
        "socket-missing",
    ),
    (
        "a file in place of the socket",
        false,
        "root",
        |m| {
            m.with_daemon();
            fs::remove_file(m.place("srv/w/nix/var/wasibuild/daemon.sock")).expect("removed");
            m.write("srv/w/nix/var/wasibuild/daemon.sock", "");
        },
        "socket-path",
    ),
    (
        "the socket is another's, in a single-user installation",
        false,
        "alice",
        |m| {
            m.with_daemon();
            let builders = fs::read_to_string(m.place(CONF)).expect("text");
            m.write("home/alice/.config/nix/nix.conf", &builders);
        },
        "socket-mode",
    ),
    (
        "the systems are not named",
        false,
        "root",
        |m| {
            m.with_daemon();
            m.edit(CONF, "wasm32-wasip1,wasm32-wasi", "x86_64-linux");
        },
        "systems",
    ),
    (
        "no builds at once",
        false,
        "root",
        |m| {
            m.with_daemon();
            m.edit(CONF, "- 4", "- 0");
        },
        "jobs",
    ),
    (
        "the user is not trusted",
        false,
        "alice",
        |m| {
            m.with_daemon();
            m.socket("nix/var/nix/daemon-socket/socket", 0o666);
            let builders = fs::read_to_string(m.place(CONF)).expect("text");
            m.write("home/alice/.config/nix/nix.conf", &builders);
            m.write(CONF, "");
        },
        "not-trusted",
    ),
    (
        "the user is not allowed",
        false,
        "alice",
        |m| {
            m.with_daemon();
            m.socket("nix/var/nix/daemon-socket/socket", 0o666);
            let text = fs::read_to_string(m.place(CONF)).expect("text");
            m.write(CONF, &format!("{text}allowed-users = bob @wheel\n"));
        },
        "allowed-users",
    ),
    (
        "an empty hook",
        true,
        "root",
        |m| {
            m.with_daemon();
            let text = fs::read_to_string(m.place(CONF)).expect("text");
            m.write(CONF, &format!("{text}build-hook =\n"));
        },
        "empty-hook",
    ),
    (
        "Nix runs the modules itself",
        true,
        "root",
        |m| {
            m.with_daemon();
            let text = fs::read_to_string(m.place(CONF)).expect("text");
            m.write(
                CONF,
                &format!("{text}extra-platforms = i686-linux wasm32-wasi\n"),
            );
        },
        "platforms",
    ),
    (
        "a line that is no setting",
        false,
        "root",
        |m| {
            m.with_daemon();
            let text = fs::read_to_string(m.place(CONF)).expect("text");
            m.write(CONF, &format!("{text}this is nothing\n"));
        },
        "nix-conf",
    ),
    (
        "no external builders in this version",
        false,
        "root",
        |m| m.with_external(),
        "no-external",
    ),
    (
        "the feature is not enabled",
        true,
        "root",
        |m| {
            m.with_external();
            m.edit(CONF, "extra-experimental-features = external-builders", "");
        },
        "experimental",
    ),
    (
        "no JSON",
        true,
        "root",
        |m| {
            m.with_external();
            m.edit(CONF, "}]", "}");
        },
        "external-json",
    ),
    (
        "the program is gone",
        true,
        "root",
        |m| {
            m.with_external();
            m.edit(CONF, "/usr/bin/wasibuild", "/opt/wasibuild");
        },
        "external-program",
    ),
    (
        "build users cannot reach the program",
        true,
        "root",
        |m| {
            m.with_external();
            m.mode("usr/bin", 0o700);
        },
        "external-reach",
    ),
    (
        "no command",
        true,
        "root",
        |m| {
            m.with_external();
            m.edit(CONF, "\"external-builder\",", "");
        },
        "external-arguments",
    ),
    (
        "others may change what is compiled",
        true,
        "root",
        |m| {
            m.with_external();
            m.mode("var/cache/wasibuild", 0o777);
        },
        "precompiled-writable",
    ),
    (
        "the hook is called without its command",
        true,
        "root",
        |m| m.write(CONF, "build-hook = /usr/bin/wasibuild\n"),
        "hook-arguments",
    ),
    (
        "an old Nix gives its hook no arguments",
        false,
        "root",
        |m| m.write(CONF, "build-hook = /usr/bin/wasibuild hook\n"),
        "hook-arguments",
    ),
    (
        "the hook's program is gone",
        true,
        "root",
        |m| m.write(CONF, "build-hook = /opt/wasibuild-hook\n"),
        "hook-program",
    ),
];

#[test]
fn what_is_broken_is_found() {
    let (old, new) = versions("what_is_broken_is_found");
    for (what, newest, user, make, wanted) in BROKEN {
        let mut machine = Machine::new();
        make(&mut machine);
        let nix = if *newest { &new } else { &old };
        let (code, json) = machine.doctor(&nix.program("nix"), user);
        assert_eq!(code, 1, "{what}: {json:#}");
        assert_eq!(json["well"], false, "{what}");
        let found = ids(&json, "problem");
        assert_eq!(found, [*wanted], "{what}: {json:#}");
        let finding = json["findings"]
            .as_array()
            .expect("findings")
            .iter()
            .find(|one| one["id"] == *wanted);
        let finding = finding.expect("it was found");
        let changes = finding["changes"].as_array().map_or(0, Vec::len);
        assert!(
            changes > 0 || *wanted == "socket-path",
            "{what}: nothing to change: {finding:#}"
        );
    }
    // The version between ignores `build-hook`.
    let all = Nix::all("what_is_broken_is_found");
    if let [_, between, _] = all.as_slice() {
        let machine = Machine::new();
        machine.write(CONF, "build-hook = /usr/bin/wasibuild hook\n");
        let (code, json) = machine.doctor(&between.program("nix"), "root");
        assert_eq!(
            (code, ids(&json, "problem")),
            (1, vec!["hook-ignored"]),
            "{json:#}"
        );
        assert_eq!(json["recommended"], "daemon");
    }
    let machine = Machine::new();
    let (code, json) = machine.doctor(Path::new("/nonexistent/nix"), "root");
    assert_eq!(
        (code, ids(&json, "problem")),
        (1, vec!["no-nix"]),
        "{json:#}"
    );
}

#[test]
fn the_text_says_what_to_change_line_by_line() {
    let (old, _) = versions("the_text_says_what_to_change_line_by_line");
    let mut machine = Machine::new();
    machine.with_daemon();
    machine.edit(CONF, "?root=/srv/w", "");
    let root = machine.root.to_str().expect("text").to_owned();
    let nix = old.program("nix");
    let nix = nix.to_str().expect("text");
    let (code, out, _) = machine.run(&["doctor", "--root", &root, "--nix", nix, "--user", "root"]);
    assert_eq!(code, 1);
    for line in [
        "problem daemon: `builders`: 'unix:///srv/w/nix/var/wasibuild/daemon.sock' lacks root=, so that Nix looks for outputs in its own store and fails",
        "        - append ?root=ROOT to the URI, ROOT being the store of `wasibuild daemon` ",
        "door    daemon: broken",
        "door    external-builder: impossible",
        "result  use the door 'daemon'",
    ] {
        assert!(
            out.lines().any(|found| found.starts_with(line)),
            "no '{line}' in\n{out}"
        );
    }
}

#[test]
fn a_set_up_is_made_found_well_and_undone() {
    let (old, new) = versions("a_set_up_is_made_found_well_and_undone");
    for (nix, door) in [(&old, "daemon"), (&new, "external-builder")] {
        let mut machine = Machine::new();
        machine.write(CONF, "max-jobs = 3");
        let before = fs::read(machine.place(CONF)).expect("a file");
        let root = machine.root.to_str().expect("text").to_owned();
        let program = nix.program("nix");
        let program = program.to_str().expect("text").to_owned();
        let place = ["--root", &root, "--nix", &program, "--user", "root"];
        let with = |arguments: &[&'static str]| -> Vec<String> {
            arguments
                .iter()
                .chain(&place)
                .map(|word| (*word).to_owned())
                .collect()
        };
        let run = |machine: &Machine, words: Vec<String>| {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let (code, out, err) = machine.run(&words);
            assert_eq!(code, 0, "{out}{err}");
            out
        };
        // Printed only.
        let printed = run(&machine, with(&["setup", "--service", "systemd"]));
        assert!(
            printed.starts_with(&format!("the door '{door}'\n")),
            "{printed}"
        );
        assert_eq!(fs::read(machine.place(CONF)).expect("a file"), before);
        let applied = run(
            &machine,
            with(&["setup", "--service", "systemd", "--apply"]),
        );
        assert!(applied.ends_with("takes it back\n"), "{applied}");
        let again = run(
            &machine,
            with(&["setup", "--service", "systemd", "--apply"]),
        );
        assert!(again.ends_with("it is done already\n"), "{again}");
        // What the printed commands would do.
        if door == "daemon" {
            machine.socket(
                "var/lib/wasibuild/store/nix/var/wasibuild/daemon.sock",
                0o600,
            );
        } else {
            machine.write("var/cache/wasibuild/text.cwasm", "");
            // The program is this test's own; below this root there is none.
            let conf = fs::read_to_string(machine.place(CONF)).expect("text");
            let start = conf.find("\"program\":\"").expect("a program") + 11;
            let own = conf[start..].split('"').next().expect("a path");
            machine.program(own.trim_start_matches('/'));
        }
        let (code, json) = machine.doctor(&nix.program("nix"), "root");
        assert_eq!(
            (code, &json["doors"][door]),
            (0, &"open".into()),
            "{json:#}"
        );
        // This Nix reads what was written.
        let mut show = nix.command("nix", machine.world.directory.path());
        let output = show
            .env_remove("NIX_CONFIG")
            .env("NIX_CONF_DIR", machine.place("etc/nix"))
            .args(["--extra-experimental-features", "nix-command"])
            .args(match nix.number() < (2, 20) {
                true => &["show-config"][..],
                false => &["config", "show"],
            })
            .output()
            .expect("Nix starts");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let wanted = if door == "daemon" {
            "?root=/var/lib/wasibuild/store"
        } else {
            "/var/cache/wasibuild"
        };
        assert!(text.contains(wanted), "{text}");
        let undone = run(&machine, with(&["setup", "--undo"]));
        assert!(undone.starts_with("undone"), "{undone}");
        assert_eq!(fs::read(machine.place(CONF)).expect("a file"), before);
        assert!(!machine.place("etc/systemd").exists());
    }
}
