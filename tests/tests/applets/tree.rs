//! What changes the tree: mkdir, mv, ln, cp, rm, chmod, install, touch, mktemp.

use super::harness::{Case, case, same};

/// A small tree with one of everything.
pub fn garden(words: &[&str]) -> Case {
    case(words)
        .file("a", "one\n")
        .file("b", "two\n")
        .executable("x", "#!/bin/sh\n")
        .dir("d")
        .file("d/a", "inner\n")
        .executable("d/run", "run\n")
        .dir("d/e")
        .link("d/e/up", "../a")
        .dir("empty")
        .link("link", "a")
        .link("dirlink", "d")
        .link("dangling", "nowhere")
}

/// Cases over the garden, one per line.
pub fn lines(text: &str) -> Vec<Case> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let case = garden(&words);
            // GNU tells of files in the order of the directory.
            let tells = words.iter().any(|word| matches!(*word, "-rv" | "-Rv"));
            if tells { case.unordered() } else { case }
        })
        .collect()
}

#[test]
fn directories() {
    same(lines(
        "mkdir new
         mkdir -p p/q/r
         mkdir -p d
         mkdir -p d/e/f/
         mkdir -p a
         mkdir -p a/b
         mkdir -p ./p/./q
         mkdir -p p/../q
         mkdir -pv p/q
         mkdir -v n1 n2
         mkdir d
         mkdir missing/x
         mkdir a/x
         mkdir -m 700 n
         mkdir -m u=rwx,go= n
         mkdir -m bad n
         mkdir dangling
         mkdir -p dangling
         mkdir -p dirlink
         mkdir -p dirlink/new
         mkdir
         mkdir -p
         mkdir -p --
         rmdir empty
         rmdir d
         rmdir --ignore-fail-on-non-empty d
         rmdir -p empty
         rmdir a
         rmdir nothing
         rmdir -v empty
         rmdir",
    ));
}

#[test]
fn moves() {
    same(lines(
        "mv a new
         mv a b
         mv -f a b
         mv -n a b
         mv a d
         mv a b d
         mv -t d a b
         mv -T a d
         mv d empty
         mv -T d empty
         mv -T empty d
         mv d new
         mv d d/e
         mv d a
         mv a a
         mv link new
         mv dangling new
         mv x d/run
         mv a link
         mv nothing new
         mv a nothing/new
         mv a b nothing
         mv a b x
         mv -v a new
         mv a
         mv
         mv a/ new
         mv d/ new
         mv d/a a d
         mv empty d/a
         mv -u a b
         mv dirlink new
         mv link dirlink
         mv a dirlink/
         mv d/a b empty",
    ));
}

#[test]
fn links() {
    same(lines(
        "ln -s a new
         ln -s a b
         ln -sf a b
         ln -fs target link
         ln -s target d
         ln -sfn target dirlink
         ln -sf target dirlink
         ln -sfn target d
         ln -sT target d
         ln -sfT target dirlink
         ln -s ../x/y
         ln -s -t d a b
         ln -sf -t d a
         ln -s a b d
         ln -s a b nothing
         ln -sv a new
         ln -sr d/a new
         ln -sr d/a d/e/new
         ln -sr nothing/x d/new
         ln a new
         ln a b
         ln -f a b
         ln d new
         ln nothing new
         ln link new
         ln -L link new
         ln -P link new
         ln -v a new
         ln -r a new
         ln
         ln -s
         ln -sf a a
         ln -f a a
         ln -s a nothing/new
         ln -s a/ new
         ln -sf a d/e
         ln -sfn a d/e",
    ));
}

#[test]
fn copies() {
    same(lines(
        "cp --parents d/a empty
         cp --parents -v d/a empty
         cp --parents d/e/f empty
         cp -v --parents d/a x empty
         cp -r --parents -v d/e empty
         cp -r --parents d/ empty/
         cp -p --parents d/a empty
         cp -a --parents d/e empty
         cp --parents ./d//a empty
         cp --parents d/nothing empty
         cp --parents nothing/a empty
         cp --parents x/a empty
         cp --parents a new
         cp --parents a b
         cp --parents dirlink/a empty
         cp -t empty --parents d/a
         cp a new
         cp x new
         cp a b
         cp x b
         cp a x
         cp a d
         cp a b d
         cp d new
         cp -r d new
         cp -r d empty
         cp -R d/. empty
         cp -r d/. new
         cp -rT d empty
         cp -prd d new
         cp -a d new
         cp -d link new
         cp link new
         cp -P link new
         cp -rL d new
         cp -rH dirlink new
         cp -r dirlink new
         cp dangling new
         cp -d dangling new
         cp a dangling
         cp -f a link
         cp --remove-destination a link
         cp --remove-destination x link
         cp -n a b
         cp -v a b
         cp -rv d new
         cp -s a new
         cp -l a new
         cp -t d a b
         cp -T a d
         cp a a
         cp a link
         cp link a
         cp nothing new
         cp a nothing/new
         cp a b x
         cp a b nothing
         cp d/a a empty
         cp -r d a
         cp
         cp a
         cp -p x new
         cp --preserve=mode x b
         cp --preserve=mode,timestamps x b
         cp --preserve x new
         cp --no-preserve=mode x new
         cp -r --no-preserve=mode d new
         cp -r --no-preserve=mode,ownership d new
         cp --no-preserve=all x new
         cp --reflink=auto a new
         cp -u a b
         cp a empty/
         cp a nothing/
         cp -r d/ new
         cp --strip-trailing-slashes a/ new
         cp -as @DIR@/d new
         cp -al d new",
    ));
}

#[test]
fn removals() {
    same(lines(
        "rm a
         rm a b
         rm d
         rm -r d
         rm -rf d a nothing
         rm -f nothing
         rm nothing
         rm
         rm -f
         rm -d empty
         rm -d d
         rm -v a
         rm -rv empty
         rm link dirlink dangling
         rm -r dirlink
         rm -rf dirlink/
         rm a/
         rm -r .
         rm -rf ..
         rm -r d/..
         unlink a
         unlink d
         unlink
         unlink a b
         unlink nothing
         link a new
         link a
         link a b",
    ));
}

#[test]
fn modes() {
    same(lines(
        "chmod +x a
         chmod -x x
         chmod a+x a b
         chmod u+x a
         chmod 755 a
         chmod 0644 x
         chmod u=rwx,go=rx a
         chmod -R +x d
         chmod -R a-x,u+X d
         chmod -R u+w .
         chmod +X a d x
         chmod -v 755 a
         chmod -v 644 a
         chmod -c 755 a x
         chmod -Rv 755 d
         chmod bad a
         chmod 9 a
         chmod +x
         chmod
         chmod +x nothing
         chmod -f +x nothing
         chmod +x dangling
         chmod +x link
         chmod --reference=x a
         chmod =r x
         chmod u=g a
         chmod g=u,o=g x
         chmod +755 a
         chmod -w x
         chmod ug+rwx-x x
         chmod u+s,+t a
         chmod -- -x x",
    ));
}

#[test]
fn installs() {
    same(lines(
        "install a new
         install -m644 a new
         install -m 0755 a b d
         install -D a p/q/new
         install -D -m 444 a p/new
         install -d p/q r
         install -dm 700 p
         install -t d a b
         install -Dt p/q a
         install -Dm755 x -t p/bin
         install -v a new
         install d new
         install nothing new
         install a
         install
         install -d
         install a a
         install -m bad a new
         install -T a d
         install link new
         install a link
         install -m u+x a new",
    ));
}

#[test]
fn touches() {
    same(lines(
        "touch new
         touch a
         touch -c new
         touch n1 n2
         touch nothing/x
         touch -r a new
         touch -d @0 new
         touch -t 202001020304 new
         touch -t 99 new
         touch
         touch -a a
         touch -m a
         touch dangling
         touch -h link
         touch d",
    ));
}

#[test]
fn temporary_names_are_made() {
    // The names are random: only what the tree shows of them is compared, by their number.
    let run = |words: &[&str]| {
        let case = case(words);
        let ours = super::harness::sandboxed(std::slice::from_ref(&case));
        (
            super::harness::native(&case),
            ours.map(|it| it.expect("a build").remove(0)),
        )
    };
    for words in [
        ["mktemp", "abc.XXXXXX"].as_slice(),
        &["mktemp", "-d", "abc.XXXXXX"],
        &["mktemp", "-u", "abc.XXXXXXXX"],
        &["mktemp", "--suffix=.c", "abcXXX"],
        &["mktemp", "-p", ".", "aXXXb"],
    ] {
        let (gnu, Some(ours)) = run(words) else {
            return;
        };
        assert_eq!(gnu.stdout.len(), ours.stdout.len(), "{words:?}");
        assert_eq!(
            (gnu.status, &gnu.stderr),
            (ours.status, &ours.stderr),
            "{words:?}"
        );
        assert_eq!(
            gnu.tree.len(),
            ours.tree.len(),
            "{words:?}\n{gnu:?}{ours:?}"
        );
    }
    same(vec![
        case(&["mktemp", "abcXX"]),
        case(&["mktemp", "nothing/aXXX"]),
        case(&["mktemp", "-d", "nothing/aXXX"]),
        case(&["mktemp", "a", "b"]),
        case(&["mktemp", "-t", "a/XXX"]),
        case(&["mktemp", "-p", ".", "/aXXX"]),
        case(&["mktemp", "--suffix=x", "aXXXb"]),
        case(&["mktemp", "--suffix=/x", "aXXX"]),
        case(&["mktemp", "-q", "nothing/aXXX"]),
    ]);
}
