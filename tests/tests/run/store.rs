//! `wasibuild store`, and stores that do not work.

use super::support::{World, nix, nix_output};
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

#[test]
fn add_gives_the_path_that_nix_gives() {
    let world = World::new();
    let file = world.write("file", "contents\n");
    let ours = world.run_raw(&["store", "add", file.to_str().expect("text")]);
    let ours = String::from_utf8(ours.stdout).expect("text");
    assert_eq!(
        ours.trim(),
        nix_output(
            "nix-store",
            &world.path("other"),
            &["--add", file.to_str().expect("text")]
        )
    );
    world.verify();
    assert_eq!(world.run(&["store", "add", "missing"]).code, 4);
}

#[test]
fn exports_go_both_ways() {
    let world = World::new();
    let drv = world.derivation(r#"[ (mk "b" { dep = mk "a" { script = "write $out a"; }; script = "write $out $dep"; }) ]"#);
    let out = world.build(&[&drv]).remove(0);
    let export = world.run_raw(&["store", "export", "--closure", &out]);
    assert!(export.status.success());
    let mut import = nix("nix-store", &world.path("other"));
    let mut import = import
        .args(["--import", "--option", "require-sigs", "false"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("nix-store");
    import
        .stdin
        .take()
        .expect("stdin")
        .write_all(&export.stdout)
        .expect("written");
    let output = import.wait_with_output().expect("ended");
    assert!(String::from_utf8_lossy(&output.stdout).contains(&out));

    let third = World::new();
    let file = third.write("export", &export.stdout);
    let printed = third.run(&["store", "import", file.to_str().expect("text")]);
    assert_eq!(
        (printed.code, printed.out.as_str()),
        (0, "/nix/store/HASH-a\n/nix/store/HASH-b\n")
    );
    third.verify();
    let cut = third.write("cut", &export.stdout[..export.stdout.len() - 30]);
    let fourth = World::new();
    let printed = fourth.run(&["store", "import", cut.to_str().expect("text")]);
    assert_eq!(printed.code, 4, "{}", printed.err);
    fourth.verify();
}

#[test]
fn damage_is_found() {
    let world = World::new();
    let out = world
        .build(&[&world.derivation(r#"[ (mk "a" { script = "write $out a"; }) ]"#)])
        .remove(0);
    assert_eq!(world.run(&["store", "verify", "--check-contents"]).code, 0);
    let real = world.real(&out);
    fs::remove_file(&real).expect("removed");
    fs::write(&real, "other").expect("written");
    let printed = world.run(&["store", "verify", "--check-contents"]);
    assert_eq!(printed.code, 4);
    assert!(
        printed
            .err
            .starts_with("error: path '/nix/store/HASH-a' was modified: expected ")
            && printed.err.ends_with("error: the store has 1 error\n"),
        "{}",
        printed.err
    );
}

#[test]
fn collect_and_delete() {
    let world = World::new();
    let out = world
        .build(&[&world.derivation(r#"[ (mk "a" { script = "write $out a"; }) ]"#)])
        .remove(0);
    let printed = world.run(&["store", "gc", "--dry-run"]);
    assert!(
        printed.out.contains("/nix/store/HASH-a\n") && world.is_valid(&out),
        "{}",
        printed.out
    );
    assert_eq!(world.run(&["store", "delete", &out]).code, 0);
    assert!(!world.is_valid(&out));
    assert_eq!(world.run(&["store", "gc"]).code, 0);
    assert_eq!(world.run(&["store", "info"]).out, "[]\n");
    let err = world.run(&["store", "info", "/etc/passwd"]).err;
    assert_eq!(
        err,
        "error: '/etc/passwd' is not a store path: it is neither in /nix/store nor in 'DIR/root/nix/store'\n"
    );
}

#[test]
fn a_full_disk_is_told_and_harms_nothing() {
    let world = World::new();
    let root = world.root();
    fs::create_dir(&root).expect("a directory");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"])
        .arg(&root)
        .output();
    if !mounted.as_ref().is_ok_and(|output| output.status.success()) {
        println!("SKIPPED: cannot mount a small file system: {mounted:?}");
        return;
    }
    let drv = world.derivation(r#"[ (mk "large" { script = "megabytes $out 40"; }) ]"#);
    let printed = world.run(&["run", &drv]);
    let out = nix_output("nix-store", &root, &["--query", "--outputs", &drv]);
    let valid = world.is_valid(&out);
    world.verify();
    let small = world.derivation(r#"[ (mk "small" { script = "write $out x"; }) ]"#);
    let second = world.run(&["run", &small]);
    let _ = Command::new("umount").arg(&root).status();
    assert_eq!(printed.code, 4, "{}", printed.err);
    assert!(printed.err.contains("the disk is full"), "{}", printed.err);
    assert!(!valid);
    assert_eq!(second.code, 0, "the store works again: {}", second.err);
}

#[test]
fn a_read_only_store_is_told() {
    let world = World::new();
    let root = world.root();
    fs::create_dir(&root).expect("a directory");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64m", "tmpfs"])
        .arg(&root)
        .output();
    if !mounted.as_ref().is_ok_and(|output| output.status.success()) {
        println!("SKIPPED: cannot mount a file system: {mounted:?}");
        return;
    }
    let drv = world.derivation(r#"[ (mk "a" { script = "write $out x"; }) ]"#);
    let _ = Command::new("mount")
        .args(["-o", "remount,ro"])
        .arg(&root)
        .status();
    let printed = world.run(&["run", &drv]);
    let _ = Command::new("umount").arg(&root).status();
    assert_eq!(printed.code, 4, "{}", printed.err);
    assert!(printed.err.contains("read-only"), "{}", printed.err);
}
