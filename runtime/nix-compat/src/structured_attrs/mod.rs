//! Structured attributes: a derivation's attributes as JSON, for `.attrs.json` and `.attrs.sh`.
//!
//! Contract: both files come out byte for byte as Nix 2.8 to 2.34 writes them: the value of `__json`
//! with `outputs` (name → path) added and, for each name in `exportReferencesGraph`, the facts about
//! the closure; compact, keys sorted, then placeholders replaced.
//! One thing differs between versions: for each path of a graph Nix 2.8 does not write `"valid":true`,
//! later versions do, and so is it here. Counterpart: `src/libstore/parsed-derivations.cc`.

mod json;
mod shell;

use crate::{
    derivation::Derivation, path_info::PathInfo, placeholder::Rewriter, store_path::StorePath,
};
use bstr::{BString, ByteSlice};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use thiserror::Error;

/// Why structured attributes cannot be used.
#[derive(Debug, Error)]
pub enum StructuredAttrsError {
    /// `__json` is not JSON, or nested too deep.
    #[error("attribute __json of the derivation is not JSON")]
    Json(#[source] serde_json::Error),
    /// `__json` is not text.
    #[error("attribute __json of the derivation is not UTF-8")]
    NotUtf8,
    /// `__json` is not an object.
    #[error("attribute __json of the derivation is not a JSON object")]
    NotAnObject,
}

/// One store object of a closure, as `exportReferencesGraph` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphNode {
    /// The object.
    pub info: PathInfo,
    /// The NAR sizes of everything it needs, itself included, in bytes.
    pub closure_size: u64,
}

/// The attributes of one derivation.
#[derive(Debug, Clone, PartialEq)]
pub struct StructuredAttrs {
    attributes: Map<String, Value>,
}

/// The contents of the two files that a builder finds in its build directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttrsFiles {
    /// `.attrs.json`, which `NIX_ATTRS_JSON_FILE` names.
    pub json: BString,
    /// `.attrs.sh`, which `NIX_ATTRS_SH_FILE` names.
    pub shell: BString,
}

impl Derivation {
    /// The structured attributes, if the derivation has them (`__structuredAttrs = true`).
    pub fn structured_attrs(&self) -> Result<Option<StructuredAttrs>, StructuredAttrsError> {
        self.environment
            .get(b"__json".as_bstr())
            .map(|text| StructuredAttrs::parse(text))
            .transpose()
    }
}

impl StructuredAttrs {
    /// Reads the value of `__json`.
    pub fn parse(text: &[u8]) -> Result<Self, StructuredAttrsError> {
        let text = text.to_str().map_err(|_| StructuredAttrsError::NotUtf8)?;
        match json::parse(text).map_err(StructuredAttrsError::Json)? {
            Value::Object(attributes) => Ok(Self { attributes }),
            _ => Err(StructuredAttrsError::NotAnObject),
        }
    }

    /// The attributes as written, without `outputs`.
    pub fn attributes(&self) -> &Map<String, Value> {
        &self.attributes
    }

    /// The two files. `outputs` are the derivation's; `graphs` has, for each name in
    /// [`crate::derivation_options::DerivationOptions::export_references_graph`], the closure of its
    /// paths, in any order.
    pub fn files(
        &self,
        outputs: &BTreeMap<String, StorePath>,
        graphs: &BTreeMap<BString, Vec<GraphNode>>,
    ) -> AttrsFiles {
        let paths = outputs
            .iter()
            .map(|(name, path)| (name.clone(), path.to_absolute_path().into()));
        let paths = Value::Object(paths.collect());
        let graphs = graphs.iter();
        let graphs: BTreeMap<String, Value> = graphs
            .map(|(name, nodes)| (name.to_string(), graph(nodes)))
            .collect();
        let written = self
            .attributes
            .iter()
            .map(|(name, value)| (name.as_str(), value));
        let mut attributes: BTreeMap<&str, &Value> = written.collect();
        attributes.insert("outputs", &paths);
        attributes.extend(graphs.iter().map(|(name, value)| (name.as_str(), value)));
        let rewriter = Rewriter::new(outputs);
        AttrsFiles {
            json: rewriter.rewrite(json::dump(&attributes).into_bytes()),
            shell: rewriter.rewrite(shell::write(&attributes).into_bytes()),
        }
    }
}

fn graph(nodes: &[GraphNode]) -> Value {
    let by_path: BTreeMap<&StorePath, &GraphNode> =
        nodes.iter().map(|node| (&node.info.path, node)).collect();
    by_path.into_values().map(graph_node).collect()
}

fn graph_node(node: &GraphNode) -> Value {
    let info = &node.info;
    let references: Vec<Value> = info
        .references
        .iter()
        .map(|path| path.to_absolute_path().into())
        .collect();
    let mut fields = Map::new();
    if let Some(ca) = &info.ca {
        fields.insert("ca".to_owned(), ca.to_string().into());
    }
    let nar_hash = crate::hash::NixHash::sha256(info.nar_hash).to_nix32();
    for (name, value) in [
        ("closureSize", node.closure_size.into()),
        ("narHash", nar_hash.into()),
        ("narSize", info.nar_size.into()),
        ("path", info.path.to_absolute_path().into()),
        ("references", references.into()),
        ("valid", true.into()),
    ] {
        fields.insert(name.to_owned(), value);
    }
    Value::Object(fields)
}

#[cfg(test)]
mod tests;
