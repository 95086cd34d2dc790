//! What a builder finds, compared with what real Nix gives a builder on Linux.

use super::support::{World, nix};
use std::collections::BTreeMap;
use std::fs;

/// Attributes that use every way in which a derivation reaches its builder.
const ATTRIBUTES: &str = r#"
    list = [ "a" "b c" ]; number = 3; yes = true; no = false; nothing = null; empty = "";
    large = "contents of a file with ${placeholder "out"}"; passAsFile = [ "large" "multi" ]; multi = "1\n2\n";
    self = placeholder "out"; PATH = "/own/path"; HOME = "/own/home"; TMPDIR = "/ignored"; NIX_BUILD_CORES = "7";
    exportReferencesGraph = [ "graph" dep "second" text ];
    args = [ ARGS "one" "${placeholder "out"}/two" "" ];
"#;

/// Builds natively, with Nix's sandbox; none if this machine does not allow it.
fn native(world: &World, body: &str) -> Option<String> {
    let root = world.path("native");
    let file = world.write("native.nix", body);
    let mut command = nix("nix-build", &root);
    command
        .arg(&file)
        .args(["--no-out-link", "--option", "sandbox", "true"]);
    command.args([
        "--option",
        "sandbox-paths",
        "/bin=/bin /lib=/lib /lib64=/lib64 /usr=/usr",
        "--cores",
        "1",
    ]);
    let output = command.output().expect("nix-build starts");
    if !output.status.success() {
        println!(
            "SKIPPED: Nix cannot build in its sandbox here: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        return None;
    }
    let path = String::from_utf8(output.stdout).expect("text");
    Some(fs::read_to_string(root.join(path.trim().trim_start_matches('/'))).expect("the output"))
}

/// Splits what the builders wrote: variables and files; leaves out what must differ.
fn parse(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let (variables, files) = text.split_once("\n== ").unwrap_or((text, ""));
    let mut last = String::new();
    for line in variables.lines() {
        match line.split_once('=') {
            Some((name, value)) => {
                last = name.to_owned();
                found.insert(last.clone(), value.to_owned());
            }
            None => found.entry(last.clone()).or_default().push_str(line),
        }
    }
    for file in files.split("\n== ") {
        if let Some((name, contents)) = file.split_once('\n') {
            found.insert(format!("file {name}"), contents.trim_end().to_owned());
        }
    }
    for name in ["builder", "system", "script", "out", "_", "SHLVL", "OLDPWD"] {
        found.remove(name);
    }
    found
}

/// The digests of output paths differ, since the builders do.
fn without_digests(found: BTreeMap<String, String>, world: &World) -> BTreeMap<String, String> {
    found
        .into_iter()
        .map(|(name, value)| (name, world.normalise(value.as_bytes())))
        .collect()
}

#[test]
fn the_environment_is_that_of_nix() {
    let world = World::new();
    let inputs = r#"text = builtins.toFile "text" "x"; dep = builtins.toFile "dep" "see ${text}";"#;
    // dash and coreutils write what the guest's command `environment` writes.
    let script = r#"'' env | sort > "$out"; printf 'args=["%s"' "$1" >> "$out"; shift; for a; do printf ', "%s"' "$a" >> "$out"; done; echo ']' >> "$out"; for f in $(ls -A | sort); do printf '== %s\n' "$f" >> "$out"; cat "$f" >> "$out"; echo >> "$out"; done ''"#;
    let body = format!(
        "let {inputs} in derivation {{ name = \"n\"; system = builtins.currentSystem; builder = \"/bin/sh\"; inherit dep text; {} }}",
        ATTRIBUTES
            .replace("ARGS", &format!("\"-c\" {script} \"sh\""))
            .replace("PATH = \"/own/path\"", "PATH = \"/usr/bin:/bin\"")
    );
    let Some(theirs) = native(&world, &body) else {
        return;
    };
    let drv = world.derivation(&format!(
        "let {inputs} in [ (mk \"n\" {{ inherit dep text; script = \"environment $out\"; {} }}) ]",
        ATTRIBUTES
            .replace("ARGS", "")
            .replace("PATH = \"/own/path\"", "PATH = \"/usr/bin:/bin\"")
    ));
    let out = world.build(&[&drv]).remove(0);
    let ours = fs::read_to_string(world.real(&out)).expect("the output");
    let (ours, theirs) = (
        without_digests(parse(&ours), &world),
        without_digests(parse(&theirs), &world),
    );
    assert!(
        theirs.contains_key("file graph") && theirs.contains_key("NIX_LOG_FD"),
        "{theirs:#?}"
    );
    assert_eq!(ours, theirs);
}

#[test]
fn structured_attributes_are_those_of_nix() {
    let world = World::new();
    let attributes = r#"
        __structuredAttrs = true; list = [ 1 "b c" { a = null; } ]; set = { x = 1; "odd key" = true; }; float = 1.5;
        quote = "it's"; self = placeholder "out"; PATH = "/usr/bin:/bin"; exportReferencesGraph.graph = [ dep ]; inherit dep;
    "#;
    let inputs = r#"text = builtins.toFile "text" "x"; dep = builtins.toFile "dep" "see ${text}";"#;
    let body = format!(
        r#"let {inputs} in derivation {{ name = "n"; system = builtins.currentSystem; builder = "/bin/bash";
        args = [ "-c" '' . .attrs.sh; out=''${{outputs[out]}}; export PATH=/usr/bin:/bin; for f in $(ls -A | sort); do printf '\n== %s\n' "$f" >> $out; cat "$f" >> $out; done '' ]; {attributes} }}"#
    );
    let Some(theirs) = native(&world, &body) else {
        return;
    };
    let drv = world.derivation(&format!(
        "let {inputs} in [ (mk \"n\" {{ script = \"environment ${{placeholder \"out\"}}\"; {attributes} }}) ]"
    ));
    let out = world.build(&[&drv]).remove(0);
    let ours = fs::read_to_string(world.real(&out)).expect("the output");
    let clean = |text: &str| {
        let mut found = without_digests(parse(text), &world);
        found.retain(|name, _| name.starts_with("file "));
        for value in found.values_mut() {
            // What must differ, and `valid`, which Nix writes since 2.14.
            *value = value.replace(",\"valid\":true", "");
            let lines = value.lines().filter(|l| {
                !l.starts_with("declare builder=")
                    && !l.starts_with("declare system=")
                    && !l.starts_with("declare script=")
            });
            *value = lines.collect::<Vec<_>>().join("\n");
            if let Ok(mut json) = serde_json::from_str::<serde_json::Value>(value) {
                let members = json.as_object_mut().expect("an object");
                ["builder", "system", "script", "args"]
                    .iter()
                    .for_each(|name| drop(members.remove(*name)));
                *value = json.to_string();
            }
        }
        found
    };
    let (ours, theirs) = (clean(&ours), clean(&theirs));
    assert!(
        theirs.contains_key("file .attrs.json") && theirs.contains_key("file .attrs.sh"),
        "{theirs:#?}"
    );
    assert_eq!(ours, theirs);
}
