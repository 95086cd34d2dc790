//! The known differences from GNU bash that `docs/shell.md` lists. Each fails when it starts to agree,
//! so that the list stays true.

use std::path::Path;
use std::process::{Command, Stdio};

const SHELL: &str = env!("CARGO_BIN_EXE_builder-shell");

/// Words of the list's line, and a script that tells the two apart.
const DIFFERENCES: &[(&str, &str)] = &[
    (
        "No aliases",
        "shopt -s expand_aliases\nalias x='echo hi'\nx",
    ),
    ("`ulimit` (accepted", "ulimit -n 77; ulimit -n"),
    ("knows UTC only", "TZ=UTC-9 printf '%(%H)T\\n' 0"),
    (
        "not put into the environment",
        "a=(1 2) /usr/bin/env | grep '^a='",
    ),
    (
        "makes a variable of the function",
        "f() { y=2 eval 'local y=3'; echo \"${y-none}\"; }; f",
    ),
    ("A letter range from lower to upper case", "echo {z..A}"),
    (
        "a number that no process has",
        "(x=$BASHPID; [ $x = $(exec sh -c 'echo $PPID') ] && echo same)",
    ),
];

fn run(shell: &str, script: &str) -> (String, Option<i32>) {
    let output = Command::new(shell)
        .args(["-c", script])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .current_dir("/")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .expect("the shell starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (text, output.status.code())
}

#[test]
fn what_is_listed_as_different_is_different() {
    if !Path::new("/bin/bash").exists() {
        println!("SKIPPED: no GNU bash at /bin/bash");
        return;
    }
    let list = include_str!("../../../docs/shell.md");
    let mut agree = Vec::new();
    for (line, script) in DIFFERENCES {
        assert!(list.contains(line), "docs/shell.md has no '{line}'");
        let (bash, ours) = (run("/bin/bash", script), run(SHELL, script));
        if bash == ours {
            agree.push(format!("{line}: {script:?} gives {ours:?} in both"));
        }
    }
    assert!(
        agree.is_empty(),
        "strike these from docs/shell.md:\n{}",
        agree.join("\n")
    );
}
