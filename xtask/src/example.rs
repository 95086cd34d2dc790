//! `cargo xtask example`: the main job, seen working. The example machine's `.drv` files
//! (tests/fixtures/nixos) are built by WebAssembly builders into a fresh store; no Nix is needed.

use crate::command::{cargo, run as run_command, target_dir, workspace};
use crate::{builders, fixtures};
use anyhow::Result;
use std::path::PathBuf;
use std::process::Command;

#[derive(clap::Args)]
pub struct Options {
    /// The store's root; by default a new one in the target folder
    #[arg(long)]
    store: Option<PathBuf>,
}

pub fn run(options: &Options) -> Result<()> {
    builders::run(&builders::Options::default())?;
    run_command(&mut cargo(["build", "--locked", "--package", "wasibuild"]))?;
    let root = match &options.store {
        Some(root) => root.clone(),
        None => {
            let root = target_dir().join("example");
            let _ = std::fs::remove_dir_all(&root);
            root
        }
    };
    let link = target_dir().join("example-result");
    let program = target_dir().join("debug/wasibuild");
    let mut build = Command::new(&program);
    build
        .current_dir(workspace())
        .arg("run")
        .arg(fixtures::top_level()?);
    // All that the example needs is beside it.
    build.arg("--no-substitute").arg("--store").arg(&root);
    run_command(build.arg("--out-link").arg(&link))?;
    // The link is to the path as the store names it; on disk it lies below the root.
    let output = std::fs::read_link(&link)?;
    let place = root.join(output.strip_prefix("/").unwrap_or(&output));
    println!("\n{} in {}:", output.display(), root.display());
    run_command(
        Command::new("find")
            .arg(&place)
            .args(["-printf", "%P %l\n"]),
    )
}
