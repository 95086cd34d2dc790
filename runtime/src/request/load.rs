//! Reads derivations and all that they need, inputs first, and checks each. Those of the store need
//! less ([`super::stored`]).
//!
//! Contract: no recursion, so that a chain of any length is read; each file is read once, parsed once
//! and dropped. Time is linear in the number of derivations and their inputs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bstr::ByteSlice;
use wasibuild_nix_compat::derivation::{Derivation, DerivationKind, OutputPathError};
use wasibuild_nix_compat::derivation_options::DerivationOptions;
use wasibuild_nix_compat::store_path::{StorePath, build_text_path};
use wasibuild_nix_compat::structured_attrs::StructuredAttrs;

use super::{Argument, Imports, Library, Request, RequestError, beside};
use crate::plan::{Graph, Node, NodeId};
use crate::router::Traits;

/// The longest `.drv` that is read, in bytes. Those of nixpkgs have a few thousand.
pub const MAX_DERIVATION_SIZE: u64 = 64 << 20;

/// Derivations up to this many bytes (as text) together are kept for building; the rest is read
/// again then, so that memory stays bounded.
pub(super) const KEPT: usize = 4 << 20;

pub(super) struct Loader<'l> {
    library: &'l dyn Library,
    /// The directories of the loose files.
    directories: Vec<PathBuf>,
    graph: Graph,
    /// What each derivation contributes to the hashes of those that need it.
    hashes: BTreeMap<NodeId, [u8; 32]>,
    imports: Imports,
    /// How many bytes of derivations may still be kept.
    room: usize,
}

/// A derivation whose inputs are being read.
struct Open {
    path: StorePath,
    file: PathBuf,
    loose: bool,
    derivation: Derivation,
    /// Its length as text, in bytes.
    size: usize,
    /// Whether its path follows from its bytes.
    named: Result<(), RequestError>,
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
            room: KEPT,
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
                    let (path, text) = read_loose(file)?;
                    let valid = self.library.is_valid(&path)?;
                    open(path, file.clone(), !valid, text)
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
                return Err(cycle(stack.iter().map(|open| &open.path), &input));
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
        let text = read(&file)?;
        Ok(open(path, file, loose, text))
    }

    /// Checks a derivation whose inputs are in the graph, and adds it.
    fn check(&mut self, open: Open) -> Result<NodeId, RequestError> {
        let Open {
            path,
            file,
            loose,
            derivation,
            size,
            named,
            ..
        } = open;
        named?;
        let name = path.derivation_name().unwrap_or_default();
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
        let inputs = derivation.input_derivations.iter();
        let inputs = inputs
            .filter_map(|(input, outputs)| Some((self.graph.find(input)?, outputs.clone())))
            .collect();
        let mut node = node(&path, &derivation, inputs);
        if loose {
            self.import(&path, file, &derivation)?;
        }
        match self.room.checked_sub(size) {
            Some(room) => {
                self.room = room;
                node.kept = Some(Arc::new(derivation));
            }
            None => node.structured = None,
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

/// What planning needs of a derivation.
pub(super) fn node(
    path: &StorePath,
    derivation: &Derivation,
    inputs: Vec<(NodeId, BTreeSet<String>)>,
) -> Node {
    let (allow_substitutes, structured) = allow_substitutes(derivation);
    Node {
        system: derivation.system.clone(),
        builder: derivation.builder.clone(),
        outputs: derivation
            .outputs
            .iter()
            .filter_map(|(name, output)| Some((name.clone(), output.path()?.clone())))
            .collect(),
        inputs,
        inputs_unread: false,
        sources: derivation.input_sources.clone(),
        allow_substitutes,
        traits: traits(derivation),
        derivation: path.clone(),
        kept: None,
        structured,
    }
}

/// Whether the outputs may be fetched, and the structured attributes if they had to be read for that.
/// Attributes that make no sense are an error of the build only.
fn allow_substitutes(derivation: &Derivation) -> (bool, Option<Arc<StructuredAttrs>>) {
    let variable = |name: &str| derivation.environment.get(name.as_bytes().as_bstr());
    let Some(json) = variable("__json") else {
        let value = variable("allowSubstitutes");
        return (value.is_none_or(|value| value == "1"), None);
    };
    // Reading all attributes takes time, and few say anything about this.
    if !json.contains_str("allowSubstitutes") && !json.contains_str("\\u") {
        return (true, None);
    }
    let Ok(structured) = derivation.structured_attrs() else {
        return (true, None);
    };
    let options = DerivationOptions::with(derivation, structured.as_ref());
    let allowed = options.map_or(true, |options| options.allow_substitutes);
    (allowed, structured.map(Arc::new))
}

/// What decides who builds a derivation for Linux; not looked at for others.
pub fn traits(derivation: &Derivation) -> Traits {
    if !derivation.system.ends_with(b"-linux") {
        return Traits::default();
    }
    let Ok(options) = DerivationOptions::of(derivation) else {
        return Traits::default();
    };
    let has = |name: &str| match derivation.structured_attrs() {
        Ok(Some(attributes)) => attributes.attributes().contains_key(name),
        _ => derivation
            .environment
            .contains_key(name.as_bytes().as_bstr()),
    };
    Traits {
        local: options.prefer_local_build || !options.allow_substitutes,
        command_without_source: has("buildCommand") && !has("src"),
        fixed_output: derivation.kind() == Ok(DerivationKind::Fixed),
        required_features: options.required_system_features,
    }
}

fn open(path: StorePath, file: PathBuf, loose: bool, text: Text) -> Open {
    // Told only when its inputs were read: a circle is the better message.
    let named = check_name(&path, &file, &text);
    let Text { derivation, bytes } = text;
    let size = bytes.len();
    // Taken from the end, so that the first input is read first.
    let todo = derivation.input_derivations.keys().rev().cloned().collect();
    Open {
        path,
        file,
        loose,
        derivation,
        size,
        named,
        todo,
    }
}

/// A derivation and the bytes that it was read from.
pub(super) struct Text {
    /// What they mean.
    pub(super) derivation: Derivation,
    bytes: Vec<u8>,
}

/// Reads a `.drv` file of any name. If its name is not a store path's, the derivation's name is taken
/// from its outputs and its path follows from its content.
pub(super) fn read_loose(file: &Path) -> Result<(StorePath, Text), RequestError> {
    let text = read(file)?;
    let derivation = &text.derivation;
    let base_name = file.file_name().unwrap_or_default();
    if let Ok(path) = StorePath::from_basename(std::os::unix::ffi::OsStrExt::as_bytes(base_name))
        && path.is_derivation()
    {
        return Ok((path, text));
    }
    let supported = derivation.supported_kind();
    supported.map_err(|source| wrong_outputs(file, source))?;
    let path = name_from_outputs(derivation)
        .and_then(|name| derivation.calculate_derivation_path(name).ok());
    let path = path.ok_or_else(|| RequestError::NoName {
        path: file.to_owned(),
    })?;
    Ok((path, text))
}

/// Checks that a derivation's path follows from the bytes of its file.
pub(super) fn check_name(path: &StorePath, file: &Path, text: &Text) -> Result<(), RequestError> {
    let references = text.derivation.references();
    let expected = build_text_path(path.name(), &text.bytes, &references).map_err(|problem| {
        RequestError::BadStorePath {
            argument: path.to_absolute_path(),
            problem: problem.to_string(),
        }
    })?;
    if expected == *path {
        return Ok(());
    }
    Err(RequestError::WrongName {
        path: file.to_owned(),
        expected: expected.basename().to_owned(),
    })
}

/// Reads a derivation of the store. Its path follows from its bytes, and it is of a kind that is
/// supported. With its length as text, in bytes.
pub(super) fn read_named(
    path: &StorePath,
    file: &Path,
) -> Result<(Derivation, usize), RequestError> {
    let text = read(file)?;
    check_name(path, file, &text)?;
    let supported = text.derivation.supported_kind();
    supported.map_err(|source| wrong_outputs(file, source))?;
    Ok((text.derivation, text.bytes.len()))
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
pub(super) fn read(path: &Path) -> Result<Text, RequestError> {
    let failed = |source| RequestError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    // One byte more than the file has, so that one read finds the end.
    let size = file.metadata().map_err(failed)?.len();
    let mut bytes = Vec::with_capacity(usize::try_from(size.min(1 << 20)).unwrap_or_default() + 1);
    file.take(MAX_DERIVATION_SIZE + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_DERIVATION_SIZE {
        return Err(RequestError::TooLarge {
            path: path.to_owned(),
            limit: MAX_DERIVATION_SIZE,
        });
    }
    match Derivation::from_aterm_bytes(&bytes) {
        Ok(derivation) => Ok(Text { derivation, bytes }),
        Err(source) => Err(RequestError::Parse {
            path: path.to_owned(),
            source,
        }),
    }
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

pub(super) fn cycle<'p>(
    stack: impl Iterator<Item = &'p StorePath>,
    input: &'p StorePath,
) -> RequestError {
    let circle = stack.skip_while(|path| *path != input).chain([input]);
    RequestError::Cycle {
        circle: circle.map(StorePath::to_absolute_path).collect(),
    }
}
