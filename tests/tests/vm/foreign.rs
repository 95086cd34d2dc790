//! The sandbox first, the machine when it must be.

use std::fs;

use crate::support::{World, text_of};

#[test]
fn an_attempt_that_meets_a_foreign_program_starts_anew_in_the_machine() {
    let world = World::shared();
    // The first line leaves a file: the machine must not see it. No applet stands for `mount`.
    let body = r#"mk "foreign" {
        preferLocalBuild = true;
        args = [ "-euc" ''
            if test -e left; then echo "left over"; exit 1; fi
            echo x > left
            ${utilLinux}/bin/mount --version > $out
        '' ];
    }"#;
    let derivations = world.derivations("foreign", body);
    let output = world.run(&["run", &derivations[0]]);
    let text = text_of(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("building anew by the route 'vm'"), "{text}");
    let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let said = fs::read_to_string(world.real(&path)).expect("a file");
    assert!(said.contains("util-linux"), "{said}");
    // Remembered: the next build goes there at once.
    let again = text_of(&world.run(&["run", "--check", &derivations[0]]));
    assert!(!again.contains("building anew"), "{again}");
}

#[test]
fn without_a_kernel_the_message_says_how_to_get_one_and_the_rest_builds() {
    let world = World::new();
    fs::remove_dir_all(world.state()).expect("removed");
    let body = r#"[ (script "linux" "exit 0") ]"#;
    let derivations = world.derivations("linux", body);
    let text = text_of(&world.run(&["run", &derivations[0]]));
    assert!(text.contains("wasibuild vm kernel --from"), "{text}");
    let no_qemu = world
        .command(&[
            "run",
            &derivations[0],
            "--set",
            "vm.qemu='qemu-that-is-not-there'",
        ])
        .output()
        .expect("it starts");
    let text = text_of(&no_qemu);
    assert!(text.contains("install QEMU"), "{text}");
}

#[test]
fn the_other_architecture_is_emulated_when_that_is_allowed() {
    let world = World::shared();
    let bin = world.path("arm/bin");
    fs::create_dir_all(&bin).expect("made");
    let busybox = crate::support::target().join("vm/arm64/busybox");
    fs::copy(busybox, bin.join("busybox")).expect("copied");
    let body = format!(
        r#"let busybox = "${{builtins.path {{ path = {}; name = "busybox"; }}}}/bin/busybox";
        in derivation {{
            name = "arm"; system = "aarch64-linux"; builder = busybox;
            args = [ "sh" "-c" "${{busybox}} uname -m > $out" ];
        }}"#,
        world.path("arm").display()
    );
    let derivations = world.derivations("arm", &body);
    let refused = text_of(&world.run(&["run", &derivations[0]]));
    assert!(refused.contains("vm.emulate"), "{refused}");
    let output = world.run(&["run", "--set", "vm.emulate=true", &derivations[0]]);
    let text = text_of(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("is emulated here, which is slow"), "{text}");
    let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let said = fs::read_to_string(world.real(&path)).expect("a file");
    assert_eq!(said, "aarch64\n");
}

#[test]
fn the_sandbox_and_the_machine_agree_to_the_byte() {
    let world = World::shared();
    let body = r#"let
        local = name: text: mk name { preferLocalBuild = true; args = [ "-euc" text ]; };
        one = local "one-tree" ''
            mkdir -p $out/etc $out/share
            for n in 1 2 3; do echo "line $n of $name" > $out/etc/file-$n; done
            chmod +x $out/etc/file-2
            ln -s ../etc/file-1 $out/share/link
        '';
        two = local "two-copy" ''
            cp -r ${one} $out
            chmod -R u+w $out
            ls ${one}/etc | cat > $out/list
            cat ${one}/etc/* > $out/all
        '';
    in [ two ]"#;
    let derivations = world.derivations("verified", body);
    let output = world.run(&["verify", "-r", &derivations[0]]);
    let text = text_of(&output);
    assert!(output.status.success(), "{text}");
    assert!(
        text.contains("agree on every byte of 2 derivations"),
        "{text}"
    );

    // A derivation that tells where it is built cannot be verified.
    let body = r#"mk "tells" { preferLocalBuild = true; args = [ "-euc" "cat /proc/version > $out || echo sandbox > $out" ]; }"#;
    let derivations = world.derivations("tells", body);
    let output = world.run(&["verify", &derivations[0]]);
    let text = text_of(&output);
    assert!(
        !output.status.success() && text.contains("differs"),
        "{text}"
    );
}
