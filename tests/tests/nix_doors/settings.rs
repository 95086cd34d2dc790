//! The doctor finds Nix's settings where Nix itself does: files and variables, in their order.
//!
//! Contract: the oracle is each real Nix, asked for the setting that counts. `NIX_REMOTE=local` keeps this machine's
//! own daemon of Nix out of it.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::support::{Nix, World, text};

/// The places; in each stands a builder whose socket has the place's name.
const FILES: &[(&str, &str)] = &[
    ("machine", "conf/nix.conf"),
    ("home", ".config/nix/nix.conf"),
    ("xdg", "xdg/nix/nix.conf"),
    ("shared", "shared/nix/nix.conf"),
    ("second", "second/nix/nix.conf"),
    ("own-1", "own-1"),
    ("own-2", "own-2"),
];

/// Variables, `DIR` for the directory of the test, and files that are taken away before.
type Case = (
    &'static [(&'static str, &'static str)],
    &'static [&'static str],
);

const CASES: &[Case] = &[
    (&[], &[]),
    (&[], &[".config/nix/nix.conf"]),
    (&[("XDG_CONFIG_HOME", "DIR/xdg")], &[]),
    (&[("XDG_CONFIG_DIRS", "DIR/shared:DIR/second")], &[]),
    (
        &[("XDG_CONFIG_DIRS", "DIR/shared:DIR/second")],
        &[".config/nix/nix.conf"],
    ),
    (
        &[("XDG_CONFIG_DIRS", "DIR/shared:DIR/second")],
        &[".config/nix/nix.conf", "shared/nix/nix.conf"],
    ),
    (&[("NIX_USER_CONF_FILES", "DIR/own-1:DIR/own-2")], &[]),
    (
        &[
            ("NIX_USER_CONF_FILES", "DIR/gone:DIR/own-2"),
            ("XDG_CONFIG_HOME", "DIR/xdg"),
        ],
        &[],
    ),
    (&[("NIX_USER_CONF_FILES", "")], &[]),
    (
        &[("NIX_CONFIG", "builders = unix:///variable.sock wasm32-wasi")],
        &[],
    ),
    (
        &[
            ("NIX_CONFIG", "# nothing\ninclude DIR/own-1"),
            ("NIX_USER_CONF_FILES", "DIR/own-2"),
        ],
        &[],
    ),
    // Set again to nothing: no builder of ours is left.
    (&[("NIX_CONFIG", "builders =")], &[]),
];

fn prepare(command: &mut Command, world: &World, variables: &[(&str, &str)]) {
    let directory = world.directory.path();
    command
        .env("HOME", directory)
        .env("NIX_REMOTE", "local")
        .env("NIX_CONF_DIR", directory.join("conf"))
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("XDG_CONFIG_DIRS")
        .env_remove("NIX_CONFIG")
        .env_remove("NIX_USER_CONF_FILES");
    for (name, value) in variables {
        command.env(name, value.replace("DIR", &directory.to_string_lossy()));
    }
}

#[test]
fn settings_are_found_where_nix_finds_them() {
    for nix in Nix::all("settings_are_found_where_nix_finds_them") {
        for (variables, gone) in CASES {
            let world = World::new();
            for (name, file) in FILES.iter().filter(|(_, file)| !gone.contains(file)) {
                let place = world.path(file);
                fs::create_dir_all(place.parent().expect("a directory")).expect("made");
                let text = format!("builders = unix:///{name}.sock wasm32-wasi\n");
                fs::write(place, text).expect("written");
            }
            let context = format!("Nix {}, {variables:?} without {gone:?}", nix.version);
            let mut show = nix.command("nix", world.directory.path());
            prepare(&mut show, &world, variables);
            show.args(["--extra-experimental-features", "nix-command"]);
            show.args(match nix.number() < (2, 20) {
                true => &["show-config", "--json"][..],
                false => &["config", "show", "--json"],
            });
            let shown = text(show.output().expect("Nix starts"));
            let shown: Value = serde_json::from_str(&shown).expect("JSON");
            let wanted = shown["builders"]["value"].as_str().expect("a setting");
            let wanted = wanted.split_whitespace().next().unwrap_or_default();
            let program = nix.program("nix");
            let program = program.to_str().expect("text");
            let mut doctor = world.command(&["doctor", "--json", "--nix", program]);
            prepare(&mut doctor, &world, variables);
            let output = doctor.output().expect("the doctor starts");
            let json: Value = serde_json::from_slice(&output.stdout)
                .unwrap_or_else(|error| panic!("{context}: {error}: {output:?}"));
            let findings = json["findings"].as_array().expect("findings");
            let found = findings.iter().find(|one| one["id"] == "no-root");
            let found = found.map_or("", |one| one["text"].as_str().expect("text"));
            let found = found.split('\'').nth(1).unwrap_or_default();
            assert_eq!(found, wanted, "{context}: {json:#}");
        }
    }
}

#[test]
fn a_line_that_another_hides_is_told() {
    let world = World::new();
    fs::create_dir(world.path("conf")).expect("made");
    let ours = "unix:///srv/wasibuild.sock?root=/srv wasm32-wasi";
    fs::write(world.path("conf/nix.conf"), format!("builders = {ours}\n")).expect("written");
    let ask = |variables: &[(&str, &str)]| -> Value {
        let mut doctor = world.command(&["doctor", "--json", "--nix", "nix"]);
        doctor.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        prepare(&mut doctor, &world, variables);
        let output = doctor.output().expect("the doctor starts");
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let hidden = ask(&[("NIX_CONFIG", "cores = 1\nbuilders = ssh://other")]);
    let text = hidden.to_string();
    let file = world.path("conf/nix.conf");
    let wanted = format!(
        "{} line 1 names wasibuild, but NIX_CONFIG line 2 sets `builders` again, which counts more",
        file.display()
    );
    assert!(text.contains(&wanted), "{hidden:#}");
    assert_eq!(hidden["doors"]["daemon"], "shut");
    let joined = ask(&[("NIX_CONFIG", &format!("builders = ssh://other ; {ours}"))]);
    assert!(!joined.to_string().contains("counts more"), "{joined:#}");
    // `broken`: nobody listens there.
    assert_eq!(joined["doors"]["daemon"], "broken");
}
