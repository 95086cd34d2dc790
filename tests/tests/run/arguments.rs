//! Wrong command lines and wrong files.

use super::support::{Printed, World};
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn refused(world: &World, arguments: &[&str], code: i32) -> String {
    let Printed {
        code: found,
        out,
        err,
    } = world.run(arguments);
    assert_eq!((found, out.as_str()), (code, ""), "{arguments:?}: {err}");
    err
}

#[test]
fn usage() {
    let world = World::new();
    for arguments in [
        &[][..],
        &["frobnicate"],
        &["run"],
        &["run", "--jobs", "x"],
        &["run", "-j0", "x.drv"],
        &["run", "--max-memory", "1X", "a"],
    ] {
        let printed = world.run(arguments);
        assert_eq!(printed.code, 2, "{arguments:?}: {}", printed.err);
        assert!(
            printed.err.contains("Usage: ") || printed.err.contains("--help"),
            "{}",
            printed.err
        );
    }
    let help = world.run(&["--help"]);
    assert_eq!(help.code, 0);
    assert!(
        help.out.contains("101  a build ran into --timeout"),
        "{}",
        help.out
    );
    assert_eq!(world.run(&["--version"]).code, 0);
}

#[test]
fn a_path_that_does_not_exist() {
    let world = World::new();
    assert_eq!(
        refused(&world, &["run", "missing.drv"], 3),
        "error: 'missing.drv' does not exist
hint: expected a derivation: a store path such as /nix/store/…-name.drv, or a .drv file
"
    );
    assert_eq!(
        refused(
            &world,
            &["run", "/nix/store/00000000000000000000000000000000-a.drv"],
            3
        ),
        "error: derivation '/nix/store/HASH-a.drv' is not in the store 'DIR/root'
hint: name its store with --store, or add it with `wasibuild store import`
"
    );
}

#[test]
fn a_directory_and_special_files() {
    let world = World::new();
    fs::create_dir(world.path("dir.drv")).expect("a directory");
    assert_eq!(
        refused(&world, &["run", "dir.drv"], 3),
        "error: 'dir.drv' is a directory, not a derivation\nhint: expected a .drv file\n"
    );
    assert_eq!(
        refused(&world, &["run", "/dev/null"], 3),
        "error: '/dev/null' is a special file, not a derivation\nhint: expected a .drv file\n"
    );
}

#[test]
fn an_unreadable_file() {
    let world = World::new();
    let file = world.write("secret.drv", "");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).expect("permissions");
    let err = refused(&world, &["run", "secret.drv"], 3);
    if rustix_is_root() {
        // Root reads everything, and finds an empty file.
        assert!(
            err.starts_with("error: 'secret.drv' is not a derivation that Nix wrote: "),
            "{err}"
        );
    } else {
        assert_eq!(
            err,
            "error: cannot read 'secret.drv': Permission denied (os error 13)\n"
        );
    }
    let err = refused(&world, &["run", "secret.drv/x.drv"], 3);
    assert_eq!(
        err,
        "error: cannot read 'secret.drv/x.drv': Not a directory (os error 20)\n"
    );
}

fn rustix_is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn paths_that_are_no_derivations() {
    let world = World::new();
    let added = world.run_raw(&[
        "store",
        "add",
        world.write("file", "x").to_str().expect("text"),
    ]);
    let added = String::from_utf8(added.stdout).expect("text");
    assert_eq!(
        refused(&world, &["run", added.trim()], 3),
        "error: '/nix/store/HASH-file' is not a derivation\nhint: expected a store path that ends in .drv\n"
    );
    let err = refused(&world, &["run", "/nix/store/../../etc/passwd"], 3);
    assert!(
        err.starts_with("error: '/nix/store/../../etc/passwd' is not the path of a derivation: "),
        "{err}"
    );
    let err = refused(&world, &["run", "/nix/store/a\nb\u{1b}.drv"], 3);
    assert!(
        err.starts_with("error: '/nix/store/a\\nb\\u{1b}.drv' is not the path of a derivation: "),
        "{err}"
    );
}

#[test]
fn text_that_is_no_derivation() {
    let world = World::new();
    world.write("a.drv", "Derive([(");
    let err = refused(&world, &["run", "a.drv"], 3);
    assert!(
        err.starts_with("error: 'a.drv' is not a derivation that Nix wrote: ")
            && err.ends_with(
                "\nhint: a .drv file comes from `nix-instantiate`; it must not be edited\n"
            ),
        "{err}"
    );
    for bad in [
        "",
        "\0\0\0",
        "Derive([],[],[],\"\",\"\",[],[])",
        "\u{1b}[2J",
    ] {
        world.write("b.drv", bad);
        let err = refused(&world, &["run", "b.drv"], 3);
        assert!(
            err.starts_with("error: ") && err.contains("b.drv"),
            "{bad:?}: {err}"
        );
    }
}

#[test]
fn floating_outputs_are_refused() {
    let world = World::new();
    let text = r#"Derive([("out","","r:sha256","")],[],[],"wasm32-wasi","/nix/store/b",[],[("out","/1rz4g4znpzjwh1xymhjpm42vipw92pr73vdgl6xs1hycac8kf2n9")])"#;
    world.write("floating.drv", text);
    let err = refused(&world, &["run", "floating.drv"], 5);
    assert_eq!(
        err,
        "error: cannot build 'floating.drv': the derivation is content-addressed (floating), which is not supported: its output paths are not known before it is built; remove __contentAddressed or __impure from it and its inputs
"
    );
}

#[test]
fn no_place_for_the_store() {
    let world = World::new();
    let mut command = world.command(&["store", "verify"]);
    command.env_remove("WASIBUILD_STORE").env_remove("HOME");
    let printed = world.printed(command.output().expect("started"));
    assert_eq!(printed.code, 2);
    assert_eq!(
        printed.err,
        "error: there is no place for the store, because HOME is not set\nhint: name one with --store or WASIBUILD_STORE\n"
    );
    let mut command = world.command(&["store", "verify"]);
    command
        .env_remove("WASIBUILD_STORE")
        .env("HOME", world.path("home"));
    assert_eq!(command.output().expect("started").status.code(), Some(0));
    assert!(world.path("home/.local/share/wasibuild/nix/store").is_dir());
}

#[test]
fn a_closed_pipe_is_no_error() {
    let world = World::new();
    let mut child = world.spawn(&["man"]);
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ended");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success());
}

#[test]
fn documents_are_made_from_the_table() {
    let world = World::new();
    assert!(world.run(&["man"]).out.contains(".SS \"wasibuild run\""));
    assert!(
        world
            .run(&["completions", "bash"])
            .out
            .contains("--max-silent-time")
    );
    let printed = world.run(&["builders", "list"]);
    if wasibuild::embedded::BUILDERS.is_empty() {
        assert_eq!(
            (printed.code, printed.err.as_str()),
            (
                1,
                "error: this program was compiled without builders\nhint: run `cargo xtask builders`, then compile it again\n"
            )
        );
    } else {
        assert_eq!(printed.code, 0);
    }
}

#[test]
fn show_gives_what_nix_gives() {
    let world = World::new();
    let drv = world.derivation(
        r#"[ (mk "a" { dep = mk "b" { }; script = "x"; outputs = [ "out" "dev" ]; }) ]"#,
    );
    let ours: serde_json::Value =
        serde_json::from_slice(&world.run_raw(&["show", &drv]).stdout).expect("JSON");
    let theirs = super::support::nix_output("nix", &world.root(), &["show-derivation", &drv]);
    let theirs: serde_json::Value = serde_json::from_str(&theirs).expect("JSON");
    assert_eq!(ours, theirs);
    let ours: serde_json::Value =
        serde_json::from_slice(&world.run_raw(&["show", "-r", &drv]).stdout).expect("JSON");
    let theirs = super::support::nix_output("nix", &world.root(), &["show-derivation", "-r", &drv]);
    let theirs: serde_json::Value = serde_json::from_str(&theirs).expect("JSON");
    assert_eq!(ours, theirs);
    let err = refused(&world, &["log", &drv], 1);
    assert_eq!(
        err,
        "error: there is no log of '/nix/store/HASH-a.drv' in this store\nhint: it was not built here\n"
    );
}
