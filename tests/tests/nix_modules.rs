//! The modules of nix-plugin for NixOS and nix-darwin, in a module system of our own
//! (tests/references/module-system.nix); their lines of nix.conf, read by real Nix.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Evaluates an attribute of tests/references/modules.nix: its value, or the error.
fn evaluate(attribute: &str) -> Result<Value, String> {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let builders = folder.path().join("builders");
    std::fs::create_dir(&builders).expect("the temporary folder is writable");
    for module in ["text", "symlink-tree"] {
        std::fs::write(builders.join(format!("{module}.wasm")), module)
            .expect("the temporary folder is writable");
    }
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let expression = format!(
        "(import {0}/tests/references/modules.nix {{ plugin = {0}/nix-plugin; \
         builders = import {0}/nix-plugin/builders.nix {{ from = {1}; lock = null; }}; }}).{attribute}",
        repository.display(),
        builders.display(),
    );
    let output = Command::new("nix-instantiate")
        .arg("--store")
        .arg(folder.path().join("store"))
        .args([
            "--eval",
            "--strict",
            "--json",
            "--read-write-mode",
            "--expr",
        ])
        .arg(expression)
        .env("HOME", folder.path())
        .output()
        .expect("nix-instantiate is installed");
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).expect("--json gives JSON"))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn value(attribute: &str) -> Value {
    evaluate(attribute).unwrap_or_else(|error| panic!("{attribute}: {error}"))
}

fn string(value: &Value) -> &str {
    value.as_str().expect("a string")
}

#[test]
fn nixos_gets_a_socket_for_the_daemon() {
    let package = value("package");
    let machine = value("nixos.daemon");
    assert_eq!(
        machine["extraOptions"],
        "builders = @/etc/nix/machines ; unix:///run/wasibuild/daemon.sock?root=/var/lib/wasibuild \
         wasm32-wasip1,wasm32-wasi - 4\n"
    );
    let socket = &machine["sockets"]["wasibuild"];
    assert_eq!(
        socket["listenStreams"],
        json!(["/run/wasibuild/daemon.sock"])
    );
    assert_eq!(socket["socketConfig"]["SocketMode"], "0600");
    assert_eq!(socket["wantedBy"], json!(["sockets.target"]));
    let service = &machine["services"]["wasibuild"];
    assert_eq!(
        service["serviceConfig"]["ExecStart"],
        format!(
            "{}/bin/wasibuild daemon --store /var/lib/wasibuild",
            string(&package)
        )
    );
    // The socket starts it, nothing else.
    assert_eq!(service.get("wantedBy"), None);
    assert_eq!(machine["systemPackages"], json!(["wasibuild-0.1.0"]));
    // What is null is left to wasibuild.
    let settings: Value =
        serde_json::from_str(string(&machine["settings"])).expect("the stand-in writes JSON");
    assert_eq!(settings, json!({ "limits": { "memory": "4G" }, "vm": {} }));
    assert_eq!(value("nixos.off"), true);
}

#[test]
fn an_installed_program_and_other_places_can_be_named() {
    let machine = value("nixos.elsewhere");
    assert_eq!(machine["extraOptions"], "", "Nix is not configured");
    assert_eq!(
        machine["nixConf"],
        "builders = @/etc/nix/machines ; unix:///run/w.sock?root=/data/w aarch64-linux - 9\n"
    );
    assert_eq!(
        machine["services"]["wasibuild"]["serviceConfig"]["ExecStart"],
        "/usr/local/bin/wasibuild daemon --store /data/w"
    );
    assert_eq!(
        machine["tmpfiles"]["rules"],
        json!(["d /data/w 0755 root root - -"])
    );
}

#[test]
fn builders_are_compiled_for_the_external_builder() {
    let package = value("package");
    let program = format!("{}/bin/wasibuild", string(&package));
    for (machine, cache) in [
        ("nixos.external", "/var/cache/wasibuild"),
        ("darwin.external", "/private/var/cache/wasibuild"),
    ] {
        let machine = value(machine);
        let (features, builder) = string(&machine["extraOptions"])
            .split_once('\n')
            .expect("two lines");
        assert_eq!(features, "extra-experimental-features = external-builders");
        let builder = builder.strip_prefix("external-builders = ");
        let builder: Value = serde_json::from_str(builder.expect("the setting")).expect("JSON");
        assert_eq!(
            builder,
            json!([{
                "systems": ["wasm32-wasi", "wasm32-wasip1"],
                "program": program,
                "args": ["external-builder", "--precompiled", cache],
            }])
        );
        let compile = [&program, "builders", "precompile", cache];
        if machine["daemons"] == json!({}) {
            let service = &machine["services"]["wasibuild-precompile"];
            assert_eq!(service["serviceConfig"]["ExecStart"], compile.join(" "));
            assert_eq!(service["wantedBy"], json!(["multi-user.target"]));
        } else {
            let job = &machine["daemons"]["wasibuild-precompile"]["serviceConfig"];
            let script = format!("/bin/wait4path /nix/store; exec {}", compile.join(" "));
            assert_eq!(job["ProgramArguments"], json!(["/bin/sh", "-c", script]));
            assert_eq!(job["RunAtLoad"], true);
        }
    }
}

#[test]
fn launchd_makes_the_socket_where_no_link_is_on_the_way() {
    let package = value("package");
    let machine = value("darwin.daemon");
    let job = &machine["daemons"]["wasibuild"]["serviceConfig"];
    assert_eq!(
        job["ProgramArguments"],
        json!([
            format!("{}/bin/wasibuild", string(&package)),
            "daemon",
            "--store",
            "/private/var/lib/wasibuild"
        ])
    );
    // The entry that the daemon asks launchd for, for root alone.
    assert_eq!(
        job["Sockets"],
        json!({ "Listener": { "SockPathName": "/private/var/run/wasibuild.sock", "SockPathMode": 0o600 } })
    );
    assert_eq!(
        machine["extraOptions"],
        "builders = @/etc/nix/machines ; unix:///private/var/run/wasibuild.sock?root=/private/var/lib/wasibuild \
         wasm32-wasip1,wasm32-wasi - 4\n"
    );
}

#[test]
fn wrong_settings_are_refused_by_name() {
    for option in [
        "door", "systems", "socket", "store", "maxJobs", "package", "settings",
    ] {
        let error = evaluate(&format!("refused.{option}")).expect_err(option);
        let expected =
            format!("a definition for option `services.wasibuild.{option}` is not of type");
        assert!(error.contains(&expected), "{option}: {error}");
    }
    for (attribute, expected) in [
        (
            "unknown",
            "the option `services.wasibuild.sockets` does not exist",
        ),
        (
            "nixConf",
            "the option `services.wasibuild.nixConf` is read-only",
        ),
    ] {
        let error = evaluate(&format!("refused.{attribute}")).expect_err(attribute);
        assert!(error.contains(expected), "{attribute}: {error}");
    }
}

#[test]
fn a_machine_that_is_built_sees_the_functions_and_its_packages_do_not() {
    assert_eq!(
        value("configurations"),
        json!({
            "plain": "wasm32-wasi",
            "forced": "wasm32-wasi",
            "default": "wasm32-wasi",
            "off": "x86_64-linux",
            "packages": "x86_64-linux",
        })
    );
}

/// The programs `nix` that there are, with the oldest version of each door's setting.
fn nixes() -> Vec<PathBuf> {
    let unpacked = Path::new(env!("CARGO_BIN_EXE_wasibuild-under-test"))
        .ancestors()
        .map(|folder| folder.join("nix/testing/bin/nix"))
        .find(|program| program.is_file());
    if unpacked.is_none() {
        println!("SKIPPED: nix_modules: no Nix of Debian testing; `cargo xtask nixes` unpacks it");
    }
    std::iter::once(PathBuf::from("nix"))
        .chain(unpacked)
        .collect()
}

#[test]
fn nix_reads_the_lines() {
    for nix in nixes() {
        let has_external_builders = nix.is_absolute();
        for (machine, setting) in [
            ("nixos.daemon", "builders"),
            ("nixos.hook", "build-hook"),
            ("nixos.external", "external-builders"),
        ] {
            if setting == "external-builders" && !has_external_builders {
                continue;
            }
            let lines = value(machine)["nixConf"].clone();
            let home = tempfile::tempdir().expect("a temporary folder can be made");
            let output = Command::new(&nix)
                .args(["--extra-experimental-features", "nix-command"])
                .args(if has_external_builders {
                    &["config", "show", "--json"][..]
                } else {
                    &["show-config", "--json"]
                })
                .env("NIX_CONFIG", string(&lines))
                .env("HOME", home.path())
                .env("NIX_CONF_DIR", home.path())
                .output()
                .expect("nix can be started");
            let log = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success() && !log.contains("unknown setting"),
                "{}: {lines}: {log}",
                nix.display()
            );
            let read: Value = serde_json::from_slice(&output.stdout).expect("--json gives JSON");
            let read = &read[setting]["value"];
            let expected = string(&lines).lines().last().unwrap_or_default();
            let (_, expected) = expected.split_once(" = ").expect("a setting");
            // A list of words, JSON, or the text as it is.
            let same = match read {
                Value::String(text) => {
                    text == expected
                        || serde_json::from_str::<Value>(text).ok()
                            == serde_json::from_str::<Value>(expected).ok()
                }
                Value::Array(words) if setting == "build-hook" => words == &[json!(expected)],
                other => serde_json::from_str::<Value>(expected).ok().as_ref() == Some(other),
            };
            assert!(
                same,
                "{}: {setting}: {read} instead of {expected}",
                nix.display()
            );
        }
    }
}
