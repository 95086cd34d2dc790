//! The attributes of a derivation, from `.attrs.json` or from the environment.
//!
//! With `__structuredAttrs` Nix writes all attributes as JSON and names the file in
//! `NIX_ATTRS_JSON_FILE`; without, each attribute is an environment variable, or, when `passAsFile`
//! lists it, a file that `<name>Path` names. A builder *takes* what it knows, with a type; what is
//! left at [`Attributes::finish`] is unknown and refused.
//!
//! How Nix spells values in the environment: `true` is `1`, `false` and `null` are empty, lists are
//! their elements joined by spaces. A list of strings that contain spaces therefore needs
//! structured attributes. Environment values are bytes; JSON is UTF-8.

use crate::error::{Error, Result};
use crate::{bytes, reserved};
use bstr::{BString, ByteSlice};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The attributes that are not yet taken, and where the outputs go.
#[derive(Debug)]
pub struct Attributes {
    derivation_name: String,
    values: BTreeMap<String, Attribute>,
    /// Attributes that speak to Nix, as they are spelled in an environment.
    reserved: BTreeMap<String, BString>,
    outputs: BTreeMap<String, PathBuf>,
    asked: BTreeSet<String>,
}

/// One attribute as Nix handed it over.
#[derive(Debug)]
enum Attribute {
    /// From `.attrs.json`.
    Json(Value),
    /// From the environment.
    Text(BString),
}

impl Attributes {
    /// Reads the attributes of the process that this is.
    pub fn from_process() -> Result<Self> {
        let environment = std::env::vars_os()
            .map(|(name, value)| (bytes::from_os(&name), bytes::from_os(&value)))
            .collect();
        Self::from_environment(environment)
    }

    /// Reads the attributes that this environment holds or names.
    pub fn from_environment(environment: BTreeMap<BString, BString>) -> Result<Self> {
        match environment.get(b"NIX_ATTRS_JSON_FILE".as_bstr()) {
            Some(file) => {
                let path = bytes::to_path(file);
                let text = std::fs::read(&path).map_err(Error::file(&path, "read"))?;
                Self::from_json(&path, &text)
            }
            None => Self::from_variables(environment),
        }
    }

    fn from_json(path: &Path, text: &[u8]) -> Result<Self> {
        let problem = |problem: String| Error::AttributesFile {
            path: path.to_path_buf(),
            problem,
        };
        let text = text.to_str().map_err(|error| {
            problem(format!(
                "it is not UTF-8 (byte {}); pass bytes without __structuredAttrs",
                error.valid_up_to()
            ))
        })?;
        let mut values: BTreeMap<String, Value> =
            serde_json::from_str(text).map_err(|error| problem(error.to_string()))?;
        let outputs = match values.remove("outputs") {
            Some(outputs) => serde_json::from_value(outputs)
                .map_err(|error| problem(format!("`outputs`: {error}")))?,
            None => return Err(problem("`outputs` is missing".to_owned())),
        };
        let derivation_name = match values.get("name") {
            Some(Value::String(name)) => name.clone(),
            _ => String::new(),
        };
        // What `exportReferencesGraph` names was asked of Nix, which adds it to the file.
        if let Some(Value::Object(graphs)) = values.get("exportReferencesGraph") {
            let names: Vec<String> = graphs.keys().cloned().collect();
            for name in names {
                values.remove(&name);
            }
        }
        let (to_nix, values): (BTreeMap<_, _>, BTreeMap<_, _>) = values
            .into_iter()
            .partition(|(name, _)| reserved::ATTRIBUTES.contains(&name.as_str()));
        let reserved = to_nix
            .into_iter()
            .filter_map(|(name, value)| Some((name, BString::from(as_variable(&value)?))))
            .collect();
        Ok(Self {
            derivation_name,
            reserved,
            values: values
                .into_iter()
                .map(|(name, value)| (name, Attribute::Json(value)))
                .collect(),
            outputs,
            asked: BTreeSet::new(),
        })
    }

    fn from_variables(mut environment: BTreeMap<BString, BString>) -> Result<Self> {
        let words = |text: Option<&BString>, default: &str| -> Vec<BString> {
            let text = text.map_or(default.as_bytes(), |text| text.as_slice());
            bytes::words(text)
        };
        let mut outputs = BTreeMap::new();
        for name in words(environment.get(b"outputs".as_bstr()), "out") {
            let text = name.to_string();
            let Some(path) = environment.remove(&name) else {
                return Err(Error::Missing {
                    name: text,
                    expected: "the store path of this output, which Nix sets",
                });
            };
            outputs.insert(text, bytes::to_path(&path));
        }
        for name in words(environment.get(b"passAsFile".as_bstr()), "") {
            let mut variable = name.clone();
            variable.extend_from_slice(b"Path");
            let Some(file) = environment.remove(&variable) else {
                return Err(Error::Missing {
                    name: variable.to_string(),
                    expected: "the file that Nix makes for `passAsFile`",
                });
            };
            let path = bytes::to_path(&file);
            let text = std::fs::read(&path).map_err(Error::file(&path, "read"))?;
            environment.insert(name, BString::from(text));
        }
        let derivation_name = environment
            .get(b"name".as_bstr())
            .map(ToString::to_string)
            .unwrap_or_default();
        let mut values = BTreeMap::new();
        let mut reserved = BTreeMap::new();
        for (name, value) in environment {
            let name = name.to_string();
            if reserved::ATTRIBUTES.contains(&name.as_str()) {
                reserved.insert(name, value);
            } else if !reserved::is_nix_variable(&name) {
                values.insert(name, Attribute::Text(value));
            }
        }
        Ok(Self {
            derivation_name,
            reserved,
            values,
            outputs,
            asked: BTreeSet::new(),
        })
    }

    /// The derivation's name, for messages; empty where it has none.
    pub fn derivation_name(&self) -> &str {
        &self.derivation_name
    }

    /// Where an output goes: an absolute path that does not exist yet.
    pub fn output(&self, name: &str) -> Result<PathBuf> {
        self.outputs
            .get(name)
            .cloned()
            .ok_or_else(|| Error::NoOutput {
                name: name.to_owned(),
                known: self.outputs.keys().cloned().collect(),
            })
    }

    /// The only output, which must be called `out`. Most builders write just that one.
    pub fn only_output(&self) -> Result<PathBuf> {
        let path = self.output("out")?;
        match self.outputs.keys().find(|name| *name != "out") {
            None => Ok(path),
            Some(other) => Err(Error::value(
                "outputs",
                format!("this builder writes `out` alone; remove `{other}`"),
            )),
        }
    }

    /// Whether the attribute is there and not `null`. It still has to be taken.
    pub fn has(&self, name: &str) -> bool {
        !matches!(
            self.values.get(name),
            None | Some(Attribute::Json(Value::Null))
        )
    }

    fn take(&mut self, name: &str) -> Option<Attribute> {
        self.asked.insert(name.to_owned());
        match self.values.remove(name) {
            Some(Attribute::Json(Value::Null)) | None => None,
            present => present,
        }
    }

    /// Takes a string. `null` counts as absent.
    pub fn string(&mut self, name: &str) -> Result<Option<BString>> {
        match self.take(name) {
            None => Ok(None),
            Some(Attribute::Text(text)) => Ok(Some(text)),
            Some(Attribute::Json(Value::String(text))) => Ok(Some(BString::from(text))),
            Some(Attribute::Json(other)) => {
                Err(Error::wrong_type(name, "a string", describe(&other)))
            }
        }
    }

    /// Takes a string that must be there.
    pub fn required_string(&mut self, name: &str) -> Result<BString> {
        self.string(name)?.ok_or_else(|| Error::Missing {
            name: name.to_owned(),
            expected: "a string",
        })
    }

    /// Takes a string that must be UTF-8, for names of formats and the like.
    pub fn utf8(&mut self, name: &str) -> Result<Option<String>> {
        let Some(text) = self.string(name)? else {
            return Ok(None);
        };
        match String::from_utf8(text.into()) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(Error::value(name, "is not UTF-8")),
        }
    }

    /// Takes a Boolean; absent is `false`.
    pub fn boolean(&mut self, name: &str) -> Result<bool> {
        match self.take(name) {
            None => Ok(false),
            Some(Attribute::Json(Value::Bool(value))) => Ok(value),
            Some(Attribute::Json(other)) => {
                Err(Error::wrong_type(name, "true or false", describe(&other)))
            }
            Some(Attribute::Text(text)) => match text.as_slice() {
                b"1" => Ok(true),
                b"" => Ok(false),
                _ => Err(Error::wrong_type(
                    name,
                    "true (`1`) or false (empty)",
                    format!("the string {:?}", text.to_string()),
                )),
            },
        }
    }

    /// Takes a list of strings; absent is empty. In the environment: words between blanks.
    pub fn strings(&mut self, name: &str) -> Result<Vec<BString>> {
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Attribute::Text(text)) => Ok(bytes::words(&text)),
            Some(Attribute::Json(Value::Array(items))) => items
                .into_iter()
                .enumerate()
                .map(|(index, item)| match item {
                    Value::String(text) => Ok(BString::from(text)),
                    other => Err(Error::wrong_type(
                        format!("{name}[{index}]"),
                        "a string",
                        describe(&other),
                    )),
                })
                .collect(),
            Some(Attribute::Json(other)) => Err(Error::wrong_type(
                name,
                "a list of strings",
                describe(&other),
            )),
        }
    }

    /// Takes a value of any shape; here `null` is a value. From the environment, which has no
    /// shapes, it must be JSON text.
    pub fn value(&mut self, name: &str) -> Result<Option<Value>> {
        self.asked.insert(name.to_owned());
        match self.values.remove(name) {
            None => Ok(None),
            Some(Attribute::Json(value)) => Ok(Some(value)),
            Some(Attribute::Text(text)) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|error| Error::wrong_type(name, "JSON text", error.to_string())),
        }
    }

    /// Takes a value that serde knows how to read (a list of records, for instance).
    /// `expected` says in words what it must be; `null` counts as absent.
    pub fn parsed<T: DeserializeOwned>(&mut self, name: &str, expected: &str) -> Result<Option<T>> {
        match self.value(name)? {
            None | Some(Value::Null) => Ok(None),
            Some(value) => serde_json::from_value(value)
                .map(Some)
                .map_err(|error| Error::wrong_type(name, expected, error.to_string())),
        }
    }

    /// All attributes that can be spelled as environment variables, spelled so, those that speak to
    /// Nix and the outputs included. Takes nothing.
    ///
    /// With structured attributes, sets and lists that hold sets are left out.
    pub fn as_variables(&self) -> BTreeMap<String, BString> {
        let mut variables = self.reserved.clone();
        for (name, value) in &self.values {
            let text = match value {
                Attribute::Text(text) => Some(text.clone()),
                Attribute::Json(value) => as_variable(value).map(BString::from),
            };
            variables.extend(text.map(|text| (name.clone(), text)));
        }
        let outputs: Vec<&str> = self.outputs.keys().map(String::as_str).collect();
        variables.insert("outputs".to_owned(), outputs.join(" ").into());
        for (name, path) in &self.outputs {
            variables.insert(name.clone(), bytes::from_path(path).to_owned());
        }
        variables
    }

    /// Takes whatever is left, for builders to which every attribute means something.
    pub fn take_the_rest(&mut self) {
        self.values.clear();
    }

    /// The outputs by name.
    pub fn outputs(&self) -> &BTreeMap<String, PathBuf> {
        &self.outputs
    }

    /// Refuses what was not taken. To be called before anything is written.
    pub fn finish(self) -> Result<()> {
        self.finish_but(&BTreeSet::new())
    }

    /// Refuses what was neither taken nor is in `allowed`.
    pub fn finish_but(mut self, allowed: &BTreeSet<String>) -> Result<()> {
        self.values.retain(|name, _| !allowed.contains(name));
        if self.values.is_empty() {
            return Ok(());
        }
        Err(Error::Unknown {
            names: self.values.into_keys().collect(),
            known: self.asked.into_iter().collect(),
        })
    }
}

/// A JSON value in the words of a message: `the number 3`, `a list`.
pub fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => {
            let start: String = text.chars().take(40).collect();
            let dots = if start.len() < text.len() { "…" } else { "" };
            format!("the string {start:?}{dots}")
        }
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an attribute set".to_owned(),
    }
}

/// A value as Nix spells it in the environment of a derivation without structured attributes.
fn as_variable(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null | Value::Bool(false) => String::new(),
        Value::Bool(true) => "1".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let words: Option<Vec<String>> = items.iter().map(as_variable).collect();
            words?.join(" ")
        }
        Value::Object(_) => return None,
    })
}
