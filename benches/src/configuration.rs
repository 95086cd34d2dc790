//! The derivations of a configuration for Linux, on both sides: built here by the shell and the
//! applets, and by GNU bash and the GNU tools under bubblewrap.
//!
//! Contract: `cargo xtask compare` builds the closure once on both sides and compares every output;
//! only what is identical is measured. Each turn starts from a store that has the packages, the
//! sources and the recipes, and none of the outputs; making it does not count. On the native side a
//! derivation is its own builder with its own environment in the namespaces and with the mounts of
//! Nix's sandbox (the whole store at once), and nobody locks, hashes, scans or registers what it makes.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use wasibuild::environment::{self, Environment};
use wasibuild::realise::schedule::{self, Lane, Task, Verdict, Widths};
use wasibuild_nix_compat::derivation::Derivation;
use wasibuild_nix_compat::derivation_options::DerivationOptions;
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_store::Store;

use crate::namespaces::bubblewrap;
use crate::plain::Answers;
use crate::program::{cargo, workspace};
use crate::realise::Host;

/// The folder of the example's recipes, and the file in it that names the top level.
const EXAMPLE: (&str, &str) = ("tests/fixtures/stdenv", "top.x86_64-linux");

/// A configuration that both sides can build.
pub struct Configuration {
    /// What `xtask compare` left: `native` and `sandbox`, two stores with everything in them.
    folder: PathBuf,
    /// All but the measured outputs, in the format of `nix-store --export`.
    given: PathBuf,
    /// The recipes as loose files, inputs first.
    recipes: Vec<PathBuf>,
    steps: Vec<Step>,
}

/// One derivation.
struct Step {
    path: StorePath,
    derivation: Derivation,
    environment: Environment,
    outputs: Vec<StorePath>,
    /// Numbers of the steps that it needs.
    needs: Vec<usize>,
}

/// Which closure: a store with recipes (or a folder of them), and the top level's path.
/// `WASIBUILD_BENCH_STORE` and `WASIBUILD_BENCH_TOP` name another one than the example's.
fn source() -> Result<(PathBuf, String)> {
    let named = |name| std::env::var_os(name);
    match (named("WASIBUILD_BENCH_STORE"), named("WASIBUILD_BENCH_TOP")) {
        (Some(store), Some(top)) => Ok((store.into(), top.to_string_lossy().into_owned())),
        (None, None) => {
            let folder = workspace().join(EXAMPLE.0);
            let top = fs::read_to_string(folder.join(EXAMPLE.1))?;
            Ok((folder, top.trim().to_owned()))
        }
        _ => bail!("WASIBUILD_BENCH_STORE and WASIBUILD_BENCH_TOP have to be set together"),
    }
}

impl Configuration {
    /// Builds the closure on both sides, compares, and keeps what is identical; `program` is a compiled
    /// wasibuild. A `folder` that another call filled is taken as it is.
    ///
    /// # Errors
    /// When `xtask compare` cannot run, or nothing is identical.
    pub fn prepare(program: &Path, folder: &Path) -> Result<Configuration> {
        let (store, top) = source()?;
        let report_file = folder.join("report.json");
        let report = match fs::read(&report_file) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(_) => {
                let report = compare(program, &store, &top, folder)?;
                fs::write(&report_file, report.to_string())?;
                report
            }
        };
        let sandbox = Store::open(&folder.join("sandbox"))?;
        let recipes_in = match store.join("nix/store") {
            below if below.is_dir() => below,
            _ => store,
        };
        let mut steps: Vec<Step> = Vec::new();
        let mut made: BTreeMap<StorePath, usize> = BTreeMap::new();
        let mut left_out: BTreeSet<StorePath> = BTreeSet::new();
        let mut recipes = Vec::new();
        for entry in report["derivations"].as_array().into_iter().flatten() {
            let path = entry["derivation"].as_str().unwrap_or_default();
            let path = StorePath::from_absolute_path(path.as_bytes())?;
            let file = recipes_in.join(path.basename());
            let derivation = Derivation::from_aterm_bytes(&fs::read(&file)?)?;
            let inputs = derivation.input_derivations.keys();
            // What needs a derivation that is not measured may not be measured either: the outputs
            // that it was given refer to those of others.
            if entry["status"] != "built" || inputs.clone().any(|input| left_out.contains(input)) {
                left_out.insert(path);
                continue;
            }
            let options = DerivationOptions::of(&derivation)?;
            let environment = environment::prepare(&derivation, &options, 1, &Answers(&sandbox))?;
            let outputs = derivation
                .outputs
                .values()
                .filter_map(|output| output.path());
            recipes.push(file);
            made.insert(path.clone(), steps.len());
            steps.push(Step {
                outputs: outputs.cloned().collect(),
                needs: inputs
                    .filter_map(|input| made.get(input).copied())
                    .collect(),
                path,
                environment,
                derivation,
            });
        }
        ensure!(
            !steps.is_empty(),
            "no derivation below {top} is identical on both sides"
        );
        let given = folder.join("given");
        let kept = kept(&sandbox, &steps)?;
        sandbox.export(&kept, &mut File::create(&given)?)?;
        Ok(Configuration {
            folder: folder.to_owned(),
            given,
            recipes,
            steps,
        })
    }

    /// How many derivations are measured.
    pub fn count(&self) -> usize {
        self.steps.len()
    }

    /// A store in which everything can be built and nothing is.
    ///
    /// # Errors
    /// When it cannot be filled.
    pub fn fill(&self, host: &Host) -> Result<()> {
        host.store.import(&mut File::open(&self.given)?)?;
        let recipes: Vec<OsString> = self.recipes.iter().map(OsString::from).collect();
        host.import(&recipes)?;
        Ok(())
    }

    /// The recipes in the store, inputs first.
    pub fn goals(&self) -> Vec<OsString> {
        let paths = self.steps.iter().map(|step| step.path.to_absolute_path());
        paths.map(OsString::from).collect()
    }

    /// The number of a derivation that writes one text, as `writeText` makes it; the first by name.
    pub fn text(&self) -> Option<usize> {
        let writes = |step: &Step| {
            let environment = &step.derivation.environment;
            environment.iter().any(|(name, _)| name == "text")
                && step.needs.len() <= 1
                && !environment.iter().any(|(name, _)| name == "checkPhase")
        };
        let numbers = 0..self.steps.len();
        numbers
            .filter(|number| self.steps.get(*number).is_some_and(writes))
            .min_by_key(|number| {
                self.steps
                    .get(*number)
                    .map(|step| step.path.name().to_owned())
            })
    }

    /// One recipe, and those that it needs, directly or not.
    pub fn goal(&self, number: usize) -> (OsString, Vec<OsString>) {
        let mut needed = BTreeSet::new();
        let mut left = vec![number];
        while let Some(step) = left.pop().and_then(|number| self.steps.get(number)) {
            left.extend(step.needs.iter().filter(|need| needed.insert(**need)));
        }
        let path = |number: usize| {
            let step = self.steps.get(number);
            step.map(|step| OsString::from(step.path.to_absolute_path()))
        };
        let needed = needed.into_iter().filter_map(path).collect();
        (path(number).unwrap_or_default(), needed)
    }

    /// Builds natively, in a new `folder`, the given steps (all if none are); the time does not count
    /// the preparations. Those that are not built are there.
    ///
    /// # Errors
    /// When a builder fails or makes something else than before.
    pub fn run_natively(
        &self,
        only: Option<usize>,
        folder: &Path,
        jobs: usize,
    ) -> Result<Duration> {
        let building = |number: usize| only.is_none_or(|only| only == number);
        self.copy_store(folder, &building)?;
        let mut calls = Vec::new();
        for (number, step) in self.steps.iter().enumerate() {
            calls.push(match building(number) {
                true => Some(step.call(folder, number)?),
                false => None,
            });
        }
        let tasks: Vec<Task> = (self.steps.iter())
            .map(|step| Task {
                lane: Lane::Build,
                needs: step.needs.clone(),
            })
            .collect();
        let widths = Widths {
            builds: jobs,
            fetches: 1,
        };
        let calls: Vec<Mutex<Option<Command>>> = calls.into_iter().map(Mutex::new).collect();
        let failure = Mutex::new(None);
        let start = Instant::now();
        schedule::run(&tasks, widths, &|| false, &|number| {
            let call = calls.get(number).and_then(|call| call.lock().ok()?.take());
            match call.map_or(Ok(()), run) {
                Ok(()) => Verdict::Done,
                Err(error) => {
                    if let Ok(mut failure) = failure.lock() {
                        *failure = Some(error);
                    }
                    Verdict::FailedStopAll
                }
            }
        });
        let time = start.elapsed();
        if let Ok(Some(error)) = failure.into_inner() {
            return Err(error);
        }
        for (_, step) in self
            .steps
            .iter()
            .enumerate()
            .filter(|(number, _)| building(*number))
        {
            for output in &step.outputs {
                let made = folder.join("nix/store").join(output.basename());
                ensure!(
                    fs::symlink_metadata(&made).is_ok(),
                    "{} made no {output}",
                    step.path
                );
            }
        }
        Ok(time)
    }

    /// The native store without what is to be built: files are links to the same ones.
    fn copy_store(&self, folder: &Path, building: &dyn Fn(usize) -> bool) -> Result<()> {
        let store = folder.join("nix/store");
        fs::create_dir_all(&store)?;
        let built: BTreeSet<&str> = (self.steps.iter().enumerate())
            .filter(|(number, _)| building(*number))
            .flat_map(|(_, step)| step.outputs.iter().map(StorePath::basename))
            .collect();
        let mut copy = Command::new("cp");
        copy.args(["-al", "--"]);
        for entry in fs::read_dir(self.folder.join("native/nix/store"))? {
            let entry = entry?;
            if !built.contains(entry.file_name().to_string_lossy().as_ref()) {
                copy.arg(entry.path());
            }
        }
        ensure!(copy.arg(&store).status()?.success(), "cp failed");
        let etc = folder.join("etc");
        fs::create_dir_all(&etc)?;
        let users = "root:x:0:0:Nix build user:/build:/noshell\n\
            nixbld:x:1000:100:Nix build user:/build:/noshell\n";
        fs::write(etc.join("passwd"), users)?;
        fs::write(etc.join("group"), "root:x:0:\nnixbld:!:100:\n")?;
        Ok(())
    }
}

/// Runs `cargo xtask compare`, and gives what it reports.
fn compare(program: &Path, store: &Path, top: &str, folder: &Path) -> Result<Value> {
    let mut xtask = cargo();
    xtask
        .args(["run", "--locked", "--quiet", "--package", "xtask", "--"])
        .args(["compare", "--json", "--top", top, "--store"])
        .arg(store)
        .arg("--program")
        .arg(program)
        .arg("--dir")
        .arg(folder)
        .stderr(Stdio::inherit());
    // A refusal ends it with an error, which does not matter here.
    let output = xtask.output()?;
    serde_json::from_slice(&output.stdout).context("cargo xtask compare printed no report")
}

/// What is in the store, without recipes, measured outputs, and all that refers to those.
fn kept(store: &Store, steps: &[Step]) -> Result<BTreeSet<StorePath>> {
    let outputs: BTreeSet<&StorePath> = steps.iter().flat_map(|step| &step.outputs).collect();
    let mut kept: BTreeSet<StorePath> = store.all_valid_paths()?.into_iter().collect();
    kept.retain(|path| !path.is_derivation() && !outputs.contains(path));
    loop {
        let mut dropped = Vec::new();
        for path in &kept {
            let info = store.query_path_info(path)?.context("a valid path")?;
            if info
                .references
                .iter()
                .any(|reference| !kept.contains(reference))
            {
                dropped.push(path.clone());
            }
        }
        if dropped.is_empty() {
            return Ok(kept);
        }
        dropped.iter().for_each(|path| {
            kept.remove(path);
        });
    }
}

impl Step {
    /// The builder in the namespaces of Nix's sandbox.
    fn call(&self, folder: &Path, number: usize) -> Result<Command> {
        let directory = folder.join(format!("build/{number}"));
        fs::create_dir_all(&directory)?;
        for (name, contents) in &self.environment.files {
            fs::write(directory.join(OsStr::from_bytes(name)), contents)?;
        }
        let mut command = bubblewrap();
        command.args(["--ro-bind", "/bin/bash", "/bin/sh"]);
        for (from, to) in [
            (&directory, "/build"),
            (&folder.join("nix"), "/nix"),
            (&folder.join("etc"), "/etc"),
        ] {
            command.arg("--bind").arg(from).arg(to);
        }
        command.args(["--chdir", "/build"]);
        command.arg(OsStr::from_bytes(&self.derivation.builder));
        let arguments = self.derivation.arguments.iter();
        command.args(arguments.map(|argument| OsStr::from_bytes(argument)));
        let variables = self.environment.variables.iter();
        command.envs(
            variables.map(|(name, value)| (OsStr::from_bytes(name), OsStr::from_bytes(value))),
        );
        Ok(command)
    }
}

/// Runs a command that must succeed.
pub fn run(mut command: Command) -> Result<()> {
    let output = command.output()?;
    ensure!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
