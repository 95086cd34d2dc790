//! `cargo bench -p wasibuild-benches --bench vm`: our virtual machine, beside a Debian that builds over ssh-ng.
//!
//! Arguments choose jobs (`start`, `many`, `idle`, `files`); `samples=N` is how many turns count (3),
//! `derivations=N` how many are built at once (300; under emulation Debian takes seconds for each).
//! `WASIBUILD_BENCH_DIR` is the folder to write to, `WASIBUILD_BENCH_PROGRAM` another build of the program.
//! Needs root (debootstrap), and what `cargo xtask kernels` makes. Only a run on an idle machine counts.

use std::path::PathBuf;

use anyhow::{Context, Result};
use wasibuild_benches::program;
use wasibuild_benches::vm::{Chosen, World, run};

fn main() -> Result<()> {
    let arguments: Vec<String> = (std::env::args().skip(1))
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let number = |name: &str, default: usize| -> Result<usize> {
        let given = arguments.iter().find_map(|one| one.strip_prefix(name));
        given.map_or(Ok(default), |text| text.parse().context("a number"))
    };
    let chosen = Chosen {
        samples: number("samples=", 3)?,
        derivations: number("derivations=", 300)?,
        jobs: (arguments.iter())
            .filter(|one| !one.contains('='))
            .cloned()
            .collect(),
    };
    let wasibuild = match std::env::var_os("WASIBUILD_BENCH_PROGRAM") {
        Some(program) => PathBuf::from(program),
        None => program::compile()?.join("wasibuild"),
    };
    let parent = std::env::var_os("WASIBUILD_BENCH_DIR").unwrap_or_else(|| "/tmp".into());
    let scratch = tempfile::tempdir_in(parent)?;
    let world = World::new(scratch.path(), &wasibuild)?;
    println!("{}", run(&world, &chosen)?);
    Ok(())
}
