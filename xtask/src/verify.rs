//! `cargo xtask verify`: `wasibuild verify` on every derivation of nix-plugin/examples/stdenv, whose tools are
//! this Debian's programs: the sandbox and the virtual machine agree to the byte.
//!
//! CI does so for every fifth derivation, because emulated machines are slow.

use crate::command::{cargo, run as run_command};
use crate::{agents, builders, kernels};
use anyhow::Result;

pub fn run() -> Result<()> {
    agents::run()?;
    builders::run(&builders::Options {
        unlocked: true,
        ..Default::default()
    })?;
    run_command(&mut cargo(["build", "--workspace", "--bins", "--locked"]))?;
    kernels::run()?;
    run_command(
        cargo([
            "test",
            "--locked",
            "--package",
            "wasibuild-tests",
            "--test",
            "vm",
            "--",
            "--show-output",
            "--exact",
            "examples::sandbox_and_machine_agree_on_the_examples_derivations",
        ])
        .env("WASIBUILD_VERIFY_ALL", "1"),
    )
}
