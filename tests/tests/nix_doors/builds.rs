//! What only the daemon does: different Nixes as its clients at once, and to be the store of a Nix.

use std::process::Stdio;

use crate::support::{Daemon, Nix, World, text};

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
