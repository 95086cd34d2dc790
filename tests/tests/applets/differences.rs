//! Known differences (docs/applets.md): each test fails when the applet starts to agree.

use super::harness::{case, compare, sandboxed};

/// The sandbox is there to compare with.
fn is_ready() -> bool {
    sandboxed(&[]).is_some()
}

#[test]
fn the_order_of_the_environment_is_that_of_names() {
    // GNU shows the order in which it was given: `env -i` with assignments, through a second `env`.
    let found = compare(&[case(&[
        "env",
        "-i",
        "PATH=@DIR@:/usr/bin:/build/bin",
        "Z=1",
        "A=2",
        "env",
    ])]);
    assert!(!is_ready() || found.len() == 1, "{found:?}");
}
