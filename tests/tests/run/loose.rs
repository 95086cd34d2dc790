//! Derivations that are given as files, with what they need beside them.

use super::support::World;
use std::fs;
use std::path::{Path, PathBuf};

const CLOSURE: &str = r#"
let tree = builtins.filterSource (p: t: true) ./tree;
    text = builtins.toFile "text" "some text";
    nested = builtins.toFile "nested" "see ${text}";
    base = mk "base" { script = "copy $nested $out"; inherit nested; };
in [ (mk "top" { script = "mkdir $out\ncopy $tree/file $out/file\nwrite $out/base $base"; inherit tree base; }) ]"#;

/// Copies the closure of a derivation of a first world beside each other in a directory of a second.
fn spread(from: &World, to: &World, drv: &str) -> PathBuf {
    let beside = to.path("beside");
    fs::create_dir(&beside).expect("a directory");
    let closure =
        super::support::nix_output("nix-store", &from.root(), &["--query", "--requisites", drv]);
    for path in closure.lines() {
        copy(
            &from.real(path),
            &beside.join(Path::new(path).file_name().expect("a name")),
        );
    }
    beside
}

fn copy(from: &Path, to: &Path) {
    let status = std::process::Command::new("cp")
        .arg("-a")
        .arg(from)
        .arg(to)
        .status()
        .expect("cp");
    assert!(status.success());
}

fn closure() -> (World, String) {
    let world = World::new();
    fs::create_dir(world.path("tree")).expect("a directory");
    world.write("tree/file", "in a tree\n");
    std::os::unix::fs::symlink("/nowhere", world.path("tree/link")).expect("a link");
    let drv = world.derivation(CLOSURE);
    (world, drv)
}

#[test]
fn a_closure_beside_the_file_is_built() {
    let (first, drv) = closure();
    let expected = first.build(&[&drv]);
    let second = World::new();
    let beside = spread(&first, &second, &drv);
    let file = beside.join(Path::new(&drv).file_name().expect("a name"));
    let dry = second.run(&["run", "--dry-run", file.to_str().expect("text")]);
    assert!(
        dry.out.starts_with("these 2 derivations will be built:"),
        "{}{}",
        dry.out,
        dry.err
    );
    assert!(!second.is_valid(&drv));
    let built = second.build(&[file.to_str().expect("text")]);
    assert_eq!(built, expected);
    second.verify();
    assert!(second.is_valid(&drv));
    // Under another name, and with its inputs in the store, it is still the same derivation.
    let renamed = second.path("renamed.drv");
    fs::copy(&file, &renamed).expect("copied");
    assert_eq!(second.build(&[renamed.to_str().expect("text")]), expected);
    // A path below the root is the same, too.
    assert_eq!(
        second.build(&[second.real(&drv).to_str().expect("text")]),
        expected
    );
}

#[test]
fn sources_may_be_archives() {
    let (first, drv) = closure();
    let second = World::new();
    let beside = spread(&first, &second, &drv);
    for entry in fs::read_dir(&beside).expect("read") {
        let path = entry.expect("entry").path();
        if path.extension().is_some_and(|extension| extension == "drv") {
            continue;
        }
        let nar = std::process::Command::new("nix-store")
            .arg("--dump")
            .arg(&path)
            .output()
            .expect("nix-store");
        assert!(nar.status.success());
        fs::write(format!("{}.nar", path.display()), nar.stdout).expect("written");
        if path.is_dir() {
            fs::remove_dir_all(&path).expect("removed")
        } else {
            fs::remove_file(&path).expect("removed")
        }
    }
    let file = beside.join(Path::new(&drv).file_name().expect("a name"));
    second.build(&[file.to_str().expect("text")]);
    second.verify();
}

#[test]
fn what_is_missing_is_named() {
    let (first, drv) = closure();
    for (missing, start, code) in [
        (
            "base.drv",
            "error: '/nix/store/HASH-base.drv' is missing; '/nix/store/HASH-top.drv' needs it\nhint: it is neither in the store 'DIR/root' nor beside the derivation in 'DIR/beside'\n",
            3,
        ),
        (
            "text",
            "error: '/nix/store/HASH-text' is missing; '/nix/store/HASH-nested' refers to it\n",
            3,
        ),
        (
            "nested",
            "error: '/nix/store/HASH-nested' is missing; '/nix/store/HASH-base.drv' needs it\nhint: no binary cache offers it; ",
            3,
        ),
    ] {
        let second = World::new();
        let beside = spread(&first, &second, &drv);
        for entry in fs::read_dir(&beside).expect("read") {
            let path = entry.expect("entry").path();
            if path.to_string_lossy().ends_with(&format!("-{missing}")) {
                fs::remove_file(path).expect("removed");
            }
        }
        let file = beside.join(Path::new(&drv).file_name().expect("a name"));
        let printed = second.run(&["run", file.to_str().expect("text")]);
        assert!(printed.err.starts_with(start), "{missing}: {}", printed.err);
        assert_eq!(printed.code, code);
        second.verify();
    }
}

#[test]
fn files_that_lie_are_refused() {
    let (first, drv) = closure();
    let second = World::new();
    let beside = spread(&first, &second, &drv);
    let file = beside.join(Path::new(&drv).file_name().expect("a name"));
    let original = fs::read_to_string(&file).expect("read");
    let run = |contents: &str, file: &Path| {
        let _ = fs::remove_file(file);
        fs::write(file, contents).expect("written");
        second.run(&["run", file.to_str().expect("text")])
    };
    // Another content under the same name.
    let printed = run(&original.replace("mkdir", "mkfoo"), &file);
    assert_eq!(printed.code, 3);
    assert_eq!(
        printed.err,
        "error: 'DIR/beside/HASH-top.drv' lies: from its content follows the name 'HASH-top.drv'\nhint: it was altered or renamed; get it again from where it came\n"
    );
    // A name that follows from the content, but output paths that do not.
    let printed = run(
        &original.replace("mkdir", "mkfoo"),
        &beside.join("altered.drv"),
    );
    assert_eq!(printed.code, 3);
    assert!(
        printed.err.starts_with("error: 'DIR/beside/altered.drv' lies: output “out” should be /nix/store/HASH-top as follows from the derivation's content, but the file says /nix/store/HASH-top"),
        "{}",
        printed.err
    );
    // A source that was changed.
    let text = fs::read_dir(&beside)
        .expect("read")
        .map(|e| e.expect("entry").path())
        .find(|p| p.to_string_lossy().ends_with("-text"))
        .expect("text");
    let _ = fs::remove_file(&text);
    fs::write(&text, "other text").expect("written");
    let printed = run(&original, &file);
    assert_eq!(printed.code, 3);
    assert_eq!(
        printed.err,
        "error: 'DIR/beside/HASH-text' is not '/nix/store/HASH-text': its content gives another path\nhint: only sources whose path follows from their content can be taken from a directory; others come with `wasibuild store import` or from a binary cache\n"
    );
    assert!(!second.is_valid(&drv));
    second.verify();
}

#[test]
fn a_circle_is_named() {
    let world = World::new();
    let (a, b) = ("0".repeat(32) + "-a.drv", "1".repeat(32) + "-b.drv");
    let text = |needs: &str| {
        format!(
            r#"Derive([("out","/nix/store/{}-x","","")],[("/nix/store/{needs}",["out"])],[],"wasm32-wasi","/nix/store/x",[],[("out","/nix/store/{}-x")])"#,
            "2".repeat(32),
            "2".repeat(32)
        )
    };
    world.write(&a, text(&b));
    world.write(&b, text(&a));
    let printed = world.run(&["run", &a]);
    assert_eq!(printed.code, 3);
    assert_eq!(
        printed.err,
        "error: derivations need each other in a circle:
  '/nix/store/HASH-a.drv'
  needs
  '/nix/store/HASH-b.drv'
  needs
  '/nix/store/HASH-a.drv'
"
    );
}
