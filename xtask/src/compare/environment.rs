//! What a builder finds: its variables, and the files in its build directory.
//!
//! Contract: as in the chapter "Derivations" of the Nix manual, written anew here rather than taken
//! from the program that is compared, so that a mistake there shows.

use anyhow::{Context, Result};
use bstr::{BString, ByteSlice};
use std::collections::{BTreeMap, BTreeSet};
use wasibuild_nix_compat::derivation_options::{pass_as_file_name, registration};
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_nix_compat::structured_attrs::GraphNode;

use super::graph::Node;
use super::store::Store;

/// Variables, and files in `/build` by name.
pub struct Environment {
    pub variables: BTreeMap<BString, BString>,
    pub files: BTreeMap<BString, BString>,
}

pub fn prepare(node: &Node, store: &Store) -> Result<Environment> {
    let options = node.options()?;
    let mut variables: BTreeMap<BString, BString> = BTreeMap::new();
    let mut files: BTreeMap<BString, BString> = BTreeMap::new();
    for (name, value) in [
        ("PATH", "/path-not-set"),
        ("HOME", "/homeless-shelter"),
        ("NIX_STORE", "/nix/store"),
        ("NIX_BUILD_CORES", "1"),
    ] {
        variables.insert(name.into(), value.into());
    }
    let structured = node
        .derivation
        .structured_attrs()
        .context("the structured attributes")?;
    if let Some(attributes) = structured {
        let mut graphs = BTreeMap::new();
        for (name, paths) in &options.export_references_graph {
            graphs.insert(name.clone(), graph(store, paths)?);
        }
        let written = attributes.files(&node.outputs(), &graphs);
        for (variable, file, text) in [
            ("NIX_ATTRS_JSON_FILE", ".attrs.json", written.json),
            ("NIX_ATTRS_SH_FILE", ".attrs.sh", written.shell),
        ] {
            variables.insert(variable.into(), format!("/build/{file}").into());
            files.insert(file.into(), text);
        }
    } else {
        for (name, value) in &node.derivation.environment {
            if options.pass_as_file.contains(name) {
                let file = pass_as_file_name(name);
                let mut variable = name.clone();
                variable.extend_from_slice(b"Path");
                variables.insert(variable, format!("/build/{file}").into());
                files.insert(file.into(), value.clone());
            } else {
                variables.insert(name.clone(), value.clone());
            }
        }
        for (file, paths) in &options.export_references_graph {
            let infos: Vec<PathInfo> = infos(store, paths)?;
            files.insert(file.clone(), registration(&infos).into());
        }
    }
    for name in ["NIX_BUILD_TOP", "TMPDIR", "TEMPDIR", "TMP", "TEMP", "PWD"] {
        variables.insert(name.into(), "/build".into());
    }
    variables.insert("NIX_LOG_FD".into(), "2".into());
    variables.insert("TERM".into(), "xterm-256color".into());
    // The kernel would refuse these, and so does Nix.
    variables.retain(|name, value| !name.contains_str("\0") && !value.contains_str("\0"));
    Ok(Environment { variables, files })
}

fn infos(store: &Store, paths: &BTreeSet<StorePath>) -> Result<Vec<PathInfo>> {
    let closure = store.closure(paths)?;
    closure.iter().map(|path| store.info(path)).collect()
}

fn graph(store: &Store, paths: &BTreeSet<StorePath>) -> Result<Vec<GraphNode>> {
    let mut nodes = Vec::new();
    for info in infos(store, paths)? {
        let own = infos(store, &BTreeSet::from([info.path.clone()]))?;
        let closure_size = own.iter().map(|info| info.nar_size).sum();
        nodes.push(GraphNode { info, closure_size });
    }
    Ok(nodes)
}
