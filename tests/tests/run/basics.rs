//! What works when nothing goes wrong.

use super::support::{World, nix, nix_output};
use std::fs;

/// `right` names `left`, which it does not use, so that there is one order only: without that, the
/// order follows from their hashes, and these from the bytes of the compiled guest.
const CLOSURE: &str = r#"
let base = mk "base" { script = "write $out base"; };
    left = mk "left" { script = "write $out $base"; inherit base; };
    right = mk "right" { outputs = [ "out" "dev" ]; script = "print right\nwrite $out $base\nwrite $dev $out"; inherit base left; };
in [ (mk "top" { script = "mkdir $out\nwrite $out/a $left\nwrite $out/b $rightDev"; inherit left; rightDev = right.dev; }) ]"#;

#[test]
fn a_closure_is_built_and_real_nix_agrees() {
    let world = World::new();
    let top = world.derivation(CLOSURE);
    let printed = world.run(&["run", "-j1", &top]);
    assert_eq!(
        printed.err,
        "4 derivations to build
building '/nix/store/HASH-base.drv'...
built base in TIME
building '/nix/store/HASH-left.drv'...
built left in TIME
building '/nix/store/HASH-right.drv'...
right> right
built right in TIME
building '/nix/store/HASH-top.drv'...
built top in TIME
4 built in TIME
"
    );
    assert_eq!(
        (printed.out.as_str(), printed.code),
        ("/nix/store/HASH-top\n", 0)
    );
    world.verify();

    let out = world.build(&[&top]).remove(0);
    let closure = nix_output(
        "nix-store",
        &world.root(),
        &["--query", "--requisites", &out],
    );
    let names: Vec<_> = closure.lines().map(|path| &path[44..]).collect();
    assert_eq!(
        {
            let mut n = names.clone();
            n.sort();
            n
        },
        ["base", "left", "right", "right-dev", "top"]
    );
    assert_eq!(
        nix_output("nix-store", &world.root(), &["--query", "--deriver", &out]),
        top
    );
    let registered = nix_output("nix-store", &world.root(), &["--query", "--hash", &out]);
    let computed = nix_output(
        "nix-hash",
        &world.root(),
        &[
            "--type",
            "sha256",
            "--base32",
            &world.real(&out).display().to_string(),
        ],
    );
    assert_eq!(registered, format!("sha256:{computed}"));
}

#[test]
fn what_is_valid_is_not_built_again() {
    let world = World::new();
    let top = world.derivation(CLOSURE);
    world.build(&[&top]);
    let printed = world.run(&["run", &top]);
    assert_eq!(printed.err, "1 already valid in TIME\n");
    assert_eq!(printed.out, "/nix/store/HASH-top\n");
}

#[test]
fn other_stores_take_what_was_built() {
    let world = World::new();
    let out = world.build(&[&world.derivation(CLOSURE)]).remove(0);
    let key = world.run_raw(&["store", "public-key"]);
    let key = String::from_utf8(key.stdout).expect("a key");
    let other = world.path("other");
    let mut copy = nix("nix", &other);
    copy.args(["copy", "--from"])
        .arg(world.root())
        .arg(&out)
        .args(["--option", "trusted-public-keys", key.trim()]);
    let output = copy.output().expect("nix copy");
    assert!(
        output.status.success(),
        "nix copy failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn json_tells_everything() {
    let world = World::new();
    let top = world.derivation(CLOSURE);
    let printed = world.run_raw(&["run", "-j1", "--json", &top]);
    let json: serde_json::Value = serde_json::from_slice(&printed.stdout).expect("JSON");
    assert_eq!(json["success"], true);
    let all = json["derivations"].as_array().expect("a list");
    let names: Vec<_> = all
        .iter()
        .map(|d| d["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(names, ["base", "left", "right", "top"]);
    let top_json = &all[3];
    assert_eq!(
        (top_json["status"].as_str(), top_json["goal"].as_bool()),
        (Some("built"), Some(true))
    );
    assert!(top_json["seconds"].as_f64().is_some());
    let real = top_json["outputs"]["out"]["realPath"]
        .as_str()
        .expect("a path");
    assert_eq!(fs::read_dir(real).expect("the output").count(), 2);
}

#[test]
fn a_dry_run_says_what_would_be_done() {
    let world = World::new();
    let top = world.derivation(CLOSURE);
    let printed = world.run(&["run", "--dry-run", &top]);
    assert_eq!(
        printed.out,
        "these 4 derivations will be built:
  /nix/store/HASH-base.drv
  /nix/store/HASH-left.drv
  /nix/store/HASH-right.drv
  /nix/store/HASH-top.drv
"
    );
    world.build(&[&top]);
    assert_eq!(
        world.run(&["run", "--dry-run", &top]).out,
        "nothing to do: all outputs are valid\n"
    );
}

#[test]
fn out_links_are_named_as_nix_names_them_and_are_roots() {
    let world = World::new();
    let all = world.derivations(
        r#"[ (mk "a" { script = "write $out a"; }) (mk "b" { outputs = [ "out" "dev" ]; script = "write $out b\nwrite $dev b"; }) ]"#,
    );
    let link = world.path("result");
    let built = world.build(&["--out-link", link.to_str().expect("text"), &all[0], &all[1]]);
    for (name, path) in [
        ("result", &built[0]),
        ("result-2-dev", &built[1]),
        ("result-2", &built[2]),
    ] {
        assert_eq!(
            fs::read_link(world.path(name)).expect(name).to_str(),
            Some(path.as_str()),
            "{name}"
        );
    }
    let roots = nix_output(
        "nix-store",
        &world.root(),
        &["--query", "--roots", &built[0]],
    );
    assert!(roots.contains("/result"), "{roots}");
    world.run(&["store", "gc"]);
    assert!(world.is_valid(&built[0]) && world.is_valid(&built[1]) && world.is_valid(&built[2]));
    fs::remove_file(&link).expect("removed");
    world.run(&["store", "gc"]);
    assert!(!world.is_valid(&built[0]) && world.is_valid(&built[1]));
}

#[test]
fn logs_are_kept_and_made_safe() {
    let world = World::new();
    let drv = world.derivation(r#"[ (mk "noisy" { script = "print one\nprint-hex 1b 5b 32 4a ff 0a\nprint two\nwrite $out x"; }) ]"#);
    let printed = world.run(&["run", &drv]);
    assert!(
        printed
            .err
            .contains("noisy> one\nnoisy> ^[[2J\\xff\nnoisy> two\n"),
        "{}",
        printed.err
    );
    let log = world.run_raw(&["log", &drv]);
    assert_eq!(log.stdout, b"one\n\x1b[2J\xff\ntwo\n");
    let out = world.build(&[&drv]).remove(0);
    assert_eq!(world.run_raw(&["log", &out]).stdout, log.stdout);
    let nix = nix("nix-store", &world.root())
        .args(["--read-log", &drv])
        .output()
        .expect("nix-store");
    assert_eq!(nix.stdout, log.stdout);
    let quiet = world.derivation(r#"[ (mk "quiet" { script = "print one\nwrite $out x"; }) ]"#);
    let printed = world.run(&["run", "--no-build-output", &quiet]);
    assert!(!printed.err.contains("quiet>"), "{}", printed.err);
}

#[test]
fn parallel_builds_give_the_same_store() {
    let world = World::new();
    let wide = r#"[ (mk "top" { script = "write $out $all"; all = map (n: mk "n${toString n}" { script = "write $out ${toString n}"; }) (builtins.genList (n: n) 40); }) ]"#;
    let drv = world.derivation(wide);
    let printed = world.run(&["run", "-j8", &drv]);
    assert_eq!(printed.code, 0, "{}", printed.err);
    assert!(
        printed.err.ends_with("41 built in TIME\n"),
        "{}",
        printed.err
    );
    world.verify();
}
