//! `cargo bench -p wasibuild-benches --bench nix`: the doors of docs/nix.md, beside Nix itself.
//!
//! Arguments choose versions of Nix by how they begin (`2.8`, `2.34`), or `steps`; `samples=N` is how many
//! turns count (3). `WASIBUILD_BENCH_DIR` is the folder to write to, by default the system's temporary one.
//! `WASIBUILD_BENCH_PROGRAM` measures another build of the program. Only a run on an idle machine counts.

use std::path::PathBuf;

use anyhow::{Context, Result};
use wasibuild_benches::doors::{Machine, Nix, figures, steps, table, verdicts};
use wasibuild_benches::measure::human;
use wasibuild_benches::program;

fn main() -> Result<()> {
    let arguments: Vec<String> = (std::env::args().skip(1))
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let samples = arguments
        .iter()
        .find_map(|one| one.strip_prefix("samples="));
    let samples: usize = samples.map_or(Ok(3), str::parse).context("samples=N")?;
    let chosen: Vec<&String> = (arguments.iter())
        .filter(|one| !one.starts_with("samples="))
        .collect();
    let wanted = |name: &str| chosen.is_empty() || chosen.iter().any(|one| name.starts_with(*one));
    let wasibuild = match std::env::var_os("WASIBUILD_BENCH_PROGRAM") {
        Some(program) => PathBuf::from(program),
        None => program::compile()?.join("wasibuild"),
    };
    let parent = std::env::var_os("WASIBUILD_BENCH_DIR").unwrap_or_else(|| "/tmp".into());
    let scratch = tempfile::tempdir_in(parent)?;
    let machine = Machine {
        scratch: scratch.path().to_owned(),
        wasibuild,
    };
    if wanted("steps") {
        println!("| Step | time |\n|---|---|");
        for (name, time) in steps::steps(&machine, samples.max(30))? {
            println!("| {name} | {} |", human(time));
        }
        println!();
    }
    let mut all = Vec::new();
    for nix in Nix::all()? {
        if wanted(&nix.version) {
            eprintln!("measuring: Nix {}", nix.version);
            all.push((nix.version.clone(), figures(&machine, &nix, samples)?));
        }
    }
    if all.is_empty() {
        return Ok(());
    }
    println!("{}", table(&all));
    for (version, figures) in &all {
        for (text, met) in verdicts(figures)? {
            let verdict = if met { "met" } else { "**missed**" };
            println!("- Nix {version}: {text}: {verdict}");
        }
    }
    Ok(())
}
