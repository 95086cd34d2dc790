//! Plans for graphs that are made here, against a store and caches that are sets.

use std::cell::RefCell;
use std::convert::Infallible;

use super::*;

/// A store path whose digest and name follow from a short name.
fn path(name: &str) -> StorePath {
    let digest: String = (0..32)
        .map(|i| {
            name.as_bytes()
                .get(i)
                .map_or('0', |b| char::from(b'0' + b % 10))
        })
        .collect();
    StorePath::from_basename(format!("{digest}-{name}").as_bytes()).expect("a store path")
}

#[derive(Default)]
struct World {
    valid: BTreeSet<StorePath>,
    offers: BTreeMap<StorePath, Offer>,
    asked: RefCell<Vec<BTreeSet<StorePath>>>,
}

impl World {
    fn valid(mut self, names: &[&str]) -> Self {
        self.valid.extend(names.iter().map(|name| path(name)));
        self
    }

    fn offers(mut self, name: &str, references: &[&str]) -> Self {
        let references = references.iter().map(|name| path(name)).collect();
        self.offers.insert(
            path(name),
            Offer {
                references,
                nar_size: 2048,
                download_size: Some(1024),
            },
        );
        self
    }
}

impl Facts for World {
    type Error = Infallible;
    fn is_valid(&self, path: &StorePath) -> Result<bool, Infallible> {
        Ok(self.valid.contains(path))
    }
    fn offered(
        &self,
        paths: &BTreeSet<StorePath>,
    ) -> Result<BTreeMap<StorePath, Offer>, Infallible> {
        self.asked.borrow_mut().push(paths.clone());
        Ok(self
            .offers
            .iter()
            .filter(|(path, _)| paths.contains(*path))
            .map(|(p, o)| (p.clone(), o.clone()))
            .collect())
    }
}

fn outputs(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(ToString::to_string).collect()
}

fn add(
    graph: &mut Graph,
    name: &str,
    system: &str,
    inputs: &[(NodeId, &[&str])],
    sources: &[&str],
) -> NodeId {
    graph.add(Node {
        derivation: path(&format!("{name}.drv")),
        system: system.into(),
        builder: "/nix/store/00000000000000000000000000000000-b.wasm".into(),
        outputs: [
            ("out".to_owned(), path(name)),
            ("dev".to_owned(), path(&format!("{name}-dev"))),
        ]
        .into(),
        inputs: inputs
            .iter()
            .map(|(id, names)| (*id, outputs(names)))
            .collect(),
        inputs_unread: false,
        sources: sources.iter().map(|name| path(name)).collect(),
        allow_substitutes: true,
        kept: None,
        structured: None,
        traits: Default::default(),
    })
}

/// `top` needs `left` and `right`, which need `base`.
fn diamond(base_system: &str) -> (Graph, NodeId) {
    let mut graph = Graph::new();
    let base = add(&mut graph, "base", base_system, &[], &["source"]);
    let left = add(&mut graph, "left", "wasm32-wasi", &[(base, &["out"])], &[]);
    let right = add(
        &mut graph,
        "right",
        "wasm32-wasip1",
        &[(base, &["dev"])],
        &[],
    );
    let top = add(
        &mut graph,
        "top",
        "wasm32-wasi",
        &[(left, &["out"]), (right, &["out"])],
        &[],
    );
    (graph, top)
}

fn make(graph: Graph, top: NodeId, world: &World) -> Result<Plan, PlanError<Infallible>> {
    Plan::make(
        graph,
        vec![(top, outputs(&["out", "dev"]))],
        world,
        Choices::default(),
    )
}

fn builds(plan: &Plan) -> Vec<&str> {
    plan.builds().map(|id| plan.graph.node(id).name()).collect()
}

#[test]
fn builds_everything_inputs_first() {
    let (graph, top) = diamond("wasm32-wasi");
    let plan = make(graph, top, &World::default().valid(&["source"])).expect("a plan");
    assert_eq!(builds(&plan), ["base", "left", "right", "top"]);
    assert!(plan.fetches.is_empty());
}

#[test]
fn what_is_valid_is_skipped_with_all_that_it_needs() {
    let (graph, top) = diamond("wasm32-wasi");
    let plan = make(
        graph.clone(),
        top,
        &World::default().valid(&["top", "top-dev"]),
    )
    .expect("a plan");
    assert_eq!(builds(&plan), [""; 0]);
    assert_eq!(plan.to_string(), "nothing to do: all outputs are valid\n");
    let plan = make(graph, top, &World::default().valid(&["left", "base-dev"])).expect("a plan");
    assert_eq!(builds(&plan), ["right", "top"]);
}

#[test]
fn one_missing_output_is_enough_to_build() {
    let (graph, top) = diamond("wasm32-wasi");
    let plan = make(
        graph,
        top,
        &World::default().valid(&["left", "right", "top"]),
    )
    .expect("a plan");
    assert_eq!(builds(&plan), ["top"]);
}

#[test]
fn other_systems_are_fetched_with_their_closure_or_refused() {
    let (graph, top) = diamond("x86_64-linux");
    let world = World::default()
        .offers("base", &["base", "libc"])
        .offers("base-dev", &["base"])
        .offers("libc", &[]);
    let plan = make(graph.clone(), top, &world).expect("a plan");
    assert_eq!(builds(&plan), ["left", "right", "top"]);
    assert_eq!(plan.fetches.len(), 3);
    assert_eq!(
        plan.to_string(),
        format!(
            "these 3 derivations will be built:\n  {}\n  {}\n  {}\n\
             these 3 paths will be fetched (3.0 KiB download, 6.0 KiB unpacked):\n  {}\n  {}\n  {}\n",
            path("left.drv").to_absolute_path(),
            path("right.drv").to_absolute_path(),
            path("top.drv").to_absolute_path(),
            path("libc").to_absolute_path(),
            path("base").to_absolute_path(),
            path("base-dev").to_absolute_path(),
        )
    );

    let error = make(graph.clone(), top, &World::default())
        .expect_err("refused")
        .to_string();
    assert!(
        error.contains("base.drv': it is for the system 'x86_64-linux'"),
        "{error}"
    );

    let incomplete = World::default()
        .offers("base", &["libc"])
        .offers("base-dev", &[]);
    let error = make(graph, top, &incomplete)
        .expect_err("refused")
        .to_string();
    assert!(error.contains("-libc' is missing; '/nix/store/"), "{error}");
}

#[test]
fn sources_come_from_caches_or_are_missing() {
    let (graph, top) = diamond("wasm32-wasi");
    let plan = make(graph.clone(), top, &World::default().offers("source", &[])).expect("a plan");
    assert_eq!(plan.fetches.keys().collect::<Vec<_>>(), [&path("source")]);
    let error = make(graph, top, &World::default())
        .expect_err("refused")
        .to_string();
    assert!(
        error.contains("-source' is missing; '/nix/store/") && error.contains("base.drv' needs it"),
        "{error}"
    );
}

#[test]
fn caches_are_asked_for_buildable_things_only_on_request() {
    let (graph, top) = diamond("wasm32-wasi");
    let world = World::default()
        .valid(&["source"])
        .offers("left", &[])
        .offers("right", &[]);
    let plan = make(graph.clone(), top, &world).expect("a plan");
    assert_eq!(builds(&plan).len(), 4);
    assert!(world.asked.borrow().is_empty());
    let choices = Choices {
        router: Default::default(),
        tolerant: false,
        prefer_substitutes: true,
        check: false,
    };
    let plan = Plan::make(graph, vec![(top, outputs(&["out"]))], &world, choices).expect("a plan");
    assert_eq!(builds(&plan), ["top"]);
    assert_eq!(plan.fetches.len(), 2);
}

#[test]
fn check_builds_what_is_valid_and_needs_something_to_compare_with() {
    let (graph, top) = diamond("wasm32-wasi");
    let choices = Choices {
        router: Default::default(),
        tolerant: false,
        prefer_substitutes: false,
        check: true,
    };
    let goals = vec![(top, outputs(&["out"]))];
    let world = World::default().valid(&["top", "top-dev", "left", "right"]);
    let plan = Plan::make(graph.clone(), goals.clone(), &world, choices.clone()).expect("a plan");
    assert_eq!(builds(&plan), ["top"]);
    let error = Plan::make(graph, goals, &World::default(), choices)
        .expect_err("refused")
        .to_string();
    assert!(
        error.contains("is not valid, so there is nothing to compare with"),
        "{error}"
    );
}

#[test]
fn an_output_that_does_not_exist_is_named() {
    let mut graph = Graph::new();
    let base = add(&mut graph, "base", "wasm32-wasi", &[], &[]);
    let top = add(&mut graph, "top", "wasm32-wasi", &[(base, &["lib"])], &[]);
    let error = make(graph, top, &World::default())
        .expect_err("refused")
        .to_string();
    assert!(
        error.contains("base.drv' has no output 'lib'; it has dev, out"),
        "{error}"
    );
}

#[test]
fn ten_thousand_derivations_ask_each_question_once() {
    struct Counting(RefCell<usize>);
    impl Facts for Counting {
        type Error = Infallible;
        fn is_valid(&self, _: &StorePath) -> Result<bool, Infallible> {
            *self.0.borrow_mut() += 1;
            Ok(false)
        }
        fn offered(
            &self,
            _: &BTreeSet<StorePath>,
        ) -> Result<BTreeMap<StorePath, Offer>, Infallible> {
            Ok(BTreeMap::new())
        }
    }
    let mut graph = Graph::new();
    let mut previous: Vec<NodeId> = Vec::new();
    for i in 0..10_000 {
        let inputs: Vec<(NodeId, &[&str])> = previous
            .iter()
            .rev()
            .take(3)
            .map(|&id| (id, &["out"][..]))
            .collect();
        let id = add(
            &mut graph,
            &format!("{i:0>32}"),
            "wasm32-wasi",
            &inputs,
            &[],
        );
        previous.push(id);
    }
    let counting = Counting(RefCell::new(0));
    let goals = vec![(previous[9_999], outputs(&["out"]))];
    let plan = Plan::make(graph, goals, &counting, Choices::default()).expect("a plan");
    assert_eq!(plan.builds().count(), 10_000);
    assert_eq!(*counting.0.borrow(), 10_000);
}
