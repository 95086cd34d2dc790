//! Filters of coreutils: each option, and generated inputs.

use super::harness::{Case, case, compare, same};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const TEXT: &str =
    "one two  three\nOne two\n\n  10 apples\n9 pears\n-3 x\n10 apples\na\tb\tc\nlast line";

fn over(line: &str) -> Case {
    let words: Vec<&str> = line.split(' ').filter(|it| !it.is_empty()).collect();
    case(&words)
        .stdin(TEXT)
        .file("f", TEXT)
        .file("g", "b\na\na\nB\n")
        .dir("d")
        .file("empty", "")
}

fn lines(text: &str) -> Vec<Case> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(over)
        .collect()
}

#[test]
fn counts() {
    same(lines(
        "wc
         wc f
         wc f g
         wc -l
         wc -l f
         wc -lw f g
         wc -c f g empty
         wc -m f
         wc -L f
         wc -w -
         wc nothing f
         wc d
         wc -l d f
         wc empty
         wc --lines --words f",
    ));
}

#[test]
fn ends() {
    same(lines(
        "head
         head -n 2
         head -2
         head -n -2
         head -c 5
         head -c -5
         head -n 0
         head -n 2 f g
         head -q -n 1 f g
         head -v -n 1 f
         head -n x
         head -c x
         head nothing f
         head d
         head -n 1k f
         head -z -n 1 f
         tail
         tail -n 2
         tail -2
         tail -n +3
         tail -c 5
         tail -c +5
         tail -n 0
         tail -n +0 f
         tail -n 1 f g
         tail -q -n 1 f g
         tail -n x
         tail nothing
         tail d
         tail empty f",
    ));
}

#[test]
fn repeated_lines() {
    same(lines(
        "uniq g
         uniq -c g
         uniq -d g
         uniq -u g
         uniq -D g
         uniq -i g
         uniq -ci g
         uniq -f 1 f
         uniq -s 2 f
         uniq -w 1 f
         uniq -z g
         uniq g out
         uniq nothing
         uniq d
         uniq a b c
         uniq -f x
         uniq empty",
    ));
}

#[test]
fn cuts() {
    same(lines(
        "cut -c1-3
         cut -c 2
         cut -b 1,3-4
         cut -c -2
         cut -c 5-
         cut -f 2
         cut -f 1,3
         cut -d o -f 2
         cut -d o -f 2-
         cut -s -d o -f 2
         cut -d o -f 1,2 --output-delimiter=::
         cut -c 1-2,4-5 --output-delimiter=:
         cut --complement -c 2
         cut --complement -d o -f 1
         cut -f 0
         cut -c 0
         cut -c 3-1
         cut -c x
         cut
         cut -c 1 -f 1
         cut -d ab -f 1
         cut -d x -c 1
         cut -s -c 1
         cut -f - f
         cut -z -c 1
         cut -c 1 nothing f
         cut -c 1 d",
    ));
}

#[test]
fn translations() {
    same(lines(
        "tr a-z A-Z
         tr [:lower:] [:upper:]
         tr -d aeiou
         tr -s o
         tr -s a-z
         tr -d \\n
         tr \\n ,
         tr -c a-z\\n _
         tr -cd [:alnum:]\\n
         tr -ds a o
         tr abc x
         tr -t abc xy
         tr -s a-z A-Z
         tr [a*3] x
         tr abc [x*]
         tr abc [x*2]y
         tr -d [:foo:]
         tr z-a b
         tr a
         tr
         tr -d a b
         tr a b c
         tr -d \\141\\t
         tr [:space:] _
         tr a-c [:digit:]
         tr -s [:space:]
         tr -C a-z\\n _",
    ));
}

#[test]
fn sorts() {
    same(lines(
        "sort f
         sort g f
         sort -r f
         sort -n f
         sort -nr f
         sort -u g
         sort -f g
         sort -fu g
         sort -b f
         sort -d f
         sort -i f
         sort -k 2 f
         sort -k2,2 -k1,1n f
         sort -k 1.2,1.3 f
         sort -t o -k 2 f
         sort -t o -k 2,2 f
         sort -k2n f
         sort -k 2b,2 f
         sort -s -k 1,1 f
         sort -o out g
         sort -o g g
         sort -c g
         sort -c empty
         sort -cu g
         sort -z f
         sort nothing
         sort d
         sort -t ab f
         sort -rk1,1 f
         sort -k1,1r f
         sort -un f",
    ));
}

#[test]
fn others() {
    same(lines(
        "tee out
         tee -a g
         tee d/x g
         tee d
         tac f
         tac f g
         tac nothing g
         tac d
         ls
         ls -1
         ls -a
         ls -A d
         ls -d d
         ls f d
         ls -r
         ls -R
         ls nothing f
         ls d empty g",
    ));
}

/// Compares generated cases, many in one build.
fn generated<T: std::fmt::Debug>(
    strategy: impl Strategy<Value = Vec<T>>,
    build: impl Fn(&T) -> Case,
) {
    let mut runner = TestRunner::new(Config {
        cases: 8,
        failure_persistence: None,
        ..Config::default()
    });
    let result = runner.run(&strategy, |values| {
        let cases: Vec<Case> = values.iter().map(&build).collect();
        let found = compare(&cases);
        prop_assert!(found.is_empty(), "{}", found.join("\n"));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

fn texts() -> impl Strategy<Value = String> {
    "([a-cA-B ]{0,4}[-.0-9\t]{0,3}[ab]?\n){0,8}([a-c0-9 ]{1,4})?"
}

#[test]
fn generated_filters() {
    let commands = prop::sample::select(vec![
        "sort",
        "sort -n",
        "sort -r",
        "sort -u",
        "sort -f",
        "sort -b",
        "sort -d",
        "sort -k2",
        "sort -k1,1 -k2n",
        "sort -k2,2r -s",
        "sort -t a -k 2",
        "sort -k1.2,2.1",
        "sort -nu",
        "sort -bk2",
        "sort -fdr",
        "sort -k 2.2b,3b",
        "sort -ik1",
        "uniq",
        "uniq -c",
        "uniq -d",
        "uniq -u",
        "uniq -D",
        "uniq -f1",
        "uniq -s1",
        "uniq -w2",
        "uniq -i",
        "cut -c2",
        "cut -c1,3-",
        "cut -f2",
        "cut -da -f2",
        "cut -da -f1,3 -s",
        "head -n3",
        "head -n-2",
        "head -c7",
        "tail -n3",
        "tail -n+2",
        "tail -c4",
        "wc",
        "wc -l",
        "wc -L",
        "tr a-b x",
        "tr -d a",
        "tr -s ab",
        "tr -c a-c\\n _",
        "tac",
        "cat -n",
        "cat -b",
        "cat -A",
        "cat -s",
        "grep -c a",
        "grep -n ^a",
        "grep -o [0-9]*",
        "grep -v a",
        "grep -w a",
        "grep -x a.*",
    ]);
    let pairs = prop::collection::vec((commands, texts()), 24);
    generated(pairs, |(command, text)| {
        case(&command.split(' ').collect::<Vec<_>>()).stdin(text.as_str())
    });
}

#[test]
fn generated_patterns() {
    let patterns = "[ab.]{1,2}[*?+]?(\\((a|b|ab|a\\|b|ba?)\\)[*]?)?[ab]?[$]?";
    let extended = "(\\^)?[ab.][*?+]?(\\((a|b|ab|b?a)(\\|(b|ab|a*))?\\)[*?+]?)?([ab][{][01],?2?[}])?[ab]?(\\$)?";
    let lines = || "([ab ]{0,6}\n){0,5}";
    let programs = prop::sample::select(vec!["s/{}/<&>/", "s/{}/<&>/g", "s/{}/X/2", "/{}/d"]);
    let pairs = prop::collection::vec((patterns, programs.clone(), lines()), 16);
    generated(pairs, |(pattern, program, text)| {
        case(&["sed", &program.replace("{}", pattern)]).stdin(text.as_str())
    });
    let pairs = prop::collection::vec((extended, programs, lines()), 16);
    generated(pairs, |(pattern, program, text)| {
        case(&["sed", "-E", &program.replace("{}", pattern)]).stdin(text.as_str())
    });
    let options = prop::sample::select(vec!["-En", "-Eo", "-Ec", "-Ew", "-Ex", "-Ei"]);
    let pairs = prop::collection::vec((extended, options, lines()), 16);
    generated(pairs, |(pattern, option, text)| {
        case(&["grep", option, pattern]).stdin(text.as_str())
    });
}

#[test]
fn generated_finds() {
    let tests = prop::sample::select(vec![
        "-name a*",
        "-type f",
        "-type d",
        "-empty",
        "! -name b",
        "-name [ab]",
        "-path */a*",
        "-maxdepth 1",
        "-mindepth 1",
        "-size -2c",
        "( -name a -o -type d )",
        "-iname A",
        "-prune",
        "-depth",
    ]);
    let trees = prop::collection::vec(("[ab](/[abc]){0,2}", any::<bool>(), "[xy]{0,2}"), 0..6);
    let cases = prop::collection::vec((prop::collection::vec(tests, 1..4), trees), 16);
    generated(cases, |(tests, tree)| {
        let mut words = vec!["find"];
        words.extend(tests.iter().flat_map(|test| test.split(' ')));
        let mut found = case(&words).unordered();
        for (path, directory, text) in tree {
            // Directories and files apart: their names never clash.
            if *directory {
                found = found.dir(&format!("d/{path}"));
            } else {
                found = found.file(&path.replace('/', "-"), text.as_str());
            }
        }
        found
    });
}
