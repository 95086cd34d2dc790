//! Which case runs through which door of which Nix; docs/nix.md has the same table.
//!
//! Contract: a case is a function of a way; its row says through which doors it can go. One test for
//! each case runs it with every Nix that has the door, and one more compares the rows with the
//! document, so that what stands there is what ran.

use std::fmt::Write;

use crate::cases;
use crate::doors::{Door, Way};
use crate::support::{Nix, World};

/// The versions that the document has columns for: those of Debian 12, 13, and of its testing release when
/// this was written. Later ones have the doors of the last.
const VERSIONS: [(u32, u32); 3] = [(2, 8), (2, 26), (2, 34)];

/// Every door.
const ALL: &[Door] = &Door::ALL;
/// The doors that build in Nix' own store.
const IN_PLACE: &[Door] = &[Door::External, Door::Hook];

macro_rules! cases {
    ($($name:ident: $text:literal, $doors:expr;)*) => {
        /// The rows: the document's words, and the doors.
        const ROWS: &[(&str, &[Door])] = &[$(($text, $doors),)*];

        $(
            #[test]
            fn $name() {
                run(stringify!($name), $doors, cases::$name);
            }
        )*
    };
}

cases! {
    success: "success: several outputs, structured attributes, `passAsFile`, `exportReferencesGraph`, self-reference, fixed output; hashes, sizes and references of `wasibuild run`", ALL;
    failing: "failure, with the log shown and kept (`nix log`)", ALL;
    keep_failed: "`--keep-failed`", &[Door::Daemon, Door::External, Door::Hook];
    check: "`--check`", &[Door::External];
    timeouts: "`--timeout`, `--max-silent-time`", &[Door::Daemon, Door::External, Door::Hook];
    interrupted: "`nix build` ended by Ctrl-C: the build stops", ALL;
    killed: "`nix build` killed: the build stops", ALL;
    hundred: "100 derivations at once", ALL;
    clients: "three clients at once, with a derivation in common", ALL;
    in_place: "nothing is copied: no second store", IN_PLACE;
    multi_user: "multi-user: a sandboxing `nix-daemon` with build users, asked by an ordinary user", ALL;
    far: "evaluated for another system (`--option system aarch64-darwin`)", ALL;
}

/// Runs a case through these doors of all Nixes that have them: the doors of one Nix at the same time, since
/// most of the time is waiting.
fn run(case: &str, doors: &[Door], go: fn(&Way<'_>)) {
    for nix in Nix::all(case) {
        let open = doors.iter().filter(|door| door.is_open(nix.number()));
        std::thread::scope(|scope| {
            let cells: Vec<_> = open
                .map(|door| (*door, scope.spawn(|| cell(*door, &nix, go))))
                .collect();
            for (door, cell) in cells {
                let (name, version) = (door.name(), &nix.version);
                let went = cell.join().is_ok();
                assert!(went, "{case} failed through the {name} of Nix {version}");
            }
        });
    }
}

fn cell(door: Door, nix: &Nix, go: fn(&Way<'_>)) {
    let world = World::new();
    let way = Way::open(door, nix, &world);
    go(&way);
    way.close();
}

fn table() -> String {
    let columns: Vec<(Door, (u32, u32))> = Door::ALL
        .into_iter()
        .flat_map(|door| VERSIONS.map(|version| (door, version)))
        .filter(|(door, version)| door.is_open(*version))
        .collect();
    let mut text = String::from("| Case |");
    for (door, (major, minor)) in &columns {
        write!(text, " {}, {major}.{minor} |", door.name()).expect("memory");
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(columns.len()));
    text.push('\n');
    for (case, doors) in ROWS {
        write!(text, "| {case} |").expect("memory");
        for (door, _) in &columns {
            text.push_str(if doors.contains(door) {
                " yes |"
            } else {
                " — |"
            });
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_document_has_the_table() {
    let document = include_str!("../../../docs/nix.md");
    let table = table();
    assert!(
        document.contains(&table),
        "docs/nix.md shall have this table:\n\n{table}"
    );
}
