//! nix-plugin/lib, evaluated by real Nix: one derivation for every host system, and what the text
//! builder makes of it.

use serde_json::Value;
use std::path::Path;
use std::process::Command;
use wasibuild_tests::builder_reference::{Attributes, Tree, hosts};

/// Evaluates `tests/references/library.nix` with stand-ins for the modules.
struct Library {
    folder: tempfile::TempDir,
}

const MODULES: [&str; 8] = [
    "text",
    "text-executable",
    "substitute",
    "substitute-executable",
    "etc-tree",
    "symlink-tree",
    "symlink-tree-executable",
    "unit-file",
];

impl Library {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        for module in MODULES {
            let file = folder.path().join(format!("{module}.wasm"));
            std::fs::write(file, module).expect("the temporary folder is writable");
        }
        Self { folder }
    }

    fn expression(&self) -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let builders: String = MODULES
            .iter()
            .map(|module| {
                format!(
                    "{module} = {}/{module}.wasm; ",
                    self.folder.path().display()
                )
            })
            .collect();
        format!(
            "import {}/references/library.nix {{ lib = {}/nix-plugin/lib; builders = {{ {builders}}}; }}",
            root.display(),
            root.parent()
                .expect("tests are in the repository")
                .display()
        )
    }

    fn command(&self, system: &str) -> Command {
        let mut command = Command::new("nix-instantiate");
        command
            .arg("--store")
            .arg(self.folder.path().join("store"))
            .args(["--option", "system", system])
            .env("HOME", self.folder.path());
        command
    }

    fn run(&self, command: &mut Command) -> (bool, String, String) {
        let output = command.output().expect("nix-instantiate is installed");
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        (
            output.status.success(),
            text(&output.stdout),
            text(&output.stderr),
        )
    }
}

#[test]
fn every_host_evaluates_to_the_same_derivations() {
    let library = Library::new();
    let derivations = |system: &str| {
        let mut command = library.command(system);
        command.args(["--expr", &format!("({}).derivations", library.expression())]);
        let (success, paths, log) = library.run(&mut command);
        assert!(success, "{command:?}: {log}");
        paths
    };
    let expected = derivations("x86_64-linux");
    assert!(expected.lines().count() >= 28, "too few: {expected}");
    for system in ["aarch64-darwin", "aarch64-linux"] {
        assert_eq!(derivations(system), expected, "on {system}");
    }
}

#[test]
fn the_builder_gives_what_nix_evaluates() {
    let library = Library::new();
    let mut command = library.command("x86_64-linux");
    command.args(["--eval", "--strict", "--json", "--expr"]);
    command.arg(format!("({}).texts", library.expression()));
    let (success, cases, log) = library.run(&mut command);
    assert!(success, "{command:?}: {log}");
    let cases: Value = serde_json::from_str(&cases).expect("--json gives JSON");
    for (name, case) in cases.as_object().expect("a set of cases") {
        let mut attributes = case["attributes"].clone();
        // It is what Nix takes out of the file.
        attributes["__structuredAttrs"] = Value::Bool(true);
        for host in hosts() {
            let found = host.run("text", &[], &|_| Attributes::structured(attributes.clone()));
            let text = match &found.output {
                Some(Tree::File { contents, .. }) => String::from_utf8_lossy(contents).into_owned(),
                _ => panic!("{name} of {attributes}: no file; {}", found.log),
            };
            assert_eq!(
                Some(text.as_str()),
                case["text"].as_str(),
                "{name} of {attributes}"
            );
        }
    }
}

#[test]
fn what_cannot_be_built_is_refused_with_a_reason() {
    let library = Library::new();
    for (name, reason) in [
        ("checkPhase", "checkPhase is a shell script"),
        ("hook", "preInstall and postInstall are shell code"),
        ("path", "is a path; write it as a string"),
        ("noSource", "`x` has neither `source` nor `text`"),
        ("postBuild", "postBuild is a shell script"),
        ("stripPrefix", "stripPrefix must be empty or a subdirectory"),
        ("unitOption", "x.service: a service has no option script"),
        (
            "unitName",
            "the name of a timer must end in .timer: x.service",
        ),
        ("twice", "x.service defines After twice"),
    ] {
        let mut command = library.command("x86_64-linux");
        command.args([
            "--expr",
            &format!("({}).refused.{name}", library.expression()),
        ]);
        let (success, _, log) = library.run(&mut command);
        assert!(!success && log.contains(reason), "{name}: {log}");
    }
}

#[test]
fn a_module_that_was_not_given_is_named() {
    let library = Library::new();
    let lib = Path::new(env!("CARGO_MANIFEST_DIR")).join("../nix-plugin/lib");
    let mut command = library.command("x86_64-linux");
    let expression = format!(
        "(import {} {{ builders.other = ./x; }}).writeText \"a\" \"b\"",
        lib.display()
    );
    command.args(["--expr", &expression]);
    let (success, _, log) = library.run(&mut command);
    assert!(
        !success && log.contains("no builder `text`") && log.contains("`builders` has: other"),
        "{log}"
    );
}
