//! What tells of names, files and the environment: basename, cat, readlink, test, env, echo; and
//! refusals.

use super::harness::{Case, case, compare, refusal, same};
use super::tree::{garden, lines};

#[test]
fn names() {
    same(lines(
        "basename /a/b/c.txt
         basename /a/b/c.txt .txt
         basename .txt .txt
         basename /
         basename //
         basename a/ b/ c/
         basename
         basename -a a/b c/d
         basename -s .c a/b.c x.c
         basename -z a/b
         basename --suffix=.c a/b.c
         dirname /a/b/c
         dirname a
         dirname /
         dirname //a
         dirname a//b//
         dirname a/b c/d
         dirname -z a/b
         dirname",
    ));
    same(vec![
        case(&["basename", ""]),
        case(&["dirname", ""]),
        case(&["dirname", "/a//"]),
    ]);
}

#[test]
fn contents() {
    let text = b"\tone\n\n\n\ntwo\x01\x7f\x80\xff\r\n\nlast".as_slice();
    let options = [
        "-A", "-b", "-e", "-E", "-n", "-s", "-t", "-T", "-u", "-v", "-ns", "-nb", "-sb",
    ];
    let mut cases: Vec<Case> = options
        .iter()
        .map(|option| case(&["cat", option]).stdin(text))
        .collect();
    cases.push(case(&["cat", "f", "-", "f"]).file("f", text).stdin("in\n"));
    cases.push(case(&["cat", "-n", "f", "f"]).file("f", text));
    cases.extend(lines(
        "cat a b
         cat nothing a
         cat d a
         cat -- a",
    ));
    same(cases);
}

#[test]
fn canonical_paths() {
    same(lines(
        "readlink link
         readlink a
         readlink -v a
         readlink -n link
         readlink -n link dirlink
         readlink -z link
         readlink -f link
         readlink -f dangling
         readlink -f nothing/x
         readlink -f nothing
         readlink -f d/e/up
         readlink -f a/
         readlink -f dirlink/a
         readlink -f dirlink/
         readlink -f .
         readlink -f d/../a
         readlink -f d/e/up/
         readlink -e link
         readlink -e dangling
         readlink -m nothing/x/../y
         readlink -m a/x
         readlink
         realpath link
         realpath -e dangling
         realpath -e nothing
         realpath nothing
         realpath nothing/x
         realpath -m nothing/x
         realpath -s link
         realpath -s dirlink/../a
         realpath -z a b
         realpath -q nothing/x
         realpath --relative-to=d a
         realpath --relative-to=. d/e/up
         realpath --relative-to=d/e d
         realpath
         realpath -e -- a",
    ));
}

#[test]
fn tests() {
    let mut cases = lines(
        "test -e a
         test -e dangling
         test -L dangling
         test -h link
         test -f link
         test -d dirlink
         test -d a
         test -x x
         test -x a
         test -x d
         test -s a
         test -s empty
         test -w a
         test -r a
         test a
         test
         test a = a
         test a = b
         test a == a
         test a != b
         test 1 -eq 01
         test 1 -lt 2
         test -1 -gt -2
         test 10 -ge 9
         test x -eq 1
         test ! -e a
         test ! a = b
         test ( a )
         test ( a = a ) -a b
         test a -a b
         test a -o b
         test -n a -a -z b
         test -z
         test -q a
         test a b
         test a b c
         test a = b -o c = c
         test ! ! a
         test a -ef link
         test a -ef b
         test -l abc -eq 3
         test -e
         test 1 -eq
         test = = =
         test -f = -f
         test ( = )
         test 99999999999999999999 -gt 99999999999999999998
         [ a ]
         [ a = a ]
         [ a
         [",
    );
    cases.push(case(&["test", ""]));
    cases.push(case(&["test", "-n", ""]));
    cases.push(case(&["test", " 1 ", "-eq", "1"]));
    same(cases);
}

#[test]
fn environment() {
    let with = |words: &[&str]| case(words).env("A", "1").env("B", "two words");
    same(vec![
        with(&["env"]).unordered(),
        with(&["env", "-i"]),
        with(&["env", "-i", "X=1", "Y="]),
        with(&["env", "-u", "A"]).unordered(),
        with(&["env", "A=2", "C=3"]).unordered(),
        with(&["env", "-0", "-i", "X=1"]),
        with(&["env", "-i", "X=1", "A=2", "X=3"]),
        with(&["env", "nothing-of-this-name"]),
        with(&["env", "./nothing"]),
        with(&["env", "true"]),
        with(&["env", "false"]),
        with(&["env", "A=5", "printenv", "A"]),
        with(&["env", "-C", "d", "cat", "f"])
            .dir("d")
            .file("d/f", "inside\n"),
        with(&["env", "cat"]).stdin("through\n"),
        with(&["env", "-", "X=1"]),
        with(&["env", "-u", "A=B"]),
        with(&["printenv", "A", "B"]),
        with(&["printenv", "NOTHING"]),
        with(&["printenv"]).unordered(),
    ]);
}

#[test]
fn words() {
    let escapes = r"a\tb\n\\\x41\0101\101\e\q\c no";
    same(vec![
        case(&["echo"]),
        case(&["echo", "a", "b  c"]),
        case(&["echo", "-n", "a"]),
        case(&["echo", "-e", escapes]),
        case(&["echo", "-E", escapes]),
        case(&["echo", "-ne", r"a\nb"]),
        case(&["echo", "-x", "a"]),
        case(&["echo", "--", "a"]),
        case(&["echo", "-", "a"]),
        case(&["echo", "a", "-n"]),
        case(&["true", "x"]),
        case(&["false"]),
        case(&["pwd"]),
        case(&["sleep", "0"]),
        case(&["sleep"]),
        case(&["sleep", "x"]),
    ]);
}

#[test]
fn unknown_options_are_refused() {
    for words in [
        ["cat", "--no-such"].as_slice(),
        &["mkdir", "-Z", "a"],
        &["cp", "--attributes-only", "a", "b"],
        &["nosuchutility"],
        &["rm", "-i", "a"],
        &["mkdir", "--parent", "x"],
    ] {
        let Some(reason) = refusal(&garden(words)) else {
            return;
        };
        assert!(!reason.is_empty());
    }
}

#[test]
fn the_comparison_itself_notices() {
    // An applet that is not the program it is compared with must show.
    let mut wrong = case(&["cat", "a"]).file("a", "text\n");
    wrong.argv[0] = "/bin/../bin/cat".into();
    if super::harness::sandboxed(std::slice::from_ref(&wrong)).is_some() {
        assert!(compare(&[case(&["cat", "--version"])]).len() == 1);
    }
}
