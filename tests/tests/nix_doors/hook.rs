//! `wasibuild hook` as the `build-hook` of each Nix that heeds the setting: 2.25 to 2.33 do not.

use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::builds::KINDS;
use crate::support::{Daemon, Nix, PROGRAM, World, failure, text, until};

fn all(test: &str) -> impl Iterator<Item = Nix> {
    let ignored = |nix: &Nix| ((2, 25)..(2, 34)).contains(&nix.number());
    Nix::all(test).into_iter().filter(move |nix| !ignored(nix))
}

/// `nix-build` with wasibuild as its hook, and other builders or none.
fn build(nix: &Nix, world: &World, body: &str, builders: &str) -> Command {
    let link = world.path("wasibuild-hook");
    if !link.exists() {
        std::os::unix::fs::symlink(PROGRAM, &link).expect("a link");
    }
    let mut command = nix.command("nix-build", world.directory.path());
    command
        .arg(world.expression(body))
        .args(["--no-out-link", "-j0", "--builders", builders, "--store"])
        .arg(nix.store(world))
        .args(["--option", "build-hook", link.to_str().expect("text")])
        .env("WASIBUILD_NIX", nix.program("nix"));
    command
}

#[test]
fn all_kinds_of_derivations_are_built_as_by_run() {
    let (world, alone) = (World::new(), World::new());
    for nix in all("all_kinds_of_derivations_are_built_as_by_run") {
        let output = build(&nix, &world, KINDS, "")
            .output()
            .expect("nix-build starts");
        let paths = text(output);
        assert_eq!(paths.lines().count(), 3, "{paths}");
        for path in paths.lines() {
            let deriver = nix.query(&world, &["--query", "--deriver", path]);
            let file = nix.store(&world).join(deriver.trim_start_matches('/'));
            let built = alone.build(&[file.to_str().expect("text")]);
            assert_eq!(built, [path], "Nix {}", nix.version);
            for question in ["--hash", "--references", "--size"] {
                let query = ["--query", question, path];
                let found = nix.query(&world, &query);
                let expected = crate::run_support::nix_output("nix-store", &alone.root(), &query);
                assert_eq!(found, expected, "Nix {}: {path}", nix.version);
            }
        }
        assert_eq!(nix.query(&world, &["--verify", "--check-contents"]), "");
    }
}

#[test]
fn a_failure_is_told_with_its_log() {
    let world = World::new();
    for nix in all("a_failure_is_told_with_its_log") {
        let body = r#"[ (mk "bad" { script = "print the last words\nexit 3"; }) ]"#;
        let output = build(&nix, &world, body, "").output();
        let errors = failure(output.expect("nix-build starts"));
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
        let derivation = evaluate.arg(world.expression(body)).output();
        let derivation = text(derivation.expect("nix-instantiate starts"));
        let log = nix.query(&world, &["--read-log", &derivation]);
        assert_eq!(log, "the last words", "Nix {}", nix.version);
    }
}

#[test]
fn a_hundred_at_once_wait_for_their_turn() {
    let world = World::new();
    for nix in all("a_hundred_at_once_wait_for_their_turn") {
        let body = r#"builtins.genList (n: mk "many-${toString n}" {
          script = "print $name\nwrite $out $name";
        }) 100"#;
        let output = build(&nix, &world, body, "").output();
        assert_eq!(text(output.expect("nix-build starts")).lines().count(), 100);
        assert_eq!(nix.query(&world, &["--verify", "--check-contents"]), "");
    }
}

#[test]
fn other_builders_go_on_working() {
    let (world, remote) = (World::new(), World::new());
    let daemon = Daemon::start(&remote, &[]);
    for nix in all("other_builders_go_on_working") {
        // The other builder is for a system of its own, which it refuses in its turn: that it is asked
        // at all, and that its answer comes through, is what counts. Beside it the sandbox builds.
        let builders = daemon
            .builders(1)
            .replace("wasm32-wasip1,wasm32-wasi", "odd-system");
        let body = r#"[
          (mk "ours" { script = "write $out x"; })
          (mk "theirs" { system = "odd-system"; script = "write $out x"; })
        ]"#;
        let mut command = build(&nix, &world, body, &builders);
        let errors = failure(
            command
                .arg("--keep-going")
                .output()
                .expect("nix-build starts"),
        );
        assert!(
            errors.contains("theirs.drv' on 'unix://"),
            "Nix {}:\n{errors}",
            nix.version
        );
        assert!(
            errors.contains("it is for the system 'odd-system'"),
            "Nix {}:\n{errors}",
            nix.version
        );
        let body = r#"[ (mk "ours" { script = "write $out x"; }) ]"#;
        let path = text(
            build(&nix, &world, body, &builders)
                .output()
                .expect("nix-build starts"),
        );
        nix.query(&world, &["--check-validity", &path]);
        // Without any other builder the answer is a decline, and Nix goes on asking.
        let body = r#"[
          (mk "nobodys" { system = "odd-system"; script = "write $out x"; })
          (mk "ours-too" { script = "write $out x"; })
        ]"#;
        let mut command = build(&nix, &world, body, "");
        let errors = failure(
            command
                .args(["-j1", "--keep-going"])
                .output()
                .expect("nix-build starts"),
        );
        assert!(
            errors.contains("odd-system"),
            "Nix {}:\n{errors}",
            nix.version
        );
        // (Nix 2.8 gives up everything when nobody builds one, so that it need not be done.)
        let taken = errors.contains("ours-too.drv' on 'wasibuild'");
        assert!(taken, "Nix {}:\n{errors}", nix.version);
    }
}

#[test]
fn an_interrupted_client_stops_its_build() {
    let world = World::new();
    for nix in all("an_interrupted_client_stops_its_build") {
        let body = r#"[ (mk "endless" { script = "print begun\nspin"; }) ]"#;
        let mut command = build(&nix, &world, body, "");
        let log = world.path("log");
        let file = std::fs::File::create(&log).expect("a file");
        let command = command.stdout(Stdio::null()).stderr(file);
        let mut child = command.spawn().expect("nix-build starts");
        until("the build", || {
            std::fs::read_to_string(&log).is_ok_and(|log| log.contains("begun"))
        });
        kill_process(Pid::from_child(&child), Signal::INT).expect("it runs");
        assert!(!child.wait().expect("it ends").success());
        // The places of a hook that was killed are free: there are as many as processors.
        for turn in 0..3 {
            let body = format!(r#"[ (mk "next-{turn}" {{ script = "write $out x"; }}) ]"#);
            text(
                build(&nix, &world, &body, "")
                    .output()
                    .expect("nix-build starts"),
            );
        }
    }
}

#[test]
fn without_nix_it_says_what_it_is() {
    let world = World::new();
    let printed = world.run(&["hook"]);
    assert_eq!(printed.code, 1);
    let expected =
        "error: cannot use 'descriptor 4: this command is for Nix's setting `build-hook`'";
    assert!(printed.err.starts_with(expected), "{printed:?}");
}
