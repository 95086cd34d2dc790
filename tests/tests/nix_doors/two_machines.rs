//! Two machines: Nix on one, wasibuild on the other, over `ssh-ng`, with a link that can be cut.
//!
//! Contract: the machines are network namespaces with addresses of their own and a pair of virtual devices
//! between them; a real sshd listens in one. Nothing of the machine's own network takes part.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::cases::running;
use crate::support::{Nix, PROGRAM, World, text, until};

/// The addresses of Nix' machine and of the builder's.
const NIX: &str = "10.213.0.1";
const BUILDER: &str = "10.213.0.2";

/// How ssh notices that the other side is gone: after some seconds, on both sides.
const OPTIONS: &str = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes \
    -o LogLevel=ERROR -o ConnectTimeout=5 -o ServerAliveInterval=1 -o ServerAliveCountMax=3 -p 2222";

/// The two machines.
struct Machines<'w> {
    world: &'w World,
    names: [String; 2],
    server: Option<Child>,
}

impl Drop for Machines<'_> {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
        for name in &self.names {
            let _ = Command::new("ip").args(["netns", "delete", name]).status();
        }
    }
}

fn done(command: &mut Command) {
    let output = command.output();
    text(output.unwrap_or_else(|error| panic!("{command:?}: {error}")));
}

impl<'w> Machines<'w> {
    fn new(world: &'w World, number: usize) -> Self {
        let name = |side: &str| format!("wasibuild-{}-{number}-{side}", std::process::id());
        let mut machines = Machines {
            world,
            names: [name("nix"), name("builder")],
            server: None,
        };
        for name in &machines.names {
            done(Command::new("ip").args(["netns", "add", name]));
        }
        let [nix, builder] = &machines.names;
        // Made inside, so that the machine's own network never sees them.
        let pair = [
            "link", "add", "wire", "type", "veth", "peer", "name", "wire",
        ];
        done(machines.on(nix, "ip").args(pair).args(["netns", builder]));
        for (name, address) in [(nix, NIX), (builder, BUILDER)] {
            let address = format!("{address}/30");
            done(
                machines
                    .on(name, "ip")
                    .args(["address", "add", &address, "dev", "wire"]),
            );
            for device in ["lo", "wire"] {
                done(machines.on(name, "ip").args(["link", "set", device, "up"]));
            }
        }
        let server = machines.serve();
        machines.server = Some(server);
        machines
    }

    /// A program on one of them.
    fn on(&self, name: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", name]).arg(program.as_ref());
        command
    }

    fn serve(&self) -> Child {
        for key in ["host", "user"] {
            let place = self.world.path(key);
            let mut make = Command::new("ssh-keygen");
            done(
                make.args(["-q", "-t", "ed25519", "-N", "", "-f"])
                    .arg(place),
            );
        }
        // Where sshd wants it.
        fs::create_dir_all("/run/sshd").expect("a directory");
        let place = |name: &str| self.world.path(name).display().to_string();
        let configuration = format!(
            "Port 2222\nListenAddress {BUILDER}\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\n\
             PidFile none\nPermitRootLogin prohibit-password\nPasswordAuthentication no\n\
             ClientAliveInterval 1\nClientAliveCountMax 3\n",
            place("host"),
            place("user.pub"),
        );
        let file = self.world.write("sshd_config", configuration);
        let log = fs::File::create(self.world.path("sshd.log")).expect("a file");
        let mut command = self.on(&self.names[1], "/usr/sbin/sshd");
        command.args(["-D", "-e", "-f"]).arg(file);
        command.stdin(Stdio::null()).stderr(log);
        let child = command.spawn().expect("ip starts");
        let probe = format!("exec 3<>/dev/tcp/{BUILDER}/2222");
        until("sshd", || {
            let mut connect = self.on(&self.names[0], "bash");
            connect.args(["-c", &probe]).stderr(Stdio::null());
            connect.status().is_ok_and(|status| status.success())
        });
        child
    }

    fn link(&self, state: &str) {
        let mut command = self.on(&self.names[1], "ip");
        done(command.args(["link", "set", "wire", state]));
    }

    /// `nix-build` on the one machine, for the builder on the other.
    fn build(&self, nix: &Nix, body: &str) -> Command {
        let far = self.world.path("far.sh");
        if !far.exists() {
            let script = format!(
                "#!/bin/sh\nexport XDG_CACHE_HOME='{}' TMPDIR='{}'\nexec '{PROGRAM}' daemon --no-substitute \"$@\"\n",
                crate::run_support::cache().display(),
                self.world.directory.path().display()
            );
            fs::write(&far, script).expect("a script");
        }
        let inner = nix.build(
            self.world,
            body,
            &format!(
                "ssh-ng://root@{BUILDER}?ssh-key={}&remote-program=sh%20{}&remote-store={} wasm32-wasip1 - 1",
                self.world.path("user").display(),
                far.display(),
                self.world.root().display()
            ),
        );
        let mut command = self.on(&self.names[0], inner.get_program());
        command.args(inner.get_args()).env("NIX_SSHOPTS", OPTIONS);
        for (name, value) in inner.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }
}

fn exchange(nix: &Nix, number: usize) {
    let world = World::new();
    let machines = Machines::new(&world, number);
    let body = r#"[ (mk "across" { script = "print hello\nwrite $out x"; }) ]"#;
    let built = text(machines.build(nix, body).output().expect("ip starts"));
    nix.query(&world, &["--check-validity", &built]);

    let body = r#"[ (mk "endless" { script = "write $out half\nprint begun\nspin"; }) ]"#;
    let log = world.path("log");
    let file = fs::File::create(&log).expect("a file");
    let mut command = machines.build(nix, body);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(file)
        .spawn()
        .expect("ip starts");
    let said = || fs::read_to_string(&log).unwrap_or_default();
    until("the build", || said().contains("begun"));
    machines.link("down");
    // Both sides notice it, each by itself: `until` is the bound.
    until("the client's end", || {
        child.try_wait().expect("a child").is_some()
    });
    let status = child.wait().expect("it ends");
    assert!(!status.success(), "Nix {}:\n{}", nix.version, said());
    assert!(
        said().contains("error:"),
        "Nix {}:\n{}",
        nix.version,
        said()
    );
    let directory = world.directory.path().to_str().expect("text");
    until("the builder's end", || {
        running("daemon", directory).is_empty()
    });
    world.verify();
    assert_eq!(leftovers(&world.root()), Vec::<String>::new());

    machines.link("up");
    let body = r#"[ (mk "again" { script = "write $out x"; }) ]"#;
    let built = text(machines.build(nix, body).output().expect("ip starts"));
    nix.query(&world, &["--check-validity", &built]);
    world.verify();
}

/// What a build that did not end may have left: locks, half trees, temporary roots.
fn leftovers(root: &Path) -> Vec<String> {
    let names = |place: &str| {
        let listed = fs::read_dir(root.join(place)).expect("a directory");
        listed.map(|entry| {
            let name = entry.expect("an entry").file_name();
            name.to_string_lossy().into_owned()
        })
    };
    let odd = |name: &String| {
        name.ends_with(".lock") || name.ends_with("-tmp") || name.ends_with("-endless")
    };
    let store = names("nix/store").filter(odd);
    store.chain(names("nix/var/nix/temproots")).collect()
}

#[test]
fn a_cut_link_ends_the_build_on_both_sides() {
    let all = Nix::all("a_cut_link_ends_the_build_on_both_sides");
    std::thread::scope(|scope| {
        let running: Vec<_> = all
            .iter()
            .enumerate()
            .map(|(number, nix)| (nix, scope.spawn(move || exchange(nix, number))))
            .collect();
        for (nix, one) in running {
            assert!(one.join().is_ok(), "with Nix {}", nix.version);
        }
    });
}
