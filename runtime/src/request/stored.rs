//! Reads derivations that are valid in the store, and of what they need only what there is to be done.
//!
//! Contract: as [`super::load`], for derivations of the store. Two things are not done again or not at all:
//!
//! - Output paths are not derived again. A derivation becomes valid only when they follow from it and
//!   from its inputs (`LocalStore::registerValidPaths` in Nix, `wasibuild_store::Store`
//!   here), and what the file says is still what was registered, since its name follows from its bytes.
//! - With [`Extent::Missing`] nobody looks behind a derivation whose outputs are valid as far as anybody
//!   needs them: a configuration is some hundred derivations on top of thousands. Nix does the same
//!   (`Store::queryMissing`). [`Node::inputs_unread`] says so.
//!
//! What is valid refers to what is valid, so inputs are not looked up. Files of one level are read at once
//! by as many threads as there are processors; the graph does not depend on who was first.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use wasibuild_nix_compat::store_path::StorePath;

use super::load::{self, KEPT};
use super::{Extent, Imports, Library, Request, RequestError};
use crate::plan::{Graph, Node, NodeId};

/// Fewer files are read by one thread.
const WORTH_A_THREAD: usize = 16;

/// A derivation that was read.
struct Found {
    /// Without its inputs.
    node: Node,
    inputs: BTreeMap<StorePath, BTreeSet<String>>,
    /// Its outputs that somebody needs and that are valid.
    valid: BTreeSet<String>,
    /// Its inputs are read, too.
    followed: bool,
}

/// Derivations that are wanted, with the outputs that are.
type Wanted = BTreeMap<StorePath, BTreeSet<String>>;

/// Reads these derivations, which are valid, and their closure as far as `extent` says.
///
/// # Errors
/// When a file cannot be read or is not what its name says.
pub(super) fn read(
    goals: Vec<StorePath>,
    library: &dyn Library,
    extent: Extent,
) -> Result<Request, RequestError> {
    let mut reader = Reader {
        library,
        extent,
        found: BTreeMap::new(),
        room: KEPT,
    };
    let mut level: Wanted = goals
        .iter()
        .map(|path| (path.clone(), BTreeSet::new()))
        .collect();
    reader.open(&level)?;
    for goal in &goals {
        reader.follow(goal);
    }
    level = reader.inputs_of(&goals);
    while !level.is_empty() {
        reader.open(&level)?;
        let mut next = Vec::new();
        for (path, outputs) in &level {
            if reader.has_to_be_followed(path, outputs)? {
                reader.follow(path);
                next.push(path.clone());
            }
        }
        level = reader.inputs_of(&next);
    }
    reader.into_request(goals)
}

struct Reader<'l> {
    library: &'l dyn Library,
    extent: Extent,
    found: BTreeMap<StorePath, Found>,
    /// How many bytes of derivations may still be kept.
    room: usize,
}

impl Reader<'_> {
    /// Reads those of a level that were not read yet.
    fn open(&mut self, level: &Wanted) -> Result<(), RequestError> {
        let new: Vec<_> = level
            .keys()
            .filter(|path| !self.found.contains_key(*path))
            .map(|path| (path, self.library.real_path(path)))
            .collect();
        let read = |(path, file): &(&StorePath, PathBuf)| {
            let (derivation, size) = load::read_named(path, file)?;
            let node = load::node(path, &derivation, Vec::new());
            Ok::<_, RequestError>((derivation, size, node))
        };
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let threads = threads.min(new.len() / WORTH_A_THREAD).max(1);
        let mut done = Vec::with_capacity(new.len());
        if threads == 1 {
            done.extend(new.iter().map(read));
        } else {
            thread::scope(|scope| {
                let share = new.len().div_ceil(threads);
                let parts = new.chunks(share);
                let running: Vec<_> = parts
                    .map(|part| scope.spawn(move || part.iter().map(read).collect::<Vec<_>>()))
                    .collect();
                for part in running {
                    match part.join() {
                        Ok(part) => done.extend(part),
                        Err(panic) => std::panic::resume_unwind(panic),
                    }
                }
            });
        }
        for ((path, _), read) in new.into_iter().zip(done) {
            let (derivation, size, mut node) = read?;
            let inputs = derivation.input_derivations.clone();
            match self.room.checked_sub(size) {
                Some(room) => {
                    self.room = room;
                    node.kept = Some(Arc::new(derivation));
                }
                None => node.structured = None,
            }
            let found = Found {
                node,
                inputs,
                valid: BTreeSet::new(),
                followed: false,
            };
            self.found.insert(path.clone(), found);
        }
        Ok(())
    }

    fn follow(&mut self, path: &StorePath) {
        if let Some(found) = self.found.get_mut(path) {
            found.followed = true;
        }
    }

    /// Whether somebody who needs these outputs has to look at what the derivation needs, and nobody
    /// did so yet.
    fn has_to_be_followed(
        &mut self,
        path: &StorePath,
        outputs: &BTreeSet<String>,
    ) -> Result<bool, RequestError> {
        let Some(found) = self.found.get_mut(path).filter(|it| !it.followed) else {
            return Ok(false);
        };
        if self.extent == Extent::Everything {
            return Ok(true);
        }
        for output in outputs {
            // Outputs that it does not have are the plan's to refuse.
            if let Some(place) = found.node.outputs.get(output)
                && !found.valid.contains(output)
            {
                if !self.library.is_valid(place)? {
                    return Ok(true);
                }
                found.valid.insert(output.clone());
            }
        }
        Ok(false)
    }

    /// What these derivations need, together.
    fn inputs_of(&self, paths: &[StorePath]) -> Wanted {
        let mut wanted = Wanted::new();
        for found in paths.iter().filter_map(|path| self.found.get(path)) {
            for (input, outputs) in &found.inputs {
                let all = wanted.entry(input.clone()).or_default();
                all.extend(outputs.iter().cloned());
            }
        }
        wanted
    }

    /// Puts everything into a graph, inputs first. No recursion, so that a chain of any length fits.
    fn into_request(mut self, goals: Vec<StorePath>) -> Result<Request, RequestError> {
        let mut graph = Graph::new();
        let mut goal_ids: Vec<(NodeId, BTreeSet<String>)> = Vec::new();
        for goal in goals {
            self.add(&goal, &mut graph)?;
            let id = graph.find(&goal);
            if let Some(id) = id.filter(|id| goal_ids.iter().all(|(other, _)| other != id)) {
                goal_ids.push((id, graph.node(id).outputs.keys().cloned().collect()));
            }
        }
        Ok(Request {
            graph,
            goals: goal_ids,
            imports: Imports::default(),
        })
    }

    fn add(&mut self, goal: &StorePath, graph: &mut Graph) -> Result<(), RequestError> {
        // Each with those of its inputs that were not looked at yet, the first one last.
        let mut stack = vec![(goal.clone(), self.todo(goal))];
        let mut on_stack = BTreeSet::from([goal.clone()]);
        while let Some((path, todo)) = stack.last_mut() {
            if let Some(input) = todo.pop() {
                if graph.find(&input).is_some() {
                    continue;
                }
                if !on_stack.insert(input.clone()) {
                    return Err(load::cycle(stack.iter().map(|(path, _)| path), &input));
                }
                let inputs = self.todo(&input);
                stack.push((input, inputs));
                continue;
            }
            if let Some(found) = self.found.remove(path) {
                let mut node = found.node;
                if found.followed {
                    let inputs = found.inputs.into_iter();
                    node.inputs = inputs
                        .filter_map(|(input, outputs)| Some((graph.find(&input)?, outputs)))
                        .collect();
                } else {
                    node.inputs_unread = !found.inputs.is_empty();
                }
                graph.add(node);
            }
            on_stack.remove(path);
            stack.pop();
        }
        Ok(())
    }

    fn todo(&self, path: &StorePath) -> Vec<StorePath> {
        let found = self.found.get(path).filter(|it| it.followed);
        found.map_or_else(Vec::new, |it| it.inputs.keys().rev().cloned().collect())
    }
}

#[cfg(test)]
mod tests;
