//! Ctrl-C, killed processes, and two processes at once.

use super::support::World;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// Waits until a process has printed a line with this text on standard error; returns the rest.
fn wait_for(child: &mut Child, text: &str) -> BufReader<std::process::ChildStderr> {
    let mut lines = BufReader::new(child.stderr.take().expect("standard error"));
    let mut all = String::new();
    loop {
        let mut line = String::new();
        assert!(
            lines.read_line(&mut line).expect("text") > 0,
            "'{text}' never came:\n{all}"
        );
        all.push_str(&line);
        if line.contains(text) {
            return lines;
        }
    }
}

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid")).expect("a pid");
    kill_process(pid, signal).expect("the process is there");
}

const ENDLESS: &str = r#"[ (mk "endless" { script = "print begun\nwrite $out half\nspin"; }) ]"#;

#[test]
fn ctrl_c_stops_cleanly() {
    for (sent, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let world = World::new();
        let drv = world.derivation(ENDLESS);
        let mut child = world.spawn(&["run", &drv]);
        let mut rest = wait_for(&mut child, "begun");
        signal(&child, sent);
        let mut text = String::new();
        rest.read_to_string(&mut text).expect("text");
        assert_eq!(child.wait().expect("ended").code(), Some(code), "{text}");
        assert!(
            text.starts_with("stopping; press Ctrl-C again to end at once\n"),
            "{text}"
        );
        world.verify();
        assert!(!world.is_valid(&super::support::nix_output(
            "nix-store",
            &world.root(),
            &["--query", "--outputs", &drv]
        )));
    }
}

#[test]
fn a_killed_process_leaves_a_store_that_verifies() {
    let world = World::new();
    let all = world.derivations(&format!(
        r#"[ (mk "done" {{ script = "write $out x"; }}) ] ++ {ENDLESS}"#
    ));
    let mut child = world.spawn(&["run", "-j1", &all[0], &all[1]]);
    let rest = wait_for(&mut child, "begun");
    child.kill().expect("killed");
    child.wait().expect("ended");
    drop(rest);
    world.verify();
    let out = world.build(&[&all[0]]).remove(0);
    assert!(world.is_valid(&out));
    // The lock of the dead process holds nobody up.
    let printed = world.run(&["run", "--timeout", "1", &all[1]]);
    assert_eq!(printed.code, 101, "{}", printed.err);
    world.verify();
}

#[test]
fn two_processes_share_the_work() {
    let world = World::new();
    let drv = world.derivation(
        r#"[ (mk "top" { script = "write $out $all"; all = map (n: mk "n${toString n}" { script = "megabytes $out 1"; }) (builtins.genList (n: n) 12); }) ]"#,
    );
    let children: Vec<Child> = (0..2)
        .map(|_| world.spawn(&["run", "-j2", "--json", &drv]))
        .collect();
    let mut built = 0;
    for child in children {
        let output = child.wait_with_output().expect("ended");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let all = json["derivations"].as_array().expect("a list");
        built += all.iter().filter(|d| d["status"] == "built").count();
    }
    assert_eq!(built, 13, "each derivation is built once by one of them");
    world.verify();
}

#[test]
fn a_lock_of_real_nix_is_waited_for() {
    let world = World::new();
    let drv = world.derivation(r#"[ (mk "locked" { script = "write $out x"; }) ]"#);
    let out =
        super::support::nix_output("nix-store", &world.root(), &["--query", "--outputs", &drv]);
    let lock = format!("{}.lock", world.real(&out).display());
    let file = std::fs::File::create(&lock).expect("the lock file");
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).expect("locked");
    let mut child = world
        .command(&["run", &drv])
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let rest = wait_for(
        &mut child,
        "waiting for another process that is building or fetching '/nix/store/",
    );
    drop(file);
    assert!(child.wait().expect("ended").success());
    drop(rest);
    assert!(world.is_valid(&out));
}
