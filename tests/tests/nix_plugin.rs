//! nix-plugin beyond its library: functions.nix and the overlay over a stand-in for nixpkgs
//! (tests/references/nixpkgs.nix), evaluated by real Nix; nixpkgs' scripts by GNU bash, their replacements
//! by the builders.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use wasibuild_tests::builder_reference::{Attributes, Case, Places, Tree, check};

/// The builders' modules that the functions may name, as files that are not run.
const MODULES: [&str; 7] = [
    "builder-shell",
    "substitute",
    "substitute-executable",
    "symlink-tree",
    "symlink-tree-executable",
    "text",
    "text-executable",
];

/// A store and a folder with stand-ins for the builders.
struct World {
    folder: tempfile::TempDir,
}

fn repository() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests are in the repository").into()
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let builders = folder.path().join("builders");
        std::fs::create_dir(&builders).expect("the temporary folder is writable");
        for module in MODULES {
            let file = builders.join(format!("{module}.wasm"));
            std::fs::write(file, module).expect("the temporary folder is writable");
        }
        Self { folder }
    }

    fn builders(&self) -> String {
        self.folder.path().join("builders").display().to_string()
    }

    /// `import tests/references/FILE { plugin = …; builders = …; }`.
    fn import(&self, file: &str) -> String {
        let repository = repository();
        format!(
            "(import {0}/tests/references/{file} {{ plugin = {0}/nix-plugin; \
             builders = import {0}/nix-plugin/builders.nix {{ from = {1}; lock = null; }}; }})",
            repository.display(),
            self.builders(),
        )
    }

    fn nix(&self, arguments: &[&str], expression: &str) -> (bool, String, String) {
        let mut command = Command::new("nix-instantiate");
        command
            .arg("--store")
            .arg(self.folder.path().join("store"))
            .args(arguments)
            .args(["--expr", expression])
            .env("HOME", self.folder.path());
        let output = command.output().expect("nix-instantiate is installed");
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        (
            output.status.success(),
            text(&output.stdout),
            text(&output.stderr),
        )
    }

    fn json(&self, expression: &str) -> Value {
        let arguments = ["--eval", "--strict", "--json", "--read-write-mode"];
        let (success, text, log) = self.nix(&arguments, expression);
        assert!(success, "{expression}: {log}");
        serde_json::from_str(&text).expect("--json gives JSON")
    }
}

/// What `/nix/store/11111111111111111111111111111111-…` is in the calls.
fn inputs() -> Vec<(String, Tree)> {
    let package = Tree::directory([
        ("bin", Tree::directory([("tool", Tree::file("tool\n"))])),
        ("link", Tree::Symlink(b"bin/tool".to_vec())),
    ]);
    vec![
        ("package".to_owned(), package),
        ("file".to_owned(), Tree::file("a file\n")),
    ]
}

/// Stands before nixpkgs' script: variables become files, as `passAsFile` says.
const PRELUDE: &str = r#"
set -e
cd "$(mktemp -d)"
for variable in $passAsFile; do
    if [ "$variable" = buildCommand ]; then continue; fi
    printf %s "${!variable}" > ".$variable"
    export "${variable}Path=$PWD/.$variable"
    unset "$variable"
done
runHook() { :; }
# libiconv's `JAVA`, which glibc's has not, for texts of ASCII.
iconv() { cat; }
"#;

/// The text with the store's place of this run in it.
fn placed(text: &str, places: &Places) -> String {
    let prefix = "/nix/store/11111111111111111111111111111111-";
    text.replace(prefix, &places.input(""))
}

fn placed_value(value: &Value, places: &Places) -> Value {
    let text = value.to_string();
    serde_json::from_str(&placed(&text, places)).expect("paths need no quoting")
}

#[test]
fn scripts_of_nixpkgs_and_what_replaces_them_give_the_same() {
    let world = World::new();
    let overlay = world.import("overlay.nix");
    let cases = world.json(&format!("{overlay}.cases // {overlay}.others"));
    let cases = cases.as_object().expect("a set of cases");
    assert!(cases.len() >= 15, "{cases:?}");
    for (name, case) in cases {
        assert_eq!(case["system"], "wasm32-wasi", "{name}");
        for property in ["sameAttributes", "sameOutput"] {
            assert_eq!(case[property], true, "{name}: {property}");
        }
        let builder = case["builder"].as_str().expect("a path");
        let module = (MODULES.iter())
            .find(|module| builder.ends_with(&format!("-wasibuild-{module}.wasm")))
            .unwrap_or_else(|| panic!("{name}: {builder} is no builder"));
        let attributes = |places: &Places| {
            let mut attributes = placed_value(&case["attributes"], places);
            // The shell is a stand-in here; builders_text.rs runs the check.
            let words = attributes
                .as_object_mut()
                .and_then(|all| all.remove("check"));
            let is_script = ["script", "renamed"].contains(&name.as_str());
            assert_eq!(words.is_some(), is_script, "{name}: {words:?}");
            Attributes::structured(attributes)
        };
        let reference = |places: &Places| {
            let mut command = Command::new("bash");
            let script = case["script"].as_str().expect("a script");
            let script = script.replace(
                "/nix/store/00000000000000000000000000000000-lndir-1.0.5/bin/",
                "",
            );
            command.args(["-c", &format!("{PRELUDE}\n{}", placed(&script, places))]);
            for (variable, value) in case["environment"].as_object().expect("variables") {
                let value = placed(value.as_str().expect("a string"), places);
                let value = match variable.as_str() {
                    "checkPhase" => {
                        value.replace("/nix/store/00000000000000000000000000000000-bash-5.3", "")
                    }
                    _ => value,
                };
                command.env(variable, value);
            }
            command.env("out", places.out());
            command.env("passAsFile", words(&case["passAsFile"]));
            command
        };
        check(&Case {
            module,
            inputs: inputs(),
            attributes: &attributes,
            reference: &reference,
        });
    }
}

fn words(list: &Value) -> String {
    let words = list.as_array().expect("a list").iter();
    words
        .filter_map(Value::as_str)
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn what_is_not_known_stays_as_nixpkgs_makes_it() {
    let world = World::new();
    let kept = world.json(&format!("{}.kept", world.import("overlay.nix")));
    let kept = kept.as_object().expect("a set of cases");
    assert!(kept.len() >= 16, "{kept:?}");
    for (name, same) in kept {
        assert_eq!(same, true, "{name} is another derivation");
    }
}

#[test]
fn every_host_evaluates_to_the_same_derivations() {
    let world = World::new();
    let expression = format!("{}.derivations", world.import("overlay.nix"));
    let derivations = |system: &str| {
        let (success, paths, log) = world.nix(&["--option", "system", system], &expression);
        assert!(success, "{log}");
        paths
    };
    let expected = derivations("x86_64-linux");
    assert!(expected.lines().count() >= 15, "too few: {expected}");
    assert_eq!(derivations("aarch64-darwin"), expected);
}

#[test]
fn an_overlay_leaves_packages_alone() {
    let world = World::new();
    let overlay = world.json(&format!("{}.overlay", world.import("overlay.nix")));
    for property in ["package", "functions", "all"] {
        assert_eq!(overlay[property], true, "{property}: {overlay}");
    }
}

/// A builder of another version would make other store paths.
#[test]
fn builders_have_the_bytes_of_the_lock() {
    let world = World::new();
    let lock = world.folder.path().join("builders.lock");
    let write = |digest: &str| {
        let line = format!("# A comment.\n{digest}  text.wasm\n");
        std::fs::write(&lock, line).expect("the temporary folder is writable");
    };
    let entry = repository().join("nix-plugin");
    let expression = format!(
        "(import {0}/lib {{ builders = import {0}/builders.nix {{ from = \"{1}\"; lock = {2}; }}; }}).writeText \"a\" \"b\"",
        entry.display(),
        world.builders(),
        lock.display(),
    );
    // SHA-256 of "text".
    write("982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1");
    let (success, path, log) = world.nix(&[], &expression);
    assert!(success && path.contains("-a.drv"), "{log}");
    // However the folder is named: a path, or a flake's input, which is a set.
    let quoted = format!("\"{}\"", world.builders());
    for other in [world.builders(), format!("{{ outPath = {quoted}; }}")] {
        let (_, again, log) = world.nix(&[], &expression.replace(&quoted, &other));
        assert_eq!(again, path, "{other}: {log}");
    }
    write("082d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1");
    let (success, _, log) = world.nix(&[], &expression);
    assert!(
        !success
            && log.contains("text.wasm has the SHA-256 982d")
            && log.contains("builders.lock names 082d"),
        "{log}"
    );
}

#[test]
fn the_library_falls_back_on_what_it_is_given() {
    let world = World::new();
    let (success, path, log) = world.nix(
        &[],
        &format!(
            "let lib = import {0}/nix-plugin/lib {{ builders = {{ }}; fallback = {{ \
               writeTextFile = a: (import {0}/tests/references/nixpkgs.nix).writeTextFile a; \
               formats.json = {{ }}: {{ type = \"JSON\"; }}; formats.other = \"other\"; }}; }}; in \
             assert (lib.formats.json {{ }}).type == \"JSON\" && (lib.formats.json {{ }}) ? generate; \
             assert lib.formats.other == \"other\" && lib.formats ? toml; \
             lib.writeTextFile {{ name = \"with-check\"; text = \"\"; checkPhase = \"true\"; }}",
            repository().display()
        ),
    );
    assert!(success && path.contains("-with-check.drv"), "{log}");
}
