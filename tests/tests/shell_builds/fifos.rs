//! Named pipes, as the setup scripts of today use them.

use super::support::World;

/// Each script, and what it prints.
const SCRIPTS: &[(&str, &str)] = &[
    // The ends wait for each other, whoever comes first.
    (
        "mkfifo f; { echo a; echo b; } > f & cat < f; wait",
        "a\nb\n",
    ),
    ("mkfifo f; cat f & echo late > f; wait", "late\n"),
    // Two, held open on descriptors, as auditTmpdir does.
    (
        "mkfifo e s
         ( for i in 1 2; do echo e$i >&3; echo s$i >&4; done; exec 3>&- 4>&- ) 3> e 4> s &
         ( while read x; do echo got $x; done < e ) &
         p=$!
         ( cat s > out ) &
         wait $p && wait $! && cat out",
        "got e1\ngot e2\ns1\ns2\n",
    ),
    // Both ends at once do not wait.
    (
        "mkfifo f; exec 3<> f; echo x >&3; read -u 3 y; echo $y",
        "x\n",
    ),
    // What is left goes with the last end; the next reader waits for a new writer.
    (
        "mkfifo f; { exec 3<> f; echo lost >&3; }; exec 3>&-; { echo new > f; } & cat f",
        "new\n",
    ),
    // A writer without a reader any more.
    (
        "mkfifo f; { read x < f; echo got $x; } & seq 100000 > f; echo status $?; wait",
        "got 1\nstatus 141\n",
    ),
    (
        "mkfifo -m 620 f; test -p f && ! test -f f && stat -c '%a %F' f; ls -F; find . -type p; mkfifo f 2>&1; rm f; ls",
        "620 fifo\nf|\n./f\nmkfifo: cannot create fifo 'f': File exists\n",
    ),
];

#[test]
fn ends_wait_for_each_other() {
    let world = World::new();
    for (script, wanted) in SCRIPTS {
        let ran = world.wasibuild(&["sh", "-c", script]);
        assert_eq!((&*ran.out, &*ran.err), (*wanted, ""), "{script}\n{ran:?}");
    }
}

#[test]
fn a_pipe_without_another_end_is_a_deadlock() {
    let world = World::new();
    let ran = world.wasibuild(&["sh", "-c", "mkfifo f; cat f"]);
    assert_eq!(ran.code, 100, "{ran:?}");
    assert!(ran.err.contains("the other end of a named pipe"), "{ran:?}");
}

#[test]
fn no_output_holds_one() {
    let world = World::new();
    let all = world
        .derivations(r#"run "x" { PATH = "${p.coreutils}/bin"; } "mkdir $out; mkfifo $out/f""#);
    let ran = world.wasibuild(&["run", &all[0]]);
    assert_eq!(ran.code, 100, "{ran:?}");
    assert!(ran.err.contains("/f'"), "{ran:?}");
}
