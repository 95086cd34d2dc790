//! The other side: `wasibuild run` on the same derivations, in a store of its own.
//!
//! Contract: all derivations are asked for in one run. A derivation that is refused, or fails, gets
//! the native outputs (or stand-ins, if there are none) in the store, and what needs it is asked for
//! again, so that one refusal counts once.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_nix_compat::store_path::StorePath;

use super::graph::{Graph, Node};
use super::store::Store;
use super::{trace, tree};
use crate::command::shown;

/// What became of a derivation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Built,
    /// A program was started that is for Linux: which.
    Refused(String),
    /// Something else went wrong: what.
    Failed(String),
}

/// The program, its store, and how it is run.
pub struct Sandbox {
    pub program: PathBuf,
    pub root: PathBuf,
    /// A folder for what is handed over.
    pub scratch: PathBuf,
    /// Whether to watch with strace that no other program is started.
    pub trace: bool,
}

/// What all runs gave.
#[derive(Default)]
pub struct Results {
    pub outcomes: BTreeMap<StorePath, Outcome>,
    /// Of all runs together, the program's start included.
    pub seconds: f64,
    /// The executions that strace saw, if it watched.
    pub executions: Option<usize>,
}

impl Sandbox {
    /// Builds the derivations, in their order.
    pub fn build(&self, graph: &Graph, order: &[&Node], native: &Store) -> Result<Results> {
        let mut results = Results::default();
        let mut left: Vec<&Node> = order.to_vec();
        while !left.is_empty() {
            let report = self.run(graph, &left, &mut results)?;
            let mut given = BTreeSet::new();
            let before = left.len();
            left.retain(|node| match outcome(&report, &node.path) {
                Some(outcome) => {
                    if outcome != Outcome::Built {
                        given.extend(node.outputs().into_values());
                    }
                    results.outcomes.insert(node.path.clone(), outcome);
                    false
                }
                None => true,
            });
            if left.len() == before {
                bail!(
                    "wasibuild run neither built nor failed {}; it reports these errors: {}",
                    left[0].path.basename(),
                    report["errors"]
                );
            }
            self.import(native, &given)?;
        }
        Ok(results)
    }

    /// Puts objects of the native store, as they are seen from here, into the sandbox's.
    pub fn import(&self, native: &Store, paths: &BTreeSet<StorePath>) -> Result<()> {
        if paths.is_empty() {
            return Ok(());
        }
        let file = self.scratch.join("export");
        native.export(paths, &file)?;
        let mut command = self.command();
        command.args(["store", "--store"]).arg(&self.root);
        command.arg("import").arg(&file);
        let output = command
            .output()
            .with_context(|| format!("cannot start {}", shown(&command)))?;
        if !output.status.success() {
            bail!(
                "{} ended with {}:\n{}",
                shown(&command),
                output.status,
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(())
    }

    /// An object in the sandbox's store.
    pub fn object(&self, path: &StorePath) -> Result<FileSystemObject> {
        tree::read(&self.root.join("nix/store").join(path.basename()))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, graph: &Graph, nodes: &[&Node], results: &mut Results) -> Result<Value> {
        let record = self.scratch.join("executions");
        let mut command = self.command();
        if self.trace {
            command = trace::watch(&self.program, &record)?;
        }
        command.args([
            "run",
            "--keep-going",
            "--no-substitute",
            "--no-build-output",
            "--json",
        ]);
        // Also those that look like packages, such as a `runCommand` with a `src`.
        command.args(["--shell=all", "--store"]).arg(&self.root);
        command.args(nodes.iter().map(|node| graph.file(&node.path)));
        let start = Instant::now();
        let output = command
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        results.seconds += start.elapsed().as_secs_f64();
        if self.trace {
            let seen = trace::check(&self.program, &record)?;
            *results.executions.get_or_insert(0) += seen;
        }
        serde_json::from_slice(&output.stdout).with_context(|| {
            format!(
                "{} run ended with {} and printed no JSON:\n{}",
                self.program.display(),
                output.status,
                String::from_utf8_lossy(&output.stderr)
            )
        })
    }
}

/// What a report of `wasibuild run --json` says of a derivation; `None` if it was not tried.
fn outcome(report: &Value, path: &StorePath) -> Option<Outcome> {
    let path = path.to_absolute_path();
    let of = |value: &Value, member: &str| value[member].as_str().unwrap_or_default().to_owned();
    let derivations = report["derivations"].as_array()?;
    let entry = derivations
        .iter()
        .find(|entry| of(entry, "derivation") == path)?;
    match of(entry, "status").as_str() {
        "built" | "valid" => Some(Outcome::Built),
        "failed" => Some(Outcome::Failed(of(entry, "error"))),
        "refused" => {
            let error = of(entry, "error");
            Some(match foreign(&error) {
                Some(program) => Outcome::Refused(program),
                None => Outcome::Failed(error),
            })
        }
        _ => None,
    }
}

/// The name of the program that an error names as foreign; one that has no name of its own but that
/// of its store path goes without hash.
fn foreign(error: &str) -> Option<String> {
    let (_, rest) = error.split_once("needs the foreign program '")?;
    let (program, _) = rest.split_once('\'')?;
    let name = program.rsplit_once('/').map_or(program, |(_, name)| name);
    let path = StorePath::from_basename(name.as_bytes());
    Some(path.map_or(name.to_owned(), |path| path.name().to_owned()))
}

/// The program that a shell did not find, if that is the last thing a failure says of one.
pub fn not_found(failure: &str) -> Option<&str> {
    let (before, _) = failure.rsplit_once(": command not found")?;
    let name = before.rsplit([' ', '\n']).next()?;
    (before.contains(": line ") && !name.is_empty()).then_some(name)
}

/// The program that is built from this workspace.
pub fn program(target: &Path) -> PathBuf {
    target.join("debug/wasibuild")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn programs_that_were_not_found_are_named() {
        let log =
            "exit status: 127: /nix/store/x/setup: line 858: xsltproc: command not found | more";
        assert_eq!(not_found(log), Some("xsltproc"));
        assert_eq!(not_found("exit status: 1: xsltproc: no such file"), None);
    }

    #[test]
    fn reports_are_read() -> Result<()> {
        let path = |digit: u8| StorePath::from_digest(&[digit; 20], "x.drv");
        let entry = |digit: u8, status: &str, error: &str| -> Result<Value> {
            Ok(
                json!({"derivation": path(digit)?.to_absolute_path(), "status": status, "error": error}),
            )
        };
        let refusal = "build of 'x' needs the foreign program '/nix/store/7waxcy8wp4a38ssvk48x7wypnyzv2phr-libxslt-1.1/bin/xsltproc' (why)";
        let report = json!({"derivations": [
            entry(1, "built", "")?,
            entry(2, "refused", refusal)?,
            entry(3, "failed", "exit status 1")?,
            entry(4, "dependency-failed", "")?,
        ]});
        assert_eq!(outcome(&report, &path(1)?), Some(Outcome::Built));
        let refused = Outcome::Refused("xsltproc".into());
        assert_eq!(outcome(&report, &path(2)?), Some(refused));
        let failed = Outcome::Failed("exit status 1".into());
        assert_eq!(outcome(&report, &path(3)?), Some(failed));
        assert_eq!(outcome(&report, &path(4)?), None);
        assert_eq!(outcome(&report, &path(5)?), None);
        Ok(())
    }
}
