//! Guests that do not come, and guests that lie.

use super::{fails, initramfs_by, nothing_is_left, patient_world_of, world_of, world_with};
use crate::support::World;

/// That a machine does not come, and that the message says so in these words.
fn does_not_come(world: &World, words: &[&str]) {
    let text = fails(world, "one", r#"script "one" "exit 0""#, &[]);
    let said = "the x86_64 machine did not come up";
    for word in words.iter().chain([&said]) {
        assert!(text.contains(word), "no '{word}' in\n{text}");
    }
    // Of a console whatever would move a terminal's cursor or colour it is left out.
    assert!(!text.contains('\x1b'), "{text}");
    nothing_is_left(world);
}

#[test]
fn an_initramfs_that_is_none() {
    let world = world_with(&initramfs_by(r#"head -c 1000000 /dev/urandom > "$2""#));
    does_not_come(
        &world,
        &["it ended before it greeted", "console> ", "panic"],
    );
}

#[test]
fn a_guest_that_panics() {
    let words = ["it ended before it greeted", "Attempted to kill init"];
    does_not_come(&world_of("panic"), &words);
}

#[test]
fn a_guest_that_hangs_at_its_start() {
    let words = "no greeting within 5 s (vm.patience)";
    does_not_come(&patient_world_of("hang", 5), &[words]);
}

#[test]
fn a_guest_that_greets_one_byte_at_a_time() {
    let words = "no greeting within 20 s (vm.patience)";
    does_not_come(&patient_world_of("drip", 20), &[words]);
}

#[test]
fn a_guest_that_floods_its_console() {
    // Long enough that the flood comes, on a busy machine, too.
    let world = patient_world_of("console", 25);
    let words = "no greeting within 25 s (vm.patience)";
    does_not_come(&world, &[words, "console> a line of a flood"]);
    let vm = std::fs::read_dir(world.state().join("wasibuild/vm")).expect("listed");
    let log = vm
        .map(|entry| entry.expect("an entry").path().join("console.log"))
        .find(|log| log.exists())
        .expect("a log of the console");
    let size = log.metadata().expect("its size").len();
    assert!((1..=300 << 10).contains(&size), "{size} bytes");
}

#[test]
fn a_guest_that_greets_wrongly() {
    for (mode, word) in [
        ("version", "speaks version 7 of the protocol, this one 2"),
        ("garbage", "a frame of the unknown kind 90"),
        ("long", "announces 4294967295 bytes; at most"),
    ] {
        does_not_come(&world_of(mode), &[word]);
    }
}

/// Archives and messages of which the machine survives the telling.
#[test]
fn lies_about_outputs_are_the_builds_failure() {
    let world = world_of("builds");
    let lies = [
        ("words", "cannot \\u{1b}[31mdo\\u{7} it"),
        ("nothing", "did not create output 'out'"),
        ("early", "an end before the builder's"),
        ("unasked", "output 'other'"),
        ("twice", "output 'out'"),
        ("dots", "directory entry “..”"),
        ("dot", "directory entry “.”"),
        ("slash", "the name contains a slash"),
        ("empty", "the name is empty"),
        ("unsorted", "must be sorted and unique"),
        ("same", "must be sorted and unique"),
        ("device", "found “device”"),
        ("tenfold", "cannot read the contents of a file in a NAR: "),
        ("huge", "bytes in"),
        ("cut", "the NAR ends at byte"),
        ("trailing", "follow"),
        ("noise", "the NAR is malformed near byte"),
        ("deep", "nested more than"),
    ];
    for (lie, word) in lies {
        let name = format!("lie-{lie}");
        let body = format!("script \"{name}\" \"exit 0\"");
        let text = fails(&world, &name, &body, &["--set", "limits.output-size=100M"]);
        assert!(
            text.contains(&name) && text.contains(word),
            "no '{word}' in\n{text}"
        );
        assert!(!text.contains('\x1b') && !text.contains('\x07'), "{text}");
    }
    nothing_is_left(&world);
}

/// The builder's failure stays what it is, whatever is said of what it left.
#[test]
fn lies_about_what_a_build_left_are_told_beside_its_failure() {
    let world = world_of("builds");
    for (lie, word) in [
        ("leftdots", "directory entry “..”"),
        ("leftother", "an output in the wrong place"),
        ("leftcut", "the NAR ends at byte"),
        ("lefttwice", "an output in the wrong place"),
        ("lefthuge", "it passed its bound"),
        ("leftlog", "a log after the builder's end"),
    ] {
        let name = format!("lie-{lie}");
        let body = format!("script \"{name}\" \"exit 0\"");
        let options = ["--keep-failed", "--set", "limits.output-size=100M"];
        let text = fails(&world, &name, &body, &options);
        for word in [
            word,
            "not all that the build left can be kept",
            "exit code 9",
        ] {
            assert!(text.contains(word), "no '{word}' in\n{text}");
        }
        // Whoever did not ask is not told.
        let text = fails(&world, &name, &body, &[]);
        assert!(
            text.contains("exit code 9") && !text.contains("can be kept"),
            "{text}"
        );
    }
    nothing_is_left(&world);
}

/// What breaks the control stream ends the machine: the build is tried in another one, and then it fails.
#[test]
fn lies_in_the_protocol_end_the_machine() {
    let world = world_of("builds");
    for (lie, word) in [
        ("stranger", "there is no such build"),
        ("unknown", "the unknown kind 200"),
        ("side", "which this side does not take"),
        (
            "long",
            "announces 4294967295 bytes; at most 65536 are allowed",
        ),
        ("power", "QEMU ended"),
    ] {
        let name = format!("lie-{lie}");
        let body = format!("script \"{name}\" \"exit 0\"");
        let text = fails(&world, &name, &body, &[]);
        assert!(text.contains("building once more"), "{lie}: {text}");
        assert!(text.contains(word), "no '{word}' in\n{text}");
    }
    nothing_is_left(&world);
}

/// A build that a hanging machine takes down with it, twice; `word` is what the supervisor says.
fn is_given_up(body: &str, word: &str) {
    let world = patient_world_of("builds", 25);
    let text = fails(&world, "hangs", body, &["-j2", "--keep-going"]);
    assert!(text.contains("building once more"), "{text}");
    assert!(text.contains(word), "no '{word}' in\n{text}");
    nothing_is_left(&world);
}

#[test]
fn a_guest_that_says_nothing_more() {
    is_given_up(
        r#"script "lie-mute" "exit 0""#,
        "it did not answer for 25 s (vm.patience)",
    );
}

#[test]
fn a_guest_that_reads_nothing_more() {
    // More than the sockets and QEMU keep.
    let large = "x".repeat(1 << 20);
    let body = format!(
        r#"map (n: mk "lie-deaf-${{toString n}}" {{ large = "{large}"; passAsFile = [ "large" ]; }}) [ 1 2 ]"#
    );
    is_given_up(&body, "(vm.patience)");
}
