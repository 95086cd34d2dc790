//! wasibuild's side of the closure benchmark alone, for a profiler or `strace -c -f`:
//! `cargo run --release --offline -p wasibuild-benches --example closure [TIMES] [JOBS] [MODULES]`.
//!
//! Prints the time of each turn: the example's closure is built in a new store. The folder MODULES
//! keeps compiled modules between runs, so that a profile does not show the compiler.
//! `WASIBUILD_BENCH_DIR` is the folder to write to, by default the system's temporary one.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use wasibuild_benches::derivations;
use wasibuild_benches::realise::Host;

fn main() -> Result<()> {
    let number = |position: usize, default: usize| {
        let text = std::env::args().nth(position);
        text.and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let parent = std::env::var_os("WASIBUILD_BENCH_DIR").unwrap_or_else(|| "/tmp".into());
    let scratch = tempfile::tempdir_in(parent)?;
    let goal = derivations::example()?;
    let modules = std::env::args().nth(3).map(PathBuf::from);
    let modules = modules.unwrap_or_else(|| scratch.path().join("modules"));
    for turn in 0..number(1, 10) {
        let root = scratch.path().join(format!("store-{turn}"));
        let host = Host::open(&root, &modules, number(2, 2))?;
        let start = Instant::now();
        let plan = host.import(std::slice::from_ref(&goal))?;
        let import = start.elapsed();
        let goals: Vec<_> = (plan.goals.iter())
            .map(|(id, _)| plan.graph.node(*id).derivation.to_absolute_path().into())
            .collect();
        let start = Instant::now();
        let count = host.run(&goals)?;
        let run = start.elapsed();
        println!("import {import:.1?}, run {run:.1?}, {count} derivations");
    }
    Ok(())
}
