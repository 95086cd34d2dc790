//! `cargo xtask fixtures`: the `.drv` closures of nix-plugin/examples, with the source files that
//! they name, as a real Nix evaluates them, are kept in tests/fixtures, so that they can be built
//! where there is no Nix. This chore evaluates the examples again and compares, or writes them anew
//! (`--update`).

use crate::command::{output, target_dir, workspace};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(clap::Args, Default)]
pub struct Options {
    /// Write tests/fixtures anew
    #[arg(long)]
    pub update: bool,
}

/// File name to bytes of a derivation's closure, and the derivation's own file name under `top`.
type Closure = BTreeMap<String, Vec<u8>>;

const EXAMPLE: &str = "nixos";

fn folder() -> PathBuf {
    workspace().join("tests/fixtures").join(EXAMPLE)
}

/// The example machine's top-level derivation, the file named in `tests/fixtures/nixos/top`.
pub fn top_level() -> Result<PathBuf> {
    let top = folder().join("top");
    let name =
        std::fs::read_to_string(&top).with_context(|| format!("reading {}", top.display()))?;
    Ok(folder().join(name.trim()))
}

pub fn run(options: &Options) -> Result<()> {
    // The same expression must give the same derivations wherever it is evaluated.
    let closure = evaluate("x86_64-linux")?;
    if closure != evaluate("aarch64-darwin")? {
        bail!(
            "nix-plugin/examples/{EXAMPLE} evaluates to other derivations on aarch64-darwin than on x86_64-linux"
        );
    }
    if options.update {
        let _ = std::fs::remove_dir_all(folder());
        std::fs::create_dir_all(folder())?;
        for (name, bytes) in &closure {
            std::fs::write(folder().join(name), bytes)?;
        }
        eprintln!("wrote {} files to {}", closure.len(), folder().display());
        return Ok(());
    }
    let kept = read(&folder())?;
    let names: std::collections::BTreeSet<_> = closure.keys().chain(kept.keys()).collect();
    let different: Vec<_> = names
        .into_iter()
        .filter(|name| closure.get(*name) != kept.get(*name))
        .collect();
    if !different.is_empty() {
        bail!(
            "tests/fixtures/{EXAMPLE} is not what nix-plugin/examples/{EXAMPLE} evaluates to: {} files differ, \
             among them {}. If that is meant, run `cargo xtask fixtures --update` and commit the result.",
            different.len(),
            different[0]
        );
    }
    eprintln!(
        "{} files of tests/fixtures/{EXAMPLE}: as evaluated, for two hosts",
        closure.len()
    );
    Ok(())
}

/// Evaluates the example into a store of its own and collects the closure of its derivation.
fn evaluate(system: &str) -> Result<Closure> {
    let root = target_dir().join("evaluation").join(system);
    let _ = std::fs::remove_dir_all(&root);
    std::fs::create_dir_all(&root)?;
    let nix = |program: &str| {
        let mut command = Command::new(program);
        command.current_dir(workspace()).arg("--store").arg(&root);
        command
    };
    let expression = format!("nix-plugin/examples/{EXAMPLE}");
    let mut instantiate = nix("nix-instantiate");
    instantiate.args(["--option", "system", system, &expression, "-A", "toplevel"]);
    instantiate
        .arg("--arg")
        .arg("builders")
        .arg(target_dir().join("builders"));
    let top = String::from_utf8(output(&mut instantiate)?)?;
    let top = top.trim().trim_end_matches("!out");
    let closure = String::from_utf8(output(nix("nix-store").args([
        "--query",
        "--requisites",
        top,
    ]))?)?;
    let mut files = Closure::new();
    // The builders are left out: the program carries them.
    for path in closure.lines().filter(|path| !path.ends_with(".wasm")) {
        let place = root.join(path.trim_start_matches('/'));
        files.insert(
            base_name(path),
            std::fs::read(&place).with_context(|| format!("reading {}", place.display()))?,
        );
    }
    files.insert("top".into(), format!("{}\n", base_name(top)).into_bytes());
    Ok(files)
}

fn base_name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

fn read(folder: &Path) -> Result<Closure> {
    let mut files = Closure::new();
    for entry in
        std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?
    {
        let path = entry?.path();
        files.insert(base_name(&path.to_string_lossy()), std::fs::read(&path)?);
    }
    Ok(files)
}
