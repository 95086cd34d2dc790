//! The derivations below a top level, and which of them are its configuration.
//!
//! Contract: a *configuration* derivation is one that no binary cache holds: `preferLocalBuild`,
//! `allowSubstitutes = false`, or a `buildCommand`, and not of a fixed output. It counts if it is
//! reached from the top through such derivations alone. (`wasibuild run` by itself does not attempt those
//! with a `src` beside the `buildCommand`; here it is told to.) A *stdenv* is what they are built
//! with. Everything else is a package, which a cache would give.

use anyhow::{Context, Result, bail};
use bstr::ByteSlice;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use wasibuild_nix_compat::derivation::{Derivation, DerivationKind};
use wasibuild_nix_compat::derivation_options::DerivationOptions;
use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_nix_compat::store_path::{STORE_DIR_SLASH, StorePath};

use super::tree;

/// What a derivation is to a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Configuration,
    Stdenv,
    Package,
}

/// One derivation.
pub struct Node {
    pub path: StorePath,
    pub derivation: Derivation,
    /// With structured attributes, these; else none.
    structured: Option<serde_json::Map<String, Value>>,
}

/// A folder with `.drv` files and sources, and those that were read.
pub struct Graph {
    folder: PathBuf,
    nodes: BTreeMap<StorePath, Node>,
    pub top: StorePath,
}

impl Node {
    /// An attribute as the text that a builder would see; lists as words.
    pub fn attribute(&self, name: &str) -> Option<String> {
        match &self.structured {
            Some(attributes) => attributes.get(name).map(plain),
            None => self
                .derivation
                .environment
                .get(name.as_bytes().as_bstr())
                .map(|value| value.to_str_lossy().into_owned()),
        }
    }

    /// The derivation's name.
    pub fn name(&self) -> &str {
        self.path
            .derivation_name()
            .unwrap_or_else(|| self.path.name())
    }

    /// The path of an output.
    pub fn output(&self, name: &str) -> Option<&StorePath> {
        self.derivation.outputs.get(name)?.path()
    }

    /// The paths of all outputs, by name.
    pub fn outputs(&self) -> BTreeMap<String, StorePath> {
        let outputs = self.derivation.outputs.iter();
        outputs
            .filter_map(|(name, output)| Some((name.clone(), output.path()?.clone())))
            .collect()
    }

    pub fn options(&self) -> Result<DerivationOptions> {
        DerivationOptions::of(&self.derivation)
            .with_context(|| format!("reading the attributes of {}", self.path.basename()))
    }

    pub fn kind(&self) -> Kind {
        if self.is_configuration() {
            Kind::Configuration
        } else if self.name().starts_with("stdenv") {
            Kind::Stdenv
        } else {
            Kind::Package
        }
    }

    fn is_configuration(&self) -> bool {
        if self.derivation.kind() == Ok(DerivationKind::Fixed)
            || self.attribute("outputHash").is_some()
            || self.derivation.builder.starts_with(b"builtin:")
            || is_toolchain(self.name())
        {
            return false;
        }
        self.attribute("preferLocalBuild").as_deref() == Some("1")
            || self.attribute("allowSubstitutes").as_deref() == Some("")
            || self.attribute("buildCommand").is_some()
    }
}

/// A structured attribute as a builder without structured attributes would see it.
fn plain(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(false) => String::new(),
        Value::Bool(true) => "1".into(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// Wrappers of compilers prefer to be built locally, and are still packages that a cache has.
fn is_toolchain(name: &str) -> bool {
    let stage = name
        .split("stage")
        .skip(1)
        .any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let wrapper = ["gcc", "binutils", "clang", "cc", "pkg-config"]
        .iter()
        .any(|tool| {
            name.contains(&format!("{tool}-wrapper")) || name.contains(&format!("{tool}wrapper"))
        });
    stage || wrapper || name.contains("bootstrap-") || name.contains("xgcc")
}

impl Graph {
    /// Reads the derivations below `top`. `store` is the root of a store, or a folder with the files.
    pub fn read(store: &Path, top: &str) -> Result<Self> {
        let below = store.join("nix/store");
        let folder = if below.is_dir() {
            below
        } else {
            store.to_owned()
        };
        let base_name = top.strip_prefix(STORE_DIR_SLASH).unwrap_or(top);
        let top = StorePath::from_basename(base_name.as_bytes())
            .with_context(|| format!("'{top}' is not the store path of a derivation"))?;
        let mut graph = Graph {
            folder,
            nodes: BTreeMap::new(),
            top: top.clone(),
        };
        let mut left = vec![top];
        while let Some(path) = left.pop() {
            if graph.nodes.contains_key(&path) {
                continue;
            }
            let node = graph.load(&path)?;
            left.extend(node.derivation.input_derivations.keys().cloned());
            graph.nodes.insert(path, node);
        }
        Ok(graph)
    }

    fn load(&self, path: &StorePath) -> Result<Node> {
        let file = self.file(path);
        let bytes = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        let derivation = Derivation::from_aterm_bytes(&bytes)
            .with_context(|| format!("parsing {}", file.display()))?;
        let structured = derivation
            .structured_attrs()
            .with_context(|| format!("the structured attributes of {}", file.display()))?
            .map(|attributes| attributes.attributes().clone());
        Ok(Node {
            path: path.clone(),
            derivation,
            structured,
        })
    }

    /// Where a derivation or a source lies.
    pub fn file(&self, path: &StorePath) -> PathBuf {
        self.folder.join(path.basename())
    }

    pub fn source(&self, path: &StorePath) -> Result<FileSystemObject> {
        let file = self.file(path);
        if std::fs::symlink_metadata(&file).is_err() {
            bail!(
                "the source {} is not in {}; evaluate the derivation into this store again, or copy it there",
                path.basename(),
                self.folder.display()
            );
        }
        tree::read(&file)
    }

    pub fn node(&self, path: &StorePath) -> Result<&Node> {
        self.nodes
            .get(path)
            .with_context(|| format!("{} was not read", path.basename()))
    }

    /// The configuration derivations, inputs before those that need them, the top last. The top is one
    /// whatever it says.
    pub fn order(&self) -> Result<Vec<&Node>> {
        let (mut order, mut seen) = (Vec::new(), BTreeSet::from([&self.top]));
        // Each with the inputs that are still to be visited; no recursion, since graphs are deep.
        let mut open = vec![(self.node(&self.top)?, self.configuration_inputs(&self.top)?)];
        while let Some((node, inputs)) = open.last_mut() {
            match inputs.pop() {
                Some(input) if seen.insert(&input.path) => {
                    open.push((input, self.configuration_inputs(&input.path)?));
                }
                Some(_) => {}
                None => {
                    order.push(*node);
                    open.pop();
                }
            }
        }
        Ok(order)
    }

    /// The configuration derivations that one needs, in reverse order of their paths.
    pub fn configuration_inputs(&self, path: &StorePath) -> Result<Vec<&Node>> {
        let mut inputs = Vec::new();
        for input in self.node(path)?.derivation.input_derivations.keys().rev() {
            let node = self.node(input)?;
            if node.kind() == Kind::Configuration {
                inputs.push(node);
            }
        }
        Ok(inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toolchains_go_by_name() {
        for name in [
            "gcc-wrapper-14.3.0",
            "binutils-wrapper-2.26",
            "bootstrap-stage1-stdenv-linux",
            "stage2-glibc",
        ] {
            assert!(is_toolchain(name), "{name}");
        }
        for name in [
            "stage-1-init.sh",
            "stage-2-init.sh",
            "system-path",
            "wrapper.conf",
        ] {
            assert!(!is_toolchain(name), "{name}");
        }
    }
}
