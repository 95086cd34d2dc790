//! Generated scripts, in the sandbox and by the host's GNU programs: expansions, quoting, pathnames,
//! arithmetic, `printf`, `errexit`, and `sort`, `sed`, `grep -E`, `find`, in locale C.
//!
//! Contract: each case is a piece of shell code that runs in a directory of its own, which also keeps
//! its standard output and its status; the NAR hash of all directories must agree. The seed is fixed,
//! so that each run has the same cases; `PROPTEST_RNG_SEED` asks for others. A case that an applet
//! refuses is left out, and few may be.

mod control;
mod programs;
mod words;

use std::fs;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use super::support::{Ran, World};
use super::trees::{nar_hash, shown};

/// Cases of one kind; they run in one script.
const CASES: usize = 150;
/// What all cases start with: the locale, a name, and nothing on
/// standard input.
const HEAD: &str = "export LC_ALL=C\nBASH_ARGV0=cases\nexec < /dev/null\n";

/// Text as one word of shell code.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The cases of a strategy, the same ones each time.
fn cases(strategy: &impl Strategy<Value = String>) -> Vec<String> {
    let rng_seed = match Config::default().rng_seed {
        RngSeed::Random => RngSeed::Fixed(1),
        fixed => fixed,
    };
    let mut runner = TestRunner::new(Config {
        rng_seed,
        failure_persistence: None,
        ..Config::default()
    });
    (0..CASES)
        .map(|_| {
            let case = strategy.new_tree(&mut runner).expect("a case");
            case.current()
        })
        .collect()
}

/// One script of many cases. Each says its number first, so that a refusal tells whose it is; `eval`
/// keeps an error of syntax inside of its case.
fn script(setup: &str, cases: &[(usize, String)]) -> String {
    let mut text = format!("{HEAD}setup() {{\n:\n{setup}\n}}\n");
    for (number, code) in cases {
        text.push_str(&format!(
            "echo {number}; mkdir {number} && cd {number} && setup\n\
             ( eval {} ) > stdout 2> /dev/null; echo $? > status; cd ..\n",
            quoted(code)
        ));
    }
    text
}

/// Runs all cases of a kind with both, and compares.
fn agree(setup: &str, most_refused: usize, strategy: &impl Strategy<Value = String>) {
    if !Path::new("/bin/bash").exists() {
        println!("SKIPPED: no GNU bash at /bin/bash");
        return;
    }
    let world = World::new();
    let mut cases: Vec<(usize, String)> = cases(strategy).into_iter().enumerate().collect();
    let mut refused = Vec::new();
    let (file, ours) = (world.path("cases.sh"), world.path("ours"));
    loop {
        fs::write(&file, script(setup, &cases)).expect("written");
        fs::create_dir(&ours).expect("made");
        let ran = world.wasibuild(&[
            "sh",
            "--dir",
            ours.to_str().expect("text"),
            "--env",
            "PATH=/bin",
            "--env",
            "HOME=/home/user",
            file.to_str().expect("text"),
        ]);
        match ran.code {
            0 => break,
            5 => {
                let last = ran.out.lines().last().and_then(|line| line.parse().ok());
                let at = cases.iter().position(|(number, _)| Some(*number) == last);
                let case = cases.remove(at.expect("the case that was refused"));
                refused.push(format!("{}\n{}", case.1, ran.err));
            }
            _ => panic!("{ran:#?}"),
        }
        assert!(
            refused.len() <= most_refused,
            "more than {most_refused} cases were refused:\n{}",
            refused.join("\n")
        );
        fs::remove_dir_all(&ours).expect("removed");
    }
    let theirs = world.path("theirs");
    fs::create_dir(&theirs).expect("made");
    let bash = Command::new("/bin/bash")
        .arg(&file)
        .current_dir(&theirs)
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("HOME", "/home/user")])
        .output()
        .expect("bash starts");
    let bash = Ran::of(bash);
    assert_eq!(bash.code, 0, "{bash:#?}");
    if nar_hash(&ours) == nar_hash(&theirs) {
        return;
    }
    let differ: Vec<String> = cases
        .iter()
        .filter_map(|(number, code)| {
            let (here, there) = (
                ours.join(number.to_string()),
                theirs.join(number.to_string()),
            );
            (nar_hash(&here) != nar_hash(&there)).then(|| {
                format!(
                    "#### {code}\nGNU:\n{}sandbox:\n{}",
                    shown(&there),
                    shown(&here)
                )
            })
        })
        .collect();
    panic!(
        "{} of {} cases differ (setup: {setup}):\n{}",
        differ.len(),
        cases.len(),
        differ.join("\n")
    );
}
