//! `external-builders`, for every Nix that has them (2.32 and later).

use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::builds::KINDS;
use crate::support::{Nix, PROGRAM, World, failure, text, until};

/// Those that have external builders; that there is one, [`Nix::all`] has checked.
fn all(test: &str) -> impl Iterator<Item = Nix> {
    Nix::all(test)
        .into_iter()
        .filter(|nix| nix.number() >= (2, 32))
}

/// `nix-build` with wasibuild as its external builder.
fn build(nix: &Nix, world: &World, body: &str) -> Command {
    let mut command = nix.command("nix-build", world.directory.path());
    let setting = serde_json::json!([{
        "systems": ["wasm32-wasip1", "wasm32-wasi"],
        "program": PROGRAM,
        "args": ["external-builder"],
    }]);
    command
        .arg(world.expression(body))
        .args(["--no-out-link", "-j2", "--store"])
        .arg(nix.store(world))
        .args([
            "--option",
            "extra-experimental-features",
            "external-builders",
        ])
        .args(["--option", "external-builders", &setting.to_string()]);
    command
}

#[test]
fn all_kinds_of_derivations_are_built_as_by_run() {
    let (world, alone) = (World::new(), World::new());
    for nix in all("all_kinds_of_derivations_are_built_as_by_run") {
        let mut command = build(&nix, &world, KINDS);
        let paths = text(command.output().expect("nix-build starts"));
        assert_eq!(paths.lines().count(), 3, "{paths}");
        for path in paths.lines() {
            let deriver = nix.query(&world, &["--query", "--deriver", path]);
            let file = nix.store(&world).join(deriver.trim_start_matches('/'));
            let built = alone.build(&[file.to_str().expect("text")]);
            assert_eq!(built, [path], "Nix {}", nix.version);
            let hash = nix.query(&world, &["--query", "--hash", path]);
            let query = ["--query", "--hash", path];
            let expected = crate::run_support::nix_output("nix-store", &alone.root(), &query);
            assert_eq!(hash, expected, "Nix {}: {path}", nix.version);
            let references = nix.query(&world, &["--query", "--references", path]);
            let query = ["--query", "--references", path];
            let expected = crate::run_support::nix_output("nix-store", &alone.root(), &query);
            assert_eq!(references, expected, "Nix {}: {path}", nix.version);
        }
        // Again, and compared by Nix itself.
        text(command.arg("--check").output().expect("nix-build starts"));
    }
}

#[test]
fn a_failure_is_told_with_its_status_and_log() {
    let world = World::new();
    for nix in all("a_failure_is_told_with_its_status_and_log") {
        let body = r#"[ (mk "bad" { script = "write /build/clue found\nprint the last words\nexit 3"; }) ]"#;
        let mut command = build(&nix, &world, body);
        let errors = failure(
            command
                .arg("--keep-failed")
                .output()
                .expect("nix-build starts"),
        );
        assert!(errors.contains("the last words"), "{errors}");
        assert!(errors.contains("exit code 3"), "{errors}");
        let kept = errors
            .lines()
            .find_map(|line| line.split_once("keeping build directory "))
            .expect(&errors)
            .1
            .trim_matches(['"', '\'']);
        // In some versions the directory named is the one above.
        let places = [format!("{kept}/clue"), format!("{kept}/build/clue")];
        let clue = places
            .iter()
            .find_map(|place| std::fs::read_to_string(place).ok());
        assert_eq!(clue.as_deref(), Some("found\n"), "{kept}");
        let mut evaluate = nix.command("nix-instantiate", world.directory.path());
        let evaluate = evaluate.arg("--store").arg(nix.store(&world));
        let derivation = evaluate.arg(world.expression(body)).output();
        let derivation = text(derivation.expect("nix-instantiate starts"));
        let log = nix.query(&world, &["--read-log", &derivation]);
        assert_eq!(log, "the last words", "Nix {}", nix.version);
    }
}

#[test]
fn a_hundred_at_once() {
    let world = World::new();
    for nix in all("a_hundred_at_once") {
        let body = r#"builtins.genList (n: mk "many-${toString n}" {
          script = "print $name\nwrite $out $name";
        }) 100"#;
        let mut command = build(&nix, &world, body);
        let paths = text(command.arg("-j8").output().expect("nix-build starts"));
        assert_eq!(paths.lines().count(), 100);
        assert_eq!(nix.query(&world, &["--verify", "--check-contents"]), "");
    }
}

#[test]
fn timeouts_and_interruptions_end_builds() {
    let world = World::new();
    for nix in all("timeouts_and_interruptions_end_builds") {
        for (option, script) in [("--timeout", "chatter"), ("--max-silent-time", "spin")] {
            let body = format!(r#"[ (mk "slow" {{ script = "{script}"; }}) ]"#);
            let mut command = build(&nix, &world, &body);
            let errors = failure(
                command
                    .args([option, "1"])
                    .output()
                    .expect("nix-build starts"),
            );
            assert!(
                errors.contains("timed out after 1 second"),
                "{option}: {errors}"
            );
        }
        let mark = format!("mark-{}", std::process::id());
        let body = format!(r#"[ (mk "{mark}" {{ script = "print begun\nspin"; }}) ]"#);
        let mut command = build(&nix, &world, &body);
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("nix-build starts");
        // The builder runs as a child of Nix: wait for it, and then for its end.
        let builder = || running("external-builder", world.directory.path());
        until("the builder", || builder() > 0);
        kill_process(Pid::from_child(&child), Signal::INT).expect("it runs");
        assert!(!child.wait().expect("it ends").success());
        until("the end of the builder", || builder() == 0);
    }
}

/// How many processes have an argument `word` and a file below `directory` as the next.
fn running(word: &str, directory: &std::path::Path) -> usize {
    let directory = directory.to_str().expect("text");
    let processes = std::fs::read_dir("/proc").expect("/proc");
    processes
        .filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok())
        .filter(|line| {
            let line = String::from_utf8_lossy(line);
            let mut words = line.split('\0');
            words.any(|one| one == word)
                && words.next().is_some_and(|file| file.starts_with(directory))
        })
        .count()
}

#[test]
fn what_cannot_be_built_is_told() {
    let world = World::new();
    let missing = world.run(&["external-builder", "nothing.json"]);
    assert_eq!(missing.code, 1);
    assert!(missing.err.starts_with('\u{2}'), "{missing:?}");
    let rest = missing.err.trim_start_matches('\u{2}').trim_start();
    assert_eq!(
        rest,
        "error: cannot read 'nothing.json': No such file or directory (os error 2)\n"
    );
    world.write("bad.json", "{\"version\": 7}");
    let bad = world.run(&["external-builder", "bad.json"]);
    assert_eq!(bad.code, 1);
    assert!(
        bad.err.contains("has version 7; only 1 is known"),
        "{bad:?}"
    );
}
