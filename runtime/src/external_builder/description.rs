//! The file in which Nix describes a build, as JSON.
//!
//! Contract: version 1. Members that are not known are ignored, since later versions of Nix may add
//! some; those that are needed are checked. Nothing is read from the disk here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bstr::{BStr, BString, ByteSlice};
use serde_json::{Map, Value};
use thiserror::Error;
use wasibuild_nix_compat::content_address::{CaMethod, ContentAddress};
use wasibuild_nix_compat::derivation::{Derivation, Output};
use wasibuild_nix_compat::hash::NixHash;
use wasibuild_nix_compat::store_path::{STORE_DIR, StorePath};

/// Why a description cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DescriptionError {
    /// It is not JSON.
    #[error("Nix's description of the build is not JSON: {0}")]
    Json(String),
    /// It is of another version.
    #[error(
        "Nix's description of the build has version {0}; only 1 is known\nhint: a newer wasibuild may know it"
    )]
    Version(String),
    /// A member is missing or wrong.
    #[error("Nix's description of the build has a wrong member '{member}': {problem}")]
    Member {
        /// Which.
        member: &'static str,
        /// What is wrong.
        problem: String,
    },
}

/// A build, as Nix describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The derivation's builder.
    pub builder: BString,
    /// Its arguments, without its own name.
    pub arguments: Vec<BString>,
    /// Its variables, complete.
    pub variables: BTreeMap<BString, BString>,
    /// The derivation's system.
    pub system: BString,
    /// The host's directory that the builder sees as `/build`.
    pub build_directory: PathBuf,
    /// The host's directory that holds the store.
    pub real_store: PathBuf,
    /// Everything that the builder may see.
    pub input_paths: Vec<StorePath>,
    /// Where the outputs are expected.
    pub outputs: BTreeMap<String, StorePath>,
}

impl Description {
    /// Reads it.
    ///
    /// # Errors
    /// [`DescriptionError`].
    pub fn parse(text: &[u8]) -> Result<Self, DescriptionError> {
        let value: Value = serde_json::from_slice(text)
            .map_err(|error| DescriptionError::Json(error.to_string()))?;
        let version = value.get("version").unwrap_or(&Value::Null);
        if version.as_u64() != Some(1) {
            return Err(DescriptionError::Version(version.to_string()));
        }
        let store = string(&value, "storeDir")?;
        if store != STORE_DIR {
            return Err(wrong(
                "storeDir",
                format!("expected '{STORE_DIR}', found '{store}'"),
            ));
        }
        let inside = string(&value, "tmpDirInSandbox")?;
        if !super::is_build_directory(Path::new(inside)) {
            return Err(wrong(
                "tmpDirInSandbox",
                format!("expected '/build', found '{inside}'"),
            ));
        }
        let outputs = object(&value, "outputs")?
            .iter()
            .map(|(name, path)| Ok((name.clone(), store_path("outputs", path)?)));
        let variables = object(&value, "env")?.iter().map(|(name, value)| {
            let value = value.as_str();
            let value = value.ok_or_else(|| wrong("env", format!("'{name}' is not a string")))?;
            Ok((BString::from(name.as_str()), BString::from(value)))
        });
        let description = Description {
            builder: string(&value, "builder")?.into(),
            arguments: list(&value, "args", |argument| {
                let text = argument.as_str();
                text.map(BString::from)
                    .ok_or_else(|| wrong("args", "an argument is not a string".to_owned()))
            })?,
            variables: variables.collect::<Result<_, _>>()?,
            system: string(&value, "system")?.into(),
            build_directory: absolute(&value, "tmpDir")?,
            real_store: absolute(&value, "realStoreDir")?,
            input_paths: list(&value, "inputPaths", |path| store_path("inputPaths", path))?,
            outputs: outputs.collect::<Result<_, _>>()?,
        };
        if description.outputs.is_empty() {
            return Err(wrong("outputs", "there are none".to_owned()));
        }
        Ok(description)
    }

    /// The derivation as far as it is known: what its attributes say of it, for the router.
    pub(super) fn as_derivation(&self, files: &BTreeMap<BString, BString>) -> Derivation {
        let mut environment = self.variables.clone();
        if let Some(attributes) = files.get(BStr::new(".attrs.json")) {
            environment.insert("__json".into(), attributes.clone());
        }
        // Nix put these into files, and their paths in their place.
        let names = self.variables.get(BStr::new("passAsFile"));
        for name in names.into_iter().flat_map(|names| {
            names
                .split(u8::is_ascii_whitespace)
                .filter(|name| !name.is_empty())
        }) {
            let variable = [name, b"Path".as_slice()].concat();
            let file = self.variables.get(variable.as_bstr()).and_then(|path| {
                let name = path.rsplit(|byte| *byte == b'/').next()?;
                files.get(name.as_bstr())
            });
            if let Some(contents) = file {
                environment.insert(name.into(), contents.clone());
            }
        }
        // Nix sets this for outputs whose hash it knows; which, does not matter here.
        let fixed = environment.contains_key(BStr::new("NIX_OUTPUT_CHECKED"));
        let outputs = self.outputs.iter().map(|(name, path)| {
            let path = path.clone();
            let output = match fixed {
                true => Output::Fixed {
                    path,
                    ca: ContentAddress {
                        method: CaMethod::Recursive,
                        hash: NixHash::sha256([0; 32]),
                    },
                },
                false => Output::InputAddressed { path },
            };
            (name.clone(), output)
        });
        Derivation {
            outputs: outputs.collect(),
            input_derivations: BTreeMap::new(),
            input_sources: self.input_paths.iter().cloned().collect(),
            system: self.system.clone(),
            builder: self.builder.clone(),
            arguments: self.arguments.clone(),
            environment,
        }
    }

    /// The derivation's name, which Nix always puts into the environment.
    pub fn name(&self) -> &str {
        let variable = self.variables.get(BStr::new("name"));
        let name = variable.and_then(|name| name.to_str().ok());
        let output = || self.outputs.values().next().map(StorePath::name);
        name.or_else(output).unwrap_or("unnamed")
    }

    /// Where a path of the store lies.
    pub fn real_path(&self, path: &StorePath) -> PathBuf {
        self.real_store.join(path.basename())
    }

    /// What the builder sees, and where that lies.
    pub fn inputs(&self) -> BTreeMap<String, PathBuf> {
        let paths = self.input_paths.iter();
        paths
            .map(|path| (path.basename().to_owned(), self.real_path(path)))
            .collect()
    }
}

fn wrong(member: &'static str, problem: String) -> DescriptionError {
    DescriptionError::Member { member, problem }
}

fn member<'v>(value: &'v Value, name: &'static str) -> Result<&'v Value, DescriptionError> {
    value
        .get(name)
        .ok_or_else(|| wrong(name, "it is missing".to_owned()))
}

fn string<'v>(value: &'v Value, name: &'static str) -> Result<&'v str, DescriptionError> {
    let text = member(value, name)?.as_str();
    text.ok_or_else(|| wrong(name, "it is not a string".to_owned()))
}

fn absolute(value: &Value, name: &'static str) -> Result<PathBuf, DescriptionError> {
    let path = Path::new(string(value, name)?);
    match path.is_absolute() {
        true => Ok(path.to_owned()),
        false => Err(wrong(name, "it is not an absolute path".to_owned())),
    }
}

fn object<'v>(
    value: &'v Value,
    name: &'static str,
) -> Result<&'v Map<String, Value>, DescriptionError> {
    let object = member(value, name)?.as_object();
    object.ok_or_else(|| wrong(name, "it is not an object".to_owned()))
}

fn list<T>(
    value: &Value,
    name: &'static str,
    item: impl FnMut(&Value) -> Result<T, DescriptionError>,
) -> Result<Vec<T>, DescriptionError> {
    let list = member(value, name)?.as_array();
    let list = list.ok_or_else(|| wrong(name, "it is not a list".to_owned()))?;
    list.iter().map(item).collect()
}

fn store_path(name: &'static str, value: &Value) -> Result<StorePath, DescriptionError> {
    let text = value.as_str().unwrap_or_default();
    StorePath::from_absolute_path(text.as_bytes()).map_err(|error| wrong(name, error.to_string()))
}
