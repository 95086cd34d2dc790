//! The corpus of scripts, one feature a file, in the sandbox and by the host's GNU bash: the same
//! standard output, the same status, and the same NAR hash of what was left behind.
//!
//! The scripts are those of `builders/shell/tests/scripts`, which the native shell runs as well.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::{Ran, World};
use super::trees::{nar_hash, shown};

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
        } else if nar_hash(&here) != nar_hash(&there) {
            failed.push(format!(
                "#### {name}\nbash:\n{}sandbox:\n{}",
                shown(&here),
                shown(&there)
            ));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
