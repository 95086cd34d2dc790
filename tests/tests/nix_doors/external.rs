//! `wasibuild external-builder` where Nix does not call it as it should.

use crate::support::World;

#[test]
fn what_cannot_be_built_is_told() {
    let world = World::new();
    let missing = world.run(&["external-builder", "nothing.json"]);
    assert_eq!(missing.code, 1);
    assert!(missing.err.starts_with('\u{2}'), "{missing:?}");
    let rest = missing.err.trim_start_matches('\u{2}').trim_start();
    assert_eq!(
        rest,
        "error: cannot read 'nothing.json': No such file or directory (os error 2)\n"
    );
    world.write("bad.json", "{\"version\": 7}");
    let bad = world.run(&["external-builder", "bad.json"]);
    assert_eq!(bad.code, 1);
    assert!(
        bad.err.contains("has version 7; only 1 is known"),
        "{bad:?}"
    );
}
