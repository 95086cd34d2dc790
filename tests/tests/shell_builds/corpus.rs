//! The corpus of scripts, one feature a file, in the sandbox and by the host's GNU bash: the same
//! standard output, the same status, and the same files left behind.
//!
//! The scripts are those of `builders/shell/tests/scripts`, which the native shell runs as well.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::{Ran, World};

/// Kind, mode and content of each thing in a directory, by path.
type Tree = BTreeMap<PathBuf, (String, Vec<u8>)>;

fn scripts() -> Vec<PathBuf> {
    let place = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../builders/shell/tests/scripts"
    );
    let mut found: Vec<PathBuf> = fs::read_dir(place)
        .expect("the corpus")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    found.sort();
    assert!(found.len() > 10, "the corpus is in {place}");
    found
}

fn tree(place: &Path) -> Tree {
    let mut found = Tree::new();
    let mut todo = vec![place.to_path_buf()];
    while let Some(directory) = todo.pop() {
        for entry in fs::read_dir(&directory).expect("listed") {
            let path = entry.expect("an entry").path();
            let data = fs::symlink_metadata(&path).expect("metadata");
            let (kind, content) = if data.is_symlink() {
                let target = fs::read_link(&path).expect("a link");
                (
                    "link".to_owned(),
                    target.into_os_string().into_encoded_bytes(),
                )
            } else if data.is_dir() {
                todo.push(path.clone());
                ("directory".to_owned(), Vec::new())
            } else {
                let mode = data.permissions().mode() & 0o100;
                (format!("file {mode:o}"), fs::read(&path).expect("read"))
            };
            let name = path.strip_prefix(place).expect("inside").to_path_buf();
            found.insert(name, (kind, content));
        }
    }
    found
}

#[test]
fn the_corpus_runs_in_the_sandbox_as_with_gnu_bash() {
    if !Path::new("/bin/bash").exists() {
        println!("SKIPPED: no GNU bash at /bin/bash");
        return;
    }
    let world = World::new();
    let mut failed = Vec::new();
    for script in scripts() {
        // A first line that begins so tells why it runs with the native shell only.
        if fs::read(&script).expect("read").starts_with(b"# NATIVE") {
            continue;
        }
        let name = script
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let file = script.to_str().expect("text");
        let (here, there) = (
            world.path(&format!("{name}-bash")),
            world.path(&format!("{name}-wasm")),
        );
        fs::create_dir_all(&here).expect("made");
        fs::create_dir_all(&there).expect("made");
        let bash = Command::new("/bin/bash")
            .arg(file)
            .current_dir(&here)
            .env_clear()
            .envs([("PATH", "/usr/bin:/bin"), ("HOME", "/home/user")])
            .output()
            .expect("bash starts");
        let bash = Ran::of(bash);
        let ours = world.wasibuild(&[
            "sh",
            "--dir",
            there.to_str().expect("text"),
            "--env",
            "PATH=/bin",
            "--env",
            "HOME=/home/user",
            file,
        ]);
        if (bash.code, &bash.out) != (ours.code, &ours.out) {
            failed.push(format!("#### {name}\nbash: {bash:#?}\nsandbox: {ours:#?}"));
        } else if tree(&here) != tree(&there) {
            failed.push(format!(
                "#### {name}\nbash: {:?}\nsandbox: {:?}",
                tree(&here),
                tree(&there)
            ));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
