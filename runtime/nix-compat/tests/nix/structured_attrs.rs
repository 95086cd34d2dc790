//! `.attrs.json` and `.attrs.sh` of a real build.
//!
//! Nix builds here without a sandbox, in a store that is not at `/nix/store`; so the store's directory
//! is replaced in the texts before they are compared. Digests stay as they are: they are not checked.

use crate::nix::{Nix, finish, text};
use anyhow::{Context, Result, ensure};
use bstr::{BString, ByteSlice};
use std::{collections::BTreeMap, fs, path::Path};
use wasibuild_nix_compat::{
    derivation::Derivation, derivation_options::DerivationOptions, path_info::PathInfo,
    store_path::StorePath, structured_attrs::GraphNode,
};

const EXPRESSION: &str = r#"
  derivation {
    name = "structured"; system = builtins.currentSystem; builder = "/bin/sh"; __structuredAttrs = true;
    outputs = [ "out" "dev" ];
    args = [ "-c" "PATH=@PATH@; mkdir ${builtins.placeholder "out"} ${builtins.placeholder "dev"}; cp .attrs.json .attrs.sh ${builtins.placeholder "out"}" ];
    string = "it's \"ü\" \\ \n\t\r$x`y` \u0001"; list = [ "a b" 1 null true false ]; set = { a = 1; "k'" = "v"; };
    nested = { a = [ 1 ]; }; floats = [ 0.5 1.5 ]; half = 0.5; whole = 2.0; negative = -7; big = 4294967299;
    "not a name" = "x"; "a-b" = 1; _ok1 = ""; none = null; yes = true; no = false; empty = [ ]; emptySet = { };
    development = builtins.placeholder "dev"; parsed = builtins.fromJSON "[1.0, 100000.0, 0.1, 1.25]";
    exportReferencesGraph.graph = [ (builtins.toFile "text" "see ${builtins.toFile "other" "x"}") ];
  }
"#;

struct Elsewhere {
    nix: Nix,
    store: String,
}

impl Elsewhere {
    fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let mut command = self.nix.command(program);
        for (name, directory) in [("STORE", "store"), ("STATE", "var"), ("LOG", "log")] {
            command.env(format!("NIX_{name}_DIR"), self.nix.work().join(directory));
        }
        Ok(String::from_utf8(finish(command.args(arguments))?)?
            .trim_end()
            .to_owned())
    }

    fn read(&self, path: &Path) -> Result<BString> {
        Ok(fs::read(path)?.replace(&self.store, "/nix/store").into())
    }

    fn query(&self, what: &str, path: &str) -> Result<Vec<String>> {
        let output = self.run("nix-store", &["--query", what, path])?;
        Ok(output.lines().map(str::to_owned).collect())
    }

    fn store_path(&self, path: &str) -> Result<StorePath> {
        let path = path.replace(&self.store, "/nix/store");
        Ok(StorePath::from_absolute_path(path.as_bytes())?)
    }

    fn node(&self, path: &str) -> Result<GraphNode> {
        let size = |path: &str| -> Result<u64> {
            Ok(self
                .run("nix-store", &["--query", "--size", path])?
                .parse()?)
        };
        let hash = self.run("nix-store", &["--query", "--hash", path])?;
        let hash = wasibuild_nix_compat::hash::NixHash::from_str(&hash, None)?;
        let nar_hash = hash.as_sha256().context("no SHA-256")?;
        let mut info = PathInfo::new(self.store_path(path)?, nar_hash, size(path)?);
        for reference in self.query("--references", path)? {
            info.references.insert(self.store_path(&reference)?);
        }
        let json = self.run("nix", &["path-info", "--json", path])?;
        let json: serde_json::Value = serde_json::from_str(&json)?;
        let ca = json
            .pointer("/0/ca")
            .and_then(serde_json::Value::as_str)
            .context("no ca")?;
        info.ca = Some(ca.parse()?);
        let mut closure_size = 0;
        for requisite in self.query("--requisites", path)? {
            closure_size += size(&requisite)?;
        }
        Ok(GraphNode { info, closure_size })
    }
}

#[test]
fn both_files_are_those_of_nix() -> Result<()> {
    let Some(nix) = Nix::new()? else {
        return Ok(());
    };
    let store = text(&nix.work().join("store"))?.to_owned();
    let elsewhere = Elsewhere { nix, store };
    let expression = EXPRESSION.replace("@PATH@", &std::env::var("PATH")?);
    let expression = elsewhere.nix.write("expression.nix", expression)?;
    let out = elsewhere.run(
        "nix-build",
        &["--no-out-link", "-A", "out", text(&expression)?],
    )?;
    let derivation = elsewhere.run("nix-store", &["--query", "--deriver", &out])?;
    let derivation = Derivation::from_aterm_bytes(&elsewhere.read(Path::new(&derivation))?)?;

    let options = DerivationOptions::of(&derivation)?;
    let mut graphs: BTreeMap<BString, Vec<GraphNode>> = BTreeMap::new();
    for (name, paths) in &options.export_references_graph {
        let nodes = graphs.entry(name.clone()).or_default();
        for path in paths {
            let real = format!("{}/{path}", elsewhere.store);
            for requisite in elsewhere.query("--requisites", &real)? {
                nodes.push(elsewhere.node(&requisite)?);
            }
        }
    }
    let outputs: BTreeMap<String, StorePath> = derivation
        .outputs
        .iter()
        .filter_map(|(name, output)| Some((name.clone(), output.path()?.clone())))
        .collect();
    let structured = derivation
        .structured_attrs()?
        .context("no structured attributes")?;
    let files = structured.files(&outputs, &graphs);

    let theirs = elsewhere.read(&Path::new(&out).join(".attrs.json"))?;
    let mut ours = files.json;
    if !theirs.contains_str(r#""valid":true"#) {
        // Nix 2.8 does not write this yet.
        ours = ours.replace(r#","valid":true"#, "").into();
    }
    assert_eq!(ours, theirs);
    assert_eq!(
        files.shell,
        elsewhere.read(&Path::new(&out).join(".attrs.sh"))?
    );
    ensure!(theirs.contains_str("closureSize"), "no graph in {theirs}");
    Ok(())
}
