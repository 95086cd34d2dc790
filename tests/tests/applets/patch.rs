//! patch: what fits exactly, and what is refused.

use super::harness::{Case, case, refusal, same, sandboxed};

fn numbers(from: u32) -> String {
    (from..=20).map(|it| format!("{it}\n")).collect()
}

const CHANGES: &str = "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n\
                       @@ -15,6 +15,5 @@\n 15\n 16\n 17\n-18\n 19\n 20\n";
const NEW: &str = "--- /dev/null\n+++ b/n/ew\n@@ -0,0 +1,2 @@\n+x\n+y\n";

fn of(old: &str, new: &str) -> String {
    format!("--- {old}\n+++ {new}\n{CHANGES}")
}

fn over(line: &str, patch: impl Into<String>) -> Case {
    let words: Vec<&str> = line.split(' ').collect();
    let patch: String = patch.into();
    case(&words)
        .stdin(patch.clone())
        .dir("sub")
        .dir("dd/ee")
        .file("p", patch.clone())
        .file("f", numbers(1))
        .file("f2", numbers(0))
        .file("sub/f", numbers(1))
        .file(
            "rv",
            numbers(1)
                .replace("5\n6\n", "five\n6\n")
                .replace("18\n", ""),
        )
        .file("dd/ee/g", "gone\n")
        .file("nl", "a\nb")
        .executable("exe", "one\n")
}

#[test]
fn patches_that_fit() {
    let plain = of("a/f", "b/f");
    same(vec![
        over("patch -p1", plain.clone()),
        over("patch -p1 -i p", plain.clone()),
        over("patch -p1 -s --input=p", plain.clone()),
        over("patch -p1 -d sub", plain.clone()),
        over("patch -p0", of("f", "f")),
        over("patch -p2", of("x/a/f", "x/b/f")),
        over("patch -R -p1", of("a/rv", "b/rv")),
        over("patch -p1", NEW),
        over("patch -p1", format!("{plain}{NEW}")),
        over(
            "patch -p1",
            "--- a/dd/ee/g\n+++ /dev/null\n@@ -1 +0,0 @@\n-gone\n",
        ),
        over(
            "patch -p1",
            "diff --git a/s.sh b/s.sh\nnew file mode 100755\nindex 0000000..1234567\n--- /dev/null\n\
             +++ b/s.sh\n@@ -0,0 +1 @@\n+#!/bin/sh\n",
        ),
        over(
            "patch -p1",
            "--- a/nl\n+++ b/nl\n@@ -1,2 +1,3 @@\n a\n-b\n\\ No newline at end of file\n+b\n+c\n",
        ),
        over(
            "patch -p1",
            "--- a/exe\n+++ b/exe\n@@ -1 +1 @@\n-one\n+two\n",
        ),
        over(
            "patch -p1",
            format!("some text\n\ndiff -ur a/f b/f\n{plain}-- \n2.3\n"),
        ),
    ]);
}

#[test]
fn refusals() {
    if sandboxed(&[]).is_none() {
        return;
    }
    let plain = of("a/f", "b/f");
    for (line, patch) in [
        ("patch -p1", of("a/f2", "b/f2")),
        ("patch -p1", plain.replace(" 4\n", " four\n")),
        ("patch -p1", of("a/nothing", "b/nothing")),
        ("patch -p1", of("a/../f", "b/../f")),
        ("patch", plain.clone()),
        ("patch -p1 --dry-run", plain.clone()),
        ("patch -p1 f", plain.clone()),
        ("patch -p1", "no patch\n".to_owned()),
        (
            "patch -p1",
            "diff --git a/f b/f\nold mode 100644\nnew mode 100755\n".to_owned(),
        ),
        ("patch -p1", "@@ -1 +1 @@\n-1\n+2\n".to_owned()),
    ] {
        assert!(
            refusal(&over(line, patch.clone())).is_some(),
            "{line}: {patch}"
        );
    }
}
