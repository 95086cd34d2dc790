//! patch: offsets, fuzz, reversed and rejected changes, three formats, and git's lines.

use super::generated::agree;
use super::harness::{Case, case, refusal, same, sandboxed};
use proptest::prelude::*;
use std::process::Command;
use std::sync::LazyLock;

/// Files and patches that the real programs make once for all tests. `f` has thirty lines, `new`
/// the changes of `body`; the other files are off in the ways that their names say.
const SCRIPT: &str = r##"
seq 1 30 > f; seq 1 30 > orig; mkdir a b
sed 's/^10$/ten/;/^20$/d;s/^25$/25\n25a/' f > new
diff -u f new | sed '1,2d' > body
diff -u --label a/f --label b/f f new > p.u
diff -c --label a/f --label b/f f new > p.c
diff f new > p.n
(echo 0; echo 00; cat f) > off   # two lines more
sed 's/^8$/eight/' f > fuzzy
sed 's/^8$/eight/;s/^12$/twelve/' f > fuzzy2
sed 's/^10$/x/' f > bad
cp new applied
for n in off fuzzy fuzzy2 bad applied; do sed "s,a/f,a/$n,;s,b/f,b/$n," p.u > p.$n; sed "s,a/f,a/$n,;s,b/f,b/$n," p.c > c.$n; done
printf '%s\n' '--- /dev/null' '+++ b/n/ew' '@@ -0,0 +1,2 @@' '+x' '+y' > p.new
printf '%s\n' '--- /dev/null' '+++ b/f' '@@ -0,0 +1,2 @@' '+x' '+y' > p.exists
printf '%s\n' '--- a/dd/gone' '+++ /dev/null' '@@ -1 +0,0 @@' '-gone' > p.gone
mkdir dd; echo gone > dd/gone; printf 'gone\nmore\n' > more
printf '%s\n' '--- a/more' '+++ /dev/null' '@@ -1 +0,0 @@' '-gone' > p.more
printf '%s\n' '--- a/more	1970-01-01 00:00:00.000000000 +0000' '+++ b/more	2020-01-01 00:00:00.000000000 +0000' '@@ -0,0 +1 @@' '+gone' > p.epoch
printf '%s\n' '--- a/newf	1970-01-01 00:00:00.000000000 +0000' '+++ b/newf	2020-01-01 00:00:00.000000000 +0000' '@@ -0,0 +1 @@' '+gone' > p.epochnew
printf '%s\n' 'diff --git a/f b/g' 'similarity index 90%' 'rename from f' 'rename to g' 'index 1234567..89abcde 100644' '--- a/f' '+++ b/g' > p.ren; cat body >> p.ren
printf '%s\n' 'diff --git a/f b/z/g' 'similarity index 100%' 'rename from f' 'rename to z/g' > p.ren2
printf '%s\n' 'diff --git a/f b/f' 'old mode 100644' 'new mode 100755' > p.mode
printf '%s\n' 'diff --git a/f b/f' 'old mode 100644' 'new mode 100755' 'index 1234567..89abcde' '--- a/f' '+++ b/f' > p.mode2; cat body >> p.mode2
printf '%s\n' 'diff --git a/nf b/nf' 'new file mode 100755' 'index 0000000..89abcde' '--- /dev/null' '+++ b/nf' '@@ -0,0 +1 @@' '+x' > p.gnew
printf '%s\n' 'diff --git a/nf b/nf' 'new file mode 100644' 'index 0000000..e69de29' > p.gempty
printf '%s\n' 'diff --git a/dd/gone b/dd/gone' 'deleted file mode 100644' 'index 89abcde..0000000' '--- a/dd/gone' '+++ /dev/null' '@@ -1 +0,0 @@' '-gone' > p.gdel
printf '%s\n' '--- a/nl' '+++ b/nl' '@@ -1,2 +1,3 @@' ' a' '-b' '\ No newline at end of file' '+b' '+c' '\ No newline at end of file' > p.nl; printf 'a\nb' > nl
printf 'X %s\n' 1 2 3 | cat > ws; printf '%s\n' '--- a/ws' '+++ b/ws' '@@ -1,3 +1,3 @@' ' X  1' '-X	2' '+Y 2' ' X 3  ' > p.ws
printf '%s\n' '--- a/f' '+++ b/f' '@@ -1,3 +1,4 @@' '+0' ' 1' ' 2' ' 3' '@@ -28,3 +29,4 @@ func' ' 28' ' 29' ' 30' '+31' > p.ends
printf '%s\n' '--- a/off' '+++ b/off' '@@ -1,3 +1,4 @@' '+0' ' 1' ' 2' ' 3' '@@ -28,3 +29,4 @@ func' ' 28' ' 29' ' 30' '+31' > p.offends
printf '%s\n' '--- a/f' '+++ b/f' '@@ -5,3 +5,3 @@ func one' ' 5' '-no' '+yes' ' 7' '@@ -10,3 +10,3 @@' ' 10' '-11' '+eleven' ' 12' > p.half
printf '%s\n' '--- a/f	2020-01-01 10:00:00.5 +0100' '+++ b/f	2021-01-01' '@@ -5,3 +5,3 @@ func one' ' 5' '-no' '+yes' ' 7' > p.times
cat p.u p.new p.gone > p.many
sed 's/^/garbage /' f > p.garb; : > p.empty
(echo hello; cat p.u; echo; echo "-- "; echo 2.1) > p.mail
printf '%s\n' 'Index: f' '===' '--- x/y/f	(revision 1)' '+++ x/y/f	(working copy)' > p.svn; cat body >> p.svn
mkdir src; cp f src/f; printf '%s\n' '--- f.orig' '+++ f' > p.orig; cat body >> p.orig
printf '%s\n' '--- a/src/f' '+++ b/src/f' > p.src; cat body >> p.src
(cat p.u; sed 's/ten/TEN/;s/-10/-ten/;/@@ -17/,$d' p.u ) > p.twice
sed 's,^ $,,' p.u > p.eaten
printf '%s\n' '*** a/f' '--- b/f' '***************' '*** 3,5 ****' '--- 3,6 ----' '  3' '+ new' '  4' '  5' > p.cadd
printf '%s\n' '*** a/f' '--- b/f' '***************' '*** 3,6 ****' '  3' '- 4' '  5' '  6' '--- 3,5 ----' > p.cdel
printf '%s\n' '--- a/f' '+++ b/f' '@@ -0,0 +1,2 @@' '+x' '+y' > q1
printf '%s\n' '--- a/f' '+++ b/f' '@@ -3,0 +4,2 @@' '+x' '+y' > q2
printf '%s\n' '--- a/f' '+++ b/f' '@@ -40,0 +41,2 @@' '+x' '+y' > q3
printf '%s\n' '--- a/e' '+++ b/e' '@@ -0,0 +1,2 @@' '+x' '+y' > q4
printf '%s\n' '--- a/f' '+++ b/f' '@@ -1 +0,0 @@' '-1' > q5
printf '%s\n' '--- a/more' '+++ b/more' '@@ -1,2 +0,0 @@' '-gone' '-more' > q6
printf '%s\n' '--- a/more' '+++ b/more' '@@ -1 +1 @@' '-gone' '+x' > q7
printf '%s\n' '--- a/more' '+++ b/more' '@@ -2 +2 @@' '-gone' '+x' > q8
printf '%s\n' '--- a/f' '+++ b/f' '@@ -7,2 +7,2 @@' ' 6' '-7' '+x' > q9
printf '%s\n' '--- a/f' '+++ b/f' '@@ -7,2 +7,2 @@' '-7' '+x' ' 8' '@@ -3,2 +3,2 @@' '-3' '+x' ' 4'  > q10
: > e
printf '%s\n' 'diff --git a/f b/f' 'index 1234567..89abcde 100644' 'GIT binary patch' 'literal 1' > p.binary
printf '%s\n' 'diff --git a/f b/g' 'similarity index 100%' 'copy from f' 'copy to g' > p.copy
printf '%s\n' '--- a/../f' '+++ b/../f' > p.up; cat body >> p.up
printf '%s\n' 3d . > p.ed
"##;

fn run(script: &str, place: &std::path::Path) {
    let output = Command::new("bash")
        .args(["-c", script])
        .current_dir(place)
        .env("LC_ALL", "C")
        .output()
        .expect("bash starts");
    assert!(output.status.success(), "{script}: {output:?}");
}

/// Names and contents; a directory has none.
static FILES: LazyLock<Vec<(String, Option<Vec<u8>>)>> = LazyLock::new(|| {
    let place = tempfile::tempdir().expect("a temporary directory");
    run(SCRIPT, place.path());
    let mut pending = vec![String::new()];
    let mut files = Vec::new();
    while let Some(directory) = pending.pop() {
        for entry in std::fs::read_dir(place.path().join(&directory)).expect("a directory") {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_string().expect("a name");
            let path = format!("{directory}{name}");
            if entry.path().is_dir() {
                pending.push(format!("{path}/"));
                files.push((path, None));
            } else {
                files.push((path, Some(std::fs::read(entry.path()).expect("a file"))));
            }
        }
    }
    files.sort();
    files
});

/// A line's words over all files, as the builder; `< FILE` is standard input.
fn over(line: &str) -> Case {
    let (line, input) = line.split_once(" < ").unwrap_or((line, ""));
    let words: Vec<&str> = line.split(' ').collect();
    let mut case = case(&words);
    case.as_builder = true;
    for (name, content) in FILES.iter() {
        let patch = name.starts_with("p.") || name.starts_with("c.");
        match content {
            None => case = case.dir(name),
            Some(content) if name == input => case = case.stdin(content.clone()),
            // Patches are in the tree only where they are named.
            Some(_) if patch && !words.iter().any(|it| it.ends_with(name.as_str())) => {}
            Some(content) => case = case.file(name, content.clone()),
        }
    }
    case
}

#[test]
fn patches() {
    let lines = "patch -p1 < p.u
         patch < p.u
         patch f < p.u
         patch f p.u
         patch -p1 < p.off
         patch -p1 < p.fuzzy
         patch -p1 < p.fuzzy2
         patch -p1 < p.bad
         patch -p1 < p.applied
         patch -p1 -N < p.applied
         patch -p1 -t < p.applied
         patch -p1 -f < p.applied
         patch -p1 -s < p.applied
         patch -p1 -fs < p.applied
         patch -p1 -R < p.u
         patch -p1 -R < p.applied
         patch -p1 -Rt < p.u
         patch -p1 -RN < p.u
         patch -p1 --dry-run < p.u
         patch -p1 --dry-run < p.bad
         patch -p1 --dry-run < p.off
         patch -p1 -s < p.off
         patch -p1 -s < p.bad
         patch -p1 --no-backup-if-mismatch < p.off
         patch -p1 --no-backup-if-mismatch < p.bad
         patch -p1 -b < p.u
         patch -p1 -z .bak < p.u
         patch -p1 -b < p.new
         patch -p1 -F0 < p.fuzzy
         patch -p1 -F1 < p.fuzzy2
         patch -p1 -F3 < p.fuzzy2
         patch -p1 < p.new
         patch -p1 < p.exists
         patch -p1 -N < p.exists
         patch -p1 -f < p.exists
         patch -p1 -t < p.exists
         patch -p1 < p.gone
         patch -p1 < p.more
         patch -p1 -R < p.gone
         patch -p1 < p.epoch
         patch -p1 < p.epochnew
         patch -p1 < p.ren
         patch -p1 < p.ren2
         patch -p1 < p.mode
         patch -p1 < p.mode2
         patch -p1 -R < p.mode2
         patch -p1 < p.gnew
         patch -p1 < p.gempty
         patch -p1 < p.gdel
         patch -p1 -R < p.gdel
         patch -p1 < p.nl
         patch -p1 < p.ws
         patch -p1 -l < p.ws
         patch -p1 < p.ends
         patch -p1 < p.offends
         patch -p1 < p.half
         patch -p1 < p.times
         patch -p1 -R < p.times
         patch -p1 < p.many
         patch -p1 < p.garb
         patch -p1 < p.empty
         patch -p1 < p.mail
         patch -p2 < p.svn
         patch < p.svn
         patch -p0 < p.orig
         patch < p.orig
         patch -p1 < p.src
         patch < p.src
         patch -p1 < p.twice
         patch -p1 < p.eaten
         patch -p1 < p.c
         patch -p1 < c.off
         patch -p1 < c.fuzzy
         patch f < p.n
         patch bad < p.n
         patch -p1 -R < p.c
         patch -p1 -N < c.applied
         patch off < p.n
         patch -R new < p.n
         patch -p1 < p.cadd
         patch -p1 < p.cdel
         patch -p1 -r rejects < p.bad
         patch -p1 -d src < p.u
         patch -p1 -i p.u
         patch -p1 --input=p.u --forward --silent
         patch -u -p1 < p.u
         patch -p1 -E < p.u
         patch -p1 < q1
         patch -p1 -f < q1
         patch -p1 -N < q1
         patch -p1 < q2
         patch -p1 < q3
         patch -p1 < q4
         patch -p1 -E < q4
         patch -p1 < q5
         patch -p1 < q6
         patch -p1 -E < q6
         patch -p1 < q7
         patch -p1 < q8
         patch -p1 < q9
         patch -p1 < q10
         patch -p1 -R < q2
         patch -p1 -R < q7
         patch -p1 -R < q6
         patch -p1 -R < q4";
    same(lines.lines().map(|line| over(line.trim())).collect());
}

#[test]
fn refusals() {
    if sandboxed(&[]).is_none() {
        return;
    }
    for line in [
        "patch -p1 -R < p.new",
        "patch -p0 < p.svn",
        "patch -p1 < p.binary",
        "patch -p1 < p.copy",
        "patch -p1 < p.up",
        "patch f < p.ed",
        "patch -p1 -o x < p.u",
    ] {
        assert!(refusal(&over(line)).is_some(), "{line}");
    }
}

/// Lines, so few of them that hunks fit in several places.
fn lines() -> impl Strategy<Value = Vec<String>> {
    prop_oneof![
        prop::collection::vec("[a-c]", 0..30),
        prop::collection::vec("[a-t]", 0..30)
    ]
}

/// Removes, adds and changes lines.
fn edits() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, String)>> {
    prop::collection::vec((any::<prop::sample::Index>(), 0..3u8, "[a-e]"), 0..5)
}

fn edited(lines: &[String], edits: &[(prop::sample::Index, u8, String)]) -> Vec<String> {
    let mut lines = lines.to_vec();
    for (at, kind, text) in edits {
        let at = at.index(lines.len() + 1);
        match kind {
            0 if at < lines.len() => _ = lines.remove(at),
            1 if at < lines.len() => lines[at].clone_from(text),
            _ => lines.insert(at, text.clone()),
        }
    }
    lines
}

fn text(lines: &[String]) -> String {
    lines.iter().map(|it| format!("{it}\n")).collect()
}

/// A patch from one file to another, for a third that comes of the first or of the second.
#[test]
fn generated_patches() {
    let format = prop::sample::select(vec!["-U0", "-U1", "-U3", "-U3", "-C2", "--normal"]);
    let options = prop::sample::select(vec![
        "",
        "",
        "-N",
        "-t",
        "-R",
        "-f",
        "-F0",
        "-F3",
        "--dry-run",
        "-s",
        "-l",
        "-b",
    ]);
    let parts = (lines(), edits(), edits(), any::<bool>(), format, options);
    agree(
        parts.prop_map(|(base, new, other, from_new, format, options)| {
            let place = tempfile::tempdir().expect("a temporary directory");
            let new = edited(&base, &new);
            let other = edited(if from_new { &new } else { &base }, &other);
            std::fs::write(place.path().join("a"), text(&base)).expect("a file");
            std::fs::write(place.path().join("b"), text(&new)).expect("a file");
            let output = Command::new("diff")
                .arg(format)
                .args(if format == "--normal" {
                    &[][..]
                } else {
                    &["--label=f", "--label=f"]
                })
                .args(["a", "b"])
                .current_dir(place.path())
                .output()
                .expect("diff starts");
            let words: Vec<&str> = ["patch", options, "f"]
                .into_iter()
                .filter(|it| !it.is_empty())
                .collect();
            case(&words).stdin(output.stdout).file("f", text(&other))
        }),
    );
}
