//! Reads the options from the environment or from structured attributes.

use super::{DerivationOptions, OptionsError, OutputChecks, Reference};
use crate::{derivation::Derivation, store_path::StorePath, structured_attrs::StructuredAttrs};
use bstr::{BStr, BString, ByteSlice};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Where attributes are looked up.
enum Attributes<'a> {
    Environment(&'a BTreeMap<BString, BString>),
    Structured(&'a Map<String, Value>),
}

/// The checks that stand at the top level without structured attributes, and within `outputChecks`
/// with them.
const CHECKS: [&str; 4] = [
    "allowedReferences",
    "allowedRequisites",
    "disallowedReferences",
    "disallowedRequisites",
];

impl DerivationOptions {
    /// Reads what the derivation asks for.
    pub fn of(derivation: &Derivation) -> Result<Self, OptionsError> {
        Self::with(derivation, derivation.structured_attrs()?.as_ref())
    }

    /// The same for who has the derivation's structured attributes at hand: reading them takes longer
    /// than all else here.
    pub fn with(
        derivation: &Derivation,
        structured: Option<&StructuredAttrs>,
    ) -> Result<Self, OptionsError> {
        let attributes = match structured {
            Some(structured) => Attributes::Structured(structured.attributes()),
            None => Attributes::Environment(&derivation.environment),
        };
        let words = |name| Ok::<_, OptionsError>(attributes.words(name)?.unwrap_or_default());
        let flag = |name, default| attributes.flag(name, default);
        Ok(Self {
            output_checks: attributes.output_checks(derivation)?,
            unsafe_discard_references: attributes.discarded_references(derivation)?,
            pass_as_file: match attributes {
                Attributes::Environment(_) => words("passAsFile")?,
                Attributes::Structured(_) => BTreeSet::new(),
            },
            export_references_graph: attributes.graphs()?,
            required_system_features: words("requiredSystemFeatures")?,
            prefer_local_build: flag("preferLocalBuild", false)?,
            allow_substitutes: flag("allowSubstitutes", true)?,
            no_chroot: flag("__noChroot", false)?,
            impure_env_vars: words("impureEnvVars")?,
            ignored_attributes: attributes.ignored(),
        })
    }
}

impl Attributes<'_> {
    fn words(&self, name: &str) -> Result<Option<BTreeSet<BString>>, OptionsError> {
        match self {
            Self::Environment(variables) => Ok(variables
                .get(BStr::new(name))
                .map(|text| split(text).collect())),
            Self::Structured(values) => values
                .get(name)
                .map(|value| strings(name, value))
                .transpose(),
        }
    }

    fn flag(&self, name: &str, default: bool) -> Result<bool, OptionsError> {
        match self {
            Self::Environment(variables) => Ok(variables
                .get(BStr::new(name))
                .map_or(default, |text| text == "1")),
            Self::Structured(values) => values.get(name).map_or(Ok(default), |value| {
                value
                    .as_bool()
                    .ok_or_else(|| wrong_type(name, "true or false"))
            }),
        }
    }

    fn output_checks(
        &self,
        derivation: &Derivation,
    ) -> Result<BTreeMap<String, OutputChecks>, OptionsError> {
        let Self::Structured(values) = self else {
            let set = |name| {
                let words = self.words(name)?;
                words
                    .map(|words| references(name, words, derivation))
                    .transpose()
            };
            let checks = OutputChecks {
                max_size: None,
                max_closure_size: None,
                allowed_references: set("allowedReferences")?,
                allowed_requisites: set("allowedRequisites")?,
                disallowed_references: set("disallowedReferences")?.unwrap_or_default(),
                disallowed_requisites: set("disallowedRequisites")?.unwrap_or_default(),
                ignore_self_refs: true,
            };
            let names = derivation.outputs.keys();
            return Ok(names.map(|name| (name.clone(), checks.clone())).collect());
        };
        object(values, "outputChecks")?
            .map(|(output, checks)| {
                known_output("outputChecks", output, derivation)?;
                let place = format!("outputChecks.{output}");
                let checks = checks
                    .as_object()
                    .ok_or_else(|| wrong_type(&place, "an attribute set"))?;
                Ok((
                    output.clone(),
                    structured_checks(&place, checks, derivation)?,
                ))
            })
            .collect()
    }

    fn discarded_references(
        &self,
        derivation: &Derivation,
    ) -> Result<BTreeSet<String>, OptionsError> {
        let mut discarded = BTreeSet::new();
        if let Self::Structured(values) = self {
            for (output, value) in object(values, "unsafeDiscardReferences")? {
                known_output("unsafeDiscardReferences", output, derivation)?;
                let place = format!("unsafeDiscardReferences.{output}");
                if value
                    .as_bool()
                    .ok_or_else(|| wrong_type(&place, "true or false"))?
                {
                    discarded.insert(output.clone());
                }
            }
        }
        Ok(discarded)
    }

    fn graphs(&self) -> Result<BTreeMap<BString, BTreeSet<StorePath>>, OptionsError> {
        const NAME: &str = "exportReferencesGraph";
        let mut graphs: BTreeMap<BString, BTreeSet<StorePath>> = BTreeMap::new();
        match self {
            Self::Environment(variables) => {
                let text = variables.get(BStr::new(NAME)).cloned().unwrap_or_default();
                let mut words = split(&text);
                while let Some(name) = words.next() {
                    let path = words
                        .next()
                        .ok_or_else(|| OptionsError::OddGraph(split(&text).count()))?;
                    if !is_graph_file_name(&name) {
                        return Err(OptionsError::GraphFileName(name));
                    }
                    graphs.insert(name, BTreeSet::from([graph_path(&path)?]));
                }
            }
            Self::Structured(values) => {
                // Nix ignores another type than an object here.
                for (name, value) in values
                    .get(NAME)
                    .and_then(Value::as_object)
                    .into_iter()
                    .flatten()
                {
                    let mut paths = BTreeSet::new();
                    let mut pending = vec![value];
                    while let Some(value) = pending.pop() {
                        match value {
                            Value::Array(items) => pending.extend(items),
                            Value::String(text) => {
                                paths.insert(graph_path(text.as_bytes())?);
                            }
                            _ => {
                                return Err(wrong_type(
                                    &format!("{NAME}.{name}"),
                                    "a store path or a list of them",
                                ));
                            }
                        }
                    }
                    graphs.insert(name.as_str().into(), paths);
                }
            }
        }
        Ok(graphs)
    }

    fn ignored(&self) -> BTreeSet<&'static str> {
        let Self::Structured(values) = self else {
            return BTreeSet::new();
        };
        CHECKS
            .into_iter()
            .chain(["maxSize", "maxClosureSize", "passAsFile"])
            .filter(|name| values.contains_key(*name))
            .collect()
    }
}

fn structured_checks(
    place: &str,
    checks: &Map<String, Value>,
    derivation: &Derivation,
) -> Result<OutputChecks, OptionsError> {
    let set = |name| {
        let attribute = format!("{place}.{name}");
        let Some(value) = checks.get(name) else {
            return Ok(None);
        };
        references(&attribute, strings(&attribute, value)?, derivation).map(Some)
    };
    let size = |name: &str| match checks.get(name) {
        None => Ok(None),
        Some(value) => value
            .as_u64()
            .map(Some)
            .ok_or_else(|| wrong_type(&format!("{place}.{name}"), "a number of bytes")),
    };
    Ok(OutputChecks {
        max_size: size("maxSize")?,
        max_closure_size: size("maxClosureSize")?,
        allowed_references: set("allowedReferences")?,
        allowed_requisites: set("allowedRequisites")?,
        disallowed_references: set("disallowedReferences")?.unwrap_or_default(),
        disallowed_requisites: set("disallowedRequisites")?.unwrap_or_default(),
        ignore_self_refs: false,
    })
}

fn references(
    attribute: &str,
    words: BTreeSet<BString>,
    derivation: &Derivation,
) -> Result<BTreeSet<Reference>, OptionsError> {
    words
        .into_iter()
        .map(|word| {
            if let Ok(path) = StorePath::from_absolute_path(&word) {
                return Ok(Reference::Path(path));
            }
            match word.to_str() {
                Ok(name) if derivation.outputs.contains_key(name) => {
                    Ok(Reference::Output(name.to_owned()))
                }
                _ => Err(OptionsError::Reference {
                    attribute: attribute.to_owned(),
                    found: word,
                }),
            }
        })
        .collect()
}

fn known_output(
    attribute: &'static str,
    output: &str,
    derivation: &Derivation,
) -> Result<(), OptionsError> {
    if derivation.outputs.contains_key(output) {
        return Ok(());
    }
    Err(OptionsError::UnknownOutput {
        attribute,
        output: output.to_owned(),
    })
}

fn object<'a>(
    values: &'a Map<String, Value>,
    name: &str,
) -> Result<impl Iterator<Item = (&'a String, &'a Value)>, OptionsError> {
    let members = values
        .get(name)
        .map(|value| {
            value
                .as_object()
                .ok_or_else(|| wrong_type(name, "an attribute set"))
        })
        .transpose()?;
    Ok(members.into_iter().flatten())
}

fn strings(name: &str, value: &Value) -> Result<BTreeSet<BString>, OptionsError> {
    value
        .as_array()
        .and_then(|items| {
            items
                .iter()
                .map(|item| item.as_str().map(BString::from))
                .collect()
        })
        .ok_or_else(|| wrong_type(name, "a list of strings"))
}

/// The words of a string as Nix's `tokenizeString` gives them.
fn split(text: &[u8]) -> impl Iterator<Item = BString> {
    text.split(|byte| b" \t\n\r".contains(byte))
        .filter(|word| !word.is_empty())
        .map(BString::from)
}

fn is_graph_file_name(name: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    name.first().is_some_and(is_letter)
        && name
            .iter()
            .all(|byte| is_letter(byte) || byte.is_ascii_digit() || b".-".contains(byte))
}

/// A graph's path may go below a store object; the object counts.
fn graph_path(text: &[u8]) -> Result<StorePath, OptionsError> {
    StorePath::split_absolute_path(text)
        .map(|(path, _)| path)
        .map_err(OptionsError::GraphPath)
}

fn wrong_type(attribute: &str, expected: &'static str) -> OptionsError {
    OptionsError::Type {
        attribute: attribute.to_owned(),
        expected,
    }
}
