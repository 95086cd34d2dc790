//! Real Nix's side: the same scripts as derivations for bash, realised by `nix-store`.
//!
//! Contract: Nix does all that wasibuild does for a derivation (locks, sandbox, hashes, references,
//! canonical form, registration). Its derivations have other output paths than wasibuild's, since
//! their builder is another; the scripts are rewritten to them. Nix takes part only if it is
//! installed and may make its sandbox here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use wasibuild_nix_compat::derivation::{Derivation, Output, OutputPathError};
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_store::Store;

use crate::plain::{Plain, replaced};

const SETTINGS: &str = "build-users-group =\nsubstitute = false\nsandbox = true\n\
    sandbox-paths = /bin /usr /lib /lib64\nsandbox-fallback = false\n";

struct Made {
    path: StorePath,
    hash: [u8; 32],
}

/// Writes the derivations into the store at `root`; returns those that nothing needs.
fn write(plain: &Plain, root: &Path) -> Result<Vec<StorePath>> {
    let store = Store::open(root)?;
    for (path, place) in &plain.sources {
        let added = store.add_path_as(place, path.name())?;
        ensure!(added == *path, "{path} is no plain source");
    }
    let mut renamed: BTreeMap<String, String> = BTreeMap::new();
    let mut made: Vec<Made> = Vec::new();
    let mut needed = BTreeSet::new();
    for step in &plain.steps {
        let mut script = step.script.clone();
        for (old, new) in &renamed {
            script = replaced(&script, old.as_bytes(), new.as_bytes());
        }
        // Its own outputs are not known yet: the script takes them from the environment.
        for (name, (path, _)) in step.output_names.iter().zip(&step.outputs) {
            let variable = format!("'\"${name}\"'");
            let path = path.to_absolute_path();
            script = replaced(&script, path.as_bytes(), variable.as_bytes());
        }
        let mut derivation =
            Derivation::from_aterm_bytes(b"Derive([],[],[],\"x86_64-linux\",\"/bin/bash\",[],[])")?;
        let source = store.add_text("script", &script, &BTreeSet::new())?;
        derivation.system = format!("{}-linux", std::env::consts::ARCH).into();
        derivation.arguments = vec!["-e".into(), source.to_absolute_path().into()];
        derivation.input_sources = plain.sources.keys().cloned().chain([source]).collect();
        let mut hashes = BTreeMap::new();
        for &need in &step.needs {
            needed.insert(need);
            let input = made.get(need).context("an input")?;
            let names = plain.steps.get(need).context("an input")?;
            let names = names.output_names.iter().cloned().collect();
            (derivation.input_derivations).insert(input.path.clone(), names);
            hashes.insert(input.path.clone(), input.hash);
        }
        let environment = &mut derivation.environment;
        environment.insert("name".into(), step.name.as_str().into());
        environment.insert("PATH".into(), "/usr/bin:/bin".into());
        environment.insert("system".into(), derivation.system.clone());
        environment.insert("builder".into(), "/bin/bash".into());
        for (name, (path, _)) in step.output_names.iter().zip(&step.outputs) {
            environment.insert(name.as_str().into(), "".into());
            // Any path: the calculation does not look at it.
            let path = path.clone();
            (derivation.outputs).insert(name.clone(), Output::InputAddressed { path });
        }
        let hash = |path: &StorePath| -> Result<[u8; 32], OutputPathError> {
            Ok(hashes.get(path).copied().unwrap_or_default())
        };
        let paths = derivation.calculate_output_paths(&step.name, hash)?;
        for (name, path) in &paths {
            let text = path.to_absolute_path();
            (derivation.environment).insert(name.as_str().into(), text.into());
            let path = path.clone();
            (derivation.outputs).insert(name.clone(), Output::InputAddressed { path });
        }
        for (name, (old, _)) in step.output_names.iter().zip(&step.outputs) {
            let new = paths.get(name).context("an output path")?;
            renamed.insert(old.to_absolute_path(), new.to_absolute_path());
        }
        let path = store.add_text(
            &format!("{}.drv", step.name),
            &derivation.to_aterm_bytes(),
            &derivation.references(),
        )?;
        made.push(Made {
            path,
            hash: derivation.hash_derivation_modulo(hash)?,
        });
    }
    let made = made.into_iter().enumerate();
    Ok(made
        .filter(|(number, _)| !needed.contains(number))
        .map(|(_, made)| made.path)
        .collect())
}

/// Realises everything once in a new store at `root`; the time is that of the program. None if Nix
/// is not installed.
///
/// # Errors
/// When Nix fails.
pub fn run(plain: &Plain, root: &Path, jobs: usize) -> Result<Option<Duration>> {
    let goals = write(plain, root)?;
    let mut command = Command::new("nix-store");
    command
        .arg("--store")
        .arg(root)
        .args(["--realise", "--max-jobs", &jobs.to_string()])
        .args(goals.iter().map(StorePath::to_absolute_path))
        .env("NIX_CONFIG", SETTINGS)
        .env("NIX_CONF_DIR", root.join("no-configuration"))
        .stdin(Stdio::null());
    let start = Instant::now();
    let output = match command.output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).context("nix-store"),
    };
    let time = start.elapsed();
    let messages = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "nix-store failed:\n{messages}");
    Ok(Some(time))
}
