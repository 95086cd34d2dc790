//! tar, and the programs that unpack: archives of the real programs, and archives that must be the
//! same bytes.

use super::harness::{Case, case, native, refusal, same, sandboxed};
use std::process::Command;
use std::sync::LazyLock;

/// Files that the real programs pack once for all tests.
static PACKED: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    const SCRIPT: &str = r##"
        set -e
        mkdir -p d/sub d/empty long
        printf 'hello\n' > d/f; printf '#!/bin/sh\n' > d/x; chmod 755 d/x
        ln -s f d/l; ln d/f d/h; ln -s ../f d/sub/up; : > d/sub/nil; head -c 1000 /dev/zero > d/sub/z
        name=$(printf 'abcdefghij%.0s' 1 2 3 4 5 6 7 8 9)
        mkdir long/$name; printf q > long/$name/file-with-a-long-name
        options='--sort=name --mtime=@1577934245 --owner=0 --group=0 --numeric-owner'
        tar $options -cf t.tar d
        tar $options --format=pax --pax-option=delete=atime,delete=ctime -cf pax.tar d long
        tar $options --format=ustar -cf ustar.tar d long
        tar $options --format=v7 -cf v7.tar d
        tar $options -cf long.tar long
        tar $options -cf dot.tar -C d .
        gzip -nc t.tar > t.tgz; xz -c t.tar > t.txz; bzip2 -c t.tar > t.tbz; zstd -qc t.tar > t.tzst
        for i in $(seq 1 3000); do echo "line $i $((i * i % 977)) abc"; done > big
        printf 'hello\nworld\n' > a
        for f in a big; do
            gzip -nk9 $f; bzip2 -k $f; xz -k $f; zstd -qk $f
        done
        gzip -n1c big > fast.gz; cat a.gz a.gz > two.gz; head -c 20 a.gz > broken.gz
        gzip -nc < /dev/null > empty.gz; head -c 3000 big.xz | gzip -nc > stored.gz
        rm -r d long big a
    "##;
    let place = tempfile::tempdir().expect("a temporary directory");
    let output = Command::new("sh")
        .args(["-c", SCRIPT])
        .current_dir(place.path())
        .env("LC_ALL", "C")
        .output()
        .expect("sh starts");
    assert!(output.status.success(), "packing: {output:?}");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(place.path()).expect("the directory") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a name");
        files.push((name, std::fs::read(entry.path()).expect("a file")));
    }
    files.sort();
    files
});

/// A line's words, over those packed files that it names.
fn packed(line: &str) -> Case {
    let words: Vec<&str> = line.split(' ').filter(|it| !it.is_empty()).collect();
    let mut case = case(&words).dir("out").any_messages();
    for (name, bytes) in PACKED.iter() {
        if words.contains(&name.as_str()) {
            case = case.file(name, bytes.clone());
        }
    }
    case
}

fn lines(text: &str, case: fn(&str) -> Case) -> Vec<Case> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(case)
        .collect()
}

#[test]
fn unpacking_archives() {
    same(lines(
        "tar xf t.tar -C out
         tar xzf t.tgz -C out
         tar -xJf t.txz -C out
         tar -xjf t.tbz -C out
         tar --zstd -xf t.tzst -C out
         tar xf t.txz -C out
         tar xf t.tgz -C out --strip-components=1
         tar --strip-components=2 -xf t.tar -C out
         tar -C out -xvf t.tar
         tar xvf t.tar d/sub
         tar -xf t.tar -C out d/f
         tar tf t.tar
         tar tzf t.tgz
         tar -tf t.tar d/sub
         tar xf pax.tar -C out
         tar xf ustar.tar -C out
         tar xf v7.tar -C out
         tar xpf t.tar -C out
         tar xmf t.tar -C out
         tar xf long.tar -C out
         tar tf long.tar
         tar xf dot.tar -C out
         tar xf dot.tar -C out --strip-components=1
         tar tvf t.tar
         tar tvvf pax.tar --full-time
         tar tvf ustar.tar --numeric-owner
         tar tvf v7.tar d/f d/l d/h
         tar tf t.tar d/nothing d/f x
         tar tf t.tar d/ d/f
         tar tf t.tar --exclude=f --exclude u*
         tar tf t.tar --wildcards *b d/?
         tar tvf t.tar --show-transformed-names --transform s/d/e/g
         tar tvf t.tar --transform s/f/F/
         tar xvf t.tar -C out --transform s/d/e/g
         tar xvf t.tar -C out --transform s,^d/,,
         tar xvf t.tar -C out --strip-components=1 --show-transformed-names
         tar xvf t.tar -C out --strip-components=2
         tar xvvf t.tar -C out
         tar xf t.tar -C out --exclude=sub
         tar xOf t.tar d/f d/x
         tar xvOf t.tar d/x
         tar xf t.tar -C out --wildcards d/[fx]
         tar xf t.tar nothing
         tar -xf t.tar --no-same-owner --no-same-permissions -C out",
        packed,
    ));
}

fn tree(line: &str) -> Case {
    let long = "abcdefghij".repeat(9);
    let words: Vec<&str> = line.split(' ').filter(|it| !it.is_empty()).collect();
    case(&words)
        .dir("d/sub")
        .dir("d/empty")
        .dir(&format!("long/{long}"))
        .file("d/f", "hello\n")
        .file("d/B", "b")
        .executable("d/x", "#!/bin/sh\n")
        .file("d/sub/z", "z".repeat(1000))
        .file("d/sub/nil", "")
        .link("d/l", "f")
        .file(&format!("long/{long}/file-with-a-long-name"), "q")
}

#[test]
fn making_archives() {
    same(lines(
        "tar -cf o.tar --sort=name --mtime=@1 --owner=0 --group=0 --numeric-owner d
         tar -cf o.tar --sort=name --mtime=@1 --owner=0 --group=0 --numeric-owner --format=gnu d long
         tar -cf - --sort=name --mtime=@1600000000 --owner=1000 --group=100 --numeric-owner d
         tar -cf o.tar -C d --sort=name --mtime=@1 --owner=0 --group=0 --numeric-owner .
         tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cvf o.tar d
         tar --hard-dereference --sort=name --mtime=@1 --owner=0 --group=0 --numeric-owner -cf o.tar d
         tar --sort=name --mtime=@1 --owner=root:0 --group=root:0 --numeric-owner -cf o.tar d/f d/sub",
        tree,
    ));
}

/// Owners and times are those of the sandbox: the real program gets them as options.
#[test]
fn archives_of_the_builder() {
    let ours = tree("tar -cf - d/f d/sub/z");
    let real =
        tree("tar -cf - --owner=nixbld:1000 --group=nixbld:100 --mtime=@315532800 d/f d/sub/z");
    let Some(results) = sandboxed(&[ours]) else {
        return;
    };
    let results = results.expect("no refusal");
    assert_eq!(results[0].stdout, native(&real).stdout);
}

#[test]
fn what_depends_on_the_directory_is_refused() {
    if sandboxed(&[]).is_none() {
        return;
    }
    let reason = refusal(&tree("tar -cf o.tar d")).unwrap_or_default();
    assert!(reason.contains("order"), "{reason}");
}

#[test]
fn unpacking_files() {
    same(lines(
        "gzip -d a.gz
         gzip -dk a.gz
         gzip -dc a.gz
         gunzip a.gz
         gunzip -c a.gz two.gz
         zcat big.gz
         zcat fast.gz
         zcat stored.gz
         zcat empty.gz
         gunzip t.tgz
         gzip -t a.gz
         bzip2 -d a.bz2
         bunzip2 -k a.bz2
         bzcat a.bz2 big.bz2
         xz -d a.xz
         xz -dk a.xz
         xzcat big.xz
         unxz -c a.xz
         xz -dc -T0 a.xz
         zstd -dq a.zst
         zstd -dc a.zst
         unzstd -q a.zst
         zstdcat big.zst a.zst",
        packed,
    ));
}

#[test]
fn refusals() {
    if sandboxed(&[]).is_none() {
        return;
    }
    for line in [
        "gzip t.tar",
        "zcat broken.gz",
        "gunzip nothing.gz",
        "xz t.tar",
        "tar czf o.tar t.tar",
        "tar xf t.tar d/f -C out",
        "tar rf t.tar out",
        "tar xf broken.gz",
        "tar --newer=x -xf t.tar",
    ] {
        assert!(refusal(&packed(line)).is_some(), "{line}");
    }
}
