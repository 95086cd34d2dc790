//! The attributes of the symlink-tree builder, and which of its functions they ask for.
//!
//! | attribute | function |
//! |---|---|
//! | `chosenOutputs` | `buildEnv` |
//! | `paths` | `symlinkJoin`, `lndir` |
//! | `entries` | `linkFarm` |
//!
//! Names and meanings are those of nixpkgs' functions; docs/builders.md has the whole table.

use crate::build_env::{self, Package};
use crate::environment::{closure_of_attributes, lines};
use crate::lndir::Options;
use crate::source::Source;
use crate::symlink_join;
use bstr::{BStr, BString, ByteSlice};
use std::collections::BTreeMap;
use std::path::Path;
use wasibuild_guest::{Attributes, Error, Result, bytes};

/// What a derivation asks for.
#[derive(Debug)]
pub enum Request {
    /// `buildEnv`.
    BuildEnv(build_env::Request),
    /// `symlinkJoin` and `lndir`.
    SymlinkJoin(symlink_join::Request),
    /// `linkFarm`: names and targets.
    LinkFarm(BTreeMap<String, String>),
}

/// The attributes that choose the function.
const FUNCTIONS: [&str; 3] = ["chosenOutputs", "paths", "entries"];

impl Request {
    /// Takes the attributes. Files that they name are read through `source`.
    pub fn take(attributes: &mut Attributes, out: &Path, source: &dyn Source) -> Result<Self> {
        let given: Vec<_> = FUNCTIONS
            .into_iter()
            .filter(|name| attributes.has(name))
            .collect();
        match given.as_slice() {
            ["chosenOutputs"] => build_env(attributes, out, source).map(Self::BuildEnv),
            ["paths"] => symlink_join(attributes).map(Self::SymlinkJoin),
            ["entries"] => {
                let expected = "an attribute set of names and paths";
                let entries = attributes.parsed("entries", expected)?;
                Ok(Self::LinkFarm(entries.unwrap_or_default()))
            }
            [first, second, ..] => Err(Error::Contradiction {
                first: (*first).to_owned(),
                second: (*second).to_owned(),
                problem: "they ask for different functions; keep one".to_owned(),
            }),
            _ => Err(Error::Missing {
                name: FUNCTIONS.join("`, `"),
                expected: "one of these: chosenOutputs (buildEnv), paths (symlinkJoin, lndir) or \
                           entries (linkFarm)",
            }),
        }
    }
}

fn build_env(
    attributes: &mut Attributes,
    out: &Path,
    source: &dyn Source,
) -> Result<build_env::Request> {
    let expected = "a list of { paths = [ … ]; priority = …; }";
    let packages: Vec<Package> = attributes
        .parsed("chosenOutputs", expected)?
        .unwrap_or_default();
    for (index, package) in packages.iter().enumerate() {
        for path in &package.paths {
            absolute(&format!("chosenOutputs[{index}].paths"), path.as_bytes())?;
        }
    }
    let paths_to_link = if attributes.has("pathsToLink") {
        attributes.strings("pathsToLink")?
    } else {
        vec![BString::from("/")]
    };
    for path in &paths_to_link {
        absolute("pathsToLink", path)?;
    }
    let extra_prefix = attributes.string("extraPrefix")?.unwrap_or_default();
    if !extra_prefix.is_empty() {
        absolute("extraPrefix", &extra_prefix)?;
    }
    let check_collision_contents = !attributes.has("checkCollisionContents")
        || attributes.boolean("checkCollisionContents")?;
    Ok(build_env::Request {
        out: bytes::from_path(out).to_owned(),
        store_directory: store_directory(out),
        packages,
        extra_paths: extra_paths(attributes, source)?,
        paths_to_link,
        extra_prefix,
        ignore_collisions: attributes.boolean("ignoreCollisions")?,
        check_collision_contents,
        ignore_single_file_outputs: attributes.boolean("ignoreSingleFileOutputs")?,
        manifest: attributes.string("manifest")?.unwrap_or_default(),
    })
}

/// `includeClosures` with the graph `closure`, or a file that lists the paths, as nixpkgs makes it.
fn extra_paths(attributes: &mut Attributes, source: &dyn Source) -> Result<Vec<BString>> {
    let file = attributes.string("extraPathsFrom")?.unwrap_or_default();
    match (attributes.boolean("includeClosures")?, file.is_empty()) {
        (false, true) => Ok(Vec::new()),
        (false, false) => {
            let text = source
                .contents(&file)
                .map_err(|problem| Error::value("extraPathsFrom", problem.to_string()))?;
            Ok(lines(&text))
        }
        (true, true) => closure_of_attributes(),
        (true, false) => Err(Error::Contradiction {
            first: "includeClosures".to_owned(),
            second: "extraPathsFrom".to_owned(),
            problem: "both give the paths of the closure; remove one".to_owned(),
        }),
    }
}

fn symlink_join(attributes: &mut Attributes) -> Result<symlink_join::Request> {
    let paths = attributes.strings("paths")?;
    for path in &paths {
        absolute("paths", path)?;
    }
    let fail_on_missing =
        !attributes.has("failOnMissing") || attributes.boolean("failOnMissing")?;
    let silent = !attributes.has("silent") || attributes.boolean("silent")?;
    Ok(symlink_join::Request {
        paths,
        fail_on_missing,
        options: Options {
            silent,
            ignore_links: attributes.boolean("ignoreLinks")?,
        },
    })
}

/// Refuses a path that does not begin with a slash, or that leads upwards.
fn absolute(attribute: &str, path: &[u8]) -> Result<()> {
    let shown = BStr::new(path);
    if !path.starts_with(b"/") {
        return Err(Error::value(
            attribute,
            format!("`{shown}` does not begin with a slash; give an absolute path"),
        ));
    }
    if path.split_str("/").any(|part| part == b"..") {
        return Err(Error::value(
            attribute,
            format!("`{shown}` contains `..`; name the place itself"),
        ));
    }
    if path.contains(&0) {
        return Err(Error::value(attribute, format!("{shown:?} contains a NUL")));
    }
    Ok(())
}

/// The store that holds the output.
fn store_directory(out: &Path) -> BString {
    let store = out.parent().unwrap_or(Path::new("/nix/store"));
    bytes::from_path(store).to_owned()
}
