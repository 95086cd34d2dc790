//! How fast what a build made comes back.
//!
//! Contract: the time from the builder's last line, which it prints when all is written in the guest, to
//! the program's end, when all is in the host's store and registered. Beside it `cp -r` of the same tree,
//! with what it wrote forced to the disk and without.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::{World, ours};
use crate::doors::output;
use crate::measure::{human, ratio};

/// From the builder's word to the program's end, and the output.
fn ours(world: &World, kind: &str) -> Result<(Duration, String)> {
    let derivations = world.derivations(kind, 1)?;
    let mut run = ours::command(world);
    run.env("WASIBUILD_ROUTES", "vm")
        .arg("run")
        .args(&derivations);
    let mut child = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut made = None;
    let mut said = String::new();
    for line in BufReader::new(child.stderr.take().context("its log")?).lines() {
        let line = line?;
        if line.trim_end().ends_with("made") {
            made = Some(Instant::now());
        }
        said.push_str(&line);
        said.push('\n');
    }
    let output = child.wait_with_output()?;
    let time = made
        .with_context(|| format!("it said nothing:\n{said}"))?
        .elapsed();
    ensure!(output.status.success(), "the build failed:\n{said}");
    Ok((time, String::from_utf8(output.stdout)?.trim().to_owned()))
}

/// The table.
///
/// # Errors
/// When a build fails.
pub fn report(world: &World, samples: usize) -> Result<String> {
    let mut text = String::from(
        "| What comes back | wasibuild's machine | `cp -r` of it | `cp -r` and `sync` |\n|---|---|---|---|\n",
    );
    for (kind, what) in [
        ("files", "1,000 files of 16 kB"),
        ("large", "a file of 256 MiB"),
    ] {
        eprintln!("measuring: {what}");
        let mut times = [Vec::new(), Vec::new(), Vec::new()];
        // One more, which starts the machine and does not count.
        for turn in 0..=samples {
            let (time, path) = ours(world, kind)?;
            let from = world.root().join(path.trim_start_matches('/'));
            let to = world.scratch.join("copy");
            let copy = |sync: bool| -> Result<Duration> {
                let start = Instant::now();
                output(Command::new("cp").arg("-r").arg(&from).arg(&to))?;
                if sync {
                    output(Command::new("sync").arg("-f").arg(&world.scratch))?;
                }
                let time = start.elapsed();
                output(Command::new("rm").arg("-rf").arg(&to))?;
                Ok(time)
            };
            // What is dirty already is none of its time.
            output(Command::new("sync").arg("-f").arg(&world.scratch))?;
            let turns = [time, copy(false)?, copy(true)?];
            if turn > 0 {
                for (all, time) in times.iter_mut().zip(turns) {
                    all.push(time);
                }
            }
        }
        let [ours, plain, synced] = times.map(|mut all| {
            all.sort();
            all.get(all.len() / 2).copied().unwrap_or_default()
        });
        let side = |time: Duration| format!("{} ({:.2} ×)", human(time), ratio(time, ours));
        text.push_str(&format!(
            "| {what} | {} | {} | {} |\n",
            human(ours),
            side(plain),
            side(synced)
        ));
    }
    text.push('\n');
    let _ = fs::remove_dir_all(world.scratch.join("copy"));
    Ok(text)
}
