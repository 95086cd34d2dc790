//! The derivations of a run and how they depend on each other.
//!
//! Contract: nodes are stored so that whatever a node needs has a lower number; a cycle therefore
//! cannot be expressed. Only what planning needs is kept of each derivation (the environment and
//! the arguments are read again when it is built), so that ten thousand of them take little memory;
//! of the first few thousand the rest is kept too, up to a bound, so that most runs read each once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bstr::{BString, ByteSlice};
use wasibuild_nix_compat::derivation::Derivation;
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_nix_compat::structured_attrs::StructuredAttrs;

use crate::router::{Question, Traits};

/// The number of a node in its [`Graph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(usize);

/// A derivation, as planning sees it.
#[derive(Debug, Clone)]
pub struct Node {
    /// The `.drv`.
    pub derivation: StorePath,
    /// Its `system`.
    pub system: BString,
    /// Its `builder`.
    pub builder: BString,
    /// Its outputs' names and paths.
    pub outputs: BTreeMap<String, StorePath>,
    /// The derivations that it needs, with the outputs that it needs of each.
    pub inputs: Vec<(NodeId, BTreeSet<String>)>,
    /// It needs derivations that are not in `inputs`, for nobody has to look at them: all outputs of this
    /// one that are needed were valid.
    pub inputs_unread: bool,
    /// The sources that it needs.
    pub sources: BTreeSet<StorePath>,
    /// Whether its outputs may come from a cache (`allowSubstitutes`).
    pub allow_substitutes: bool,
    /// What else decides who builds it.
    pub traits: Traits,
    /// The whole derivation, if memory allows: see [`crate::request`].
    pub kept: Option<Arc<Derivation>>,
    /// Its structured attributes, if they were read already and memory allows.
    pub structured: Option<Arc<StructuredAttrs>>,
}

impl Node {
    /// The derivation's name, as it prefixes logs.
    pub fn name(&self) -> &str {
        self.derivation
            .derivation_name()
            .unwrap_or_else(|| self.derivation.name())
    }

    /// What the router is asked about it.
    pub fn question(&self) -> Question<'_> {
        Question {
            name: self.name(),
            output: self.outputs.values().next(),
            system: self.system.as_bstr(),
            builder: self.builder.as_bstr(),
            traits: &self.traits,
        }
    }
}

/// Derivations in an order in which they can be built.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    index: BTreeMap<StorePath, NodeId>,
}

impl Graph {
    /// A graph without nodes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a node and returns its number, which is the old one if the derivation is there already.
    ///
    /// Its inputs must be nodes of this graph, which is why there can be no cycle.
    pub fn add(&mut self, node: Node) -> NodeId {
        if let Some(&id) = self.index.get(&node.derivation) {
            return id;
        }
        debug_assert!(
            node.inputs
                .iter()
                .all(|(input, _)| input.0 < self.nodes.len())
        );
        let id = NodeId(self.nodes.len());
        self.index.insert(node.derivation.clone(), id);
        self.nodes.push(node);
        id
    }

    /// The number of a derivation.
    pub fn find(&self, derivation: &StorePath) -> Option<NodeId> {
        self.index.get(derivation).copied()
    }

    /// A node. Numbers come from this graph only, so that they always name one.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// All numbers, inputs first.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..self.nodes.len()).map(NodeId)
    }

    /// How many derivations there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

/// One value for each node of a graph.
#[derive(Debug, Clone)]
pub struct PerNode<T>(Vec<T>);

impl<T: Clone> PerNode<T> {
    /// The same value for every node.
    pub fn filled(graph: &Graph, value: T) -> Self {
        PerNode(vec![value; graph.len()])
    }
}

impl<T> std::ops::Index<NodeId> for PerNode<T> {
    type Output = T;
    fn index(&self, id: NodeId) -> &T {
        &self.0[id.0]
    }
}

impl<T> std::ops::IndexMut<NodeId> for PerNode<T> {
    fn index_mut(&mut self, id: NodeId) -> &mut T {
        &mut self.0[id.0]
    }
}
