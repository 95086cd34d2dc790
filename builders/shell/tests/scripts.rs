//! The corpus of scripts in `tests/scripts`, one feature each, against the host's GNU bash: the
//! same standard output, the same status, and something on standard error in both or in neither.
//! Each runs in an empty directory of its own, where `bash` in `PATH` is the shell under test.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const SHELL: &str = env!("CARGO_BIN_EXE_builder-shell");

fn run(shell: &Path, script: &Path) -> Output {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let bin = tempfile::tempdir().expect("a temporary directory");
    symlink(shell, bin.path().join("bash")).expect("a link to the shell");
    Command::new(shell)
        .arg(script)
        .current_dir(dir.path())
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", bin.path().display()))
        .env("HOME", "/home/user")
        .stdin(Stdio::null())
        .output()
        .expect("the shell starts")
}

fn show(output: &Output) -> String {
    format!(
        "status {:?}\n-- stdout\n{}-- stderr\n{}",
        output.status.code(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
#[allow(clippy::disallowed_methods)] // sorted right below
fn scripts_agree_with_gnu_bash() {
    let bash = Path::new("/bin/bash");
    if !bash.exists() {
        println!("SKIPPED: no GNU bash at /bin/bash");
        return;
    }
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut scripts: Vec<_> = std::fs::read_dir(&dir)
        .expect("the corpus")
        .map(|e| e.expect("an entry").path())
        .filter(|p| p.extension().is_some_and(|e| e == "sh"))
        .collect();
    scripts.sort();
    assert!(!scripts.is_empty(), "no scripts in {}", dir.display());
    let mut failed = Vec::new();
    for script in &scripts {
        let want = run(bash, script);
        let got = run(Path::new(SHELL), script);
        let same = want.stdout == got.stdout
            && want.status.code() == got.status.code()
            && want.stderr.is_empty() == got.stderr.is_empty();
        if !same {
            failed.push(format!(
                "#### {}\n== bash: {}\n== ours: {}",
                script.display(),
                show(&want),
                show(&got)
            ));
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {} scripts differ\n{}",
        failed.len(),
        scripts.len(),
        failed.join("\n")
    );
}
