//! Derivations for the benchmarks, as loose files.
//!
//! Contract: their builders are the program's own, found by name in its table.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use wasibuild_nix_compat::derivation::{Derivation, Output, OutputPathError};
use wasibuild_nix_compat::store_path::StorePath;

use crate::program::workspace;

/// A builder that every fixture has.
const TEXT: &str = "text";

/// The sources of the fixture's derivations, once they were read.
static SOURCES: Mutex<BTreeSet<StorePath>> = Mutex::new(BTreeSet::new());

/// A derivation of ours.
#[derive(Debug, Clone)]
pub struct Written {
    /// The `.drv` in the store.
    pub path: StorePath,
    /// Its output.
    pub out: StorePath,
    hash: [u8; 32],
}

/// The goal of the example's fixture, as an argument.
///
/// # Errors
/// When the folder cannot be read or has no such file.
pub fn example() -> Result<OsString> {
    let folder = workspace().join("tests/fixtures/nixos");
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        let name = path.to_string_lossy();
        if name.ends_with(".drv") && name.contains("-nixos-system-") {
            return Ok(path.into_os_string());
        }
    }
    anyhow::bail!("no top level in {}", folder.display())
}

/// Writes a derivation for a builder of ours into `directory`.
///
/// # Errors
/// When the builder is not in the fixture, or the disk fails.
pub fn write(
    directory: &Path,
    builder: &str,
    name: &str,
    mut attributes: Value,
    sources: &[StorePath],
    inputs: &[Written],
) -> Result<Written> {
    let builder = builder_path(builder)?;
    let absolute = builder.to_absolute_path();
    attributes["name"] = json!(name);
    attributes["builder"] = json!(absolute);
    attributes["system"] = json!("wasm32-wasi");
    let mut derivation =
        Derivation::from_aterm_bytes(b"Derive([],[],[],\"wasm32-wasi\",\"/\",[],[])")?;
    derivation.builder = absolute.into();
    derivation.input_sources = sources.iter().cloned().chain([builder]).collect();
    for input in inputs {
        derivation
            .input_derivations
            .insert(input.path.clone(), ["out".to_owned()].into());
    }
    derivation
        .environment
        .insert("__json".into(), attributes.to_string().into());
    derivation.environment.insert("out".into(), "".into());
    // Any path: the calculation does not look at it.
    let unknown = Output::InputAddressed {
        path: builder_path(TEXT)?,
    };
    derivation.outputs.insert("out".to_owned(), unknown);
    let hashes: BTreeMap<&StorePath, [u8; 32]> = (inputs.iter())
        .map(|input| (&input.path, input.hash))
        .collect();
    let hash = |path: &StorePath| -> Result<[u8; 32], OutputPathError> {
        Ok(hashes.get(path).copied().unwrap_or_default())
    };
    let paths = derivation.calculate_output_paths(name, hash)?;
    let out = paths.get("out").context("an output path")?.clone();
    let output = Output::InputAddressed { path: out.clone() };
    derivation.outputs.insert("out".to_owned(), output);
    derivation
        .environment
        .insert("out".into(), out.to_absolute_path().into());
    let path = derivation.calculate_derivation_path(name)?;
    fs::write(directory.join(path.basename()), derivation.to_aterm_bytes())?;
    let hash = derivation.hash_derivation_modulo(hash)?;
    Ok(Written { path, out, hash })
}

/// Where the fixture's derivations expect a builder of ours.
fn builder_path(name: &str) -> Result<StorePath> {
    let end = format!("-wasibuild-{name}.wasm");
    let mut known = match SOURCES.lock() {
        Ok(known) => known,
        Err(poisoned) => poisoned.into_inner(),
    };
    if known.is_empty() {
        for entry in fs::read_dir(workspace().join("tests/fixtures/nixos"))? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "drv") {
                known.extend(Derivation::from_aterm_bytes(&fs::read(&path)?)?.input_sources);
            }
        }
    }
    let mut sources = known.iter();
    let found = sources.find(|source| source.basename().ends_with(&end));
    found
        .cloned()
        .with_context(|| format!("the fixture has no builder '{name}'"))
}
