//! Bad input, with real QEMU: machines that do not come, guests that lie, and a host that has no room.
//!
//! Contract: each ends in a message that says what happened, in time; nothing becomes valid, and no process
//! stays. The setting `vm.qemu` names a script that gives the real QEMU another initramfs: after the one
//! that wasibuild wrote comes an archive with another process 1 ([`guest`](../guest.rs)), and the kernel takes
//! the last file of a name.

mod host;
mod lies;

pub use host::Small;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::support::{World, eventually, text_of, which};

/// A world whose machines have `qemu` for QEMU.
pub fn world_with(qemu: &str) -> World {
    let mut world = World::new();
    let script = world.path("qemu");
    fs::write(&script, format!("#!/bin/sh\n{qemu}")).expect("written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("mode");
    let qemu = script.to_string_lossy().into_owned();
    world.settings.push(("WASIBUILD_VM_QEMU", qemu));
    world.settings.push(("WASIBUILD_VM_IDLE", "5".to_owned()));
    world
}

/// A script that starts QEMU with what a command makes of the initramfs: `$1` is wasibuild's, `$2` the new one.
pub fn initramfs_by(command: &str) -> String {
    format!(
        r#"set -eu
new() {{ {command}; }}
last=
for word; do
    shift
    if [ "$last" = -initrd ]; then
        new "$word" "$0.initramfs.$$"
        word=$0.initramfs.$$
    fi
    last=$word
    set -- "$@" "$word"
done
exec {qemu} "$@"
"#,
        qemu = which("qemu-system-x86_64").display()
    )
}

/// A world whose machines have the hostile guest as process 1, which begins as `mode` says.
pub fn world_of(mode: &str) -> World {
    let archive = World::temporary();
    let file = archive.path().join("hostile.cpio");
    fs::write(
        &file,
        cpio(&[("init", &guest()), ("hostile", mode.as_bytes())]),
    )
    .expect("written");
    let mut world = world_with(&initramfs_by(&format!(
        r#"cat "$1" {} > "$2""#,
        file.display()
    )));
    world.kept.push(archive);
    world
}

/// As `world_of`, with so much patience: where it is waited for.
pub fn patient_world_of(mode: &str, seconds: u32) -> World {
    let mut world = world_of(mode);
    let seconds = seconds.to_string();
    world.settings.push(("WASIBUILD_VM_PATIENCE", seconds));
    world
}

/// The program, compiled once.
fn guest() -> Vec<u8> {
    static PROGRAM: OnceLock<TempDir> = OnceLock::new();
    let directory = PROGRAM.get_or_init(|| {
        let directory = World::temporary();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vm/hostile/guest.rs");
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let output = Command::new(rustc)
            .args(["--target", "x86_64-unknown-linux-musl", "--edition", "2024"])
            .args(["-O", "-C", "strip=symbols", "-C", "panic=abort"])
            .args(["-C", "linker=rust-lld", "-C", "linker-flavor=ld.lld"])
            .args(["-C", "link-self-contained=yes"])
            .arg("-o")
            .arg(directory.path().join("init"))
            .arg(source)
            .output()
            .expect("rustc starts");
        assert!(output.status.success(), "{}", text_of(&output));
        directory
    });
    fs::read(directory.path().join("init")).expect("the guest")
}

/// An archive as kernels take it (`newc`).
fn cpio(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let entries = files
        .iter()
        .map(|(name, content)| (*name, *content, 0o100_755));
    for (name, content, mode) in entries.chain([("TRAILER!!!", &b""[..], 0)]) {
        bytes.extend(b"070701");
        let (size, name_size) = (content.len(), name.len() + 1);
        for number in [0, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0] {
            bytes.extend(format!("{number:08X}").bytes());
        }
        for part in [format!("{name}\0").as_bytes(), content] {
            bytes.extend(part);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
    }
    bytes
}

/// What lies in a world's store.
pub fn store_of(world: &World) -> Vec<PathBuf> {
    let directory = world.root().join("nix/store");
    let mut all: Vec<PathBuf> = fs::read_dir(directory)
        .expect("listed")
        .map(|entry| entry.expect("an entry").path())
        // Derivations are inputs; a lock is nobody's path.
        .filter(|path| {
            let name = path.to_string_lossy();
            !name.ends_with("/.links") && !name.ends_with(".drv") && !name.ends_with(".lock")
        })
        .collect();
    all.sort();
    all
}

/// Builds something, which must fail, and returns what is printed. Nothing is in the store that was not
/// there before.
pub fn fails(world: &World, name: &str, body: &str, options: &[&str]) -> String {
    let derivations = world.derivations(name, body);
    let before = store_of(world);
    let mut arguments = vec!["run"];
    arguments.extend(options);
    arguments.extend(derivations.iter().map(String::as_str));
    let output = world.run(&arguments);
    let text = text_of(&output);
    assert!(!output.status.success(), "{text}");
    assert!(
        matches!(output.status.code(), Some(1..=125)),
        "no ordinary end: {text}"
    );
    assert_eq!(store_of(world), before, "{text}");
    text
}

/// That all processes of a world end by themselves.
pub fn nothing_is_left(world: &World) {
    eventually("no process is left", || world.processes().is_empty());
}
