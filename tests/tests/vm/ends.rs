//! How machines end: by themselves, and by force at each place.

use std::fs;
use std::process::Command;

use crate::support::{World, eventually, is_alive, text_of};

fn kill(process: i32) {
    let status = Command::new("kill")
        .args(["-9", &process.to_string()])
        .status();
    assert!(status.expect("kill starts").success());
}

#[test]
fn programs_that_start_at_once_share_a_machine_that_ends_when_it_is_idle() {
    let world = World::new();
    let body = r#"[ (script "one" "echo 1 > $out") (script "two" "echo 2 > $out") ]"#;
    let derivations = world.derivations("two", body);
    let start = |derivation: &str| {
        let arguments = ["run", derivation, "--set", "vm.idle=6"];
        world.command(&arguments).spawn().expect("it starts")
    };
    let both = [start(&derivations[0]), start(&derivations[1])];
    for child in both {
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", text_of(&output));
    }
    let (supervisor, qemu) = (world.process("supervisor"), world.process("qemu"));
    eventually("the machine is gone when it is idle", || {
        !is_alive(supervisor) && !is_alive(qemu)
    });
    let status = text_of(&world.run(&["vm", "status"]));
    assert!(status.contains("x86_64: does not run"), "{status}");
    // Of two that start at once, only one has found no machine.
    let left: Vec<_> = fs::read_dir(world.state().join("wasibuild/vm"))
        .expect("listed")
        .map(|entry| entry.expect("an entry").file_name())
        .filter(|name| name.to_string_lossy().starts_with("x86_64-"))
        .collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn a_killed_qemu_is_replaced_once_and_a_killed_supervisor_leaves_none() {
    let world = World::new();
    let body = r#"script "slow" "echo begun; sleep 4; echo done > $out""#;
    let derivations = world.derivations("slow", body);
    let child = world
        .command(&["run", &derivations[0]])
        .spawn()
        .expect("it starts");
    let log = || text_of(&world.run(&["log", &derivations[0]]));
    eventually("the build begins", || log().contains("begun"));
    let first = world.process("qemu");
    kill(first);
    let output = child.wait_with_output().expect("it ends");
    let text = text_of(&output);
    assert!(output.status.success(), "{text}");
    assert!(
        text.contains("the machine ended") && text.contains("building once more"),
        "{text}"
    );
    let (supervisor, second) = (world.process("supervisor"), world.process("qemu"));
    assert_ne!(first, second);
    kill(supervisor);
    eventually("QEMU ends with its supervisor", || !is_alive(second));
    // What a killed supervisor leaves is no hindrance.
    let again = world.derivations("again", r#"script "again" "echo again > $out""#);
    world.build(&again, &[]);
}

#[test]
fn a_killed_client_ends_its_build_and_nothing_else() {
    let world = World::new();
    let body = r#"[ (script "long" "echo begun; sleep 1000") (script "after" "cat /proc/loadavg > $out") ]"#;
    let derivations = world.derivations("long", body);
    let mut child = world
        .command(&["run", &derivations[0]])
        .spawn()
        .expect("it starts");
    let log = || text_of(&world.run(&["log", &derivations[0]]));
    eventually("the build begins", || log().contains("begun"));
    let qemu = world.process("qemu");
    child.kill().expect("killed");
    child.wait().expect("waited for");
    world.build(&derivations[1..], &[]);
    assert_eq!(world.process("qemu"), qemu, "the machine is the same");
}

#[test]
fn a_kernel_that_does_not_boot_is_a_clear_failure() {
    let world = World::new();
    let kernel = world.state().join("wasibuild/vm/kernels/x86_64/kernel");
    fs::write(&kernel, b"this is no kernel").expect("written");
    let derivations = world.derivations("none", r#"script "none" "exit 0""#);
    let text = text_of(&world.run(&["run", &derivations[0]]));
    assert!(
        text.contains("the x86_64 machine did not come up"),
        "{text}"
    );
    assert!(text.contains("QEMU ended"), "{text}");
}
