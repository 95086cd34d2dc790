//! The jobs of the shell: a configuration for Linux, one text of it, and plain shell code.
//!
//! Contract: the other side is GNU bash under bubblewrap, with the GNU programs where the script calls
//! any. What scripts print on both sides is compared.

use std::fs::File;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use wasibuild::embedded::BUILDERS;
use wasibuild::programs::SHELL;
use wasibuild_sandbox::{
    BuildRequest, CancelToken, Engine, EngineOptions, LogSink, Module, ProgramSource,
};

use crate::cases::Places;
use crate::configuration::Configuration;
use crate::measure::{Row, Side, human, medians, ratio};
use crate::namespaces::bubblewrap;

/// All rows.
///
/// # Errors
/// When a side fails, or prints something else than the other.
pub fn rows(places: &Places) -> Result<Vec<Row>> {
    let program = places.programs.join("wasibuild");
    let configuration = Configuration::prepare(&program, &places.scratch.join("compare"))?;
    let mut rows = vec![closure(places, &configuration)?];
    rows.extend(text(places, &configuration)?);
    rows.extend(code(places)?);
    Ok(rows)
}

/// The whole configuration, with the engine's start.
fn closure(places: &Places, configuration: &Configuration) -> Result<Row> {
    let goals = configuration.goals();
    let mut sides: [Side<'_>; 2] = [
        Box::new(|| {
            let host = places.host()?.attempting_all();
            configuration.fill(&host)?;
            let start = Instant::now();
            host.run(&goals)?;
            Ok(start.elapsed())
        }),
        Box::new(|| configuration.run_natively(None, &places.fresh("native")?, places.jobs)),
    ];
    let job = format!(
        "a configuration for Linux ({} derivations), with the engine's start",
        configuration.count()
    );
    row(&job, 20.0, medians(3, &mut sides)?)
}

/// One text, its inputs being there and the engine running.
fn text(places: &Places, configuration: &Configuration) -> Result<Option<Row>> {
    let Some(number) = configuration.text() else {
        eprintln!("there is no derivation that writes one text");
        return Ok(None);
    };
    let (goal, needed) = configuration.goal(number);
    let first = places.host()?.attempting_all();
    let once = || {
        let host = first.beside(&places.fresh("store")?)?;
        configuration.fill(&host)?;
        if !needed.is_empty() {
            host.run(&needed)?;
        }
        let start = Instant::now();
        host.run(std::slice::from_ref(&goal))?;
        Ok(start.elapsed())
    };
    let mut sides: [Side<'_>; 2] = [
        Box::new(once),
        Box::new(|| configuration.run_natively(Some(number), &places.fresh("native")?, 1)),
    ];
    let times = medians(7, &mut sides)?;
    if let Some(ours) = times.first() {
        let met = *ours < Duration::from_millis(5);
        let met = if met { "met" } else { "**missed**" };
        eprintln!("one writeText: {} (goal 5 ms: {met})", human(*ours));
    }
    let row = row("one writeText of the configuration's stdenv", 1.0, times)?;
    Ok(Some(row))
}

/// Replaces every tenth byte of so many megabytes.
fn replacement(megabytes: usize) -> String {
    format!(
        "LC_ALL=C; printf -v x '%*s' {megabytes}00000 ''; x=${{x// /ababababab}}; \
         x=${{x//a/cd}}; echo ${{#x}}"
    )
}

const LOOP: &str = "for ((i = 0; i < 1000000; i++)); do x=$i; done; echo $x";

/// Shell code without programs.
fn code(places: &Places) -> Result<Vec<Row>> {
    let engine = Engine::new(EngineOptions {
        cache_dir: Some(places.modules()),
        ..EngineOptions::default()
    })?;
    let shell = BUILDERS.iter().find(|builder| builder.name == SHELL);
    let shell = shell.context("the program has no shell: `cargo xtask builders` makes it")?;
    let module = engine.module(shell.module)?;
    let mut rows = Vec::new();
    let replaced = replacement(1);
    for (job, script, goal) in [
        ("a shell loop of a million iterations", LOOP, 0.5),
        ("`${x//a/b}` in 1 MB, half of its bytes", &replaced, 1.0),
    ] {
        let ours = || sandboxed(&engine, &module, script);
        let theirs = || {
            let mut command = bubblewrap();
            command.args(["/usr/bin/bash", "-c", script]);
            natively(command)
        };
        ensure!(ours()?.1 == theirs()?.1, "other output: {script}");
        let mut sides: [Side<'_>; 2] = [
            Box::new(move || Ok(ours()?.0)),
            Box::new(move || Ok(theirs()?.0)),
        ];
        rows.push(row(job, goal, medians(3, &mut sides)?)?);
    }
    let time = |megabytes| -> Result<Duration> {
        Ok(sandboxed(&engine, &module, &replacement(megabytes))?.0)
    };
    let (small, large) = (time(10)?, time(100)?);
    let factor = ratio(large, small);
    let met = if factor < 12.0 { "met" } else { "**missed**" };
    eprintln!(
        "`${{x//a/b}}` in 100 MB takes {factor:.1} times as long as in 10 MB ({}; goal, linear: {met})",
        human(small)
    );
    Ok(rows)
}

/// A script in the sandbox: its time and what it printed.
fn sandboxed(engine: &Engine, module: &Module, script: &str) -> Result<(Duration, Vec<u8>)> {
    let mut request = BuildRequest::new("script", ProgramSource::Module(module.clone()));
    request.argv = ["bash", "-c", script].map(Into::into).into();
    let mut printed = Printed::default();
    let start = Instant::now();
    engine.run(request, &mut printed, &CancelToken::new())?;
    Ok((start.elapsed(), printed.0))
}

#[derive(Default)]
struct Printed(Vec<u8>);

impl LogSink for Printed {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

fn natively(mut command: Command) -> Result<(Duration, Vec<u8>)> {
    let start = Instant::now();
    let output = command.stderr(File::create("/dev/null")?).output()?;
    let time = start.elapsed();
    ensure!(output.status.success(), "{command:?} failed");
    Ok((time, output.stdout))
}

fn row(job: &str, goal: f64, times: Vec<Duration>) -> Result<Row> {
    let mut times = times.into_iter();
    Ok(Row {
        job: job.to_owned(),
        ours: times.next().context("our time")?,
        native: None,
        gnu: None,
        sandboxed: times.next(),
        nix: None,
        goal,
    })
}
