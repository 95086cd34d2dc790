//! cmp and diff: each option, and generated files.

use super::harness::{Case, case, refusal, same, sandboxed};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

fn over(line: &str) -> Case {
    let words: Vec<&str> = line.split(' ').filter(|it| !it.is_empty()).collect();
    let mut case = case(&words).stdin("one\n2\n");
    for dir in [
        "d1",
        "d2",
        "d1/sub",
        "d2/sub",
        "d1/only",
        "d1/mix",
        "d2/newd",
        "d1/emptyf",
    ] {
        case = case.dir(dir);
    }
    let long = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\neleven";
    for (path, text) in [
        ("a", format!("{long}\n")),
        (
            "b",
            "one\n2\nthree\nfour\nfive\nnew\nsix\nseven\neight\nnine\nten\n11\nend\n".to_owned(),
        ),
        (
            "code1",
            "int f(void)\n{\n  a;\n  b;\n\n  c;\n}\n\n$g = 1 that is a very long line, beyond forty columns   \n  x\n  y\n  z\n_h  \n 1\n 2\n".to_owned(),
        ),
        (
            "code2",
            "int f(void)\n{\n  a;\n  B;\n\n  c;\n}\n\n$g = 1 that is a very long line, beyond forty columns   \n  x\n  Y\n  z\n_h  \n 1\n 3\n".to_owned(),
        ),
        ("pre", "one\ntwo\n".to_owned()),
        ("pre2", "one\ntw".to_owned()),
        ("empty", String::new()),
        ("nonl", long.to_owned()),
        ("nonl2", format!("{long}x")),
        ("sp1", "a b\nC\nd  \n\nx\n".to_owned()),
        ("sp2", "a   b\nc\nd\n\n x\n".to_owned()),
        ("bin1", "a\0b\n".to_owned()),
        ("bin2", "a\0c\n".to_owned()),
        ("d1/f", "x\n".to_owned()),
        ("d2/f", "y\n".to_owned()),
        ("d1/sub/s", "s\n".to_owned()),
        ("d2/sub/s", "t\n".to_owned()),
        ("d1/only/o", "o\n".to_owned()),
        ("d2/new", "n\n".to_owned()),
        ("d2/mix", "m\n".to_owned()),
        ("d1/same", "same\n".to_owned()),
        ("d2/same", "same\n".to_owned()),
        ("d1/bin", "a\0b\n".to_owned()),
        ("d2/bin", "a\0c\n".to_owned()),
        ("d2/newd/z", "z\n".to_owned()),
        ("d2/emptyf", String::new()),
    ] {
        case = case.file(path, text);
    }
    case
}

fn lines(text: &str) -> Vec<Case> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(over)
        .collect()
}

#[test]
fn bytes() {
    same(lines(
        "cmp a b
         cmp a a
         cmp -s a b
         cmp --quiet a a
         cmp -l a b
         cmp -b a b
         cmp -bl a b
         cmp a pre
         cmp pre a
         cmp a empty
         cmp empty a
         cmp -l a pre
         cmp a pre2
         cmp -n 3 a b
         cmp -i 2 a b
         cmp -i 2:3 a b
         cmp a nothing
         cmp a
         cmp - a
         cmp
         cmp d1 a",
    ));
}

#[test]
fn files() {
    same(lines(
        "diff a b
         diff a a
         diff -q a b
         diff -s a a
         diff -qs a b
         diff -u --label x --label y a b
         diff -U 0 --label x --label y a b
         diff -U1 --label x --label y a b
         diff --unified=2 --label x --label y a b
         diff -N a nothing
         diff a nothing
         diff nothing nothing2
         diff a empty
         diff empty a
         diff a nonl
         diff nonl a
         diff -u --label x --label y a nonl
         diff -u --label x --label y nonl nonl2
         diff -c --label x --label y a b
         diff -C 0 --label x --label y a b
         diff -C1 --label x --label y a b
         diff --context --label x --label y a b
         diff --context=2 --label x --label y nonl a
         diff -c -C 5 --label x --label y nonl2 nonl
         diff -c --label x --label y empty a
         diff -c --label x --label y a empty
         diff -c --label x --label y sp1 sp2
         diff -p --label x --label y a b
         diff -pu --label x --label y a b
         diff -pU0 --label x --label y a b
         diff -pC0 --label x --label y a b
         diff -pU0 --label x --label y code1 code2
         diff -pC1 --label x --label y code1 code2
         diff -n a b
         diff -n empty a
         diff --rcs a nonl
         diff -n nonl nonl2
         diff -C x a b
         diff -b sp1 sp2
         diff -w sp1 sp2
         diff -Z sp1 sp2
         diff -i sp1 sp2
         diff -bi sp1 sp2
         diff sp1 sp2
         diff bin1 bin2
         diff -q bin1 bin2
         diff -a bin1 bin2
         diff bin1 bin1
         diff bin1 a
         diff - a
         diff a -
         diff a
         diff
         diff a b pre
         diff -U x a b
         diff --label 1 --label 2 --label 3 -u a b",
    ));
}

/// The context format has POSIX's form of time, the unified one another.
#[test]
fn times() {
    same(
        ["diff -c a b", "diff -u a b", "diff -pN a nothing"]
            .into_iter()
            .map(|line| {
                let mut case = over(line);
                case.touch(&"1234567890".into());
                case
            })
            .collect(),
    );
}

#[test]
fn directories() {
    same(lines(
        "diff -r d1 d2
         diff -r -x f d1 d2
         diff -r --exclude=s* -x new -x [mo]* d1 d2
         diff -rn d1 d2
         diff d1 d2
         diff -rq d1 d2
         diff -rN d1 d2
         diff -rNq d1 d2
         diff -rs d1 d2
         diff --recursive --brief d1 d2
         diff -q d1 d2
         diff a d1
         diff d1 a
         diff d2/f d1",
    ));
}

#[test]
fn refusals() {
    if sandboxed(&[]).is_none() {
        return;
    }
    for line in [
        "diff -c -u a b",
        "diff -pn a b",
        "diff -f a b",
        "diff -D X a b",
        "sdiff -o x a b",
        "diff --color=always a b",
        "diff -r -x a/b d1 d2",
        "diff -d a b",
    ] {
        assert!(refusal(&over(line)).is_some(), "{line}");
    }
}

/// Few different lines make many scripts equally short: which one GNU takes is what is tested.
#[test]
fn generated_files() {
    let text = |lines: &[u8], newline: bool| {
        let mut text = lines
            .iter()
            .map(|it| {
                if *it == 5 {
                    String::new()
                } else {
                    it.to_string()
                }
            })
            .collect::<Vec<_>>()
            .join("\n");
        if newline && !text.is_empty() {
            text.push('\n');
        }
        text
    };
    let line = prop_oneof![3 => 0u8..3, 2 => 0u8..8, 1 => 0u8..200];
    let strategy = (
        prop::collection::vec(line.clone(), 0..150),
        prop::collection::vec((0usize..150, 0u8..3, line), 0..40),
        0usize..15,
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.9),
    );
    let mut runner = TestRunner::new(Config::default());
    let mut cases = Vec::new();
    for _ in 0..400 {
        let (one, edits, option, end, other_end) =
            strategy.new_tree(&mut runner).expect("files").current();
        let mut two = one.clone();
        for (at, kind, line) in edits {
            match kind {
                0 => two.insert(at.min(two.len()), line),
                1 if at < two.len() => {
                    two.remove(at);
                }
                _ if at < two.len() => two[at] = line,
                _ => two.push(line),
            }
        }
        let options = [
            "", "-U0", "-u", "-U1", "-w", "-c", "-C0", "-C2", "-n", "-e", "-y", "-B", "-BU2",
            "-I1", "-uI[12]",
        ][option];
        let mut words = vec!["diff"];
        if !options.is_empty() {
            words.extend([options, "--label", "x", "--label", "y"]);
        }
        words.extend(["one", "two"]);
        cases.push(
            case(&words)
                .file("one", text(&one, end))
                .file("two", text(&two, other_end)),
        );
    }
    same(cases);
}

/// Files so different that the search gives up on the shortest script.
#[test]
fn large_files() {
    let mut state = 1u32;
    let mut numbers = |count: usize, most: u32| {
        let mut text = String::new();
        for _ in 0..count {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            text.push_str(&format!("{}\n", (state >> 8) % most));
        }
        text
    };
    let cases = [(9000, 4000), (9000, 30), (12_000, 12_000)]
        .map(|(count, most)| {
            case(&["diff", "one", "two"])
                .file("one", numbers(count, most))
                .file("two", numbers(count, most))
        })
        .to_vec();
    same(cases);
}
