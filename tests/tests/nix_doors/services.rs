//! What `wasibuild setup` writes for service managers, judged by their own programs: systemd's, and a reader of
//! property lists for launchd.
//!
//! Contract: the program has a name with everything in it that these formats treat in a special way. No systemd runs
//! here: `systemd-analyze` reads units without one, and `systemd-socket-activate` stands for it.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::support::{Nix, PROGRAM, World, failure, text, until};

/// A machine below a root, whose wasibuild has an odd name.
struct Machine {
    world: World,
    program: PathBuf,
}

impl Machine {
    fn new(quotes: bool) -> Machine {
        let world = World::new();
        // systemd can start no program with quotes in its name.
        let quotes = if quotes { "\"f\" 'g'" } else { "f" };
        let odd = world.path(&format!("a b%c & <d> $e {quotes}"));
        fs::create_dir(&odd).expect("a directory");
        let program = odd.join("wasibuild");
        if fs::hard_link(PROGRAM, &program).is_err() {
            fs::copy(PROGRAM, &program).expect("the program is copied");
        }
        let root = world.path("m");
        fs::create_dir_all(root.join("etc")).expect("made");
        fs::create_dir_all(root.join("nix/var/nix/db")).expect("made");
        fs::write(root.join("nix/var/nix/db/db.sqlite"), "").expect("written");
        let users = "root:x:0:0::/root:/bin/sh\nalice:x:1000:100::/home/alice:/bin/sh\n";
        fs::write(root.join("etc/passwd"), users).expect("written");
        Machine { world, program }
    }

    /// Makes the set-up of the daemon's door; the place of a file of it.
    fn set_up(&self, user: &str, service: &str, file: &str) -> PathBuf {
        text(self.setup(user, service));
        self.world.path("m").join(file)
    }

    fn setup(&self, user: &str, service: &str) -> Output {
        let nix = &Nix::all("services")[0];
        let root = self.world.path("m");
        let mut command = self
            .world
            .command(&["setup", "--door", "daemon", "--apply"]);
        let mut odd = Command::new(&self.program);
        odd.args(command.get_args()).arg("--root").arg(&root);
        odd.args(["--user", user, "--service", service, "--nix"]);
        odd.arg(nix.program("nix")).env_clear();
        command.env_remove("WASIBUILD_STORE");
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                odd.env(name, value);
            }
        }
        odd.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        odd.output().expect("it starts")
    }
}

/// The value of a line of a unit.
fn value(unit: &str, name: &str) -> String {
    let mut lines = unit.lines();
    let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    found
        .unwrap_or_else(|| panic!("no {name} in {unit}"))
        .to_owned()
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    for (user, directory, arguments) in [
        ("root", "etc/systemd/system", &["--system"][..]),
        ("alice", "home/alice/.config/systemd/user", &["--user"]),
    ] {
        let machine = Machine::new(false);
        let socket = machine.set_up(user, "systemd", &format!("{directory}/wasibuild.socket"));
        let service = socket.with_file_name("wasibuild.service");
        let verify = || {
            Command::new("systemd-analyze")
                .args(arguments)
                .args(["--man=no", "verify"])
                .args([&socket, &service])
                .env("XDG_RUNTIME_DIR", machine.world.directory.path())
                .output()
                .expect("systemd-analyze starts")
        };
        let output = verify();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.success() && said.is_empty(),
            "{user}:\n{said}"
        );
        // It does look: at names, and whether the program is there.
        let right = fs::read_to_string(&service).expect("a unit");
        for (from, to) in [("SuccessExitStatus", "SuccessExit"), ("%%c", "%%d")] {
            fs::write(&service, right.replace(from, to)).expect("written");
            let output = verify();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!said.is_empty(), "{user}: '{to}' is not complained about");
        }
    }
    let said = failure(Machine::new(true).setup("root", "systemd"));
    assert!(
        said.contains("systemd starts no program with quotes"),
        "{said}"
    );
}

#[test]
fn systemd_starts_it_for_a_client_and_it_ends_when_idle() {
    let nix = &Nix::all("systemd_starts_it_for_a_client_and_it_ends_when_idle")[0];
    let machine = Machine::new(false);
    let world = &machine.world;
    let unit = machine.set_up("root", "systemd", "etc/systemd/system/wasibuild.service");
    let unit = fs::read_to_string(unit).expect("a unit");
    // As systemd reads it, but for the places: those of the machine are not this test's.
    let start = value(&unit, "ExecStart");
    let (_, arguments) = start
        .rsplit_once("wasibuild\" ")
        .expect("a program in quotes");
    assert_eq!(
        arguments,
        "daemon --store /var/lib/wasibuild/store --host-store /"
    );
    let cache = value(&unit, "Environment");
    assert_eq!(cache, "XDG_CACHE_HOME=/var/cache/wasibuild-daemon");
    assert_eq!(value(&unit, "CacheDirectory"), "wasibuild-daemon");
    let socket = world.path("activated");
    let child = Command::new("systemd-socket-activate")
        .arg(format!("--listen={}", socket.display()))
        .arg(format!(
            "--setenv=XDG_CACHE_HOME={}",
            crate::run_support::cache().display()
        ))
        .arg(&machine.program)
        .args(["daemon", "--idle-timeout", "1", "--store"])
        .arg(world.root())
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("systemd-socket-activate starts");
    let program = || fs::read_link(format!("/proc/{}/exe", child.id())).expect("it runs");
    until("the socket", || socket.exists());
    assert!(
        program().ends_with("systemd-socket-activate"),
        "{:?}",
        program()
    );
    assert!(!world.root().exists(), "it was started without a client");
    // The first client is a real Nix with something to build.
    let (place, root) = (socket.display(), world.root());
    let builders = format!("unix://{place}?root={} wasm32-wasip1 - 1", root.display());
    let mut build = nix.build(
        world,
        r#"[ (mk "first" { script = "write $out x"; }) ]"#,
        &builders,
    );
    let built = text(build.output().expect("nix-build starts"));
    assert!(built.ends_with("-first"), "{built}");
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    // systemd's own lines come first; ours would follow.
    let ours: Vec<&str> = said
        .lines()
        .skip_while(|line| !line.starts_with("Execing "))
        .skip(1)
        .collect();
    assert_eq!(ours, Vec::<&str>::new(), "{said}");
    // Somebody else may listen there from now on, as systemd does.
    fs::remove_file(&socket).expect("the socket");
    drop(UnixListener::bind(&socket).expect("a socket"));
    world.verify();
}

#[test]
fn the_job_for_launchd_is_a_property_list() {
    for (user, file) in [
        ("root", "Library/LaunchDaemons/org.wasibuild.daemon.plist"),
        (
            "alice",
            "home/alice/Library/LaunchAgents/org.wasibuild.daemon.plist",
        ),
    ] {
        let machine = Machine::new(true);
        let job = machine.set_up(user, "launchd", file);
        // Python's reader knows the types of property lists, and takes no other elements.
        let script = "import json, plistlib, sys\n\
                      print(json.dumps(plistlib.load(open(sys.argv[1], 'rb'), fmt=plistlib.FMT_XML)))";
        let mut read = Command::new("python3");
        let read = text(
            read.args(["-c", script])
                .arg(&job)
                .output()
                .expect("python3 starts"),
        );
        let read: serde_json::Value = serde_json::from_str(&read).expect("JSON");
        let store = match user {
            "root" => "/private/var/lib/wasibuild/store",
            _ => "/home/alice/.local/share/wasibuild",
        };
        let mut wanted = serde_json::json!({
            "Label": "org.wasibuild.daemon",
            "ProgramArguments": [
                machine.program, "daemon", "--store", store, "--host-store", "/"
            ],
            "Sockets": { "Listener": {
                "SockPathName": format!("{store}/nix/var/wasibuild/daemon.sock"),
                "SockPathMode": 0o600,
            } },
        });
        if user == "root" {
            wanted["EnvironmentVariables"] = serde_json::json!({ "HOME": "/var/root" });
        }
        assert_eq!(read, wanted, "{user}");
    }
}
