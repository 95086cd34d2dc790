//! Builds through the daemon's socket and its standard input, started by each Nix.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Daemon, Nix, PROGRAM, World, failure, log_of, text, until};

/// Many kinds of derivations, all of which must build.
pub const KINDS: &str = r#"
  let
    leaf = mk "leaf" { script = "print building the leaf\nwrite $out leaf"; };
    multiple = mk "multiple" {
      outputs = [ "out" "dev" ];
      script = "write $out a\nwrite $dev b";
    };
    files = mk "files" {
      passAsFile = [ "text" ];
      text = "as a file";
      script = "copy $textPath $out";
    };
    itself = mk "itself" { script = "mkdir $out\nwrite $out/self $out"; };
    fixed = mk "fixed" {
      outputHashMode = "flat";
      outputHashAlgo = "sha256";
      outputHash = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
      script = "write $out hello";
    };
  in
  [
    (mk "top" {
      inherit leaf;
      both = "${multiple} ${multiple.dev}";
      file = files;
      self = itself;
      fix = fixed;
      script = "mkdir $out\nwrite $out/all $leaf $file $self $fix\nenvironment $out/environment";
    })
    (mk "graph" {
      exportReferencesGraph = [ "closure" itself ];
      script = "environment $out";
    })
    (mk "structured" {
      __structuredAttrs = true;
      numbers = [ 1 2 3 ];
      script = "environment ${placeholder "out"}";
    })
  ]
"#;

#[test]
fn all_kinds_of_derivations_are_built_as_by_run() {
    let world = World::new();
    let daemon = Daemon::start(&world, &[]);
    let alone = World::new();
    for nix in Nix::all("all_kinds_of_derivations_are_built_as_by_run") {
        let mut build = nix.build(&world, KINDS, &daemon.builders(2));
        let paths = text(build.output().expect("nix-build starts"));
        let paths: Vec<&str> = paths.lines().collect();
        assert_eq!(paths.len(), 3, "Nix {}: {paths:?}", nix.version);
        // The same derivations, built by `wasibuild run` from Nix' own files.
        for path in paths {
            let deriver = nix.query(&world, &["--query", "--deriver", path]);
            let file = nix.store(&world).join(deriver.trim_start_matches('/'));
            let built = alone.build(&[file.to_str().expect("text")]);
            assert_eq!(built, [path], "Nix {}", nix.version);
            let hash = nix.query(&world, &["--query", "--hash", path]);
            let expected = crate::run_support::nix_output(
                "nix-store",
                &alone.root(),
                &["--query", "--hash", path],
            );
            assert_eq!(hash, expected, "Nix {}: {path}", nix.version);
        }
        let verified = nix.query(&world, &["--verify", "--check-contents"]);
        assert_eq!(verified, "", "Nix {}", nix.version);
    }
    world.verify();
    assert_eq!(daemon.end(), "");
}

#[test]
fn standard_input_and_output_are_a_remote_store() {
    for nix in Nix::all("standard_input_and_output_are_a_remote_store") {
        let world = World::new();
        let builders = format!(
            "ssh-ng://localhost?remote-program={PROGRAM}%20daemon%20--no-substitute&remote-store={} wasm32-wasip1 - 2",
            world.root().display()
        );
        let mut build = nix.build(&world, KINDS, &builders);
        let paths = text(build.output().expect("nix-build starts"));
        assert_eq!(paths.lines().count(), 3, "Nix {}: {paths}", nix.version);
        world.verify();
    }
}

#[test]
fn a_failure_is_told_with_its_log() {
    let world = World::new();
    let daemon = Daemon::start(&world, &[]);
    for nix in Nix::all("a_failure_is_told_with_its_log") {
        let name = format!("bad-{}", nix.version);
        let body = format!(r#"[ (mk "{name}" {{ script = "print the last words\nexit 3"; }}) ]"#);
        let mut build = nix.build(&world, &body, &daemon.builders(2));
        let errors = failure(build.output().expect("nix-build starts"));
        assert!(
            errors.contains("the last words"),
            "Nix {}:\n{errors}",
            nix.version
        );
        assert!(
            errors.contains("exit code 3"),
            "Nix {}:\n{errors}",
            nix.version
        );
        let mut evaluate = nix.command("nix-instantiate", world.directory.path());
        let evaluate = evaluate.arg("--store").arg(nix.store(&world));
        let evaluated = evaluate.arg(world.expression(&body)).output();
        let derivation = text(evaluated.expect("nix-instantiate starts"));
        let log = nix.query(&world, &["--read-log", &derivation]);
        assert_eq!(log, "the last words", "Nix {}", nix.version);
    }
    assert_eq!(daemon.end(), "");
}

#[test]
fn a_hundred_at_once_by_three_clients_at_once() {
    let world = World::new();
    let daemon = Daemon::start(&world, &["-j2"]);
    let all = Nix::all("a_hundred_at_once_by_three_clients_at_once");
    // Half of the derivations are the same for all, so that they meet at the locks.
    let running: Vec<_> = all
        .iter()
        .map(|nix| {
            let version = &nix.version;
            let body = format!(
                r#"builtins.genList (n: mk "many-${{toString n}}" {{
                  who = if n / 2 * 2 == n then "all" else "{version}";
                  script = "print $who\nwrite $out $who";
                }}) 100"#
            );
            let mut build = nix.build(&world, &body, &daemon.builders(16));
            let build = build.stdout(Stdio::piped()).stderr(Stdio::piped());
            build.spawn().expect("nix-build starts")
        })
        .collect();
    for (nix, child) in all.iter().zip(running) {
        let paths = text(child.wait_with_output().expect("nix-build ends"));
        assert_eq!(paths.lines().count(), 100, "Nix {}", nix.version);
        assert_eq!(nix.query(&world, &["--verify", "--check-contents"]), "");
    }
    world.verify();
    assert_eq!(daemon.end(), "");
}

#[test]
fn an_interrupted_client_stops_its_build() {
    let world = World::new();
    // One job: the next build would wait for ever for one that goes on.
    let daemon = Daemon::start(&world, &["-j1"]);
    for nix in Nix::all("an_interrupted_client_stops_its_build") {
        let name = format!("endless-{}", nix.version);
        let body = format!(r#"[ (mk "{name}" {{ script = "print begun\nspin"; }}) ]"#);
        let mut build = nix.build(&world, &body, &daemon.builders(1));
        let build = build.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = build.spawn().expect("nix-build starts");
        until("the build", || {
            log_of(&daemon, &name).is_some_and(|log| log.contains("begun"))
        });
        kill_process(Pid::from_child(&child), Signal::INT).expect("it runs");
        assert!(!child.wait().expect("it ends").success());
        let body = format!(
            r#"[ (mk "next-{}" {{ script = "write $out x"; }}) ]"#,
            nix.version
        );
        let mut next = nix.build(&world, &body, &daemon.builders(1));
        text(next.output().expect("nix-build starts"));
    }
    assert_eq!(daemon.end(), "");
}

#[test]
fn timeouts_end_builds() {
    let world = World::new();
    let daemon = Daemon::start(&world, &["-j1"]);
    for nix in Nix::all("timeouts_end_builds") {
        for (name, script, option) in [
            ("slow", r"chatter", "--timeout"),
            ("silent", r"print begun\nspin", "--max-silent-time"),
        ] {
            let name = format!("{name}-{}", nix.version);
            let body = format!(r#"[ (mk "{name}" {{ script = "{script}"; }}) ]"#);
            let mut build = nix.build(&world, &body, &daemon.builders(1));
            let errors = failure(
                build
                    .args([option, "1"])
                    .output()
                    .expect("nix-build starts"),
            );
            let told = errors.contains("timed out") || errors.contains("1 second");
            assert!(told, "Nix {} {option}:\n{errors}", nix.version);
        }
    }
    assert_eq!(daemon.end(), "");
}

#[test]
fn what_a_failed_build_leaves_is_kept() {
    let world = World::new();
    let daemon = Daemon::start(&world, &[]);
    for nix in Nix::all("what_a_failed_build_leaves_is_kept") {
        let body = format!(
            r#"[ (mk "left-{}" {{ script = "write /build/clue found\nexit 1"; }}) ]"#,
            nix.version
        );
        let mut build = nix.build(&world, &body, &daemon.builders(1));
        let errors = failure(
            build
                .arg("--keep-failed")
                .output()
                .expect("nix-build starts"),
        );
        let place = errors
            .lines()
            .find_map(|line| line.split_once("left in '"))
            .and_then(|(_, rest)| rest.split_once('\''))
            .unwrap_or_else(|| panic!("Nix {}:\n{errors}", nix.version))
            .0
            .to_owned();
        let clue = std::fs::read_to_string(std::path::Path::new(&place).join("build/clue"));
        assert_eq!(clue.expect("the file"), "found\n", "Nix {}", nix.version);
    }
    assert_eq!(daemon.end(), "");
}

#[test]
fn a_store_of_its_own_for_nix() {
    let world = World::new();
    let daemon = Daemon::start(&world, &[]);
    let store = format!(
        "unix://{}?root={}",
        daemon.socket.display(),
        daemon.root.display()
    );
    for nix in Nix::all("a_store_of_its_own_for_nix") {
        let home = world.directory.path();
        let body = format!(
            r#"[ (mk "own-{}" {{ script = "write $out x"; }}) ]"#,
            nix.version
        );
        let mut build = nix.command("nix-build", home);
        let build = build
            .arg(world.expression(&body))
            .args(["--no-out-link", "--store", &store]);
        let path = text(build.output().expect("nix-build starts"));
        let ask = |arguments: &[&str]| {
            let mut query = nix.command("nix-store", home);
            query.args(["--store", &store]).args(arguments);
            text(query.output().expect("nix-store starts"))
        };
        let derivation = ask(&["--query", "--deriver", &path]);
        assert_eq!(ask(&["--query", "--outputs", &derivation]), path);
        assert_eq!(
            ask(&["--realise", "--check", &derivation]),
            path,
            "Nix {}",
            nix.version
        );
        assert!(ask(&["--query", "--requisites", &derivation]).contains("guest.wasm"));
        assert_eq!(ask(&["--verify", "--check-contents"]), "");
        assert!(ask(&["--gc", "--print-dead"]).lines().count() <= 8);
        let added = ask(&[
            "--add",
            world
                .write("a-file", nix.version.as_bytes())
                .to_str()
                .expect("text"),
        ]);
        let contents = std::fs::read(world.real(&added)).expect("what was added");
        assert_eq!(contents, nix.version.as_bytes());
        assert!(ask(&["--delete", &added]).contains("1 store paths deleted"));
    }
    assert_eq!(daemon.end(), "");
}

#[test]
fn the_evaluating_machine_may_be_another() {
    let world = World::new();
    let daemon = Daemon::start(&world, &[]);
    for nix in Nix::all("the_evaluating_machine_may_be_another") {
        let body = format!(
            r#"[ (mk "far-{}" {{ script = "write $out x"; }}) ]"#,
            nix.version
        );
        let mut build = nix.build(&world, &body, &daemon.builders(1));
        let build = build.args(["--option", "system", "aarch64-darwin"]);
        text(build.output().expect("nix-build starts"));
    }
    assert_eq!(daemon.end(), "");
}
