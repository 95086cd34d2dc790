//! The environment that nixpkgs gives to its own script, so that a derivation that runs
//! `perl builder.pl` can be planned as it is.
//!
//! | nixpkgs | packages | names | closure |
//! |---|---|---|---|
//! | 2016 | `pkgs` (JSON) or the file `pkgsPath` | `pathsToLink`, words | – |
//! | early 2025 | the same | `pathsToLink`, words | `extraPathsFrom`, a file |
//! | 2025 | the same | `pathsToLink`, words with escaped blanks | `extraPathsFrom` |
//! | 2026 | the same | `pathsToLinkJSON` | `extraPathsFrom` |
//! | structured | `chosenOutputs` in `.attrs.json` | `pathsToLink`, a list | `extraPathsFrom` |

use crate::build_env::{Package, Request};
use crate::rules::Rules;
use crate::source::Source;
use bstr::{BStr, BString, ByteSlice};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use wasibuild_guest::{Error, Result, bytes};

/// A `buildEnv` request from the environment of the script, `out` and all.
///
/// `store_directory` is the `@storeDir@` that was substituted into the script.
pub fn request(
    environment: &BTreeMap<BString, BString>,
    store_directory: &[u8],
    rules: &Rules,
    source: &dyn Source,
) -> Result<Request> {
    let variable = |name: &str| {
        environment
            .get(BStr::new(name))
            .cloned()
            .unwrap_or_default()
    };
    let required = |name: &str| {
        environment
            .get(BStr::new(name))
            .cloned()
            .ok_or_else(|| Error::Missing {
                name: name.to_owned(),
                expected: "a variable that nixpkgs' buildEnv sets",
            })
    };
    let read = |attribute: &str, file: &[u8]| {
        source
            .contents(file)
            .map_err(|problem| Error::value(attribute, problem.to_string()))
    };
    let structured = match environment.get(BStr::new("NIX_ATTRS_JSON_FILE")) {
        Some(file) if !environment.contains_key(BStr::new("pkgs")) => {
            let text = read("NIX_ATTRS_JSON_FILE", file)?;
            Some(json::<Map<String, Value>>("NIX_ATTRS_JSON_FILE", &text)?)
        }
        _ => None,
    };
    let switch = |name: &str| match &structured {
        Some(attributes) => attributes.get(name) == Some(&Value::Bool(true)),
        None => variable(name) == "1",
    };
    let text = |name: &str| match &structured {
        Some(attributes) => match attributes.get(name) {
            Some(Value::String(text)) => BString::from(text.as_str()),
            _ => BString::default(),
        },
        None => variable(name),
    };
    let packages: Vec<Package> = match &structured {
        Some(attributes) => member(attributes, "chosenOutputs")?,
        None => match environment.get(BStr::new("pkgsPath")) {
            // The script reads one line of the file; Nix writes no other.
            Some(file) => json("pkgsPath", &read("pkgsPath", file)?)?,
            None => json("pkgs", &required("pkgs")?)?,
        },
    };
    let paths_to_link = match (&structured, environment.get(BStr::new("pathsToLinkJSON"))) {
        (Some(attributes), _) => strings(member(attributes, "pathsToLink")?),
        (None, Some(list)) => strings(json("pathsToLinkJSON", list)?),
        (None, None) if rules.escaped_blanks => escaped_words(&required("pathsToLink")?),
        (None, None) => bytes::words(&required("pathsToLink")?),
    };
    let extra_paths_from = text("extraPathsFrom");
    let extra_paths = if extra_paths_from.is_empty() {
        Vec::new()
    } else {
        lines(&read("extraPathsFrom", &extra_paths_from)?)
    };
    let out = match &structured {
        Some(attributes) => {
            let mut outputs: BTreeMap<String, String> = member(attributes, "outputs")?;
            BString::from(outputs.remove("out").unwrap_or_default())
        }
        None => required("out")?,
    };
    Ok(Request {
        out,
        store_directory: BString::from(store_directory),
        packages,
        extra_paths,
        paths_to_link,
        extra_prefix: text("extraPrefix"),
        ignore_collisions: switch("ignoreCollisions"),
        check_collision_contents: switch("checkCollisionContents"),
        ignore_single_file_outputs: switch("ignoreSingleFileOutputs"),
        manifest: text("manifest"),
    })
}

/// The closure that Nix wrote to `.attrs.json` because of `exportReferencesGraph.closure`: its paths
/// in the order of their names, as nixpkgs' `writeClosure` lists them.
pub fn closure_of_attributes() -> Result<Vec<BString>> {
    #[derive(serde::Deserialize)]
    struct Attributes {
        closure: Option<Vec<PathInfo>>,
    }
    #[derive(serde::Deserialize)]
    struct PathInfo {
        path: String,
    }
    let missing = || Error::Contradiction {
        first: "includeClosures".to_owned(),
        second: "exportReferencesGraph".to_owned(),
        problem: "the closure is read from the graph `closure` of structured attributes; add \
                  `exportReferencesGraph.closure` with the packages"
            .to_owned(),
    };
    // `Attributes` leaves graphs out: for every other builder they are noise.
    #[allow(clippy::disallowed_methods)]
    let file = std::env::var_os("NIX_ATTRS_JSON_FILE").ok_or_else(missing)?;
    let file = std::path::PathBuf::from(file);
    let text = std::fs::read(&file).map_err(Error::file(&file, "read"))?;
    let attributes: Attributes = json("closure", &text)?;
    let closure = attributes.closure.ok_or_else(missing)?;
    let mut paths: Vec<BString> = closure.into_iter().map(|info| info.path.into()).collect();
    paths.sort();
    Ok(paths)
}

/// Words between single blanks, in which `\ ` is a blank; empty ones at the end are dropped.
fn escaped_words(text: &[u8]) -> Vec<BString> {
    let mut words = vec![BString::default()];
    for byte in text {
        match words.last_mut() {
            Some(word) if *byte == b' ' && word.last() == Some(&b'\\') => word.push(b' '),
            Some(word) if *byte != b' ' => word.push(*byte),
            _ => words.push(BString::default()),
        }
    }
    while words.last().is_some_and(|word| word.is_empty()) {
        words.pop();
    }
    words
        .into_iter()
        .map(|word| BString::from(word.replace(b"\\ ", b" ")))
        .collect()
}

/// The lines of a list of paths.
pub fn lines(text: &[u8]) -> Vec<BString> {
    text.split_str("\n").map(BString::from).collect()
}

fn json<T: serde::de::DeserializeOwned>(name: &str, text: &[u8]) -> Result<T> {
    serde_json::from_slice(text)
        .map_err(|error| Error::wrong_type(name, "the JSON that nixpkgs writes", error.to_string()))
}

fn member<T: serde::de::DeserializeOwned>(
    attributes: &Map<String, Value>,
    name: &str,
) -> Result<T> {
    let value = attributes.get(name).cloned().unwrap_or(Value::Null);
    serde_json::from_value(value)
        .map_err(|error| Error::wrong_type(name, "the JSON that nixpkgs writes", error.to_string()))
}

fn strings(list: Vec<String>) -> Vec<BString> {
    list.into_iter().map(BString::from).collect()
}
