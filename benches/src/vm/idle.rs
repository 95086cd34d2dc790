//! What machines take when nothing is built: processor time and memory.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Debian, World, ours, verdict};

/// How long a machine is left alone before it is looked at: ours drops its caches after two seconds, and a
/// system has its timers.
const REST: Duration = Duration::from_secs(15);
/// How long it is looked at.
const WATCH: Duration = Duration::from_secs(20);
/// The bounds of ours: processor time in [`WATCH`], and MiB.
const MAX_CPU: f64 = 0.2;
const MAX_MEMORY: f64 = 150.0;
/// Hundredths of a second: `USER_HZ`, which Linux does not change.
const TICKS: f64 = 100.0;

/// Seconds of processor time that a process has had.
fn cpu(process: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, rest) = stat.rsplit_once(") ").context("a process' state")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let ticks = |index: usize| -> Result<f64> {
        Ok(fields.get(index).context("a process' time")?.parse()?)
    };
    // utime and stime, the 14th and 15th field of proc(5).
    Ok((ticks(11)? + ticks(12)?) / TICKS)
}

/// Its share of memory in MiB (PSS): all of it, and without pages of files, which the host can drop.
fn memory(process: u32) -> Result<[f64; 2]> {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let field = |name: &str| -> Result<f64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let number = line.context("PSS")?.trim().trim_end_matches(" kB");
        Ok(number.trim().parse::<f64>()? / 1024.0)
    };
    Ok([field("Pss:")?, field("Pss_Anon:")?])
}

/// Processor time while watched, and memory, of all processes together.
fn watch(processes: &[u32]) -> Result<(f64, [f64; 2])> {
    std::thread::sleep(REST);
    let all = || {
        processes
            .iter()
            .map(|process| cpu(*process))
            .sum::<Result<f64>>()
    };
    let before = all()?;
    std::thread::sleep(WATCH);
    let time = all()? - before;
    let mut sums = [0.0; 2];
    for process in processes {
        for (sum, one) in sums.iter_mut().zip(memory(*process)?) {
            *sum += one;
        }
    }
    Ok((time, sums))
}

/// The table, and whether the goals are met.
///
/// # Errors
/// When a machine does not come, or is gone.
pub fn report(world: &World, debian: &Debian<'_>) -> Result<(String, [String; 2])> {
    eprintln!("measuring: machines that have nothing to do");
    // After a build that took memory, which has to be given back.
    ours::build(world, &world.derivations("large", 1)?, "vm")?;
    let (our_time, [our_memory, our_own]) = watch(&ours::processes(world)?)?;
    ours::stop(world)?;
    debian.fresh_disk()?;
    let machine = debian.start()?;
    machine.build(&world.derivations("large", 1)?)?;
    let (their_time, [their_memory, their_own]) = watch(&[machine.process()])?;
    let seconds = WATCH.as_secs();
    let table = format!(
        "| Idle, after a build of 256 MiB | wasibuild's machine | Debian |\n|---|---|---|\n\
         | processor time in {seconds} s | {our_time:.2} s | {their_time:.2} s |\n\
         | memory (PSS of QEMU and supervisor) | {our_memory:.0} MiB | {their_memory:.0} MiB |\n\
         | of it not pages of files | {our_own:.0} MiB | {their_own:.0} MiB |\n\n"
    );
    let verdicts = [
        verdict(
            &format!(
                "idle processor time {our_time:.2} s in {seconds} s, goal none (up to {MAX_CPU})"
            ),
            our_time <= MAX_CPU,
        ),
        verdict(
            &format!("idle memory {our_memory:.0} MiB, goal {MAX_MEMORY}"),
            our_memory < MAX_MEMORY,
        ),
    ];
    Ok((table, verdicts))
}
