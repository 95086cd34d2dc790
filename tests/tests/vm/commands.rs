//! `wasibuild vm`, by hand.

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
