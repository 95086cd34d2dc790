//! Our virtual machine, beside the same kernel with a Debian userland that builds over `ssh-ng://`.
//!
//! Contract: both machines have the same QEMU, accelerator, kernel, memory, processors and devices (those of
//! ours are read from its QEMU's command line), and are measured in turns in one run. A turn ends when the
//! outputs are valid in the host's store. docs/benchmarks.md says what is compared.

mod debian;
mod files;
mod idle;
mod ours;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::doors::{Nix, output};
use crate::measure::{human, ratio};
use debian::Debian;

/// How many times faster than Debian the first result has to come.
const GOAL: f64 = 10.0;

/// What is measured.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// How many turns count.
    pub samples: usize,
    /// How many derivations are built at once.
    pub derivations: usize,
    /// Names of jobs; all if empty.
    pub jobs: Vec<String>,
}

impl Chosen {
    fn has(&self, job: &str) -> bool {
        self.jobs.is_empty() || self.jobs.iter().any(|one| one == job)
    }
}

/// Where things are.
#[derive(Debug)]
pub struct World {
    scratch: PathBuf,
    wasibuild: PathBuf,
    nix: Nix,
    turns: std::cell::Cell<u32>,
}

impl World {
    /// A store, a state directory with the kernel, and the packages that builders need.
    ///
    /// # Errors
    /// When something is missing.
    pub fn new(scratch: &Path, wasibuild: &Path) -> Result<World> {
        let kernels = debian::folder().with_file_name("state/wasibuild/vm/kernels");
        ensure!(
            kernels.exists(),
            "no kernel: `cargo xtask kernels` fetches it"
        );
        debian::prepare()?;
        let world = World {
            scratch: fs::canonicalize(scratch)?,
            wasibuild: fs::canonicalize(wasibuild)?,
            nix: Nix::all()?.into_iter().next().context("Nix")?,
            turns: std::cell::Cell::new(0),
        };
        let state = world.state().join("wasibuild/vm");
        fs::create_dir_all(&state)?;
        std::os::unix::fs::symlink(fs::canonicalize(kernels)?, state.join("kernels"))?;
        for (package, program, from) in [
            ("bash", "bash", "bin/bash-static"),
            ("busybox", "busybox", "bin/busybox"),
        ] {
            let bin = world.scratch.join(package).join("bin");
            fs::create_dir_all(&bin)?;
            fs::copy(debian::folder().join("root").join(from), bin.join(program))?;
        }
        // The packages are in the store before anything is measured.
        world.derivations("trivial", 1)?;
        Ok(world)
    }

    fn root(&self) -> PathBuf {
        self.scratch.join("root")
    }

    fn state(&self) -> PathBuf {
        self.scratch.join("state")
    }

    /// Derivations that nobody has built yet.
    fn derivations(&self, kind: &str, count: usize) -> Result<Vec<String>> {
        let turn = self.turns.get();
        self.turns.set(turn + 1);
        let expression = self.scratch.join("derivations.nix");
        fs::write(&expression, include_str!("derivations.nix"))?;
        let mut command = self.nix.command("nix-instantiate");
        command.arg("--store").arg(self.root()).arg(&expression);
        command.args(["--argstr", "turn", &turn.to_string()]);
        command.args(["--argstr", "kind", kind]);
        command.args(["--arg", "count", &count.to_string()]);
        for package in ["bash", "busybox"] {
            command
                .arg("--arg")
                .arg(package)
                .arg(self.scratch.join(package));
        }
        let text = output(&mut command)?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// That outputs are in the store and registered, by Nix' word.
    fn check(&self, derivations: &[String]) -> Result<()> {
        let mut command = self.nix.command("nix-store");
        command.arg("--store").arg(self.root());
        let outputs = output(command.args(["--query", "--outputs"]).args(derivations))?;
        let mut command = self.nix.command("nix-store");
        command
            .arg("--store")
            .arg(self.root())
            .arg("--check-validity");
        output(command.args(outputs.lines())).map(drop)
    }
}

/// One line of the table: what, and the times of ours, of Debian and of the sandbox.
type Line = (String, Duration, Option<Duration>, Option<Duration>);

/// Measures what was chosen; the report in Markdown.
///
/// # Errors
/// When a side fails.
pub fn run(world: &World, chosen: &Chosen) -> Result<String> {
    let debian = Debian::new(world)?;
    let mut lines: Vec<Line> = Vec::new();
    let mut notes = Vec::new();
    if chosen.has("start") {
        lines.push(job(world, &debian, "one derivation", 1, chosen.samples)?);
        let (_, ours, others, _) = lines.last().context("a line")?;
        let times = ratio(others.unwrap_or_default(), *ours);
        notes.push(verdict(
            &format!(
                "cold start to the first result {times:.1} times faster than Debian, goal {GOAL}"
            ),
            times >= GOAL,
        ));
    }
    if chosen.has("many") {
        let count = chosen.derivations;
        lines.push(job(
            world,
            &debian,
            &format!("{count} derivations"),
            count,
            1,
        )?);
    }
    let mut text = String::new();
    if !lines.is_empty() {
        text.push_str("| From power-on to the end of | wasibuild's machine | Debian, systemd, sshd, `ssh-ng://` | the sandbox |\n|---|---|---|---|\n");
        for (what, ours, others, sandbox) in lines {
            let side = |time: Option<Duration>| {
                time.map_or_else(
                    || "—".to_owned(),
                    |time| format!("{} ({:.2} ×)", human(time), ratio(time, ours)),
                )
            };
            text.push_str(&format!(
                "| {what} | {} | {} | {} |\n",
                human(ours),
                side(others),
                side(sandbox)
            ));
        }
        text.push('\n');
    }
    if chosen.has("idle") {
        let (table, verdicts) = idle::report(world, &debian)?;
        text.push_str(&table);
        notes.extend(verdicts);
    }
    if chosen.has("files") {
        text.push_str(&files::report(world, chosen.samples)?);
    }
    text.push_str(&notes.concat());
    Ok(text)
}

fn verdict(text: &str, met: bool) -> String {
    format!("- {text}: {}\n", if met { "met" } else { "**missed**" })
}

/// Builds so many derivations from cold on each side, in turns.
fn job(
    world: &World,
    debian: &Debian<'_>,
    what: &str,
    count: usize,
    samples: usize,
) -> Result<Line> {
    eprintln!("measuring: {what}");
    let timed = |build: &dyn Fn(&[String]) -> Result<()>| -> Result<Duration> {
        let derivations = world.derivations("trivial", count)?;
        let start = Instant::now();
        build(&derivations)?;
        let time = start.elapsed();
        world.check(&derivations)?;
        Ok(time)
    };
    let ours = || {
        ours::stop(world)?;
        timed(&|derivations| ours::build(world, derivations, "vm"))
    };
    let others = || {
        debian.fresh_disk()?;
        timed(&|derivations| {
            let machine = debian.start()?;
            machine.build(derivations)
        })
    };
    let sandbox = || timed(&|derivations| ours::build(world, derivations, "shell"));
    let mut sides: [crate::measure::Side<'_>; 3] =
        [Box::new(ours), Box::new(others), Box::new(sandbox)];
    let times = crate::measure::medians(samples, &mut sides)?;
    let time = |index: usize| times.get(index).copied();
    Ok((
        what.to_owned(),
        time(0).context("a time")?,
        time(1),
        time(2),
    ))
}
