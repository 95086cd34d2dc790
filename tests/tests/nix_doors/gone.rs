//! A Nix that is killed in the middle of a build, where the system does not end what it had started.
//!
//! Contract: Linux ends Nix's children with it (`PR_SET_PDEATHSIG`), macOS does not. A shell between Nix and wasibuild
//! takes that signal, so that wasibuild is left alone as it is on macOS; it must see by itself that nobody reads what
//! it says, end the build, and leave nothing of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::cases::running;
use crate::doors::{Door, WASM, Way};
use crate::support::{Nix, PROGRAM, World, until};

/// Tells Nix of a shell that starts wasibuild and waits for it.
fn with_shell(way: &Way<'_>, mut command: Command) -> Command {
    let (word, setting) = match way.door {
        Door::External => ("external-builder", "external-builders"),
        _ => ("hook", "build-hook"),
    };
    let shell = way.world.path("between");
    // A shell gives what it starts in the background no standard input.
    let text = format!("#!/bin/sh\nexec 9<&0\n'{PROGRAM}' {word} \"$@\" <&9 9<&- &\nwait $!\n");
    fs::write(&shell, text).expect("a script");
    fs::set_permissions(&shell, fs::Permissions::from_mode(0o755)).expect("a mode");
    let value = match way.door {
        Door::External => {
            serde_json::json!([{ "systems": WASM, "program": shell, "args": [] }]).to_string()
        }
        _ => shell.to_str().expect("text").to_owned(),
    };
    command.args(["--option", setting, &value]);
    command
}

/// What lies in the store of this Nix that has this name, valid or not.
fn found(way: &Way<'_>, name: &str) -> Vec<String> {
    let entries = fs::read_dir(way.store.join("nix/store")).expect("a store");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    names.filter(|found| found.contains(name)).collect()
}

#[test]
fn a_build_ends_with_its_nix_by_itself() {
    for nix in Nix::all("a_build_ends_with_its_nix_by_itself") {
        for door in [Door::External, Door::Hook] {
            // 2.8 reads no arguments of a hook, but the shell gives it one.
            if !door.is_open(nix.number()) {
                continue;
            }
            let world = World::new();
            let way = Way::open(door, &nix, &world);
            let context = way.shown();
            // The builder makes half of its output, and goes on for ever.
            let body = r#"[ (mk "endless" {
              script = "mkdir $out\nwrite $out/half x\nprint begun\nspin";
            }) ]"#;
            let mut command = with_shell(&way, way.command("nix", 1));
            let log = world.path("log");
            command
                .args(["build", "--no-link", "--print-build-logs", "--file"])
                .arg(world.expression(body))
                .stdout(Stdio::null())
                .stderr(fs::File::create(&log).expect("a file"));
            let mut child = command.spawn().expect("nix starts");
            let seen = || fs::read_to_string(&log).unwrap_or_default();
            until("the build", || seen().contains("begun"));
            let word = match door {
                Door::External => "external-builder",
                _ => "hook",
            };
            let directory = world.directory.path().to_str().expect("text");
            let works = running(word, directory);
            assert!(works.iter().any(|one| one.busy), "{context}: {works:?}");
            kill_process(Pid::from_child(&child), Signal::KILL).expect("it runs");
            child.wait().expect("it ends");
            // Each look takes a fifth of a second.
            let ended = (0..300).any(|_| running(word, directory).is_empty());
            assert!(ended, "{context}: it goes on without its Nix");
            // Nothing but the derivation and, since Nix itself had no time to remove it, the lock.
            let outputs = found(&way, "-endless").into_iter();
            let outputs: Vec<String> = outputs
                .filter(|name| !name.ends_with(".drv") && !name.ends_with(".lock"))
                .collect();
            let derivation = way.derivation(body);
            let output = way.query(&["--query", "--outputs", &derivation]);
            let mut valid = nix.command("nix-store", world.directory.path());
            let valid = valid
                .args(["--check-validity", &output, "--store"])
                .arg(&way.store)
                .stderr(Stdio::null())
                .status();
            assert!(!valid.expect("nix-store starts").success(), "{context}");
            if door == Door::Hook {
                // What the external builder leaves is Nix's, which overwrites it the next time.
                assert_eq!(outputs, Vec::<String>::new(), "{context}");
            }
            // The same derivations can be built: nothing is locked.
            let mut next = with_shell(
                &way,
                way.build(r#"[ (mk "next" { script = "write $out x"; }) ]"#),
            );
            way.text(next.output().expect("nix-build starts"));
            way.verify();
            way.close();
        }
    }
}
