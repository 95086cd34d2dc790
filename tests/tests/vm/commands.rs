//! `wasibuild vm`, by hand.

use std::io::Write;
use std::process::Stdio;

use crate::support::{World, target, text_of};

#[test]
fn the_command_line_for_a_mac_is_shown() {
    let world = World::shared();
    let output = world.run(&[
        "vm",
        "start",
        "--dry-run",
        "--host",
        "aarch64-darwin",
        "--set",
        "vm.accelerator=auto",
    ]);
    let text = text_of(&output);
    assert!(output.status.success(), "{text}");
    for part in [
        "qemu-system-aarch64",
        "-accel hvf",
        "-machine virt",
        "-cpu host",
        "-nodefaults",
        "virtio-9p-device,fsdev=store",
        "security_model=none,readonly=on",
    ] {
        assert!(text.contains(part), "no '{part}' in\n{text}");
    }
    let linux = world.run(&[
        "vm",
        "start",
        "--dry-run",
        "--host",
        "x86_64-linux",
        "--set",
        "vm.accelerator=auto",
    ]);
    assert!(
        text_of(&linux).contains("-accel kvm"),
        "{}",
        text_of(&linux)
    );
}

#[test]
fn kernels_are_told_from_what_is_none() {
    let world = World::new();
    let listed = text_of(&world.run(&["vm", "kernel"]));
    assert!(
        listed.contains("x86_64: Linux ") && listed.contains("9pnet_virtio"),
        "{listed}"
    );
    assert!(listed.contains("aarch64: Linux "), "{listed}");
    let empty = world.path("empty");
    std::fs::create_dir(&empty).expect("made");
    for (what, expected) in [
        (&empty, "lib/modules"),
        (&world.path("missing"), "cannot open"),
    ] {
        let output = world.run(&["vm", "kernel", "--from", what.to_str().expect("text")]);
        let text = text_of(&output);
        assert!(
            !output.status.success() && text.contains(expected),
            "{text}"
        );
    }
    let package = std::fs::read_dir(target().join("vm/amd64"))
        .expect("listed")
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .expect("a package");
    let cut = world.path("cut.deb");
    let bytes = std::fs::read(package).expect("read");
    std::fs::write(&cut, &bytes[..1_000_000]).expect("written");
    let text = text_of(&world.run(&["vm", "kernel", "--from", cut.to_str().expect("text")]));
    assert!(text.contains("cannot unpack"), "{text}");
}

#[test]
fn a_program_of_the_store_runs_with_the_terminal() {
    let world = World::shared();
    // An output, whose references are known: the copied package has none.
    let outputs = world.build(
        &world.derivations(
            "shell",
            r#"script "shell" "mkdir -p $out/bin; cp ${bash}/bin/bash $out/bin/bash""#,
        ),
        &[],
    );
    let bash = format!("{}/bin/bash", outputs[0]);
    let code =
        "echo $((6 * 7)) $$; echo /nix/store/*; echo wrong >&2; test -t 1 && echo terminal; exit 7";
    let output = world.run(&["vm", "shell", &bash, "-c", code]);
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(7), "{text}");
    for word in [
        "42 ",
        "wrong",
        "terminal",
        outputs[0].as_str(),
        "-libraries",
    ] {
        assert!(text.contains(word), "no '{word}' in\n{text}");
    }
    // Only the closure.
    assert!(!text.contains("coreutils"), "{text}");

    // What is typed reaches it, and its end ends it.
    let mut child = world
        .command(&["vm", "shell", &bash])
        .stdin(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut keys = child.stdin.take().expect("a keyboard");
    keys.write_all(b"echo typed $((40 + 2))\nexit 3\n")
        .expect("typed");
    drop(keys);
    let output = child.wait_with_output().expect("it ends");
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("typed 42"), "{text}");

    let missing = world.run(&["vm", "shell", &format!("{bash}-missing")]);
    let text = text_of(&missing);
    assert!(
        !missing.status.success() && text.contains("bash-missing"),
        "{text}"
    );
}

#[test]
fn what_a_failed_build_leaves_is_kept_if_that_is_asked_for() {
    let world = World::shared();
    let body = r#"script "kept" ''
        mkdir -p deep/er; echo left > deep/er/file; ln -s file deep/er/link; cp ${bash}/bin/bash program
        mknod pipe p; chmod 000 deep/er/file
        mkdir $out; echo part > $out/part; exit 3
    ''"#;
    let derivations = world.derivations("kept", body);
    let text = text_of(&world.run(&["run", &derivations[0]]));
    assert!(!text.contains("keeping"), "{text}");
    let text = text_of(&world.run(&["run", "--keep-failed", &derivations[0]]));
    assert!(text.contains("failed with exit code 3"), "{text}");
    let (_, place) = text
        .split_once("keeping what the build of 'kept' left in '")
        .unwrap_or_else(|| panic!("nothing is kept:\n{text}"));
    let place = std::path::Path::new(place.split('\'').next().expect("a place"));
    let read =
        |name: &str| std::fs::read(place.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(read("build/deep/er/file"), b"left\n");
    assert!(read("build/program").starts_with(b"\x7fELF"));
    let link = std::fs::read_link(place.join("build/deep/er/link")).expect("a link");
    assert_eq!(link.to_str(), Some("file"));
    // No copy for people has it: it would be waited at.
    assert!(!place.join("build/pipe").exists());
    let names = std::fs::read_dir(place).expect("listed");
    let names: Vec<String> = names
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("text")
        })
        .filter(|name| name != "build")
        .collect();
    assert!(names.len() == 1 && names[0].ends_with("-kept"), "{names:?}");
    assert_eq!(read(&format!("{}/part", names[0])), b"part\n");
    // A build that ends well leaves nothing behind.
    let body = r#"script "kept-not" "echo x > left; echo > $out""#;
    let text = text_of(&world.run(&["run", "--keep-failed", &world.derivations("well", body)[0]]));
    assert!(!text.contains("keeping"), "{text}");
}
