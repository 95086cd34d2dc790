//! The host's store below the daemon's: nothing that Nix holds is sent to the daemon.

use std::collections::BTreeSet;
use std::fs;

use crate::doors::{Door, WASM, Way};
use crate::support::{Nix, World, text};

/// A source with a reference, and a derivation that needs both and another derivation's output.
const BODY: &str = r#"
  let
    below = builtins.toFile "below" "below\n";
    above = builtins.toFile "above" "above ${below}\n";
    made = mk "made" { script = "write $out made"; };
  in
  [ (mk "top" { inherit above made; script = "copy $above $out"; }) ]
"#;

fn names(store: &std::path::Path) -> BTreeSet<String> {
    let listed = fs::read_dir(store.join("nix/store")).expect("a store");
    let names = listed.map(|entry| entry.expect("an entry").file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    names.filter(|name| name != ".links").collect()
}

#[test]
fn what_the_host_holds_is_not_copied() {
    for nix in Nix::all("what_the_host_holds_is_not_copied") {
        let world = World::new();
        let host = nix.store(&world);
        // Made first, so that there is something to look at.
        let check = nix.query(&world, &["--verify"]);
        assert_eq!(check, "");
        let options = ["--host-store", host.to_str().expect("text")];
        let way = Way::open_for(Door::Daemon, &nix, &world, WASM, &options);
        let built = way.built(BODY);
        // Only what was built there lies there: not the guest, nor the sources.
        let lying = names(&world.root());
        let ends: Vec<&str> = lying
            .iter()
            .filter_map(|name| name.split_once('-').map(|(_, rest)| rest))
            .collect();
        assert_eq!(ends.len(), 2, "Nix {}: {lying:?}", nix.version);
        assert!(ends.contains(&"made") && ends.contains(&"top"), "{lying:?}");
        // It is valid there all the same, with what it refers to, and whole.
        let verified = world.run(&["store", "verify", "--check-contents"]);
        assert_eq!(verified.code, 0, "{verified:?}");
        // What the host's collector takes is sent when it is needed again.
        let info = way.query(&["--query", "--references", &built[0]]);
        let below = info.lines().find(|path| path.ends_with("-below"));
        let below = below.expect("a reference").to_owned();
        let mut delete = nix.command("nix-store", world.directory.path());
        let delete = delete.arg("--store").arg(&host).args(["--gc"]);
        text(delete.output().expect("nix-store starts"));
        assert!(!host.join(below.trim_start_matches('/')).exists());
        let again = BODY.replace("\"top\"", "\"next\"");
        assert_eq!(way.built(&again).len(), 1);
        way.close();
        // Collecting here takes what is here alone.
        let collected = world.run(&["store", "gc"]);
        assert_eq!(collected.code, 0, "{collected:?}");
        assert!(
            names(&world.root()).is_empty(),
            "{:?}",
            names(&world.root())
        );
        assert!(
            names(&host)
                .iter()
                .any(|name| name.ends_with("-guest.wasm"))
        );
    }
}

#[test]
fn a_host_store_that_is_not_there_is_no_obstacle() {
    let world = World::new();
    let nix = &Nix::all("a_host_store_that_is_not_there_is_no_obstacle")[0];
    let nowhere = world.path("nowhere");
    let options = ["--host-store", nowhere.to_str().expect("text")];
    let way = Way::open_for(Door::Daemon, nix, &world, WASM, &options);
    assert_eq!(way.built(BODY).len(), 1);
    way.verify();
}
