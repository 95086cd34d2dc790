//! SIGKILL of each process at each stage of a build.
//!
//! Contract: whatever is killed, the client ends with a success or a clear failure, nothing is half in the
//! store, the next build works, and no process stays. A machine's start is seen by its process, its work by
//! its log; between the two (the build is sent, and the guest says nothing yet) stands a guest that waits.

use std::process::Child;

use crate::hostile::{nothing_is_left, store_of, world_of};
use crate::support::{World, eventually, text_of};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Client,
    Supervisor,
    Qemu,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Boot,
    SetUp,
    Build,
    Transfer,
}

pub fn kill(process: i32) {
    let status = std::process::Command::new("kill")
        .args(["-9", &process.to_string()])
        .status();
    assert!(status.expect("kill starts").success());
}

fn victim(world: &World, child: &Child, victim: Victim) -> i32 {
    let part = match victim {
        Victim::Client => return i32::try_from(child.id()).expect("a number"),
        Victim::Supervisor => "vm supervise ",
        Victim::Qemu => "qemu-system-x86_64 ",
    };
    let mut found = None;
    eventually("the process is there", || {
        found = world.process_with(part);
        found.is_some()
    });
    found.expect("a process")
}

/// Builds, kills at a stage, and returns what the client printed, if it lived.
fn strike(world: &World, who: Victim, stage: Stage) -> Option<String> {
    let hostile = stage == Stage::SetUp;
    let name = if hostile {
        "lie-wait".to_owned()
    } else {
        format!("slow-{stage:?}").to_lowercase()
    };
    // Each has a number of its own, so that none is there before.
    let body = format!(
        r#"script "{name}" "echo begun; sleep 2; head -c 200000000 /dev/zero > $out; echo made # {who:?}""#
    );
    let derivations = world.derivations(&name, &body);
    let before = store_of(world);
    // One that waits does so until its time is up, also the second time.
    let timeout = if hostile { "6" } else { "600" };
    let arguments = ["run", "--timeout", timeout, &derivations[0]];
    let mut child = world.command(&arguments).spawn().expect("it starts");
    let log = || text_of(&world.run(&["log", &derivations[0]]));
    match stage {
        Stage::Boot => {
            victim(world, &child, Victim::Qemu);
        }
        // The machine greets and takes the build; nothing comes of it.
        Stage::SetUp => {
            victim(world, &child, Victim::Qemu);
            eventually("the machine is up", || {
                text_of(&world.run(&["vm", "status"])).contains("supervisor ")
            });
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
        Stage::Build => eventually("the build begins", || log().contains("begun")),
        // What comes then takes a second: who is to be killed must be known before.
        Stage::Transfer => {
            eventually("the build begins", || log().contains("begun"));
            let number = victim(world, &child, who);
            eventually("the output is made", || log().contains("made"));
            kill(number);
        }
    }
    if stage != Stage::Transfer {
        kill(victim(world, &child, who));
    }
    if who == Victim::Client {
        child.wait().expect("it ended");
        let after: Vec<_> = store_of(world);
        assert_eq!(after, before, "{who:?} at {stage:?}");
        return None;
    }
    let output = child.wait_with_output().expect("it ends");
    let text = text_of(&output);
    if output.status.success() {
        let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let size = world.real(&path).metadata().expect("an output").len();
        assert_eq!(size, 200_000_000, "{text}");
    } else {
        assert_eq!(store_of(world), before, "{text}");
    }
    Some(text)
}

/// Strikes at each stage in turn; what the client must say.
fn at_each_stage(who: Victim, said: [(Stage, &str); 4]) {
    let world = World::new_ending_after(3);
    let waiting = world_of("builds");
    for (stage, word) in said {
        let world = if stage == Stage::SetUp {
            &waiting
        } else {
            &world
        };
        let text = strike(world, who, stage);
        let text = text.unwrap_or_default();
        assert!(
            text.contains(word),
            "{who:?} at {stage:?}: no '{word}' in\n{text}"
        );
        if stage != Stage::SetUp {
            let name = format!("after-{stage:?}").to_lowercase();
            let body = format!(r#"script "{name}" "echo {who:?} > $out""#);
            assert_eq!(world.built(&name, &body), format!("{who:?}\n"));
        }
        nothing_is_left(world);
    }
}

#[test]
fn of_the_client() {
    let stages = [Stage::Boot, Stage::SetUp, Stage::Build, Stage::Transfer];
    at_each_stage(Victim::Client, stages.map(|stage| (stage, "")));
}

#[test]
fn of_the_supervisor() {
    let again = "building once more";
    at_each_stage(
        Victim::Supervisor,
        [
            (Stage::Boot, "its supervisor ended before it was ready"),
            (Stage::SetUp, again),
            (Stage::Build, again),
            (Stage::Transfer, again),
        ],
    );
}

#[test]
fn of_qemu() {
    let again = "building once more";
    at_each_stage(
        Victim::Qemu,
        [
            (Stage::Boot, "QEMU ended with signal: 9"),
            (Stage::SetUp, again),
            (Stage::Build, again),
            (Stage::Transfer, again),
        ],
    );
}

#[test]
fn of_the_builder() {
    let world = World::shared();
    // The builder itself is process 1 of its namespace, which no signal from inside ends; what it started is
    // none of its end, either.
    let said = world.built(
        "child",
        r#"script "child" ''
            kill -9 $$; sleep 1000 & kill -9 $!; wait $! || echo "status $?" > $out
        ''"#,
    );
    assert_eq!(said, "status 137\n");
}
