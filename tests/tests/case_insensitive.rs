//! A store on a file system that finds names in any case, as APFS does on most Macs: trees whose
//! names differ by case only are written as Nix writes them there (`use-case-hack`), and have the
//! hashes that they have everywhere.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use wasibuild_store::Store;
use wasibuild_tests::file_systems::{FileSystem, Kind};

const PROGRAM: &str = env!("CARGO_BIN_EXE_wasibuild-under-test");

#[test]
fn names_that_differ_by_case_live_side_by_side() {
    let directory = tempfile::tempdir().expect("a directory");
    let mounted = match FileSystem::mount(Kind::CaseInsensitive, directory.path()) {
        Ok(mounted) => mounted,
        Err(why) => return println!("SKIPPED: a store where case does not count: {why}"),
    };
    let tree = directory.path().join("tree");
    for name in [
        "Makefile",
        "makefile",
        "sub/README",
        "sub/readme",
        "sub/Readme",
        "SUB/x",
    ] {
        let file = tree.join(name);
        fs::create_dir_all(file.parent().expect("a parent")).expect("a directory");
        fs::write(&file, name).expect("a file");
    }

    let (here, there) = (directory.path().join("root"), mounted.path().join("root"));
    let expected = added(&here, &tree);
    let found = added(&there, &tree);
    assert_eq!(found, expected, "path, NAR hash and size");

    let on_disk = there.join(found.0.trim_start_matches('/'));
    let mut names: Vec<String> = fs::read_dir(&on_disk)
        .expect("the tree")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("text")
        })
        .collect();
    names.sort();
    // As Nix writes it: the first of such names in the order of the archive keeps its own.
    assert_eq!(
        names,
        [
            "Makefile",
            "SUB",
            "makefile~nix~case~hack~1",
            "sub~nix~case~hack~1"
        ]
    );

    succeeds("wasibuild", program(&there, &["store", "verify"]));
    for (what, arguments) in [
        ("verify", &["--verify", "--check-contents"][..]),
        ("verify-path", &["--verify-path", &found.0]),
    ] {
        let mut nix = Command::new("nix-store");
        nix.args(["--option", "use-case-hack", "true", "--store"])
            .arg(&there)
            .args(arguments)
            .stdin(Stdio::null());
        succeeds(what, nix.output().expect("nix-store starts"));
    }
}

/// Adds the tree; returns its store path, NAR hash and NAR size.
fn added(root: &Path, tree: &Path) -> (String, [u8; 32], u64) {
    fs::create_dir_all(root).expect("the root");
    let output = succeeds(
        "store add",
        program(
            root,
            &[OsStr::new("store"), "add".as_ref(), tree.as_os_str()],
        ),
    );
    let path = output.trim().to_owned();
    let store = Store::open(root).expect("the store opens");
    let all = store.all_valid_paths().expect("the paths");
    assert_eq!(all.len(), 1, "{all:?}");
    let info = store
        .query_path_info(all.first().expect("one path"))
        .expect("a query")
        .expect("a valid path");
    (path, info.nar_hash, info.nar_size)
}

fn program(root: &Path, arguments: &[impl AsRef<OsStr>]) -> Output {
    Command::new(PROGRAM)
        .args(arguments)
        .env("WASIBUILD_STORE", root)
        .stdin(Stdio::null())
        .output()
        .expect("the program starts")
}

fn succeeds(what: &str, output: Output) -> String {
    assert!(
        output.status.success(),
        "{what}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}
