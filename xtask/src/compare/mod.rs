//! `cargo xtask compare`: builds the configuration derivations of an evaluated closure twice, with this
//! host's GNU tools under bubblewrap and in wasibuild's sandbox, and compares every output.
//!
//! Packages are not needed: sources are taken as they are, and what a binary cache would give becomes a
//! stand-in ([`packages`]) that both sides see; only the GNU programs in it are real on the native side.
//! Without `--store` the example of nix-plugin/examples/stdenv is compared, for both systems.

mod environment;
mod graph;
mod native;
mod packages;
mod report;
mod sandbox;
mod store;
mod tools;
mod trace;
mod tree;

pub use tree::remove;

use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use wasibuild_nix_compat::store_path::StorePath;

use crate::command::{cargo, run as run_command, target_dir};
use crate::{builders, fixtures};
use graph::{Graph, Kind, Node};
use native::Native;
use packages::Packages;
use report::{Allowed, Entry, Report, Verdict};
use sandbox::{Outcome, Sandbox, not_found};
use store::Store;
use tools::HostTools;

#[derive(clap::Args, Default)]
pub struct Options {
    /// A store with an evaluated closure (`nix-instantiate --store ROOT`), or a folder with its .drv files
    /// and sources; without it, the example
    #[arg(long, value_name = "ROOT", requires = "top")]
    pub store: Option<PathBuf>,
    /// The store path of the top-level derivation
    #[arg(long, value_name = "DRV", requires = "store")]
    pub top: Option<String>,
    /// Refusals that are expected: lines `NAME: PROGRAM`
    #[arg(long, value_name = "FILE")]
    pub allow: Option<PathBuf>,
    /// Fail if wasibuild starts any program of the host, as strace sees it; always so with the example
    #[arg(long)]
    pub trace: bool,
    /// Print the result as JSON on standard output
    #[arg(long)]
    pub json: bool,
    /// A compiled wasibuild; by default it and its builders are compiled now
    #[arg(long, value_name = "FILE")]
    pub program: Option<PathBuf>,
    /// Where both sides build, emptied before [default: compare in the target folder]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

pub fn run(options: &Options) -> Result<()> {
    let program = match &options.program {
        Some(program) => program.clone(),
        None => {
            builders::run(&builders::Options {
                unlocked: true,
                ..Default::default()
            })?;
            run_command(&mut cargo(["build", "--locked", "--package", "wasibuild"]))?;
            sandbox::program(&target_dir())
        }
    };
    let program = std::fs::canonicalize(&program)
        .with_context(|| format!("there is no program {}", program.display()))?;
    let allowed = match &options.allow {
        Some(file) => Allowed::read(file)?,
        None => Allowed::default(),
    };
    let jobs = match (&options.store, &options.top) {
        (Some(store), Some(top)) => vec![(store.clone(), top.clone())],
        _ => fixtures::stdenv_tops()?,
    };
    let dir = options
        .dir
        .clone()
        .unwrap_or_else(|| target_dir().join("compare"));
    let trace = options.trace || options.store.is_none();
    let (mut problems, mut reports) = (Vec::new(), Vec::new());
    for (store, top) in jobs {
        let report = compare(&store, &top, &dir, &program, trace)?;
        if !options.json {
            print!("{top}\n{}", report.text());
        }
        problems.extend(report.problems(&allowed));
        reports.push(report.json());
    }
    if options.json {
        let shown = match reports.as_slice() {
            [one] => one.clone(),
            _ => serde_json::Value::Array(reports),
        };
        println!("{shown:#}");
    }
    if !problems.is_empty() {
        bail!("the comparison failed:\n  {}", problems.join("\n  "));
    }
    Ok(())
}

/// Both sides' builds of one closure, in `dir`.
fn compare(store: &Path, top: &str, dir: &Path, program: &Path, trace: bool) -> Result<Report> {
    tree::fresh(dir)?;
    let dir = &std::fs::canonicalize(dir)?;
    let graph = Graph::read(store, top)?;
    let order = graph.order()?;
    let mut reference = Reference::prepare(&graph, &order, dir)?;
    let given: BTreeSet<StorePath> = reference.given.clone();

    let mut failures = BTreeMap::new();
    let (mut seconds, mut native_seconds) = (BTreeMap::new(), 0.0);
    for node in &order {
        let outcome = reference.build(node)?;
        native_seconds += outcome.seconds;
        seconds.insert(&node.path, outcome.seconds);
        if let Some(failure) = outcome.failure {
            failures.insert(&node.path, failure);
        }
    }

    let sandbox = Sandbox {
        program: program.to_owned(),
        root: dir.join("sandbox"),
        scratch: dir.to_owned(),
        trace,
    };
    sandbox.import(&reference.store, &given)?;
    let results = sandbox.build(&graph, &order, &reference.store)?;
    let mut entries = Vec::new();
    for node in &order {
        let verdict = match results.outcomes.get(&node.path) {
            Some(Outcome::Refused(program)) => Verdict::Refused(program.clone()),
            Some(Outcome::Failed(error)) => match failures.get(&node.path) {
                // The package would have the program; its stand-in has it not.
                Some(failure)
                    if not_found(error).is_some() && not_found(error) == not_found(failure) =>
                {
                    Verdict::Refused(not_found(error).unwrap_or_default().to_owned())
                }
                Some(failure) => Verdict::NoReference(format!(
                    "both fail; natively: {failure}; in the sandbox: {error}"
                )),
                None => Verdict::Failed(error.clone()),
            },
            Some(Outcome::Built) | None => match failures.get(&node.path) {
                Some(failure) => Verdict::NoReference(format!("built here; natively: {failure}")),
                None => outputs(node, &sandbox, &reference.store)?,
            },
        };
        entries.push(Entry {
            derivation: node.path.to_absolute_path(),
            name: node.name().to_owned(),
            verdict,
            seconds: seconds.get(&node.path).copied().unwrap_or_default(),
        });
    }
    Ok(Report {
        entries,
        native_seconds,
        sandbox_seconds: results.seconds,
        executions: results.executions,
    })
}

/// Compares the hashes of all outputs of a derivation that both sides built.
fn outputs(node: &Node, sandbox: &Sandbox, native: &Store) -> Result<Verdict> {
    for path in node.outputs().values() {
        let (ours, theirs) = (sandbox.object(path)?, native.object(path)?);
        if ours.nar_hash()? != theirs.nar_hash()? {
            let what = tree::difference(&ours, &theirs).unwrap_or_default();
            return Ok(Verdict::Different(format!(
                "{}{what}",
                path.to_absolute_path()
            )));
        }
    }
    Ok(Verdict::Identical)
}

/// The native side: a store with everything that the configuration derivations need.
struct Reference {
    store: Store,
    scratch: PathBuf,
    packages: Packages,
    /// What both sides are given: sources, stand-ins, and the stdenvs.
    given: BTreeSet<StorePath>,
}

impl Reference {
    fn prepare(graph: &Graph, order: &[&Node], dir: &Path) -> Result<Self> {
        let mut reference = Reference {
            store: Store::new(&dir.join("native"))?,
            scratch: dir.to_owned(),
            packages: Packages::default(),
            given: BTreeSet::new(),
        };
        let mut host = HostTools::new(dir.join("tools"))?;
        let configuration: BTreeSet<&StorePath> = order.iter().map(|node| &node.path).collect();
        let (mut stdenvs, mut stand_ins) = (Vec::new(), BTreeMap::new());
        let mut left: Vec<&Node> = order.iter().rev().copied().collect();
        while let Some(node) = left.pop() {
            let command = node.attribute("buildCommand").unwrap_or_default();
            for source in &node.derivation.input_sources {
                if reference.given.insert(source.clone()) {
                    let object = graph.source(source)?;
                    reference.store.add(source, &object)?;
                    reference.arm(&mut host, source, object)?;
                }
            }
            for (path, outputs) in &node.derivation.input_derivations {
                let input = graph.node(path)?;
                if configuration.contains(path) {
                    continue;
                }
                if input.kind() == Kind::Stdenv {
                    if !stdenvs.iter().any(|known: &&Node| known.path == *path) {
                        stdenvs.push(input);
                        left.push(input);
                    }
                    continue;
                }
                for output in outputs {
                    reference.stand_in(input, output, &command, &mut stand_ins);
                }
            }
        }
        for (path, (name, files)) in stand_ins {
            let object = packages::assemble(files);
            reference.store.add(&path, &object)?;
            reference.given.insert(path.clone());
            reference.arm_named(&mut host, &path, &name, object)?;
        }
        // Inputs of a stdenv were found after it.
        for stdenv in stdenvs.into_iter().rev() {
            let outcome = reference.native().build(stdenv)?;
            if let Some(failure) = outcome.failure {
                bail!(
                    "{} cannot be built natively: {failure}",
                    stdenv.path.basename()
                );
            }
            reference.given.extend(stdenv.outputs().into_values());
        }
        Ok(reference)
    }

    /// Makes one output of a package, and the other outputs that it names.
    fn stand_in(
        &mut self,
        package: &Node,
        output: &str,
        command: &str,
        made: &mut BTreeMap<StorePath, (String, packages::Files)>,
    ) {
        let mut wanted = vec![output.to_owned()];
        if output == "dev" {
            wanted.extend(["out", "bin", "lib"].map(str::to_owned));
        }
        for output in wanted {
            let Some(path) = package.output(&output) else {
                continue;
            };
            let packages = &mut self.packages;
            let (_, files) = made
                .entry(path.clone())
                .or_insert_with(|| (package.name().to_owned(), packages.output(package, &output)));
            packages::add_named(files, package, &output, command);
        }
    }

    fn arm(
        &mut self,
        host: &mut HostTools,
        path: &StorePath,
        object: wasibuild_nix_compat::file_system_object::FileSystemObject,
    ) -> Result<()> {
        self.arm_named(host, path, path.name(), object)
    }

    /// Puts the host's programs into a package, and remembers what the other side sees there.
    fn arm_named(
        &mut self,
        host: &mut HostTools,
        path: &StorePath,
        name: &str,
        object: wasibuild_nix_compat::file_system_object::FileSystemObject,
    ) -> Result<()> {
        if !tools::of_package(name).is_empty() {
            host.arm(name, &self.store.place(path))?;
            self.store.seen.insert(path.clone(), object);
        }
        Ok(())
    }

    fn native(&self) -> Native<'_> {
        Native {
            store: &self.store,
            scratch: self.scratch.clone(),
        }
    }

    /// Builds a derivation natively; if that fails, stand-ins take the place of its outputs.
    fn build(&mut self, node: &Node) -> Result<native::Outcome> {
        let outcome = self.native().build(node)?;
        if outcome.failure.is_some() {
            for (name, path) in node.outputs() {
                let object = self.packages.instead(node, &name);
                self.store.add(&path, &object)?;
            }
        }
        Ok(outcome)
    }
}
