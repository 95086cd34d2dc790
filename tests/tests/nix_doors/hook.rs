//! `wasibuild hook` as the `build-hook` of each Nix that heeds the setting: 2.25 to 2.33 do not.

use std::process::Command;

use crate::doors::Door;
use crate::support::{Daemon, Nix, PROGRAM, World, failure, text};

fn all(test: &str) -> impl Iterator<Item = Nix> {
    let all = Nix::all(test).into_iter();
    all.filter(|nix| Door::Hook.is_open(nix.number()))
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
fn without_nix_it_says_what_it_is() {
    let world = World::new();
    let printed = world.run(&["hook"]);
    assert_eq!(printed.code, 1);
    let expected =
        "error: cannot use 'descriptor 4: this command is for Nix's setting `build-hook`'";
    assert!(printed.err.starts_with(expected), "{printed:?}");
}
