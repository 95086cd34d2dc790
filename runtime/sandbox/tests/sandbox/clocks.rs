//! Clocks and randomness: virtual, and the same in every run.

use crate::support::{expect, probe};

#[test]
fn the_wall_clock_stands_and_the_monotonic_clock_steps() {
    expect(
        probe(&[]),
        &[
            ("clock 0", "= 315532800000000000"),
            ("clock 1", "= 1000000"),
            ("clock 1", "= 2000000"),
            ("clock 2", "= 3000000"),
            ("clock 0", "= 315532800000000000"),
            ("clock 9", "! EINVAL"),
            ("res 0", "= 1000000"),
            ("res 9", "! EINVAL"),
        ],
    );
}

#[test]
fn sleeping_takes_virtual_time_only() {
    // An hour of the guest's: if it were the host's, this test would take it.
    expect(
        probe(&[]),
        &[
            ("sleep 3600000000000", "= type=0 errno=0 bytes=0 flags=0"),
            ("clock 1", "= 3600001000000"),
        ],
    );
}

#[test]
fn randomness_follows_from_the_seed() {
    let build = probe(&["random 20", "random 3", "open 5 dev/urandom r", "read 6 8"]);
    let first = build.run().log();
    assert_eq!(first, build.run().log());
    let mut other = probe(&["random 20", "random 3", "open 5 dev/urandom r", "read 6 8"]);
    other.request.seed = [2; 32];
    let second = other.run().log();
    for (a, b) in first.lines().zip(second.lines()) {
        if a.starts_with("random") || a.starts_with("read") {
            assert_ne!(a, b);
        }
    }
}

#[test]
fn every_opening_of_the_random_device_has_its_own_stream() {
    let log = probe(&[
        "open 5 dev/random r",
        "open 5 dev/random r",
        "read 6 16",
        "read 7 16",
    ])
    .run()
    .log();
    let reads: Vec<&str> = log
        .lines()
        .filter_map(|line| line.strip_prefix("read "))
        .collect();
    let values: Vec<&str> = reads
        .iter()
        .filter_map(|line| line.split(" = ").nth(1))
        .collect();
    assert_eq!(values.len(), 2, "{log}");
    assert_ne!(values[0], values[1]);
}
