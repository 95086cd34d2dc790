//! A whole system in a machine, seen through its serial console.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use crate::support::{World, text_of};

/// Makes `base/kernel` and `base/kernel-modules`, from what was taken from Debian's package for the world.
pub fn base(world: &World) {
    let from = world.state().join("wasibuild/vm/kernels/x86_64");
    let release = fs::read_to_string(from.join("release")).expect("a release");
    let modules = world
        .path("base/kernel-modules/lib/modules")
        .join(release.trim())
        .join("kernel");
    fs::create_dir_all(&modules).expect("made");
    fs::copy(from.join("kernel"), world.path("base/kernel")).expect("copied");
    for entry in fs::read_dir(from.join("modules")).expect("listed") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let (_, name) = name.split_once('-').expect("a place and a name");
        fs::copy(&path, modules.join(name)).expect("copied");
    }
}

/// Builds a system whose second stage is a script.
fn system(world: &World, name: &str, init: &str) -> String {
    base(world);
    let file = world.path(&format!("{name}.init"));
    fs::write(&file, init).expect("written");
    let body = format!(
        r##"let base = builtins.path {{ path = {}; name = "base"; }};
        in script "{name}" ''
            mkdir $out
            ln -s ${{base}}/kernel $out/kernel
            ln -s ${{base}}/kernel-modules $out/kernel-modules
            echo "quiet systemd.not.used=1" > $out/kernel-params
            echo "#!${{bash}}/bin/bash" > $out/init
            echo "export PATH=$PATH" >> $out/init
            cat ${{builtins.path {{ path = {}; name = "init"; }}}} >> $out/init
            # The programs need these, and as copies they have no references of their own.
            echo "# ${{libraries}}" >> $out/init
            chmod +x $out/init
        ''"##,
        world.path("base").display(),
        file.display(),
    );
    world.build(&world.derivations(name, &body), &[]).remove(0)
}

#[test]
fn a_system_of_debians_programs_boots_to_a_login_prompt() {
    boots_to_a_login_prompt(World::shared());
}

/// That a system does so in a machine with a world's kernel.
pub fn boots_to_a_login_prompt(world: &World) {
    let outputs = [system(
        world,
        "system",
        "echo second stage: process $$; cat /proc/cmdline; ls /nix/store > /dev/null\n\
         exec agetty --nohostname --noissue ttyS0\n",
    )];
    let shown = text_of(&world.run(&[
        "vm",
        "run",
        "--dry-run",
        "--forward",
        "2222:22",
        &outputs[0],
    ]));
    assert!(shown.contains("hostfwd=tcp:127.0.0.1:2222-:22"), "{shown}");

    let mut child = world
        .command(&["vm", "run", "--memory", "512M", &outputs[0]])
        .stdin(Stdio::piped())
        .spawn()
        .expect("it starts");
    let (bytes, received) = mpsc::channel();
    let mut console = child.stdout.take().expect("a console");
    std::thread::spawn(move || {
        let mut buffer = [0; 1024];
        while let Ok(count @ 1..) = console.read(&mut buffer) {
            let _ = bytes.send(buffer[..count].to_vec());
        }
    });
    let mut seen = Vec::new();
    let prompt = loop {
        match received.recv_timeout(Duration::from_secs(120)) {
            Ok(bytes) => seen.extend(bytes),
            Err(_) => break false,
        }
        if String::from_utf8_lossy(&seen).contains("login: ") {
            break true;
        }
    };
    // The keys with which a person leaves QEMU.
    let mut keys = child.stdin.take().expect("a keyboard");
    let _ = keys.write_all(b"\x01x");
    drop(keys);
    let output = child.wait_with_output().expect("it ends");
    let seen = String::from_utf8_lossy(&seen);
    assert!(prompt, "no prompt:\n{seen}\n{}", text_of(&output));
    assert!(seen.contains("second stage: process 1"), "{seen}");
    assert!(seen.contains("systemd.not.used=1"), "{seen}");
}

/// A server in a few lines of Perl, without modules: an address for the first interface, and an answer on port 22.
const SERVER: &str = r#"
socket(my $any, 2, 2, 0) or die "socket: $!";
my $address = pack("a16 S n C4 x8", "eth0", 2, 0, 10, 0, 2, 15);
ioctl($any, 0x8916, $address) or die "address: $!";
my $mask = pack("a16 S n C4 x8", "eth0", 2, 0, 255, 255, 255, 0);
ioctl($any, 0x891c, $mask) or die "mask: $!";
my $up = pack("a16 s x22", "eth0", 0x41);
ioctl($any, 0x8914, $up) or die "up: $!";
socket(my $server, 2, 1, 0) or die "socket: $!";
bind($server, pack("S n C4 x8", 2, 22, 0, 0, 0, 0)) or die "bind: $!";
listen($server, 5) or die "listen: $!";
$| = 1;
print "the system listens\n";
while (accept(my $client, $server)) { syswrite($client, "hello from the system\n"); close($client); }
"#;

#[test]
fn a_port_of_a_system_is_reached_through_one_of_this_computer() {
    let world = World::shared();
    // `vm run` shows the whole store; that the system names what it runs is for real ones to do.
    let perl = world.built(
        "perl",
        r#"mk "perl" { args = [ "-euc" "echo ${perl} > $out" ]; }"#,
    );
    let init = format!("exec {}/bin/perl -e '{SERVER}'\n", perl.trim());
    let system = system(world, "server", &init);
    // Free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port")
        .port();
    let forward = format!("{port}:22");
    let mut child = world
        .command(&[
            "vm",
            "run",
            "--memory",
            "512M",
            "--forward",
            &forward,
            &system,
        ])
        .stdin(Stdio::piped())
        .spawn()
        .expect("it starts");
    // QEMU takes connections before the system does, and ends them then.
    let mut said = String::new();
    let begun = std::time::Instant::now();
    while begun.elapsed() < Duration::from_secs(100) {
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
            let _ = stream.read_to_string(&mut said);
        }
        if !said.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    let mut keys = child.stdin.take().expect("a keyboard");
    let _ = keys.write_all(b"\x01x");
    drop(keys);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(said, "hello from the system\n", "{}", text_of(&output));
}
