//! `cargo xtask test`: every check that must pass before a change lands. `.ci/run` calls it.

use crate::command::{cargo, run as run_command, shown, target_dir, workspace};
use crate::{agents, builders, compare, fixtures, kernels, layers, nixes, skips};
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

#[derive(clap::Args)]
pub struct Options {
    /// Only what takes seconds: no build in another folder, no check for macOS
    #[arg(long)]
    quick: bool,
}

pub fn run(options: &Options) -> Result<()> {
    run_command(&mut cargo(["fmt", "--all", "--check"]))?;
    layers::run()?;
    agents::run()?;
    builders::run(&builders::Options {
        reproduce: !options.quick,
        ..Default::default()
    })?;
    run_command(&mut cargo([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ]))?;
    fixtures::run(&fixtures::Options::default())?;
    nixes::run()?;
    // The program itself: the integration tests start it.
    run_command(&mut cargo(["build", "--workspace", "--bins", "--locked"]))?;
    kernels::run()?;
    tests()?;
    // The stdenv example: every output as GNU tools make it, and no program of this host started.
    compare::run(&compare::Options {
        program: Some(target_dir().join("debug/wasibuild")),
        ..Default::default()
    })?;
    if !options.quick {
        check_for_macos()?;
    }
    eprintln!("all checks passed");
    Ok(())
}

/// Runs the tests, keeps all that they print in target/test.log, and looks for skips in it.
fn tests() -> Result<()> {
    let path = target_dir().join("test.log");
    let mut log =
        std::fs::File::create(&path).with_context(|| format!("writing {}", path.display()))?;
    let mut command = cargo([
        "test",
        "--workspace",
        "--locked",
        "--no-fail-fast",
        "--",
        "--show-output",
    ]);
    eprintln!("+ {}", shown(&command));
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo test")?;
    let mut failures = false;
    for line in
        BufReader::new(child.stdout.take().context("cargo test has no output")?).split(b'\n')
    {
        let line = line?;
        log.write_all(&line)?;
        log.write_all(b"\n")?;
        // The output of tests that passed stays in the log; the rest is shown as it comes.
        let text = String::from_utf8_lossy(&line);
        failures = match text.trim() {
            "failures:" => true,
            "successes:" => false,
            trimmed => failures && !trimmed.starts_with("test result:"),
        };
        if failures || text.starts_with("test ") {
            println!("{text}");
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!(
            "the tests failed; all that they printed is in {}",
            path.display()
        );
    }
    let log = std::fs::read(&path)?;
    for skip in skips::check(
        &String::from_utf8_lossy(&log),
        &workspace().join("tests/skips.list"),
    )? {
        eprintln!("SKIPPED: {skip} (in tests/skips.list)");
    }
    Ok(())
}

/// Type-checks everything that ships for the users' platform. The C parts of wasmtime and SQLite
/// are compiled by this machine's compiler (`CRATE_CC_NO_DEFAULTS`), which does for a check.
fn check_for_macos() -> Result<()> {
    const TARGET: &str = "aarch64-apple-darwin";
    run_command(
        Command::new("rustup")
            .current_dir(workspace())
            .args(["target", "add", TARGET]),
    )?;
    let mut check = cargo(["check", "--locked", "--workspace", "--target", TARGET]);
    run_command(check.env("CRATE_CC_NO_DEFAULTS", "1"))
}
