//! wasibuild's side of the shell's benchmark alone, for a profiler or `strace -c -f`:
//! `cargo run --release --offline -p wasibuild-benches --example configuration PROGRAM FOLDER [TIMES] [JOBS]`.
//!
//! Prints the time of each turn: a configuration for Linux is built in a new store. PROGRAM is a
//! compiled wasibuild; FOLDER keeps what both sides start from, and the compiled modules, between runs.
//! `WASIBUILD_BENCH_STORE` and `WASIBUILD_BENCH_TOP` name another closure than the example's.
//! `WASIBUILD_BENCH_DIR` is the folder to write to, by default the system's temporary one.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use wasibuild_benches::configuration::Configuration;
use wasibuild_benches::realise::Host;

fn main() -> Result<()> {
    let argument = |position: usize| std::env::args().nth(position);
    let number = |position: usize, default: usize| {
        let text = argument(position);
        text.and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let program = PathBuf::from(argument(1).context("PROGRAM, a compiled wasibuild")?);
    let folder = PathBuf::from(argument(2).context("FOLDER, to keep things in")?);
    let parent = std::env::var_os("WASIBUILD_BENCH_DIR").unwrap_or_else(|| "/tmp".into());
    let scratch = tempfile::tempdir_in(parent)?;
    let configuration = Configuration::prepare(&program, &folder)?;
    let goals = configuration.goals();
    for turn in 0..number(3, 5) {
        let root = scratch.path().join(format!("store-{turn}"));
        let host = Host::open(&root, &folder.join("modules"), number(4, 2))?.attempting_all();
        configuration.fill(&host)?;
        let (start, before) = (Instant::now(), processor_time()?);
        // Its threads have this name, so that a profile can be cut to them (`perf report --comm`).
        let run = || {
            let thread = std::thread::Builder::new().name("measured".to_owned());
            std::thread::scope(|scope| {
                let running = thread.spawn_scoped(scope, || host.run(&goals))?;
                let joined = running.join();
                joined.map_err(|_| anyhow::anyhow!("a thread panicked"))?
            })
        };
        let count = run()?;
        let (time, used) = (start.elapsed(), processor_time()? - before);
        println!("{count} derivations in {time:.1?}, {used} ms of processor time");
    }
    Ok(())
}

/// Milliseconds that this process has used, on all processors.
fn processor_time() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = text.rsplit_once(')').context("/proc/self/stat")?;
    let ticks = fields.split_whitespace().skip(11).take(2);
    // A hundred ticks are a second on every Linux that Rust knows.
    Ok(ticks
        .map(|field| field.parse::<u64>().unwrap_or(0))
        .sum::<u64>()
        * 10)
}
