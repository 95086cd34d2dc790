//! Builders that fail, and what a user reads then.

use super::support::{Printed, World};

fn fails(attributes: &str, options: &[&str]) -> (World, Printed) {
    let world = World::new();
    let drv = world.derivation(&format!("[ (mk \"bad\" {{ {attributes} }}) ]"));
    let mut arguments = vec!["run", "-j1"];
    arguments.extend(options);
    arguments.push(&drv);
    let printed = world.run(&arguments);
    assert!(
        !world.is_valid(&out_of(&world, &drv)),
        "an output of a failed build is valid"
    );
    world.verify();
    (world, printed)
}

fn out_of(world: &World, drv: &str) -> String {
    super::support::nix_output("nix-store", &world.root(), &["--query", "--outputs", drv])
}

/// What is printed between the first line of a build and the last line of the run.
fn message(printed: &Printed) -> &str {
    let start = printed
        .err
        .find("error: ")
        .unwrap_or_else(|| panic!("no error in {}", printed.err));
    &printed.err[start..]
}

#[test]
fn exit_status_and_the_end_of_the_log() {
    let (_world, printed) = fails(r#"script = "print first\nprint second\nexit 3";"#, &[]);
    assert_eq!(printed.code, 100);
    assert_eq!(printed.out, "");
    assert_eq!(
        message(&printed),
        "error: builder of 'bad' failed with exit code 3; the log ends with:
  > first
  > second
1 failed in TIME
"
    );
}

#[test]
fn no_output() {
    let (_world, printed) = fails(r#"script = "print nothing to see";"#, &[]);
    assert_eq!(printed.code, 100);
    assert_eq!(
        message(&printed),
        "error: builder of 'bad' succeeded but did not create output 'out' at '/nix/store/HASH-bad'; a builder must create every path of its outputs
1 failed in TIME
"
    );
}

#[test]
fn a_builder_that_is_no_webassembly() {
    let (_world, printed) = fails(
        r#"builder = builtins.toFile "script.sh" "echo hello";"#,
        &[],
    );
    assert_eq!(printed.code, 100);
    let text = message(&printed);
    assert!(
        text.starts_with(
            "error: builder of 'bad' cannot be started: '/nix/store/HASH-script.sh': "
        ),
        "{text}"
    );
}

#[test]
fn a_builder_outside_the_store_or_its_inputs() {
    let (_world, printed) = fails(r#"builder = "/bin/sh";"#, &[]);
    assert_eq!(printed.code, 5);
    assert_eq!(
        printed.err,
        "error: cannot build '/nix/store/HASH-bad.drv': its builder '/bin/sh' is not in the store
hint: the builder must be a WASI preview 1 module that the derivation refers to, such as those that `wasibuild builders export` writes
"
    );
    let (_world, printed) = fails(
        r#"builder = "/nix/store/00000000000000000000000000000000-none.wasm";"#,
        &[],
    );
    assert_eq!(printed.code, 100);
    assert!(
        message(&printed).contains("the builder must be in the derivation's input closure"),
        "{}",
        printed.err
    );
}

#[test]
fn another_system() {
    for (system, why) in [
        (
            "x86_64-darwin",
            "; built here are 'wasm32-wasi' and 'wasm32-wasip1', and configuration for Linux",
        ),
        (
            "riscv64-linux",
            ", and its builder '/nix/store/HASH-guest.wasm' is no bash of the store, so that the shell cannot stand for it; there are no virtual machines for 'riscv64-linux'",
        ),
    ] {
        let (_world, printed) = fails(&format!("system = \"{system}\";"), &[]);
        assert_eq!(printed.code, 5);
        assert_eq!(
            printed.err,
            format!(
                "error: cannot build '/nix/store/HASH-bad.drv': it is for the system '{system}'{why}
hint: fetch its outputs from a binary cache (--substituters), or build them with Nix on such a system and `wasibuild store import` them
"
            )
        );
    }
}

#[test]
fn time_limits() {
    let (_world, printed) = fails(r#"script = "spin";"#, &["--timeout", "1"]);
    assert_eq!(printed.code, 101);
    assert!(message(&printed).starts_with("error: build of 'bad' passed its limit of 1 seconds; if it really needs more, raise it with --timeout"), "{}", printed.err);
    let (_world, printed) = fails(r#"script = "print a\nspin";"#, &["--max-silent-time", "1"]);
    assert_eq!(printed.code, 101);
    assert!(
        message(&printed).contains("raise it with --max-silent-time"),
        "{}",
        printed.err
    );
}

#[test]
fn size_limits() {
    let (_world, printed) = fails(
        r#"script = "megabytes $out 3";"#,
        &["--max-output-size", "2M"],
    );
    assert_eq!(printed.code, 100);
    assert!(
        message(&printed).contains("raise it with --max-output-size"),
        "{}",
        printed.err
    );
}

#[test]
fn what_depends_on_a_failure_is_not_built() {
    const CLOSURE: &str = r#"let bad = mk "bad" { script = "exit 1"; }; good = mk "good" { script = "write $out x"; };
        in [ (mk "top" { inherit bad good; script = "write $out x"; }) ]"#;
    let world = World::new();
    let drv = world.derivation(CLOSURE);
    let printed = world.run(&["run", "-j1", &drv]);
    assert_eq!(printed.code, 100);
    assert!(
        printed
            .err
            .contains("1 failed, 1 not built because of that"),
        "{}",
        printed.err
    );
    // In a store of its own: which of the two comes first follows from their hashes, so that the
    // good one may be built by now.
    let world = World::new();
    assert_eq!(world.derivation(CLOSURE), drv);
    let printed = world.run(&["run", "-j1", "--keep-going", &drv]);
    assert_eq!(printed.code, 100);
    assert!(
        printed
            .err
            .ends_with("1 built, 1 failed, 1 not built because of that in TIME\n"),
        "{}",
        printed.err
    );
}

#[test]
fn attributes_that_make_no_sense() {
    for (attributes, expected) in [
        (
            r#"exportReferencesGraph = [ "a" ]; script = "";"#,
            "exportReferencesGraph",
        ),
        (
            r#"exportReferencesGraph = [ "../a" ./guest.wasm ]; script = "";"#,
            "../a",
        ),
        (r#"__noChroot = true; script = "";"#, "__noChroot"),
        (
            r#"requiredSystemFeatures = [ "recursive-nix" ]; script = "";"#,
            "recursive-nix",
        ),
    ] {
        let (_world, printed) = fails(attributes, &[]);
        assert_eq!(printed.code, 100, "{}", printed.err);
        let text = message(&printed);
        assert!(
            text.contains(expected) && text.contains("HASH-bad.drv'"),
            "{attributes}: {text}"
        );
    }
}

#[test]
fn names_that_break_lines() {
    let (_world, printed) = fails(
        r#"script = "mkdir $out\ntouch-name $out a\\nb\nexit 1";"#,
        &[],
    );
    assert_eq!(printed.code, 100, "{}", printed.err);
    let world = World::new();
    let drv = world.derivation(r#"[ (mk "odd" { script = "mkdir $out\ntouch-name $out a\\nb\ntouch-name $out .hidden"; }) ]"#);
    let out = world.build(&[&drv]).remove(0);
    assert!(world.real(&out).join("a\nb").exists());
    world.verify();
}
