//! `cargo bench -p wasibuild-benches`: prints the table of docs/benchmarks.md and the README.
//!
//! Arguments choose jobs by a part of their names (`closure`, `text`, `links`, `substitution`,
//! `nar`, `instance`, `shell`, `start`, `many`). `WASIBUILD_BENCH_DIR` is the folder to write to, by
//! default the system's temporary one. Only a run on an idle machine counts.

use std::time::Duration;

use anyhow::Result;
use wasibuild_benches::cases::{self, Places};
use wasibuild_benches::measure::{Row, human, ratio, table};
use wasibuild_benches::{program, shell};

type Case = fn(&Places) -> Result<Row>;

fn main() -> Result<()> {
    let chosen: Vec<String> = (std::env::args().skip(1))
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let wanted = |name: &str| chosen.is_empty() || chosen.iter().any(|part| name.contains(part));
    let programs = program::compile()?;
    let parent = std::env::var_os("WASIBUILD_BENCH_DIR").unwrap_or_else(|| "/tmp".into());
    let scratch = tempfile::tempdir_in(parent)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let places = Places {
        scratch: scratch.path().to_owned(),
        programs,
        jobs: cores,
    };
    let table_of: [(&str, Case); 6] = [
        ("instance", cases::instance_start),
        ("text", cases::text),
        ("links", cases::links),
        ("substitution", cases::substitution),
        ("nar", cases::nar_hash),
        ("closure", cases::closure),
    ];
    let mut rows = Vec::new();
    for (name, case) in table_of {
        if wanted(name) {
            eprintln!("measuring: {name}");
            let row = case(&places)?;
            // At once: a run takes minutes, and may be stopped.
            eprint!("{}", row.line());
            rows.push(row);
        }
    }
    if wanted("shell") {
        eprintln!("measuring: shell");
        rows.extend(shell::rows(&places)?);
    }
    println!("{cores} cores.\n\n{}", table(&rows));
    if wanted("start") {
        let time = cases::start(&places)?;
        let met = verdict(time < Duration::from_millis(20));
        println!(
            "- Start of the program to the first build: {} (goal 20 ms: {met})",
            human(time)
        );
    }
    if wanted("many") {
        let (small, small_memory) = cases::many(&places, 1000, false)?;
        let (large, large_memory) = cases::many(&places, 10_000, false)?;
        let factor = ratio(large, small);
        println!(
            "- 10,000 derivations take {factor:.1} times as long as 1,000 ({}; goal, linear: {})",
            human(large),
            verdict(factor < 12.0)
        );
        let more = large_memory.saturating_sub(small_memory) as f64 / 9000.0;
        println!(
            "- Their memory: {} MB and {} MB, {more:.1} kB for each derivation more",
            large_memory / 1000,
            small_memory / 1000,
        );
        let (short, short_memory) = cases::many(&places, 1000, true)?;
        let (long, long_memory) = cases::many(&places, 10_000, true)?;
        let factor = ratio(long, short);
        println!(
            "- A chain of 10,000, each with all before it in its closure, takes {factor:.1} times as long as one of 1,000 ({}; {} MB and {} MB; goal, linear: {})",
            human(long),
            long_memory / 1000,
            short_memory / 1000,
            verdict(factor < 12.0)
        );
    }
    Ok(())
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "**missed**" }
}
