//! What the host lacks: a QEMU that is new enough, room, short names.

use std::fs;
use std::io::Write;
use std::process::Command;

use super::{fails, nothing_is_left, world_with};
use crate::support::{World, text_of, which};

#[test]
fn a_qemu_that_is_too_old_or_none() {
    let real = which("qemu-system-x86_64");
    let old = "echo 'QEMU emulator version 6.2.0 (Debian 1:6.2)'";
    let world = world_with(&format!(
        "[ \"$1\" != --version ] || {{ {old}; exit; }}\nexec {} \"$@\"\n",
        real.display()
    ));
    let body = r#"script "one" "exit 0""#;
    let text = fails(&world, "one", body, &[]);
    let program = world.path("qemu");
    for word in [
        program.to_str().expect("text"),
        "QEMU 6.2, which is too old: at least 7.1 is needed",
        "hint: install a newer one",
    ] {
        assert!(text.contains(word), "no '{word}' in\n{text}");
    }
    let world = world_with("echo 'I am another program'\n");
    let text = fails(&world, "one", body, &[]);
    assert!(text.contains("does not say its version"), "{text}");
    let world = world_with(
        "[ \"$1\" != --version ] || { echo QEMU emulator version 8.0.0; exit; }\necho broken >&2; exit 3\n",
    );
    let text = fails(&world, "one", body, &[]);
    for word in ["QEMU ended with exit status: 3", "console> broken"] {
        assert!(text.contains(word), "no '{word}' in\n{text}");
    }
    nothing_is_left(&world);
}

#[test]
fn a_state_directory_with_a_name_beyond_the_limit_of_sockets() {
    let mut world = World::new();
    let deep = world.path(&"deep/".repeat(30));
    fs::create_dir_all(&deep).expect("made");
    fs::rename(world.state(), deep.join("state")).expect("moved");
    world.settings.push((
        "XDG_STATE_HOME",
        deep.join("state").to_string_lossy().into_owned(),
    ));
    let said = world.built("deep", r#"script "deep" "echo deep > $out""#);
    assert_eq!(said, "deep\n");
    assert!(text_of(&world.run(&["vm", "stop"])).contains("x86_64: stopped"));
    nothing_is_left(&world);
}

/// A file system of its own in the place of a directory's content, unmounted at the end.
pub struct Small(std::path::PathBuf);

impl Small {
    pub fn over(directory: &std::path::Path, size: &str) -> Small {
        let aside = directory.with_extension("aside");
        fs::rename(directory, &aside).expect("moved");
        fs::create_dir(directory).expect("made");
        let options = format!("size={size}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "none"]);
        let output = mount.arg(directory).output().expect("mount starts");
        assert!(output.status.success(), "{}", text_of(&output));
        let small = Small(directory.to_owned());
        crate::support::copy(&aside, directory);
        small
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l"]).arg(&self.0).status();
    }
}

#[test]
fn a_state_directory_without_room() {
    let world = World::new();
    let _small = Small::over(&world.state(), "200m");
    // All but a mebibyte is taken; an initramfs is larger.
    let file = world.state().join("filler");
    let mut filler = fs::File::create(&file).expect("made");
    while filler.write_all(&[1; 4096]).is_ok() {}
    let size = filler.metadata().expect("its size").len();
    filler.set_len(size - (1 << 20)).expect("cut");
    let text = fails(&world, "one", r#"script "one" "exit 0""#, &[]);
    assert!(text.contains("No space left on device"), "{text}");
    assert!(text.contains("wasibuild/vm"), "{text}");
    nothing_is_left(&world);
}

#[test]
fn no_room_for_what_a_machine_swaps() {
    let mut world = World::new();
    let memory = ("WASIBUILD_VM_MEMORY", "192M".to_owned());
    world.settings.push(memory);
    let _small = Small::over(&world.state(), "260m");
    // No zeros: they take no room on the disk.
    let body = r#"script "large" "yes | head -c 400000000 > $out""#;
    let text = fails(&world, "large", body, &[]);
    assert!(text.contains("MiB left for the rest; make room"), "{text}");
    // Another machine would find no more.
    assert!(!text.contains("building once more"), "{text}");
    nothing_is_left(&world);
}
