//! What the shell does not build: foreign programs, and what is not attempted.

use super::support::{Ran, World};

/// Foreign: each body, and what its message must say.
const FOREIGN: &[(&str, &[&str])] = &[
    (
        r#"run "x" {} ''
             echo half > $out
             ${p.libxslt}/bin/xsltproc --version
           ''"#,
        &[
            "build of 'x' needs the foreign program '/nix/store/",
            "-libxslt-1.1.28-bin/bin/xsltproc'",
            "xsltproc --version] in '/build' by line 2 of '/nix/store/",
            "hint: ",
        ],
    ),
    // Not the package that has such a program; machine code, and a link out of the store.
    (
        r#"run "x" {} "${p.other}/bin/mkdir $out""#,
        &["-other-1.0/bin/mkdir'", "no applet"],
    ),
    // An option that an applet does not know.
    (
        r#"run "x" {} ''
             true
             echo | (sed --posix s/a/b/)
           ''"#,
        &["-gnused-4.2.2/bin/sed'", "--posix", "by line 2 of"],
    ),
    (
        r#"run "x" {} "echo | sed --posix s/a/b/ || true; echo > $out""#,
        &["--posix"],
    ),
    // Perl, but for one script.
    (
        r#"run "x" {} "${p.perl}/bin/perl -e 1""#,
        &["-perl-5.22.2/bin/perl'", "buildEnv"],
    ),
    (
        r#"run "x" {} ''${p.perl}/bin/perl -w ${builtins.toFile "builder.pl" "print"}''"#,
        &["this version of its script is not known"],
    ),
    // A script for a foreign interpreter.
    (
        r##"run "x" {} ''
             echo "#!${p.libxslt}/bin/xsltproc -x" > s; chmod +x s
             ./s y
           ''"##,
        &["bin/xsltproc'", "xsltproc -x ./s y]", "line 2"],
    ),
];

#[test]
fn foreign_programs_end_the_build_at_once() {
    let world = World::new();
    for (body, wanted) in FOREIGN {
        let message = world.refused(body);
        for part in *wanted {
            assert!(message.contains(part), "{body}: no '{part}' in\n{message}");
        }
        let store = std::fs::read_dir(world.root().join("nix/store")).expect("a store");
        let outputs: Vec<_> = store
            .map(|entry| entry.expect("an entry").file_name())
            .filter(|name| name.to_string_lossy().ends_with("-x"))
            .collect();
        assert!(outputs.is_empty(), "{body} left {outputs:?}");
    }
}

#[test]
fn a_link_out_of_the_store_is_not_found_in_other_packages() {
    let world = World::new();
    let place = world.build(
        r#"run "x" {} ''
             test -L ${p.other}/bin/sed
             test ! -e ${p.other}/bin/sed
             ${p.other}/bin/sed || echo $? > $out
           ''"#,
    );
    assert_eq!(std::fs::read_to_string(place).expect("a file"), "127\n");
}

#[test]
fn the_others_are_built_with_keep_going() {
    let world = World::new();
    let all = world.derivations(
        r#"let bad = run "bad" {} "${p.libxslt}/bin/xsltproc > $out"; in
           [ (run "after" { inherit bad; } "echo > $out") (run "good" {} "echo > $out") ]"#,
    );
    let mut arguments = vec!["run", "-k", "--json"];
    arguments.extend(all.iter().map(String::as_str));
    let ran = world.wasibuild(&arguments);
    assert_eq!(ran.code, 5, "{ran:?}");
    for (name, status) in [
        ("bad", "refused"),
        ("after", "dependency-failed"),
        ("good", "built"),
    ] {
        let member = |key: &str, value: &str| format!("\"{key}\": \"{value}\"");
        let object = ran
            .out
            .split("\"derivation\":")
            .find(|object| object.contains(&member("name", name)))
            .unwrap_or_else(|| panic!("no {name} in {}", ran.out));
        assert!(object.contains(&member("status", status)), "{object}");
    }
}

/// Not attempted: each body, and the reason.
const NOT_ATTEMPTED: &[(&str, &str)] = &[
    (
        r#"run "x" { preferLocalBuild = null; } "echo > $out""#,
        "it is a package",
    ),
    (
        r#"run "x" { preferLocalBuild = null; buildCommand = ":"; src = "s"; } "echo > $out""#,
        "it is a package",
    ),
    (
        r#"run "x" { requiredSystemFeatures = [ "kvm" ]; } "echo > $out""#,
        "system feature 'kvm'",
    ),
    (
        r#"run "x" { outputHash = "0000000000000000000000000000000000000000000000000000000000000000"; outputHashAlgo = "sha256"; } "echo > $out""#,
        "fixed-output",
    ),
    (
        r#"run "x" { builder = "${p.perl}/bin/perl"; } """#,
        "is no bash of the store",
    ),
    (
        r#"run "x" { builder = "/bin/sh"; } """#,
        "is no bash of the store",
    ),
    (
        r#"run "x" { system = "aarch64-darwin"; } """#,
        "the system 'aarch64-darwin'",
    ),
];

#[test]
fn what_is_no_configuration_is_not_attempted() {
    let world = World::new();
    for (body, wanted) in NOT_ATTEMPTED {
        let message = world.refused(body);
        assert!(
            message.contains(wanted) && message.contains("hint: "),
            "{body}: no '{wanted}' in\n{message}"
        );
    }
}

#[test]
fn the_user_widens_and_narrows_what_is_attempted() {
    let world = World::new();
    let package = world.derivations(r#"run "x" { preferLocalBuild = null; } "echo > $out""#);
    let ran = world.wasibuild(&["run", "--shell", "all", &package[0]]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let local = world.derivations(r#"run "y" {} "echo > $out""#);
    let ran = world.wasibuild(&["run", "--shell=none", &local[0]]);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.err.contains("--shell=none"), "{ran:?}");
}

#[test]
fn a_builder_that_is_not_there_is_named() {
    let world = World::new();
    let body = r#"run "x" { builder = "${p.bash}/bin/../../no-such-bash-5.2/bin/bash"; } """#;
    let derivation = world.derivations(body).remove(0);
    let ran = world.wasibuild(&["run", &derivation]);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.err.contains("no-such-bash"), "{ran:?}");
}

#[test]
fn what_an_attempt_met_is_remembered_until_it_is_forgotten() {
    let world = World::new();
    let body = r#"run "x" {} "echo a; ${p.libxslt}/bin/xsltproc --version""#;
    let derivation = world.derivations(body).remove(0);
    let state = world.path("state");
    let wasibuild = |arguments: &[&str]| {
        let mut command = world.command(arguments);
        command.env("WASIBUILD_STATE", &state);
        Ran::of(command.output().expect("it starts"))
    };
    // Before the attempt it is a guess, made of the script.
    let plan = wasibuild(&["plan", &derivation]);
    assert_eq!(plan.code, 0, "{plan:?}");
    assert!(
        plan.out
            .starts_with("x  [shell; may meet xsltproc of libxslt]\n"),
        "{plan:?}"
    );
    let why = wasibuild(&["explain", &derivation]);
    assert!(
        why.out
            .contains("\n=> shell    takes it: it is configuration"),
        "{why:?}"
    );
    assert!(
        why.out
            .contains("\nmay meet: xsltproc of libxslt, by a look at builder.sh; a guess\n"),
        "{why:?}"
    );
    // After it, a fact.
    let ran = wasibuild(&["run", &derivation]);
    assert_eq!(ran.code, 5, "{ran:?}");
    let plan = wasibuild(&["plan", &derivation]);
    assert!(
        plan.out
            .starts_with("x  [shell: an attempt met xsltproc]\n"),
        "{plan:?}"
    );
    let why = wasibuild(&["explain", &derivation]);
    assert!(
        why.out.contains("\n=> shell    takes it if no other does: an earlier attempt met the foreign program '/nix/store/"),
        "{why:?}"
    );
    assert!(
        why.out
            .contains("\nremembered: an attempt met '/nix/store/"),
        "{why:?}"
    );
    // Nobody else builds it, so that it is attempted again, with the same message.
    let again = wasibuild(&["run", &derivation]);
    assert_eq!(
        (again.code, &again.err.split(" in ").next()),
        (5, &ran.err.split(" in ").next())
    );
    let json = wasibuild(&["explain", "--json", &derivation]);
    assert!(
        json.out.contains("\"outcome\": \"last-resort\""),
        "{json:?}"
    );
    // Forgotten, it is a guess again.
    let forgotten = wasibuild(&["explain", "--forget", &derivation]);
    assert!(
        forgotten
            .out
            .contains("\n=> shell    takes it: it is configuration"),
        "{forgotten:?}"
    );
    let svg = wasibuild(&["plan", "--svg", &derivation]);
    assert!(
        svg.out.starts_with("<svg ") && svg.out.ends_with("</svg>\n"),
        "{svg:?}"
    );
}
