//! The seeds of each fuzz target, the inputs that once failed among them; and that `tests/fuzz` has
//! the targets of this package and no others.

use std::fs;
use std::path::Path;

use wasibuild_fuzz_targets::TARGETS;

/// The names in a folder, sorted.
fn names(place: &Path) -> Vec<String> {
    let listed = fs::read_dir(place).unwrap_or_else(|error| panic!("{}: {error}", place.display()));
    let mut names: Vec<String> = listed
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.into_string().expect("text"))
        .collect();
    names.sort();
    names
}

#[test]
fn seeds_run_without_a_panic() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let expected: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names(&seeds), expected, "each target has seeds");
    for (target, run) in TARGETS {
        let seeds = names(&seeds.join(target));
        assert!(!seeds.is_empty(), "{target} has seeds");
        for seed in seeds {
            println!("{target} {seed}");
            let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
            run(&fs::read(place.join(target).join(seed)).expect("read"));
        }
    }
}

#[test]
fn the_fuzzer_runs_these_targets() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let expected: Vec<String> = TARGETS
        .iter()
        .map(|(name, _)| format!("{name}.rs"))
        .collect();
    assert_eq!(names(&fuzz.join("fuzz_targets")), expected);
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).expect("read");
    for (name, _) in TARGETS {
        let file = fuzz.join(format!("fuzz_targets/{name}.rs"));
        let call = format!(
            "//! See `wasibuild_fuzz_targets::{name}`.\n#![no_main]\n\n\
             libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wasibuild_fuzz_targets::{name}::run(bytes));\n"
        );
        assert_eq!(fs::read_to_string(file).expect("read"), call, "{name}");
        assert!(
            manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")),
            "tests/fuzz/Cargo.toml has no {name}"
        );
    }
}
