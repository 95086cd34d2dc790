//! What applets tell of the sandbox itself (docs/abi.md): no program of the host says the same.

use super::harness::{Case, case, sandboxed};
use super::tables::table;

/// Runs commands and compares what they print and their status.
fn prints(expected: &[(Case, &str, i32)]) {
    let cases: Vec<Case> = expected.iter().map(|(case, ..)| case.clone()).collect();
    let Some(results) = sandboxed(&cases) else {
        return;
    };
    let results = results.expect("no refusal");
    for ((case, text, status), result) in expected.iter().zip(results) {
        let shown = (result.stdout.to_string(), result.status);
        assert_eq!(shown, ((*text).to_owned(), *status), "{case:?}\n{result:?}");
    }
}

#[test]
fn the_user_and_the_machine() {
    let machine = |line: &str| case(&[line, "-m"]).env("system", "aarch64-linux");
    prints(&[
        (
            case(&["id"]),
            "uid=1000(nixbld) gid=100(nixbld) groups=100(nixbld)\n",
            0,
        ),
        (case(&["id", "-u"]), "1000\n", 0),
        (case(&["id", "-gn"]), "nixbld\n", 0),
        (case(&["id", "-G"]), "100\n", 0),
        (case(&["whoami"]), "nixbld\n", 0),
        (case(&["groups"]), "nixbld\n", 0),
        (case(&["logname"]), "", 1),
        (machine("uname"), "aarch64\n", 0),
        (case(&["uname", "-n"]), "localhost\n", 0),
        (case(&["hostname"]), "localhost\n", 0),
        (case(&["nproc"]), "1\n", 0),
        (
            case(&["getent", "passwd", "nixbld"]),
            "nixbld:x:1000:100:Nix build user:/build:/noshell\n",
            0,
        ),
        (case(&["getent", "group", "0"]), "root:x:0:\n", 0),
        (case(&["getent", "passwd", "nobody-here"]), "", 2),
        (
            case(&["which", "cat", "nothing-here"]),
            "/build/bin/cat\n",
            1,
        ),
    ]);
}

#[test]
fn the_clock_stands() {
    prints(&[
        (case(&["date"]), "Tue Jan  1 00:00:00 UTC 1980\n", 0),
        (case(&["date", "-d", "tomorrow", "+%F"]), "1980-01-02\n", 0),
        (case(&["date", "-d", "12:30", "+%s"]), "315577800\n", 0),
        (
            case(&["ls", "-l", "f", "d"]).file("f", "abc").dir("d"),
            "-rw-r--r-- 1 nixbld nixbld 3 Jan  1 00:00 f\n\nd:\ntotal 0\n",
            0,
        ),
        (
            case(&["ls", "-ld", "d"]).dir("d").dir("d/e"),
            "drwxr-xr-x 3 nixbld nixbld 4096 Jan  1 00:00 d\n",
            0,
        ),
        (
            case(&["stat", "-c", "%U %G %u %y", "f"]).file("f", ""),
            "nixbld nixbld 1000 1980-01-01 00:00:00.000000000 +0000\n",
            0,
        ),
    ]);
}

#[test]
fn rev_turns_lines() {
    // Its package is not among those that a test may expect on a host.
    let cases = table("rev <$'abc\\n\\nxy'");
    prints(&[(cases[0].clone(), "cba\n\nyx", 0)]);
}

/// What is beyond an applet is refused, with a reason.
#[test]
fn what_differs_between_machines_is_refused() {
    for line in [
        "uname -r",
        "uname -m",
        "stat f",
        "stat -c %i f",
        "ls -i",
        "printf %a 1",
        "printf %.30f 0.1",
        "seq 0.1 1e-25 0.2",
        "seq 0x10",
        "seq -0.3 0.1 0",
        "date -d 'the day before'",
        "TZ=Europe/Berlin date",
        "sort -R f",
        "od -t fL f",
        "tsort <'a b b a'",
        "split -e f",
        "mknod f p",
    ] {
        let mut found = table(&format!("file f $'1\\n'\n{line}"));
        let Some(reason) = super::harness::refusal(&found.remove(0)) else {
            return;
        };
        assert!(!reason.is_empty(), "{line}");
    }
}
