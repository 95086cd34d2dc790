//! The two example machines through the doors: the bytes of `wasibuild run`, and no builder that Nix ran.
//!
//! Contract: Nix is told that it is a Mac (`--option system aarch64-darwin`), so that derivations for Linux
//! are foreign to it; their builder is a text that nobody could run (nix-plugin/examples/stdenv/packages); and
//! strace attests that Nix started nothing but its own programs and wasibuild.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::doors::{Door, WASM, Way};
use crate::run_support;
use crate::support::{Nix, PROGRAM, World};

/// Hashes of the archives of all paths that a derivation needs or makes.
type Hashes = BTreeMap<String, String>;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../nix-plugin/examples")
        .join(name)
}

fn hashes(query: &dyn Fn(&[&str]) -> String, derivation: &str) -> Hashes {
    let paths = query(&["--query", "--requisites", "--include-outputs", derivation]);
    let paths: Vec<&str> = paths.lines().collect();
    let mut all = vec!["--query", "--hash"];
    all.extend(&paths);
    let hashes = query(&all);
    let hashes: Vec<&str> = hashes.lines().collect();
    assert_eq!(paths.len(), hashes.len());
    let both = paths.into_iter().zip(hashes);
    both.map(|(path, hash)| (path.to_owned(), hash.to_owned()))
        .collect()
}

/// What `wasibuild run` makes of the example.
fn built_by_run(name: &str) -> Hashes {
    let world = World::new();
    let mut evaluate = run_support::nix("nix-instantiate", &world.root());
    let evaluate = evaluate.arg(example(name)).args(["-A", "toplevel"]);
    let derivation = crate::support::text(evaluate.output().expect("nix-instantiate starts"));
    world.build(&["--no-substitute", &derivation]);
    let query = |arguments: &[&str]| run_support::nix_output("nix-store", &world.root(), arguments);
    hashes(&query, &derivation)
}

/// Builds the example through a door and compares it. Returns the programs that Nix started.
fn build(way: &Way<'_>, name: &str, expected: &Hashes) -> Vec<PathBuf> {
    let trace = way.world.path("trace");
    let starter = [
        "strace",
        "-f",
        "-qq",
        "--seccomp-bpf",
        "-e",
        "trace=execve",
        "-o",
        trace.to_str().expect("text"),
    ];
    let mut command = way.command_under(&starter, "nix-build", 2);
    command
        .arg(example(name))
        .args(["-A", "toplevel", "--no-out-link"])
        .args(["--option", "system", "aarch64-darwin"]);
    let top = way.text(command.output().expect("strace starts"));
    let derivation = way.query(&["--query", "--deriver", &top]);
    let found = hashes(&|arguments| way.query(arguments), &derivation);
    assert_eq!(found.len(), expected.len(), "{}", way.shown());
    for (path, hash) in expected {
        assert_eq!(found.get(path), Some(hash), "{}: {path}", way.shown());
    }
    let trace = std::fs::read_to_string(trace).expect("a trace");
    let started = trace.lines().filter_map(|line| {
        let (_, rest) = line.split_once("execve(\"")?;
        let (program, rest) = rest.split_once('"')?;
        // Those that are not where PATH led first were not started.
        (!rest.ends_with("(No such file or directory)")).then(|| PathBuf::from(program))
    });
    started.collect()
}

/// Nix' own programs, how the unpacked versions of it start, and wasibuild.
fn is_expected(program: &Path, way: &Way<'_>) -> bool {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    // Nix 2.8 has a name of its own for its remote-build client.
    let nix = name == "nix" || name.starts_with("nix-") || name == "build-remote";
    // For `ssh-ng://localhost` Nix starts the remote program by a shell in place of ssh.
    let ssh = way.door == Door::Ssh && name == "bash";
    let loader = name.starts_with("ld-linux-") || program == Path::new("/bin/sh");
    let ours = program == Path::new(PROGRAM) || program.starts_with(way.world.directory.path());
    let store = program.starts_with(&way.store) || program.starts_with("/nix/store");
    (nix || ssh || loader || ours) && !store
}

/// Builds an example through these doors and Nixes.
fn through(name: &str, systems: &[&str], wanted: &dyn Fn(Door, &Nix) -> bool) {
    let expected = built_by_run(name);
    for nix in Nix::all(name) {
        for door in Door::ALL {
            if !door.is_open(nix.number()) || !wanted(door, &nix) {
                continue;
            }
            let world = World::new();
            let way = Way::open_for(door, &nix, &world, systems, &["--no-substitute"]);
            println!("{}", way.shown());
            let started = build(&way, name, &expected);
            let ours = started.iter().filter(|program| {
                let name = program.file_name().unwrap_or_default();
                name.to_string_lossy().starts_with("wasibuild")
            });
            // The trace sees what it should: a door that starts a process for each build shows it.
            if matches!(door, Door::External | Door::Hook) {
                assert!(ours.count() >= 100, "{}: {started:?}", way.shown());
            }
            for program in &started {
                let expected = is_expected(program, &way);
                assert!(expected, "{} started {program:?}", way.shown());
            }
            way.verify();
            way.close();
        }
    }
}

#[test]
fn the_machine_of_webassembly_builders() {
    if !example("../../target/builders").is_dir() {
        panic!("no target/builders; run `cargo xtask builders`");
    }
    let wanted = |door, nix: &Nix| match door {
        Door::Daemon => nix.number() < (2, 25),
        Door::External => true,
        _ => false,
    };
    through("nixos", WASM, &wanted);
}

#[test]
fn unmodified_derivations_for_linux_through_every_door() {
    let refused = Command::new(example("stdenv/packages/bash/bin/bash")).output();
    assert!(refused.is_err(), "the builder of the example can be run");
    let systems = ["x86_64-linux", "wasm32-wasip1"];
    // Every door with the newest Nix; those that Debian 12's has with that, too, but for the slowest.
    let wanted = |door, nix: &Nix| match nix.number() {
        (2, 8) => door != Door::Ssh,
        version => version >= (2, 32),
    };
    through("stdenv", &systems, &wanted);
}
