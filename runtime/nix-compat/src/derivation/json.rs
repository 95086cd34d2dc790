//! Derivations as JSON, for people and scripts.
//!
//! Contract: the shape of `nix show-derivation` in Nix 2.8 (`nix derivation show` up to 2.17): one
//! object whose only key is the `.drv` path, with `args`, `builder`, `env`, `inputDrvs` (path → names
//! of outputs), `inputSrcs`, `outputs` and `system`, keys sorted. A fixed output has `hash` (base 16)
//! and `hashAlgo` (`sha256`, `r:sha256`) beside `path`. Later versions add `name`, nest the outputs of
//! `inputDrvs` and drop the store directory. JSON has only text, so bytes that are no UTF-8 become
//! U+FFFD. Counterpart: `src/nix/show-derivation.cc`.

use super::{Derivation, Output};
use crate::store_path::StorePath;
use bstr::BString;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

impl Derivation {
    /// This derivation as JSON, under the path of its file.
    pub fn to_json(&self, path: &StorePath) -> Value {
        let text = |bytes: &BString| Value::from(bytes.to_string());
        let absolute = |path: &StorePath| Value::from(path.to_absolute_path());
        let inputs = self.input_derivations.iter().map(|(path, outputs)| {
            let outputs = outputs.iter().map(|name| Value::from(name.as_str()));
            (path.to_absolute_path(), outputs.collect())
        });
        let outputs = self
            .outputs
            .iter()
            .map(|(name, output)| (name.clone(), output_json(output)));
        let environment: BTreeMap<String, Value> = self
            .environment
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect();
        let mut members = Map::new();
        for (name, value) in [
            ("args", self.arguments.iter().map(text).collect()),
            ("builder", text(&self.builder)),
            ("env", Value::Object(environment.into_iter().collect())),
            ("inputDrvs", Value::Object(inputs.collect())),
            (
                "inputSrcs",
                self.input_sources.iter().map(absolute).collect(),
            ),
            ("outputs", Value::Object(outputs.collect())),
            ("system", text(&self.system)),
        ] {
            members.insert(name.to_owned(), value);
        }
        Value::Object(Map::from_iter([(
            path.to_absolute_path(),
            Value::Object(members),
        )]))
    }
}

fn output_json(output: &Output) -> Value {
    let (hash, algo) = match output {
        Output::InputAddressed { .. } | Output::Deferred => (None, None),
        Output::Fixed { ca, .. } => (Some(ca.hash.to_hex()), Some(ca.method_and_algo())),
        Output::Floating { method, algo } | Output::Impure { method, algo } => {
            (None, Some(format!("{}{algo}", method.prefix())))
        }
    };
    let path = output.path().map(StorePath::to_absolute_path);
    let mut members = Map::new();
    for (name, value) in [("hash", hash), ("hashAlgo", algo), ("path", path)] {
        if let Some(value) = value {
            members.insert(name.to_owned(), value.into());
        }
    }
    Value::Object(members)
}
