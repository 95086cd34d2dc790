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
        "keeps the variable after the call",
        "f() { export x=2; }; x=1 f; echo \"${x-none}\"",
    ),
    (
        "counts a shell that is replaced by its last program",
        "(/usr/bin/env | grep SHLVL); echo $(exec sh -c 'echo $SHLVL'); (/usr/bin/env) | grep SHLVL",
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
    (
        "An arithmetic expression with a syntax error does nothing",
        "(( k = 1, )); echo \"[$k]\"",
    ),
    (
        "An ERR trap that subshells inherit",
        "set -E; trap 'echo ERR' ERR; ( ( false ) )",
    ),
    (
        "`declare -f` prints words as they were written",
        "f() { echo $'a' $(echo x ); }; declare -f f",
    ),
    // The writer's end is seen by a file that comes after it, or not at all.
    (
        "At its end the shell waits",
        "cd \"$(mktemp -d)\" || exit; end='for i in {1..40}; do [ -e end ] && break; sleep 0.05; done'\n\
         \"$SELF\" -c \"echo x > >($end; [ -e end ] && echo behind || echo before)\"; : > end; sleep 0.2",
    ),
];

fn run(shell: &str, script: &str) -> (String, Option<i32>) {
    let output = Command::new(shell)
        .args(["-c", script])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("SELF", shell)
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

/// What is the same with every bash of a derivation, so that no comparison with one bash tells it.
#[test]
fn the_version_and_the_machine_are_fixed() {
    let list = include_str!("../../../docs/shell.md");
    assert!(list.contains("`$BASH_VERSION` is 5.2.15 whichever bash the derivation names"));
    let script = "echo $BASH_VERSION $HOSTTYPE $MACHTYPE ${BASH_VERSINFO[@]}";
    let (text, status) = run(SHELL, script);
    assert_eq!(
        (&*text, status),
        (
            "5.2.15(1)-release x86_64 x86_64-pc-linux-gnu 5 2 15 1 release x86_64-pc-linux-gnu\n",
            Some(0)
        )
    );
}
