//! `wasibuild sh`: the shell of the sandbox, started by hand.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use super::support::{Ran, World, executable};

fn sh(world: &World, arguments: &[&str]) -> Ran {
    let mut all = vec!["sh"];
    all.extend(arguments);
    world.wasibuild(&all)
}

#[test]
fn code_files_and_standard_input_run() {
    let world = World::new();
    let ran = sh(
        &world,
        &["-c", "echo $0 $1; echo err >&2; exit 7", "zero", "one"],
    );
    assert_eq!(
        (ran.code, &*ran.out, &*ran.err),
        (7, "zero one\n", "err\n"),
        "{ran:?}"
    );
    executable(&world.path("s.sh"), "echo $0 $1 $-; cat");
    let file = world.path("s.sh");
    let ran = sh(&world, &["-eu", file.to_str().expect("text"), "one"]);
    assert_eq!(
        (ran.code, &*ran.out),
        (0, "/tmp/s.sh one ehuB\n"),
        "{ran:?}"
    );
    let mut child = world
        .command(&["sh"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut input = child.stdin.take().expect("a pipe");
    input
        .write_all(b"read x\nline\necho [$x] $PWD\nkill -9 $$\n")
        .expect("written");
    drop(input);
    let ran = Ran::of(child.wait_with_output().expect("it ends"));
    assert_eq!(
        (ran.code, &*ran.out),
        (128 + 9, "[line] /build\n"),
        "{ran:?}"
    );
}

#[test]
fn a_directory_is_shown_and_brought_up_to_date() {
    let world = World::new();
    let place = world.path("dir");
    fs::create_dir_all(place.join("sub")).expect("made");
    fs::write(place.join("sub/old"), "old\n").expect("written");
    executable(
        &place.join("run.sh"),
        "cat sub/old; rm sub/old; echo $A > new; chmod +x new; exit 3",
    );
    let ran = sh(&world, &["--dir", "dir", "--env", "A=b c", "dir/run.sh"]);
    assert_eq!((ran.code, &*ran.out), (3, "old\n"), "{ran:?}");
    assert_eq!(
        fs::read_to_string(place.join("new")).expect("a file"),
        "b c\n"
    );
    assert!(!place.join("sub/old").exists());
    let mode = {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(place.join("new"))
            .expect("a file")
            .permissions()
            .mode()
    };
    assert_eq!(mode & 0o100, 0o100);
}

#[test]
fn the_store_is_shown() {
    let world = World::new();
    let built = world.build(r#"run "x" {} "echo built > $out""#);
    let name = built
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let ran = sh(
        &world,
        &[
            "-c",
            &format!("cat /nix/store/{name}; test -w /nix/store/{name} || echo read-only"),
        ],
    );
    assert_eq!(ran.out, "built\nread-only\n", "{ran:?}");
}

#[test]
fn what_the_sandbox_ends_is_told() {
    let world = World::new();
    let ran = sh(&world, &["-c", "sed --posix p || true"]);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(
        ran.err.contains("the foreign program '/bin/sed'"),
        "{ran:?}"
    );
    let ran = sh(&world, &["--max-processes", "3", "-c", "cat | cat | cat"]);
    assert_eq!(ran.code, 100, "{ran:?}");
    assert!(ran.err.contains("--max-processes"), "{ran:?}");
    let ran = sh(&world, &["no-such-file"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("'no-such-file'"), "{ran:?}");
}
