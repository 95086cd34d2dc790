//! `cargo xtask builders`: compiles the builders to WebAssembly, the same bytes everywhere.
//!
//! What could differ between machines is taken out: the compiler is pinned
//! (`rust-toolchain.toml`), the dependencies are locked (`Cargo.lock`), and the paths of the
//! workspace, of cargo's registry and of the compiler's own sources are renamed in what the
//! compiler writes. `--reproduce` proves it by building a copy of the sources in another folder.

use crate::agents;
use crate::command::{cargo, output, run as run_command, target_dir, workspace};
use crate::lock;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(clap::Args, Default)]
pub struct Options {
    /// Write builders/builders.lock anew
    #[arg(long)]
    pub update: bool,
    /// Build once more from a copy of the sources in another folder, and compare
    #[arg(long)]
    pub reproduce: bool,
    /// Do not compare with builders/builders.lock (while a builder is being changed)
    #[arg(long)]
    pub unlocked: bool,
}

pub fn run(options: &Options) -> Result<()> {
    let folder = target_dir().join("builders");
    compile(&workspace(), &target_dir().join("guest"), &folder)?;
    let found = lock::of_folder(&folder)?;
    let file = workspace().join("builders/builders.lock");
    if options.update {
        lock::write(&file, &found)?;
        eprintln!("wrote {}", file.display());
    } else if !options.unlocked {
        compare("builders/builders.lock", &lock::read(&file)?, &found)?;
    }
    if options.reproduce {
        let other = target_dir().join("elsewhere");
        copy_sources(&other)?;
        compile(
            &other,
            &other.join("target"),
            &other.join("target/builders"),
        )?;
        compare(
            "the build in another folder",
            &found,
            &lock::of_folder(&other.join("target/builders"))?,
        )?;
        reproduce_agents(&other)?;
        std::fs::remove_dir_all(&other)?;
        eprintln!(
            "{} builders: the same bytes from another folder",
            found.len()
        );
    }
    Ok(())
}

/// The agents, too, are the same bytes from another folder.
fn reproduce_agents(other: &Path) -> Result<()> {
    let (ours, theirs) = (target_dir().join("vm-agents"), other.join("vm-agents"));
    agents::compile(other, &other.join("target"), &theirs)?;
    for entry in std::fs::read_dir(&theirs)? {
        let name = entry?.file_name();
        if std::fs::read(ours.join(&name))? != std::fs::read(theirs.join(&name))? {
            bail!("the agent for {name:?} differs from the one built in another folder");
        }
    }
    Ok(())
}

fn compare(with: &str, expected: &lock::Lock, found: &lock::Lock) -> Result<()> {
    let differences = lock::differences(expected, found);
    if differences.is_empty() {
        return Ok(());
    }
    bail!(
        "the builders differ from {with}:\n  {}\nIf a builder was meant to change, run \
         `cargo xtask builders --update` and `cargo xtask fixtures --update`, and commit both.",
        differences.join("\n  ")
    )
}

/// Compiles every program of the packages in `builders/` and puts the modules into `to`.
fn compile(root: &Path, target: &Path, to: &Path) -> Result<()> {
    let mut build = cargo([
        "build",
        "--locked",
        "--profile",
        "guest",
        "--target",
        "wasm32-wasip1",
        "--bins",
    ]);
    build.current_dir(root);
    for package in packages(root)? {
        build.arg("--package").arg(package);
    }
    build.arg("--target-dir").arg(target);
    build
        .env("CARGO_ENCODED_RUSTFLAGS", rustflags(root)?.join("\u{1f}"))
        .env_remove("RUSTFLAGS");
    run_command(&mut build)?;
    // The same call again, now only to be told where the modules are: those of programs that
    // no longer exist may lie beside them.
    let messages = output(build.args(["--quiet", "--message-format", "json"]))?;
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to).with_context(|| format!("making {}", to.display()))?;
    let modules = executables(&messages)?;
    for (name, path) in &modules {
        // Written, not copied: in the store they are plain files, whatever cargo marks executable.
        let module = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        let place = to.join(name);
        std::fs::write(&place, module).with_context(|| format!("writing {}", place.display()))?;
    }
    eprintln!("{} builders in {}", modules.len(), to.display());
    Ok(())
}

/// Folders of libraries that builders share: they have no program.
const LIBRARIES: [&str; 2] = ["guest", "posix-regex"];

/// The packages in `builders/` that have a program.
fn packages(root: &Path) -> Result<Vec<String>> {
    let mut packages = Vec::new();
    for entry in std::fs::read_dir(root.join("builders"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !LIBRARIES.contains(&name.as_str())
            && root
                .join("builders")
                .join(&name)
                .join("Cargo.toml")
                .exists()
        {
            packages.push(format!("builder-{name}"));
        }
    }
    packages.sort();
    Ok(packages)
}

/// File name to place of every program in cargo's messages.
fn executables(messages: &[u8]) -> Result<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    for line in messages
        .split(|b| *b == b'\n')
        .filter(|line| !line.is_empty())
    {
        let message: serde_json::Value =
            serde_json::from_slice(line).context("reading cargo's messages")?;
        if let Some(path) = message["executable"].as_str().map(PathBuf::from)
            && let Some(name) = path.file_name()
        {
            found.insert(name.to_string_lossy().into_owned(), path.clone());
        }
    }
    Ok(found)
}

/// Renames every folder whose place differs between machines.
pub fn rustflags(root: &Path) -> Result<Vec<String>> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
        .context("neither CARGO_HOME nor HOME is set")?;
    let mut renames = vec![(root.to_path_buf(), "/wasibuild".to_owned())];
    // Each registry has a folder named after its host.
    if let Ok(registries) = std::fs::read_dir(home.join("registry/src")) {
        for registry in registries {
            renames.push((registry?.path(), "/registry".to_owned()));
        }
    }
    let mut rustc = Command::new("rustc");
    rustc.current_dir(root);
    let version = String::from_utf8(output(rustc.args(["--version", "--verbose"]))?)?;
    let hash = version
        .lines()
        .find_map(|line| line.strip_prefix("commit-hash: "))
        .unwrap_or("unknown");
    let sysroot = String::from_utf8(output(
        Command::new("rustc")
            .current_dir(root)
            .args(["--print", "sysroot"]),
    )?)?;
    renames.push((
        Path::new(sysroot.trim()).join("lib/rustlib/src/rust"),
        format!("/rustc/{hash}"),
    ));
    Ok(renames
        .into_iter()
        .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()))
        .collect())
}

/// Copies what git tracks or would track, as it is in the working tree.
fn copy_sources(to: &Path) -> Result<()> {
    let _ = std::fs::remove_dir_all(to);
    let files = output(Command::new("git").current_dir(workspace()).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    for file in files.split(|b| *b == 0).filter(|f| !f.is_empty()) {
        let file = std::str::from_utf8(file).context("a tracked file's name is not UTF-8")?;
        let (from, to) = (workspace().join(file), to.join(file));
        if !from.is_file() {
            continue;
        }
        std::fs::create_dir_all(to.parent().unwrap_or(&to))?;
        std::fs::copy(&from, &to).with_context(|| format!("copying {file}"))?;
    }
    Ok(())
}
