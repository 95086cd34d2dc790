//! An accepted build: run the builder, write its outputs in place, make them known to Nix.
//!
//! Contract: as in `wasibuild run`, what is checked before an output counts; outputs are complete and
//! canonical before Nix hears of them. A failure leaves nothing valid; Nix removes what lies there.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use thiserror::Error;
use wasibuild_nix_compat::derivation::{Derivation, DerivationKind};
use wasibuild_nix_compat::derivation_options::DerivationOptions;
use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_nix_compat::hash::NixHash;
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::refscan::CandidateSet;
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_sandbox::Limits;
use wasibuild_store::NewPath;
use wasibuild_worker_protocol::ProtocolError;

use super::place::Place;
use super::request::{Accepted, Try};
use super::{Config, absolute};
use crate::environment::{self, References};
use crate::output_checks::{self, Facts};
use crate::progress::Silent;
use crate::realise::error::chain;
use crate::realise::executor::{Execute, Job};
use crate::realise::log::BuildLog;
use crate::realise::{canonical, fixed_output, keep};
use crate::router::Executor;

/// Why a hook ends without outputs.
#[derive(Debug, Error)]
pub enum HookError {
    /// Nix said something that makes no sense.
    #[error("Nix's request to its build hook cannot be read: {0}")]
    Protocol(#[from] ProtocolError),
    /// Something of the system failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The build failed.
    #[error("{0}")]
    Build(String),
    /// Nix's own hook failed, and said why.
    #[error("the build failed on another machine")]
    Delegate,
}

/// How a build is run.
pub(super) struct How<'a> {
    pub(super) executor: &'a dyn Execute,
    /// Who builds, in the order in which they are tried.
    pub(super) with: &'a [Executor],
    pub(super) limits: Limits,
    pub(super) keep_failed: bool,
}

/// Builds what was accepted.
pub(super) fn build(
    config: &Config,
    how: How<'_>,
    place: &Place,
    asked: &Try,
    accepted: &Accepted,
    log: File,
) -> Result<(), HookError> {
    let derivation = place.read_derivation(&asked.derivation)?;
    let failed = |error: &dyn std::error::Error| HookError::Build(chain(error));
    let options = DerivationOptions::of(&derivation).map_err(|error| failed(&error))?;
    let store = NixStore {
        config,
        place,
        inputs: &accepted.inputs,
        known: RefCell::default(),
    };
    let environment = environment::prepare(&derivation, &options, config.cores, &store)
        .map_err(|error| failed(&error))?;
    let name = asked.derivation.derivation_name().unwrap_or("unnamed");
    let outputs: BTreeMap<String, StorePath> = derivation
        .outputs
        .iter()
        .filter_map(|(name, output)| Some((name.clone(), output.path()?.clone())))
        .collect();
    let inputs: BTreeMap<String, PathBuf> = (accepted.inputs.iter())
        .map(|path| (path.basename().to_owned(), place.real_path(path)))
        .collect();
    let job = Job {
        name: name.to_owned(),
        derivation: asked.derivation.clone(),
        builder: derivation.builder.clone(),
        system: derivation.system.clone(),
        fixed_output: derivation.kind() == Ok(DerivationKind::Fixed),
        features: options.required_system_features.clone(),
        executor: how.with.first().copied().unwrap_or(Executor::Sandbox),
        next: how.with.get(1..).unwrap_or_default().to_vec(),
        environment,
        inputs: Arc::new(inputs),
        outputs: outputs.clone(),
        limits: how.limits,
        keep_failed: how.keep_failed,
        memory: None,
    };
    let mut log = BuildLog::new(Some(Box::new(log)), &Silent, name);
    let result = how.executor.execute(job, &mut log);
    drop(log);
    let objects = result.map_err(|failure| {
        if !failure.leftovers.is_empty() {
            super::say(&keep::keep_leftovers(name, &failure.leftovers));
        }
        failed(&failure.error)
    })?;
    let new = scan(&derivation, asked, &outputs, objects, &accepted.inputs)?;
    check(&options, &outputs, &new, &store)?;
    for output in &new {
        let wanted = |(name, path): (&String, &StorePath)| {
            accepted.wanted.contains(name) && *path == output.path
        };
        if outputs.iter().any(wanted) {
            canonical::write(&output.object, &place.real_path(&output.path))?;
        }
    }
    let wanted: Vec<&NewPath> = new
        .iter()
        .filter(|output| {
            let mut names = accepted.wanted.iter();
            names.any(|name| outputs.get(name) == Some(&output.path))
        })
        .collect();
    store.register(&wanted)
}

fn scan(
    derivation: &Derivation,
    asked: &Try,
    outputs: &BTreeMap<String, StorePath>,
    mut objects: BTreeMap<String, FileSystemObject>,
    inputs: &BTreeSet<StorePath>,
) -> Result<Vec<NewPath>, HookError> {
    let failed = |error: &dyn std::error::Error| HookError::Build(chain(error));
    let options = DerivationOptions::of(derivation).map_err(|error| failed(&error))?;
    let mut candidates = inputs.clone();
    candidates.extend(outputs.values().cloned());
    let candidates = CandidateSet::new(&candidates);
    let mut new = Vec::with_capacity(outputs.len());
    for (name, path) in outputs {
        let object = objects
            .remove(name)
            .ok_or_else(|| HookError::Build(format!("there is no output '{name}'")))?;
        let mut output =
            NewPath::scan(path.clone(), object, &candidates).map_err(|error| failed(&error))?;
        if options.unsafe_discard_references.contains(name) {
            output.references.clear();
        }
        output.deriver = Some(asked.derivation.clone());
        if let Some(wanted) = derivation.outputs.get(name).and_then(|output| output.ca()) {
            let built = fixed_output::Output {
                derivation: &asked.derivation,
                path,
                object: &output.object,
                nar_hash: output.nar_hash,
                references: &output.references,
            };
            fixed_output::check(built, wanted).map_err(|error| failed(&error))?;
        }
        new.push(output);
    }
    Ok(new)
}

fn check(
    options: &DerivationOptions,
    outputs: &BTreeMap<String, StorePath>,
    new: &[NewPath],
    store: &NixStore<'_>,
) -> Result<(), HookError> {
    let facts = outputs.keys().zip(new).map(|(name, output)| {
        let facts = Facts {
            path: output.path.clone(),
            nar_size: output.nar_size,
            references: output.references.clone(),
        };
        (name.clone(), facts)
    });
    let valid = |path: &StorePath| {
        let info = store.info(path)?;
        Ok(Facts {
            path: info.path,
            nar_size: info.nar_size,
            references: info.references,
        })
    };
    output_checks::check::<QueryError>(options, &facts.collect(), &valid)
        .map_err(|error| HookError::Build(chain(&error)))
}

/// Why Nix's own programs gave no answer about its store.
#[derive(Debug, Error)]
#[error("`{command}` failed: {problem}")]
struct QueryError {
    command: String,
    problem: String,
}

/// The store of the Nix that asks, through `nix-store`. Only derivations that ask for the graph of
/// their inputs, or limit their closure, need it before the end.
struct NixStore<'a> {
    config: &'a Config,
    place: &'a Place,
    inputs: &'a BTreeSet<StorePath>,
    known: RefCell<BTreeMap<StorePath, PathInfo>>,
}

impl NixStore<'_> {
    fn command(&self) -> Command {
        let nix_store = match self.config.nix.parent() {
            Some(directory) if !directory.as_os_str().is_empty() => directory.join("nix-store"),
            _ => PathBuf::from("nix-store"),
        };
        let mut command = Command::new(nix_store);
        command
            .arg("--store")
            .arg(&self.place.store)
            .stdin(Stdio::null());
        command
    }

    fn query(&self, arguments: &[&str], path: &StorePath) -> Result<Vec<String>, QueryError> {
        let failed = |problem: String| QueryError {
            command: format!(
                "nix-store --query {} {}",
                arguments.join(" "),
                absolute(path)
            ),
            problem,
        };
        let mut command = self.command();
        command.arg("--query").args(arguments).arg(absolute(path));
        let output = command
            .output()
            .map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            return Err(failed(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.lines().map(str::to_owned).collect())
    }

    fn paths(
        &self,
        arguments: &[&str],
        path: &StorePath,
    ) -> Result<BTreeSet<StorePath>, QueryError> {
        let lines = self.query(arguments, path)?;
        let paths = lines
            .iter()
            .map(|line| StorePath::from_absolute_path(line.as_bytes()));
        paths.collect::<Result<_, _>>().map_err(|error| QueryError {
            command: format!("nix-store --query {}", arguments.join(" ")),
            problem: error.to_string(),
        })
    }

    /// Makes paths known that are in place.
    fn register(&self, outputs: &[&NewPath]) -> Result<(), HookError> {
        let mut text = String::new();
        for output in outputs {
            let deriver = output.deriver.as_ref().map(absolute).unwrap_or_default();
            let references = output.references.iter().map(absolute);
            let references: Vec<String> = references.collect();
            let lines = [
                absolute(&output.path),
                NixHash::sha256(output.nar_hash).to_hex(),
                output.nar_size.to_string(),
                deriver,
                references.len().to_string(),
            ];
            for line in lines.iter().chain(&references) {
                text.push_str(line);
                text.push('\n');
            }
        }
        let mut command = self.command();
        command.arg("--load-db").stdin(Stdio::piped());
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(text.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        if output.status.success() {
            return Ok(());
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        Err(HookError::Build(format!(
            "the outputs are built, but `nix-store --load-db` failed: {}",
            errors.trim()
        )))
    }
}

impl References for NixStore<'_> {
    type Error = QueryError;

    fn is_input(&self, path: &StorePath) -> bool {
        self.inputs.contains(path)
    }

    fn info(&self, path: &StorePath) -> Result<PathInfo, QueryError> {
        if let Some(known) = self.known.borrow().get(path) {
            return Ok(known.clone());
        }
        let wrong = |what: &str| QueryError {
            command: format!("nix-store --query --{what} {}", absolute(path)),
            problem: "its answer makes no sense".to_owned(),
        };
        let first = |what: &str| -> Result<String, QueryError> {
            let lines = self.query(&[&format!("--{what}")], path)?;
            lines.into_iter().next().ok_or_else(|| wrong(what))
        };
        let hash = NixHash::from_str(&first("hash")?, None).ok();
        let hash = hash
            .and_then(|hash| hash.as_sha256())
            .ok_or_else(|| wrong("hash"))?;
        let size = first("size")?.parse().map_err(|_| wrong("size"))?;
        let mut info = PathInfo::new(path.clone(), hash, size);
        info.references = self.paths(&["--references"], path)?;
        self.known.borrow_mut().insert(path.clone(), info.clone());
        Ok(info)
    }

    fn closure(&self, paths: &BTreeSet<StorePath>) -> Result<BTreeSet<StorePath>, QueryError> {
        let mut closure = BTreeSet::new();
        for path in paths {
            closure.extend(self.paths(&["--requisites"], path)?);
        }
        Ok(closure)
    }

    fn outputs(&self, derivation: &StorePath) -> Result<BTreeSet<StorePath>, QueryError> {
        self.paths(&["--outputs"], derivation)
    }
}
