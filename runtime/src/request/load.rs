//! Reads derivations and all that they need, inputs first, and checks each.
//!
//! Contract: no recursion, so that a chain of any length is read; each file is read once, parsed once
//! and dropped. Time is linear in the number of derivations and their inputs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use bstr::ByteSlice;
use wasibuild_nix_compat::derivation::{Derivation, OutputPathError};
use wasibuild_nix_compat::derivation_options::DerivationOptions;
use wasibuild_nix_compat::store_path::StorePath;

use super::{Argument, Imports, Library, Request, RequestError, beside};
use crate::plan::{Graph, Node, NodeId};

/// The longest `.drv` that is read, in bytes. Those of nixpkgs have a few thousand.
pub const MAX_DERIVATION_SIZE: u64 = 64 << 20;

pub(super) struct Loader<'l> {
    library: &'l dyn Library,
    /// The directories of the loose files.
    directories: Vec<PathBuf>,
    graph: Graph,
    /// What each derivation contributes to the hashes of those that need it.
    hashes: BTreeMap<NodeId, [u8; 32]>,
    imports: Imports,
}

/// A derivation whose inputs are being read.
struct Open {
    path: StorePath,
    file: PathBuf,
    loose: bool,
    derivation: Derivation,
    /// The inputs that were not looked at yet.
    todo: Vec<StorePath>,
}

impl<'l> Loader<'l> {
    pub(super) fn new(library: &'l dyn Library, arguments: &[Argument]) -> Self {
        let mut directories = Vec::new();
        for argument in arguments {
            if let Argument::Loose(file) = argument {
                let directory = match file.parent() {
                    Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
                    _ => PathBuf::from("."),
                };
                if !directories.contains(&directory) {
                    directories.push(directory);
                }
            }
        }
        Loader {
            library,
            directories,
            graph: Graph::new(),
            hashes: BTreeMap::new(),
            imports: Imports::default(),
        }
    }

    pub(super) fn load(mut self, arguments: &[Argument]) -> Result<Request, RequestError> {
        let mut goals: Vec<(NodeId, BTreeSet<String>)> = Vec::new();
        let mut known = BTreeSet::new();
        for argument in arguments {
            let open = match argument {
                Argument::InStore(path) => {
                    self.open(path.clone(), self.library.real_path(path), false)?
                }
                Argument::Loose(file) => {
                    let (path, derivation) = read_loose(file)?;
                    let valid = self.library.is_valid(&path)?;
                    open(path, file.clone(), !valid, derivation)
                }
            };
            let id = self.load_closure(open)?;
            if known.insert(id) {
                goals.push((id, self.graph.node(id).outputs.keys().cloned().collect()));
            }
        }
        self.imports.directories = self.directories;
        Ok(Request {
            graph: self.graph,
            goals,
            imports: self.imports,
        })
    }

    /// Reads what a derivation needs, then adds it to the graph.
    fn load_closure(&mut self, goal: Open) -> Result<NodeId, RequestError> {
        if let Some(id) = self.graph.find(&goal.path) {
            return Ok(id);
        }
        let mut on_stack = BTreeSet::from([goal.path.clone()]);
        let mut stack = vec![goal];
        loop {
            let Some(top) = stack.last_mut() else {
                unreachable!("the goal is popped last")
            };
            let Some(input) = top.todo.pop() else {
                let done = match stack.pop() {
                    Some(done) => done,
                    None => unreachable!("the stack has a top"),
                };
                on_stack.remove(&done.path);
                let id = self.check(done)?;
                if stack.is_empty() {
                    return Ok(id);
                }
                continue;
            };
            if self.graph.find(&input).is_some() {
                continue;
            }
            if on_stack.contains(&input) {
                return Err(cycle(&stack, &input));
            }
            let (file, loose) = self.find(&input, &stack)?;
            let next = self.open(input, file, loose)?;
            on_stack.insert(next.path.clone());
            stack.push(next);
        }
    }

    /// Where an input derivation lies: in the store, else beside a loose file.
    fn find(&self, path: &StorePath, stack: &[Open]) -> Result<(PathBuf, bool), RequestError> {
        if self.library.is_valid(path)? {
            return Ok((self.library.real_path(path), false));
        }
        let beside = self
            .directories
            .iter()
            .map(|directory| directory.join(path.basename()));
        if let Some(file) = beside.into_iter().find(|file| file.exists()) {
            return Ok((file, true));
        }
        let store = self.library.real_store_dir();
        Err(RequestError::MissingDerivation {
            path: path.to_absolute_path(),
            needed_by: stack
                .last()
                .map(|open| open.path.to_absolute_path())
                .unwrap_or_default(),
            root: store
                .parent()
                .and_then(Path::parent)
                .unwrap_or(store)
                .to_owned(),
            searched: self.directories.clone(),
        })
    }

    fn open(&self, path: StorePath, file: PathBuf, loose: bool) -> Result<Open, RequestError> {
        let derivation = read(&file)?;
        Ok(open(path, file, loose, derivation))
    }

    /// Checks a derivation whose inputs are in the graph, and adds it.
    fn check(&mut self, open: Open) -> Result<NodeId, RequestError> {
        let Open {
            path,
            file,
            loose,
            derivation,
            ..
        } = open;
        let name = path.derivation_name().unwrap_or_default();
        check_name(&path, &file, &derivation)?;
        let input_hash = |input: &StorePath| -> Result<[u8; 32], OutputPathError> {
            let id = self.graph.find(input);
            // Every input was added before; the all-zero hash would be found wrong.
            Ok(id
                .and_then(|id| self.hashes.get(&id))
                .copied()
                .unwrap_or_default())
        };
        let checked = derivation.validate_output_paths(name, input_hash);
        checked.map_err(|source| wrong_outputs(&file, source))?;
        let hash = derivation
            .hash_derivation_modulo(input_hash)
            .map_err(|source| wrong_outputs(&file, source))?;
        let node = node(&path, &derivation, &self.graph);
        if loose {
            self.import(&path, file, &derivation)?;
        }
        let id = self.graph.add(node);
        self.hashes.insert(id, hash);
        Ok(id)
    }

    /// Notes that a derivation, and those of its sources that lie beside it, go into the store.
    fn import(
        &mut self,
        path: &StorePath,
        file: PathBuf,
        derivation: &Derivation,
    ) -> Result<(), RequestError> {
        for source in &derivation.input_sources {
            if self.imports.sources.contains_key(source) || self.library.is_valid(source)? {
                continue;
            }
            match beside::find(source, &self.directories) {
                Some(found) => {
                    self.imports.sources.insert(source.clone(), found);
                }
                None => {
                    self.imports
                        .missing_sources
                        .entry(source.clone())
                        .or_insert_with(|| path.clone());
                }
            }
        }
        self.imports.derivations.push((path.clone(), file));
        Ok(())
    }
}

/// What planning needs of a derivation whose inputs are in the graph.
pub(super) fn node(path: &StorePath, derivation: &Derivation, graph: &Graph) -> Node {
    let inputs = derivation.input_derivations.iter();
    Node {
        system: derivation.system.clone(),
        builder: derivation.builder.clone(),
        outputs: derivation
            .outputs
            .iter()
            .filter_map(|(name, output)| Some((name.clone(), output.path()?.clone())))
            .collect(),
        inputs: inputs
            .filter_map(|(input, outputs)| Some((graph.find(input)?, outputs.clone())))
            .collect(),
        sources: derivation.input_sources.clone(),
        allow_substitutes: allow_substitutes(derivation),
        derivation: path.clone(),
    }
}

/// Whether the outputs may be fetched. Attributes that make no sense are an error of the build only.
fn allow_substitutes(derivation: &Derivation) -> bool {
    let variable = |name: &str| derivation.environment.get(name.as_bytes().as_bstr());
    if variable("__json").is_some() {
        return DerivationOptions::of(derivation).map_or(true, |options| options.allow_substitutes);
    }
    variable("allowSubstitutes").is_none_or(|value| value == "1")
}

fn open(path: StorePath, file: PathBuf, loose: bool, derivation: Derivation) -> Open {
    // Taken from the end, so that the first input is read first.
    let todo = derivation.input_derivations.keys().rev().cloned().collect();
    Open {
        path,
        file,
        loose,
        derivation,
        todo,
    }
}

/// Reads a `.drv` file of any name. If its name is not a store path's, the derivation's name is taken
/// from its outputs and its path follows from its content.
pub(super) fn read_loose(file: &Path) -> Result<(StorePath, Derivation), RequestError> {
    let derivation = read(file)?;
    let base_name = file.file_name().unwrap_or_default();
    if let Ok(path) = StorePath::from_basename(std::os::unix::ffi::OsStrExt::as_bytes(base_name))
        && path.is_derivation()
    {
        return Ok((path, derivation));
    }
    let supported = derivation.supported_kind();
    supported.map_err(|source| wrong_outputs(file, source))?;
    let path = name_from_outputs(&derivation)
        .and_then(|name| derivation.calculate_derivation_path(name).ok());
    let path = path.ok_or_else(|| RequestError::NoName {
        path: file.to_owned(),
    })?;
    Ok((path, derivation))
}

/// Checks that a derivation's path follows from its content.
pub(super) fn check_name(
    path: &StorePath,
    file: &Path,
    derivation: &Derivation,
) -> Result<(), RequestError> {
    let name = path.derivation_name().unwrap_or_default();
    let expected = derivation
        .calculate_derivation_path(name)
        .map_err(|problem| RequestError::BadStorePath {
            argument: path.to_absolute_path(),
            problem: problem.to_string(),
        })?;
    if expected == *path {
        return Ok(());
    }
    Err(RequestError::WrongName {
        path: file.to_owned(),
        expected: expected.basename().to_owned(),
    })
}

/// The derivation's name, as its output paths contain it: `name`, or `name-OUTPUT`.
fn name_from_outputs(derivation: &Derivation) -> Option<&str> {
    let (output_name, output) = derivation.outputs.first_key_value()?;
    let name = output.path()?.name();
    if output_name == "out" {
        Some(name)
    } else {
        name.strip_suffix(output_name.as_str())?.strip_suffix('-')
    }
}

/// Reads and parses a `.drv` file.
pub(super) fn read(path: &Path) -> Result<Derivation, RequestError> {
    let failed = |source| RequestError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(MAX_DERIVATION_SIZE + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_DERIVATION_SIZE {
        return Err(RequestError::TooLarge {
            path: path.to_owned(),
            limit: MAX_DERIVATION_SIZE,
        });
    }
    Derivation::from_aterm_bytes(&bytes).map_err(|source| RequestError::Parse {
        path: path.to_owned(),
        source,
    })
}

fn wrong_outputs(file: &Path, source: OutputPathError) -> RequestError {
    match source {
        OutputPathError::Unsupported(_) => RequestError::Unsupported {
            path: file.to_owned(),
            source,
        },
        source => RequestError::WrongOutputs {
            path: file.to_owned(),
            source,
        },
    }
}

fn cycle(stack: &[Open], input: &StorePath) -> RequestError {
    let circle = stack
        .iter()
        .map(|open| &open.path)
        .skip_while(|path| *path != input)
        .chain([input]);
    RequestError::Cycle {
        circle: circle.map(StorePath::to_absolute_path).collect(),
    }
}
