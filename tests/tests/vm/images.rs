//! A store in images: Debian's kernel for clouds, which knows no 9p, and the generic one where that is demanded.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use crate::builds::C_PROGRAM;
use crate::hostile::{Small, fails, nothing_is_left};
use crate::run_support::nix;
use crate::support::{World, text_of};
use crate::system;

/// How many images a world's machine was given, and how many paths they have.
fn images(world: &World) -> (usize, usize) {
    let logs = text_of(&world.run(&["vm", "logs"]));
    let paths: Vec<usize> = logs
        .lines()
        .filter_map(|line| {
            let (_, rest) = line.split_once("supervisor> wasibuild: image ")?;
            let (_, rest) = rest.split_once(" has ")?;
            rest.split(' ').next()?.parse().ok()
        })
        .collect();
    (paths.len(), paths.iter().sum())
}

#[test]
fn a_kernel_without_9p_builds_and_runs_what_one_with_it_does() {
    let world = World::with_cloud_kernel();
    let taken = text_of(&world.run(&["vm", "kernel"]));
    assert!(taken.contains("shows stores by image,"), "{taken}");

    // Two at once, which share most inputs: these are written once.
    let body = format!(
        r#"[ ({C_PROGRAM}) (script "lists" "ls -l /nix/store > $out; cat ${{coreutils}}/bin/cat > /dev/null") ]"#
    );
    let outputs = world.build(&world.derivations("both", &body), &["-j2"]);
    let said = world.real(&outputs[0]).join("said");
    assert_eq!(
        fs::read_to_string(said).expect("said"),
        "compiled in the machine\n"
    );
    let (count, paths) = images(&world);
    assert!(count == 1 || count == 2, "{count}");

    // What is new is one path.
    let body = format!(
        r#"script "more" "cat ${{builtins.storePath "{}"}} > $out""#,
        outputs[1]
    );
    let listed = world.built("more", &body);
    assert!(
        listed.contains("-coreutils-9.1") && listed.contains("dr-xr-xr-x"),
        "{listed}"
    );
    assert_eq!(images(&world), (count + 1, paths + 1));

    // The same once more: nothing is.
    let again = body.replace("more", "again");
    world.built("again", &again);
    assert_eq!(images(&world), (count + 1, paths + 1));

    let status = text_of(&world.run(&["vm", "status"]));
    assert!(status.contains("shown-by image"), "{status}");

    // A program with the terminal, and what is typed while its image is written.
    let body = r#"script "shell" "mkdir -p $out/bin; cp ${bash}/bin/bash $out/bin/bash""#;
    let shell = world
        .build(&world.derivations("shell", body), &[])
        .remove(0);
    let mut child = world
        .command(&["vm", "shell", &format!("{shell}/bin/bash")])
        .stdin(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut keys = child.stdin.take().expect("a keyboard");
    let typed = keys.write_all(b"echo typed $((40 + 2)) /nix/store/*\nexit 3\n");
    typed.expect("typed");
    drop(keys);
    let text = text_of(&child.wait_with_output().expect("it ends"));
    assert!(
        text.contains("typed 42") && text.contains("exit status: 3"),
        "{text}"
    );
    assert!(
        text.contains(&shell) && !text.contains("-coreutils-"),
        "{text}"
    );

    inputs_of_two_stores(&world);
    system::boots_to_a_login_prompt(&world);
}

/// A store that lies above the world's: the builder is in that, and the other inputs above.
fn inputs_of_two_stores(world: &World) {
    let body = r#"let below = script "below" "echo below > $out"; in
        script "above" "cat ${below} > $out; ls /nix/store >> $out""#;
    world.derivations("above", body);
    let upper = world.path("upper");
    let made = nix("nix-instantiate", &upper)
        .arg(world.path("above.nix"))
        .output();
    let made = made.expect("nix-instantiate starts");
    assert!(made.status.success(), "{}", text_of(&made));
    let derivation = String::from_utf8_lossy(&made.stdout).trim().to_owned();
    // What a daemon with a host store notes; and a path that is there alone.
    let own = upper.join("nix/var/wasibuild");
    fs::create_dir_all(&own).expect("made");
    std::os::unix::fs::symlink(world.root(), own.join("host-store")).expect("made");
    let lying = fs::read_dir(upper.join("nix/store")).expect("listed");
    let mut lying = lying.map(|entry| entry.expect("an entry").path());
    let bash = lying.find(|path| path.to_string_lossy().ends_with("-bash-5.2"));
    fs::remove_dir_all(bash.expect("a bash")).expect("removed");

    let mut run = world.command(&["run", &derivation]);
    let output = run
        .env("WASIBUILD_STORE", &upper)
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{}", text_of(&output));
    let output = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let listed = fs::read_to_string(upper.join(output.trim_start_matches('/')));
    let listed = listed.expect("a file");
    assert!(
        listed.starts_with("below\n") && listed.contains("-bash-5.2"),
        "{listed}"
    );
}

#[test]
fn images_are_for_every_kernel_that_can() {
    let mut world = World::new();
    world
        .settings
        .push(("WASIBUILD_VM_SHARE", "image".to_owned()));
    let line = text_of(&world.run(&["vm", "start", "--dry-run"]));
    assert!(
        line.contains("virtio-blk-device,drive=images") && !line.contains("9p"),
        "{line}"
    );
    let said = world.built(
        "one",
        r#"script "one" "cat ${coreutils}/bin/cat > /dev/null; echo one > $out""#,
    );
    assert_eq!(said, "one\n");
    assert_eq!(images(&world).0, 1);

    // What no build uses makes room, and its place on the disk and its number are used again.
    world.run(&["vm", "stop"]);
    for digit in ["1", "2", "3"] {
        fs::write(world.path("large"), digit.repeat(40 << 20)).expect("written");
        let body = format!(
            r#"script "large-{digit}" "head -c 3 ${{builtins.path {{ path = {}; name = "large"; }}}} > $out""#,
            world.path("large").display()
        );
        let derivations = world.derivations(&format!("large-{digit}"), &body);
        let outputs = world.build(&derivations, &["--set", "vm.images=130M"]);
        let said = fs::read_to_string(world.real(&outputs[0])).expect("a file");
        assert_eq!(said, digit.repeat(3));
    }
    let logs = text_of(&world.run(&["vm", "logs"]));
    let dropped =
        logs.matches("image 1 is dropped").count() + logs.matches("image 2 is dropped").count();
    assert!(
        (1..=2).contains(&dropped) && images(&world).0 >= 3,
        "{logs}"
    );

    // A bound that is too small is named, and so is what the disk of this computer lacks.
    world.run(&["vm", "stop"]);
    let body = r#"script "other" "exit 0""#;
    let text = fails(&world, "other", body, &["--set", "vm.images=1M"]);
    assert!(text.contains("images may take 1 MiB (vm.images)"), "{text}");
    world.run(&["vm", "stop"]);
    {
        // Room for an initramfs, but not for the compiler beside what always stays free.
        let small = Small::over(&world.state(), "170m");
        let text = fails(&world, "other", body, &[]);
        let left = text.contains("MiB left; make room");
        assert!(
            left && text.contains("the disk of this computer has"),
            "{text}"
        );
        world.run(&["vm", "stop"]);
        drop(small);
    }
    nothing_is_left(&world);
}

#[test]
fn kernels_that_can_show_no_store_are_told_from_others() {
    let mut world = World::with_cloud_kernel();
    world.settings.push(("WASIBUILD_VM_SHARE", "9p".to_owned()));
    let derivations = world.derivations("one", r#"script "one" "exit 0""#);
    let text = text_of(&world.run(&["run", &derivations[0]]));
    let refused =
        text.contains("cannot show a store by 9p") && text.contains("no 9pnet_virtio or no 9p");
    assert!(refused && text.contains("vm.share"), "{text}");

    system::base(&world);
    let root = world.path("root-without");
    fs::create_dir(&root).expect("made");
    fs::rename(world.path("base/kernel"), root.join("bzImage")).expect("moved");
    fs::rename(world.path("base/kernel-modules/lib"), root.join("lib")).expect("moved");
    let releases = fs::read_dir(root.join("lib/modules")).expect("listed");
    for release in releases {
        let kernel = release.expect("an entry").path().join("kernel");
        fs::remove_file(kernel.join("squashfs.ko")).expect("removed");
    }
    let from = root.to_str().expect("text");
    let output = world.run(&["vm", "kernel", "--from", from]);
    let text = text_of(&output);
    assert!(!output.status.success(), "{text}");
    for part in [
        "neither 9p (9pnet_virtio and 9p)",
        "nor images (virtio_blk and squashfs)",
    ] {
        assert!(text.contains(part), "no '{part}' in\n{text}");
    }
}
