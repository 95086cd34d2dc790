//! `--check` and `--keep-failed`.

use super::support::World;
use std::fs;

const CORES: &str = r#"[ (mk "cores" { script = "mkdir $out\nwrite $out/cores $NIX_BUILD_CORES\nwrite $out/same x"; }) ]"#;

#[test]
fn a_build_that_is_the_same() {
    let world = World::new();
    let drv = world.derivation(CORES);
    let printed = world.run(&["run", "--check", &drv]);
    assert_eq!(printed.code, 3);
    assert_eq!(
        printed.err,
        "error: cannot check '/nix/store/HASH-cores.drv': its output '/nix/store/HASH-cores' is not valid, so there is nothing to compare with
hint: run without --check first
"
    );
    world.build(&[&drv]);
    let printed = world.run(&["run", "--check", &drv]);
    assert_eq!(
        (printed.code, printed.out.as_str()),
        (0, "/nix/store/HASH-cores\n")
    );
    assert!(
        printed
            .err
            .ends_with("1 built again without a difference in TIME\n"),
        "{}",
        printed.err
    );
}

#[test]
fn a_build_that_differs() {
    let world = World::new();
    let drv = world.derivation(CORES);
    let out = world.build(&[&drv]).remove(0);
    let printed = world.run(&["run", "--check", "--cores", "17", &drv]);
    assert_eq!(printed.code, 104);
    let error = &printed.err[printed.err.find("error: ").expect("an error")..];
    assert_eq!(
        error,
        "error: derivation '/nix/store/HASH-cores.drv' may not be deterministic: output '/nix/store/HASH-cores' differs
  /cores: had 2 bytes, now has 3; they differ from byte 1 on:
    before: \"1\\n\"
    now:    \"17\\n\"
hint: with --keep-failed the new version is kept beside the old one
1 failed in TIME
"
    );
    let printed = world.run(&["run", "--check", "--keep-failed", "--cores", "17", &drv]);
    assert!(
        printed
            .err
            .contains("the new version is in 'DIR/root/nix/store/HASH-cores.check'\n"),
        "{}",
        printed.err
    );
    let kept = format!("{}.check", world.real(&out).display());
    assert_eq!(
        fs::read_to_string(format!("{kept}/cores")).expect("kept"),
        "17\n"
    );
    assert_eq!(
        fs::read_to_string(world.real(&out).join("cores")).expect("old"),
        "1\n"
    );
    world.verify();
}

#[test]
fn what_a_failed_build_leaves_is_kept_on_request() {
    let world = World::new();
    let drv = world.derivation(
        r#"[ (mk "bad" { script = "write /build/note here\nmkdir $out\nwrite $out/half done\nexit 1"; text = "x"; passAsFile = [ "text" ]; }) ]"#,
    );
    assert!(!world.run(&["run", &drv]).err.contains("keeping"));
    let printed = world.run_raw(&["run", "--keep-failed", &drv]);
    let text = String::from_utf8(printed.stderr).expect("text");
    let start = "warning: keeping what the build of 'bad' left in '";
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(start))
        .unwrap_or_else(|| panic!("{text}"));
    let kept = std::path::Path::new(line.trim_end_matches('\''));
    assert_eq!(
        fs::read_to_string(kept.join("build/note")).expect("kept"),
        "here\n"
    );
    let out =
        super::support::nix_output("nix-store", &world.root(), &["--query", "--outputs", &drv]);
    let name = std::path::Path::new(&out).file_name().expect("a name");
    assert_eq!(
        fs::read_to_string(kept.join(name).join("half")).expect("kept"),
        "done\n"
    );
    world.verify();
}
