//! Forecasts of graphs that are made here.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use bstr::BStr;
use wasibuild_nix_compat::derivation::Derivation;

use super::*;
use crate::plan::{Choices, Facts, Graph, Offer};
use crate::router::{Router, Traits};

fn path(name: &str) -> StorePath {
    let hash = wasibuild_nix_compat::hash::sha256(name.as_bytes());
    let digest = wasibuild_nix_compat::hash::compress_hash(&hash);
    StorePath::from_digest(&digest, name).expect("a path")
}

/// A store in which these outputs are valid, and a cache that has those.
struct World(&'static [&'static str], &'static [&'static str]);

impl Facts for World {
    type Error = Infallible;
    fn is_valid(&self, path: &StorePath) -> Result<bool, Infallible> {
        Ok(self.0.contains(&path.name()))
    }
    fn offered(
        &self,
        paths: &BTreeSet<StorePath>,
    ) -> Result<BTreeMap<StorePath, Offer>, Infallible> {
        let offer = Offer {
            references: BTreeSet::new(),
            nar_size: 4096,
            download_size: Some(2048),
        };
        let offered = paths.iter().filter(|path| self.1.contains(&path.name()));
        Ok(offered.map(|path| (path.clone(), offer.clone())).collect())
    }
}

/// Scripts of derivations by name.
struct Scripts(&'static [(&'static str, &'static str)]);

impl Programs for Scripts {
    fn derivation(&self, node: &Node) -> io::Result<Derivation> {
        let found = self.0.iter().find(|(name, _)| *name == node.name());
        let (_, script) = found.ok_or_else(|| io::Error::other("none"))?;
        Ok(Derivation {
            outputs: BTreeMap::new(),
            input_derivations: BTreeMap::new(),
            input_sources: BTreeSet::new(),
            system: node.system.clone(),
            builder: node.builder.clone(),
            arguments: Vec::new(),
            environment: [("buildCommand".into(), (*script).into())].into(),
        })
    }
    fn script(&self, _: &BStr, _: u64) -> Option<Vec<u8>> {
        None
    }
    fn inputs(&self, _: &Node) -> Vec<StorePath> {
        vec![path("libxslt-1.1")]
    }
    fn has(&self, path: &StorePath, program: &BStr) -> bool {
        path.name() == "libxslt-1.1" && program == "xsltproc"
    }
}

const BASH: &str = "/nix/store/0c7vblp8bqv2gwv9vrghm2v9nb0cl4ak-bash-5.2/bin/bash";
const WASM: &str = "/nix/store/0c7vblp8bqv2gwv9vrghm2v9nb0cl4ak-text.wasm";

fn add(graph: &mut Graph, name: &str, system: &str, local: bool, inputs: &[NodeId]) -> NodeId {
    let builder = if system.ends_with("-linux") {
        BASH
    } else {
        WASM
    };
    graph.add(Node {
        derivation: path(&format!("{name}.drv")),
        system: system.into(),
        builder: builder.into(),
        outputs: [("out".to_owned(), path(name))].into(),
        inputs: inputs
            .iter()
            .map(|id| (*id, ["out".to_owned()].into()))
            .collect(),
        inputs_unread: false,
        sources: BTreeSet::new(),
        allow_substitutes: true,
        kept: None,
        structured: None,
        traits: Traits {
            local,
            ..Traits::default()
        },
    })
}

/// A configuration: `top` needs a file for the sandbox and units for the shell, these what is valid, fetched,
/// a package, and one for another system.
fn plan() -> Plan {
    let mut graph = Graph::new();
    let linux = "x86_64-linux";
    let hidden = add(&mut graph, "hidden", linux, false, &[]);
    let bash = add(&mut graph, "bash", linux, false, &[hidden]);
    let glibc = add(&mut graph, "glibc", linux, false, &[]);
    let gcc = add(&mut graph, "gcc", linux, false, &[bash, glibc]);
    let mac = add(&mut graph, "mac", "aarch64-darwin", false, &[glibc]);
    let units: Vec<NodeId> = (0..5)
        .map(|n| {
            add(
                &mut graph,
                &format!("unit-{n}.service"),
                linux,
                true,
                &[bash],
            )
        })
        .collect();
    let manual = add(&mut graph, "manual", linux, true, &[bash, gcc]);
    let file = add(&mut graph, "file", "wasm32-wasip1", false, &[mac]);
    let mut all = units;
    all.extend([manual, file, bash, glibc]);
    let top = add(&mut graph, "top", linux, true, &all);
    let choices = Choices {
        tolerant: true,
        router: Arc::new(Router::default()),
        ..Choices::default()
    };
    let goals = vec![(top, ["out".to_owned()].into())];
    Plan::make(graph, goals, &World(&["bash"], &["glibc"]), choices).expect("a tolerant plan")
}

const SCRIPTS: Scripts = Scripts(&[
    ("manual", "echo a\nxsltproc b | sed c\n"),
    ("unit-0.service", "sed a; unknown-word"),
]);

#[test]
fn each_derivation_has_its_fate_and_its_reason() {
    let plan = plan();
    let forecast = Forecast::new(&plan, &SCRIPTS);
    let fate = |name: &str| {
        let id = plan.graph.find(&path(&format!("{name}.drv"))).expect(name);
        let outlook = &forecast.outlooks[&id];
        (outlook.fate, outlook.reason())
    };
    assert_eq!(
        fate("bash"),
        (Fate::Valid, "its outputs are valid".to_owned())
    );
    assert_eq!(fate("glibc").0, Fate::Substitute);
    assert_eq!(fate("hidden").0, Fate::NotNeeded);
    assert_eq!(fate("file").0, Fate::Sandbox);
    assert_eq!(fate("unit-3.service").0, Fate::Shell);
    let (gcc, why) = fate("gcc");
    assert!(
        gcc == Fate::NeedsVm && why.starts_with("it is a package"),
        "{why}"
    );
    let (mac, why) = fate("mac");
    assert!(
        mac == Fate::Refused && why.contains("'aarch64-darwin'"),
        "{why}"
    );
    let guessed: Vec<_> = forecast
        .outlooks
        .values()
        .flat_map(|outlook| &outlook.guesses)
        .collect();
    let guess = Guess {
        program: "xsltproc of libxslt".to_owned(),
        place: "buildCommand".to_owned(),
    };
    assert_eq!(guessed, [&guess]);
}

#[test]
fn the_tree_and_the_counts_can_be_read() {
    let plan = plan();
    let forecast = Forecast::new(&plan, &SCRIPTS);
    assert_eq!(
        tree(&forecast, false),
        "\
top  [shell]
├── (1 valid, 1 fetched)
├── unit-0.service  [shell]
│   └── (1 valid)
├── unit-1.service  [shell]
│   └── (1 valid)
├── unit-2.service  [shell]
│   └── (1 valid)
├── unit-3.service  [shell]
│   └── (1 valid)
├── unit-4.service  [shell]
│   └── (1 valid)
├── manual  [shell; may meet xsltproc of libxslt]
│   ├── (1 valid)
│   └── gcc  [needs-vm: a package]
│       └── (1 valid, 1 fetched)
└── file  [sandbox]
    └── mac  [refused: for aarch64-darwin]
"
    );
    assert!(
        tree(&forecast, true)
            .contains("│       ├── bash  [valid]\n│       └── glibc  [substitute]\n")
    );
    assert_eq!(
        summary(&forecast),
        "\
12 derivations, and 1 of which nothing is needed
     1  valid
     1  fetched (1 paths, 2.0 KiB to download)
     1  sandbox
           1  its builder is a WebAssembly module of its own
     7  shell in the sandbox
           7  it is configuration: it has preferLocalBuild or allowSubstitutes = false
     1  need a virtual machine that is not there
           1  it is a package: it has neither preferLocalBuild, nor allowSubstitutes = false, nor a buildCommand without src (--shell=all attempts it all the same)
     1  refused
           1  it is for the system 'aarch64-darwin', not for Linux
     1  of the shell's may meet a program that it has not, by a look at their scripts:
          manual: xsltproc of libxslt
"
    );
}

#[test]
fn a_deep_chain_is_drawn_without_recursion() {
    let mut graph = Graph::new();
    let mut last = add(&mut graph, "0", "wasm32-wasip1", false, &[]);
    for n in 1..20_000 {
        last = add(&mut graph, &n.to_string(), "wasm32-wasip1", false, &[last]);
    }
    let choices = Choices {
        tolerant: true,
        ..Choices::default()
    };
    let goals = vec![(last, ["out".to_owned()].into())];
    let plan = Plan::make(graph, goals, &World(&[], &[]), choices).expect("a plan");
    let forecast = Forecast::new(&plan, &SCRIPTS);
    let tree = tree(&forecast, false);
    assert!(tree.lines().count() < 25_000 && tree.contains("(goes on below)"));
    assert!(
        tree.lines()
            .any(|line| line.trim_start_matches(' ') == "└── 0  [sandbox]")
    );
    let svg = forecast.to_svg();
    assert!(
        svg.contains("18500  more are not drawn"),
        "{}",
        svg.get(..900).unwrap_or_default()
    );
}

#[test]
fn json_has_every_rule() {
    let plan = plan();
    let json = Forecast::new(&plan, &SCRIPTS).to_json();
    assert_eq!(json["counts"]["shell"], 7);
    assert_eq!(json["counts"]["not-needed"], 1);
    assert_eq!(json["downloadSize"], 2048);
    let all = json["derivations"].as_array().expect("a list");
    assert_eq!(all.len(), 12);
    let manual = all
        .iter()
        .find(|one| one["name"] == "manual")
        .expect("manual");
    assert_eq!(manual["fate"], "shell");
    assert_eq!(manual["mayMeet"][0]["program"], "xsltproc of libxslt");
    let routes = manual["routes"].as_array().expect("routes");
    let words: Vec<String> = routes
        .iter()
        .map(|one| format!("{} {} {}", one["route"], one["outcome"], one["reason"]))
        .collect();
    assert_eq!(
        words,
        [
            r#""sandbox" "passes" "system""#,
            r#""shell" "takes" "local""#,
            r#""vm" "passes" "no-machine""#,
            r#""nix" "passes" "only-the-hook""#,
            r#""refuse" "passes" "refuse""#,
        ]
    );
}

/// Tags are balanced, quotes closed, and nothing stands there that XML forbids.
fn assert_well_formed(svg: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = svg;
    while let Some(at) = rest.find('<') {
        let (text, tag) = rest.split_at(at);
        assert!(!text.contains('>'), "{text}");
        for part in text.split('&').skip(1) {
            let entity = part.split(';').next().unwrap_or_default();
            assert!(["amp", "lt", "gt", "quot"].contains(&entity), "&{part}");
        }
        let end = tag.find('>').expect("a tag ends");
        let inner = &tag[1..end];
        assert_eq!(inner.matches('"').count() % 2, 0, "{inner}");
        if let Some(name) = inner.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{inner}");
        } else if !inner.ends_with('/') {
            open.push(inner.split(' ').next().unwrap_or_default());
        }
        rest = &tag[end + 1..];
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest}");
}

#[test]
fn the_picture_shows_every_derivation_once_and_is_well_formed() {
    let plan = plan();
    let forecast = Forecast::new(&plan, &SCRIPTS);
    let svg = forecast.to_svg();
    assert_eq!(svg, Forecast::new(&plan, &SCRIPTS).to_svg());
    assert_well_formed(&svg);
    for (_, node, _) in forecast.needed() {
        let label = format!(
            ">{}</text></g>",
            node.name()
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
        );
        assert_eq!(svg.matches(&label).count(), 1, "{label} in {svg}");
    }
    assert!(svg.contains("<title>manual\n/nix/store/"), "{svg}");
    assert!(
        svg.contains("may meet xsltproc of libxslt (buildCommand)"),
        "{svg}"
    );
    // What is doubtful is dashed: the manual, gcc, and their entries in the legend.
    assert_eq!(svg.matches("stroke-dasharray").count(), 4, "{svg}");
    assert!(!svg.contains("hidden"), "{svg}");
}
