//! A `nix-daemon` with build users and its sandbox, whom an ordinary user asks.
//!
//! Contract: the users are made in a mount namespace, so that the machine's stay as they are. Root configures
//! the door; the user who asks may do nothing of that.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::cases::{KINDS, running};
use crate::doors::{Door, Way};
use crate::support::{text, until};

/// The ordinary user.
const VISITOR: u32 = 47_110;
/// The first of the build users, and their group.
const BUILDER: u32 = 47_200;

/// The `nix-daemon`.
struct Service {
    child: Child,
    socket: PathBuf,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn multi_user(way: &Way<'_>) {
    let directory = way.world.directory.path();
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).expect("a directory");
    let service = start(way);
    let ask = |program: &str| {
        let mut command = way.nix.command(program, directory);
        let home = way.world.path("visitor");
        if !home.exists() {
            fs::create_dir(&home).expect("a directory");
            std::os::unix::fs::chown(&home, Some(VISITOR), Some(VISITOR)).expect("root");
        }
        let store = format!(
            "unix://{}?root={}",
            service.socket.display(),
            way.store.display()
        );
        let mut other = Command::new("setpriv");
        let user = VISITOR.to_string();
        other.args(["--reuid", &user, "--regid", &user, "--clear-groups"]);
        other.arg(command.get_program());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => other.env(name, value),
                None => other.env_remove(name),
            };
        }
        command = other;
        command.args(["--store", &store]);
        command
            .env("HOME", &home)
            .env("XDG_CACHE_HOME", home.join("cache"))
            .env("TMPDIR", &home)
            .env("NIX_CONFIG", "experimental-features = nix-command\n")
            .current_dir(&home);
        command
    };
    let mut build = ask("nix-build");
    build.arg("--no-out-link").arg(way.world.expression(KINDS));
    let built = text(build.output().expect("nix-build starts"));
    assert_eq!(built.lines().count(), 3, "{}:\n{built}", way.shown());
    for path in built.lines() {
        let real = way.store.join(path.trim_start_matches('/'));
        let owner = fs::symlink_metadata(&real).expect("an output").uid();
        assert_eq!(owner, 0, "{}: {path}", way.shown());
    }
    // One that goes on, to see as whom it runs, and that the user can end it.
    let body = r#"[ (mk "endless" { script = "print begun\nspin"; }) ]"#;
    let mut build = ask("nix-build");
    build
        .arg("--no-out-link")
        .arg(way.world.expression(body))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = build.spawn().expect("nix-build starts");
    let place = directory.to_str().expect("text");
    let word = match way.door {
        Door::Daemon | Door::Ssh => "daemon",
        Door::External => "external-builder",
        Door::Hook => "hook",
    };
    until("the build", || {
        running(word, place).iter().any(|one| one.busy)
    });
    let expected = match way.door {
        // Nix' build user; everything else is the daemon's own.
        Door::External => BUILDER..BUILDER + 2,
        _ => 0..1,
    };
    for one in running(word, place) {
        assert!(expected.contains(&one.user), "{}: {one:?}", way.shown());
    }
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    until("the build's end", || {
        running(word, place).iter().all(|one| !one.busy)
    });
    drop(service);
    way.verify();
}

fn start(way: &Way<'_>) -> Service {
    let world = way.world;
    let socket = world.path("nix-socket");
    let store = way.store.display();
    let mut settings = format!(
        "store = {store}\nbuild-users-group = builders\nsandbox = true\nsandbox-fallback = false\nsubstituters =\n\
         trusted-users = root\nexperimental-features = nix-command\n"
    );
    if way.nix.number() >= (2, 30) {
        // It wants no directory above that everybody may write to; there is one in the namespace.
        settings.push_str("build-dir = /mnt\n");
    }
    for (name, value) in way.settings(2) {
        settings.push_str(&format!("{name} = {value}\n"));
    }
    let configuration = world.path("configuration");
    fs::create_dir(&configuration).expect("a directory");
    fs::write(configuration.join("nix.conf"), settings).expect("a file");
    let mut users = fs::read_to_string("/etc/passwd").expect("users");
    let mut groups = fs::read_to_string("/etc/group").expect("groups");
    users.push_str(&format!(
        "visitor:x:{VISITOR}:{VISITOR}::/:/usr/sbin/nologin\n"
    ));
    groups.push_str(&format!("visitor:x:{VISITOR}:\n"));
    groups.push_str(&format!("builders:x:{BUILDER}:builder-0,builder-1\n"));
    for number in 0..2 {
        let user = BUILDER + number;
        users.push_str(&format!(
            "builder-{number}:x:{user}:{BUILDER}::/:/usr/sbin/nologin\n"
        ));
    }
    let (users, groups) = (world.write("passwd", users), world.write("group", groups));
    let daemon = way.nix.command("nix-daemon", world.directory.path());
    let mut command = Command::new("unshare");
    let script = "mount --bind \"$1\" /etc/passwd; mount --bind \"$2\" /etc/group; \
                  mount -t tmpfs -o mode=755 none /mnt; shift 2; exec \"$@\"";
    command.args(["--mount", "sh", "-ec", script, "sh"]);
    command.arg(users).arg(groups).arg(daemon.get_program());
    for (name, value) in daemon.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
        .env("NIX_CONFIG", "")
        .env("NIX_CONF_DIR", &configuration)
        .env("NIX_STATE_DIR", world.path("state"))
        .env("NIX_DAEMON_SOCKET_PATH", &socket)
        .env("XDG_CACHE_HOME", crate::run_support::cache())
        .env("WASIBUILD_NIX", way.nix.program("nix"))
        .stdin(Stdio::null());
    let child = command.spawn().expect("unshare starts");
    let service = Service { child, socket };
    until("nix-daemon's socket", || {
        UnixStream::connect(&service.socket).is_ok()
    });
    service
}
