//! `cargo xtask agents`: compiles the virtual machine's agent, the same bytes everywhere.
//!
//! One static program for each of the two architectures of guests, linked by the linker that comes with
//! Rust, so that neither a C compiler nor Linux is needed. Its place is target/vm-agents, from where the
//! program embeds it (runtime/vm/build.rs). What could differ between machines is taken out as for the
//! builders.

use crate::builders::rustflags;
use crate::command::{cargo, run as run_command, target_dir, workspace};
use anyhow::{Context, Result};
use std::path::Path;
use std::process::Command;

const ARCHITECTURES: [&str; 2] = ["x86_64", "aarch64"];

pub fn run() -> Result<()> {
    let folder = target_dir().join("vm-agents");
    compile(&workspace(), &target_dir().join("agent"), &folder)
}

/// Compiles the agents of the sources in `root`, and puts them into `to`.
pub fn compile(root: &Path, target: &Path, to: &Path) -> Result<()> {
    let triples = ARCHITECTURES.map(|name| format!("{name}-unknown-linux-musl"));
    if Command::new("rustup").arg("--version").output().is_ok() {
        let mut add = Command::new("rustup");
        run_command(add.current_dir(root).args(["target", "add"]).args(&triples))?;
    }
    let mut flags = rustflags(root)?;
    flags.extend(
        [
            "-Clinker=rust-lld",
            "-Clinker-flavor=ld.lld",
            "-Clink-self-contained=yes",
            "-Ctarget-feature=+crt-static",
        ]
        .map(str::to_owned),
    );
    let mut build = cargo(["build", "--locked", "--profile", "guest"]);
    build
        .current_dir(root)
        .args(["--package", "wasibuild-vm-agent", "--bins", "--target-dir"])
        .arg(target)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .env_remove("RUSTFLAGS");
    for triple in &triples {
        build.args(["--target", triple]);
    }
    run_command(&mut build)?;
    std::fs::create_dir_all(to).with_context(|| format!("making {}", to.display()))?;
    for (name, triple) in ARCHITECTURES.iter().zip(&triples) {
        let made = target.join(triple).join("guest/wasibuild-vm-agent");
        let bytes = std::fs::read(&made).with_context(|| format!("reading {}", made.display()))?;
        let place = to.join(name);
        // What did not change must not make cargo compile the program again.
        if std::fs::read(&place).ok().as_ref() != Some(&bytes) {
            std::fs::write(&place, &bytes)
                .with_context(|| format!("writing {}", place.display()))?;
        }
        eprintln!("agent for {name}: {} bytes", bytes.len());
    }
    Ok(())
}
