//! Which program runs, by its place in the store alone.

use std::fs;

use super::support::World;

fn text(world: &World, body: &str) -> String {
    let place = world.build(body);
    fs::read_to_string(&place).unwrap_or_else(|error| panic!("{}: {error}", place.display()))
}

#[test]
fn programs_are_replaced_by_package_and_name() {
    let world = World::new();
    // One file for all of coreutils, a link out of the store, plain machine code.
    let found = text(
        &world,
        r#"run "x" {} ''
             mkdir -p a/b; echo one two > a/b/c
             cat a/b/c | sed s/one/1/ > d
             grep -q '^1 two$' d
             test -x ${p.gnused}/bin/sed
             cat d > $out
           ''"#,
    );
    assert_eq!(found, "1 two\n");
}

#[test]
fn links_of_other_packages_lead_to_the_program() {
    let world = World::new();
    let found = text(
        &world,
        r#"let env = run "env" {} ''
             mkdir -p $out/bin
             ln -s ${p.coreutils}/bin/mkdir ${p.gnused}/bin/sed $out/bin
             ln -s ${p.gnused}/bin/sed $out/bin/other-name
           '';
           in run "x" { PATH = "${env}/bin"; } ''
             mkdir a
             echo x | sed s/x/y/ > $out
             echo y | other-name s/y/z/ >> $out
             ${p.coreutils}/bin/cat < /dev/null >> $out
           ''"#,
    );
    assert_eq!(found, "y\nz\n");
}

/// After a dozen searches the shell lists the inputs in `PATH` (docs/shell.md). What it answers is what
/// asking answers: outputs and other directories change, links lead on, names in inputs stay.
#[test]
fn a_listed_input_answers_as_asking_does() {
    let world = World::new();
    let found = text(
        &world,
        r##"let
             tool = run "tool-1.0" {} ''
               mkdir -p $out/bin $out/more
               echo 'echo tool' > $out/bin/tool
               echo 'echo more' > $out/more/other
               chmod +x $out/bin/* $out/more/*
               touch $out/bin/plain
               mkdir $out/bin/directory
               ln -s ../more/other $out/bin/linked
               ln -s nowhere $out/bin/dangling
               ln -s more $out/way
             '';
           in run "x" { inherit tool; } ''
             export PATH=$PATH:$tool/bin:$tool/way:$PWD/mine::$out/bin
             ask() {
               for name in tool other linked plain directory dangling own late here made nothing; do
                 type -P $name > /dev/null && echo $name=$(type -t $name)
               done
               hash -r
             }
             exec 3>&1 > first
             ask
             for i in {1..30}; do type -P nothing$i > /dev/null || :; done
             exec > second
             ask
             exec > third
             mkdir -p mine $out/bin
             for name in mine/own mine/late here $out/bin/made; do
               echo "echo $name" > $name
               chmod +x $name
             done
             ask
             rm mine/late
             exec > fourth
             ask
             late || echo late is gone
             exec >&3
             cat first > $out/all
             echo - >> $out/all
             cat second third fourth >> $out/all
             rm -r $out/bin
             cat $out/all > text
             rm -r $out
             cat text > $out
           ''"##,
    );
    let (first, rest) = found.split_once("-\n").expect("two parts");
    assert_eq!(first, "tool=file\nother=file\nlinked=file\nplain=file\n");
    let made = "own=file\nlate=file\nhere=file\nmade=file\n";
    let left = "own=file\nhere=file\nmade=file\nlate is gone\n";
    assert_eq!(rest, format!("{first}{first}{made}{first}{left}"));
}

#[test]
fn scripts_run_by_their_first_line() {
    let world = World::new();
    let found = text(
        &world,
        r##"let
             tool = run "tool-1.0" {} ''
               mkdir -p $out/bin
               { echo "#!${p.bash}/bin/bash -u"; echo 'echo "$0 $# $1"; echo ''${unset?no}'; } > $out/bin/tool
               { echo "#!${p.coreutils}/bin/env sh"; echo 'echo posix: $1'; } > $out/bin/by-env
               { echo "#!/bin/sh"; echo 'echo sh: $1'; } > $out/bin/by-sh
               echo 'echo no line: $1' > $out/bin/plain
               chmod +x $out/bin/*
             '';
           in run "x" { inherit tool; } ''
             export PATH=$PATH:$tool/bin
             { tool "a b" || echo status $?; by-env c; by-sh d; plain e; } > $out
             sed -i "s|$tool|TOOL|" $out
           ''"##,
    );
    assert_eq!(
        found,
        "TOOL/bin/tool 1 a b\nstatus 1\nposix: c\nsh: d\nno line: e\n"
    );
}

#[test]
fn what_the_builder_is_called_by_is_what_nix_calls_it() {
    let world = World::new();
    let found = text(
        &world,
        r#"run "x" {} ''echo "$0|$BASH_VERSION|$PWD|$HOME|$NIX_BUILD_TOP|$UID" > $out''"#,
    );
    let mut parts = found.split('|');
    assert!(
        parts
            .next()
            .is_some_and(|script| script.ends_with("-builder.sh")),
        "{found}"
    );
    assert!(
        parts
            .next()
            .is_some_and(|version| version.starts_with("5.2")),
        "{found}"
    );
    let rest: Vec<_> = parts.collect();
    assert_eq!(
        rest,
        ["/build", "/homeless-shelter", "/build", "1000\n"],
        "{found}"
    );
}

#[test]
fn a_build_command_without_a_source_needs_no_wish() {
    let world = World::new();
    let found = text(
        &world,
        r#"run "x" { preferLocalBuild = null; buildCommand = "echo built > $out"; } ''eval "$buildCommand"''"#,
    );
    assert_eq!(found, "built\n");
    let wish = text(
        &world,
        r#"run "y" { preferLocalBuild = null; allowSubstitutes = ""; } "echo built > $out""#,
    );
    assert_eq!(wish, "built\n");
}
