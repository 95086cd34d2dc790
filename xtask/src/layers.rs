//! `cargo xtask layers`: holds the dependencies between packages against the table in
//! `docs/architecture.md`, so that the table stays true and a layer is not crossed by accident.

use crate::command::{cargo, output, workspace};
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};

/// Package name to the packages of this workspace that it knows.
type Graph = BTreeMap<String, BTreeSet<String>>;

pub fn run() -> Result<()> {
    let document = std::fs::read_to_string(workspace().join("docs/architecture.md"))?;
    let allowed = table(&document)?;
    let metadata = output(&mut cargo([
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
        "--locked",
    ]))?;
    let found = graph(&serde_json::from_slice(&metadata)?)?;
    let violations = violations(&allowed, &found);
    if !violations.is_empty() {
        bail!(
            "docs/architecture.md and the packages disagree:\n  {}",
            violations.join("\n  ")
        );
    }
    eprintln!("{} packages keep to their layers", found.len());
    Ok(())
}

/// Reads the table: rows of `| folder | package | what it is | may know |`.
fn table(document: &str) -> Result<Graph> {
    let mut allowed = Graph::new();
    for line in document.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [folder, package, _, knows] = cells[..] else {
            continue;
        };
        if !folder.starts_with('`') {
            continue;
        }
        let names = knows
            .split(',')
            .map(|name| name.trim().trim_matches('`').to_owned());
        let names = names
            .filter(|name| !name.is_empty() && name != "nothing")
            .collect();
        allowed.insert(package.trim_matches('`').to_owned(), names);
    }
    if allowed.is_empty() {
        bail!("docs/architecture.md has no table of packages");
    }
    Ok(allowed)
}

/// The workspace's packages and their dependencies (those for tests left out).
fn graph(metadata: &serde_json::Value) -> Result<Graph> {
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata has no packages")?;
    let name = |value: &serde_json::Value| value["name"].as_str().unwrap_or_default().to_owned();
    let ours: BTreeSet<String> = packages.iter().map(name).collect();
    let mut graph = Graph::new();
    for package in packages {
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        let normal = dependencies.filter(|d| d["kind"].as_str() != Some("dev"));
        graph.insert(
            name(package),
            normal.map(name).filter(|n| ours.contains(n)).collect(),
        );
    }
    Ok(graph)
}

fn violations(allowed: &Graph, found: &Graph) -> Vec<String> {
    let mut violations = Vec::new();
    for (package, dependencies) in found {
        match allowed.get(package) {
            None => violations.push(format!("{package} is not in the table")),
            Some(may) => violations.extend(
                dependencies
                    .difference(may)
                    .map(|d| format!("{package} may not know {d}")),
            ),
        }
    }
    violations.extend(
        allowed
            .keys()
            .filter(|p| !found.contains_key(*p))
            .map(|p| format!("{p} is no package")),
    );
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "| Folder | Package | What | May know |\n|---|---|---|---|\n\
        | `a` | `a` | base | nothing |\n| `b` | `b` | top | `a` |\n";

    fn graph_of(rows: &[(&str, &[&str])]) -> Graph {
        rows.iter()
            .map(|(n, d)| (n.to_string(), d.iter().map(|d| d.to_string()).collect()))
            .collect()
    }

    #[test]
    fn the_table_is_read_and_obeyed() {
        let allowed = table(TABLE).unwrap();
        assert_eq!(allowed, graph_of(&[("a", &[]), ("b", &["a"])]));
        assert!(violations(&allowed, &graph_of(&[("a", &[]), ("b", &["a"])])).is_empty());
    }

    #[test]
    fn a_crossed_layer_an_unknown_and_a_missing_package_are_reported() {
        let allowed = table(TABLE).unwrap();
        let found = graph_of(&[("a", &["b"]), ("c", &[])]);
        let expected = [
            "a may not know b",
            "c is not in the table",
            "b is no package",
        ];
        assert_eq!(violations(&allowed, &found), expected);
    }
}
