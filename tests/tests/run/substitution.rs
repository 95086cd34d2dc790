//! Inputs that come from a binary cache which real Nix wrote.

use super::support::{World, nix};

/// A cache with a signed closure, the path of its top, and its key.
fn cache(world: &World) -> (String, String, String) {
    let source = World::new();
    let drv = source.derivation(r#"[ (mk "b" { dep = mk "a" { script = "write $out a"; }; script = "write $out $dep"; }) ]"#);
    let out = source.build(&[&drv]).remove(0);
    let key = String::from_utf8(source.run_raw(&["store", "public-key"]).stdout).expect("a key");
    let url = format!("file://{}", world.path("cache").display());
    let mut copy = nix("nix", &source.root());
    let output = copy
        .args(["copy", "--to", &url, &out])
        .output()
        .expect("nix copy");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    (url, out, key.trim().to_owned())
}

#[test]
fn what_a_cache_has_is_not_built() {
    let world = World::new();
    let (url, out, key) = cache(&world);
    let drv = world.derivation(
        r#"[ (mk "top" { b = mk "b" { dep = mk "a" { script = "write $out a"; }; script = "write $out $dep"; }; script = "write $out $b"; }) ]"#,
    );
    let printed = world.run(&[
        "run",
        "-j1",
        "--substituters",
        &url,
        "--trusted-public-keys",
        &key,
        &drv,
    ]);
    assert_eq!(printed.code, 0, "{}", printed.err);
    assert!(
        printed
            .err
            .starts_with("1 derivation to build, 2 paths to fetch\nfetching '/nix/store/HASH-a' ("),
        "{}",
        printed.err
    );
    assert!(
        printed.err.ends_with("1 built, 2 fetched in TIME\n"),
        "{}",
        printed.err
    );
    assert!(world.is_valid(&out));
    world.verify();
}

#[test]
fn an_untrusted_cache_is_not_believed() {
    let world = World::new();
    let (url, _, _) = cache(&world);
    let drv = world.derivation(r#"[ (mk "b" { dep = mk "a" { script = "write $out a"; }; script = "write $out $dep"; }) ]"#);
    let printed = world.run(&["run", "-j1", "--substituters", &url, &drv]);
    assert_eq!(printed.code, 0, "{}", printed.err);
    assert!(
        printed.err.contains("warning: ") && printed.err.ends_with("2 built in TIME\n"),
        "{}",
        printed.err
    );
    let elsewhere = World::new();
    let drv = elsewhere.derivation(r#"[ (mk "x" { system = "aarch64-linux"; }) ]"#);
    let printed = elsewhere.run(&["run", "--substituters", &url, &drv]);
    assert_eq!(printed.code, 5, "{}", printed.err);
}

#[test]
fn a_damaged_archive_is_refused() {
    let world = World::new();
    let (url, out, key) = cache(&world);
    for entry in std::fs::read_dir(world.path("cache/nar")).expect("read") {
        let path = entry.expect("entry").path();
        let mut bytes = std::fs::read(&path).expect("read");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        std::fs::write(&path, bytes).expect("written");
    }
    let drv = world.derivation(
        r#"[ (mk "top" { b = mk "b" { dep = mk "a" { script = "write $out a"; }; script = "write $out $dep"; }; script = "write $out $b"; }) ]"#,
    );
    let printed = world.run(&[
        "run",
        "-j1",
        "--substituters",
        &url,
        "--trusted-public-keys",
        &key,
        &drv,
    ]);
    assert_eq!(printed.code, 100, "{}", printed.err);
    assert!(
        printed
            .err
            .contains("error: cannot fetch '/nix/store/HASH-a': "),
        "{}",
        printed.err
    );
    assert!(!world.is_valid(&out));
    world.verify();
}
