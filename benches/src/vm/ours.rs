//! Our side: the program as a user starts it, and the processes of its machine.

use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::World;
use crate::doors::output;

/// The program, on the world's store.
pub fn command(world: &World) -> Command {
    let mut command = Command::new(&world.wasibuild);
    command
        .env("WASIBUILD_STORE", world.root())
        .env("WASIBUILD_SUBSTITUTERS", "")
        .env("WASIBUILD_CONFIG", "")
        .env("XDG_CACHE_HOME", world.scratch.join("cache"))
        .env("XDG_STATE_HOME", world.state())
        .stdin(Stdio::null());
    command
}

/// Ends the machine, if there is one.
///
/// # Errors
/// When the program fails.
pub fn stop(world: &World) -> Result<()> {
    output(command(world).args(["vm", "stop"])).map(drop)
}

/// Builds by one route, `vm` or `shell`.
///
/// # Errors
/// When a build fails.
pub fn build(world: &World, derivations: &[String], route: &str) -> Result<()> {
    let mut run = command(world);
    run.env("WASIBUILD_ROUTES", route).arg("run");
    output(run.args(derivations)).map(drop)
}

/// The numbers of the supervisor and of QEMU.
///
/// # Errors
/// When no machine runs.
pub fn processes(world: &World) -> Result<[u32; 2]> {
    let text = output(command(world).args(["vm", "status"]))?;
    let number = |what: &str| {
        let mut lines = text.lines();
        lines
            .find_map(|line| line.trim().strip_prefix(what)?.trim().parse().ok())
            .with_context(|| format!("no machine runs:\n{text}"))
    };
    Ok([number("supervisor ")?, number("qemu ")?])
}

/// The arguments of our machine's QEMU.
///
/// # Errors
/// When no machine runs.
pub fn arguments(world: &World) -> Result<Vec<String>> {
    let [_, qemu] = processes(world)?;
    let line = std::fs::read(format!("/proc/{qemu}/cmdline"))?;
    let words = line.split(|byte| *byte == 0);
    Ok(words
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect())
}
