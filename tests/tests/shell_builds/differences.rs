//! The known differences from bash that `docs/shell.md` lists and only the sandbox has. Each fails when
//! it starts to agree, so that the list stays true.

use std::process::Command;

use super::support::{Ran, World};

/// Words of the list's line, a script, and what it prints in the sandbox.
const DIFFERENCES: &[(&str, &str, Option<&str>)] = &[
    (
        "Signals cannot be caught in wasm",
        "trap 'echo caught' USR1; bash -c 'kill -USR1 $PPID'; echo end",
        None,
    ),
    (
        "A regular expression with back-references that takes more than 50,000,000 steps",
        "printf -v x %60s; r='( *)*( *)*( *)*\\1\\2\\3b'; [[ $x =~ $r ]]; echo end",
        Some(""),
    ),
];

#[test]
fn what_is_listed_as_different_is_different() {
    let list = include_str!("../../../docs/shell.md");
    let world = World::new();
    let mut agree = Vec::new();
    for (line, script, wanted) in DIFFERENCES {
        assert!(list.contains(line), "docs/shell.md has no '{line}'");
        let ours = world.wasibuild(&["sh", "-c", *script]);
        if let Some(wanted) = wanted {
            assert_eq!(ours.out, *wanted, "{script}\n{ours:?}");
            continue;
        }
        let bash = Command::new("/bin/bash").args(["-c", *script]).output();
        let bash = Ran::of(bash.expect("bash starts"));
        if (bash.code, &bash.out) == (ours.code, &ours.out) {
            agree.push(format!("{line}: {script:?} gives {ours:?} in both"));
        }
    }
    assert!(
        agree.is_empty(),
        "strike these from docs/shell.md:\n{}",
        agree.join("\n")
    );
}

#[test]
fn a_script_runs_its_trap_for_its_own_signal() {
    let world = World::new();
    let ran = world.wasibuild(&[
        "sh",
        "-c",
        "trap 'echo caught' USR1; kill -USR1 $$; echo end",
    ]);
    assert_eq!((ran.code, &*ran.out), (0, "caught\nend\n"), "{ran:?}");
}

#[test]
fn random_numbers_are_the_same_each_time() {
    let list = include_str!("../../../docs/shell.md");
    assert!(list.contains("`$RANDOM` in wasm follows from the request's seed"));
    let world = World::new();
    let script = "echo $RANDOM $RANDOM $SRANDOM $(date +%s)";
    let first = world.wasibuild(&["sh", "-c", script]);
    let second = world.wasibuild(&["sh", "-c", script]);
    assert_eq!((first.code, &first.out), (0, &second.out), "{first:?}");
}
