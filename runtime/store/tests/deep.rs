//! Depth: one descriptor is open at a time, however deep a tree is, and derivations that
//! depend on each other in a long chain take no stack.
//!
//! In a program of its own, since the limit on descriptors is the process'.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::*;
use wasibuild_nix_compat::derivation::{Derivation, Output};
use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_store::Store;

#[test]
fn deep_trees_need_one_descriptor() {
    let f = Fixture::new();
    let mut object = FileSystemObject::file("bottom");
    for _ in 0..1000 {
        object = FileSystemObject::directory([("d".into(), object)]);
    }
    let mut bytes = Vec::new();
    object.write_nar(&mut bytes).unwrap();
    let old = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let few = rustix::process::Rlimit {
        current: Some(60),
        ..old
    };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, few).unwrap();
    build(&f.store, &path("deep", 1), object, &[]).unwrap();
    let mut dumped = Vec::new();
    f.store.write_nar(&path("deep", 1), &mut dumped).unwrap();
    assert_eq!(dumped, bytes);
    let Fixture { dir, store } = f;
    let root = store.root().to_owned();
    drop(store);
    let report = Store::open(&root).unwrap().gc(&Default::default()).unwrap();
    assert_eq!(report.paths.len(), 1);
    assert_eq!(entries(&root), Vec::<String>::new());
    rustix::process::setrlimit(rustix::process::Resource::Nofile, old).unwrap();
    drop(dir);
}

#[test]
fn long_chains_of_derivations_take_no_stack() {
    const LENGTH: usize = 2_000;
    let f = Fixture::new();
    let mut last: Option<StorePath> = None;
    let link = |store: &Store, last: &Option<StorePath>| {
        let mut derivation = Derivation {
            outputs: BTreeMap::from([("out".to_owned(), Output::Deferred)]),
            input_derivations: last
                .iter()
                .map(|input| (input.clone(), BTreeSet::from(["out".to_owned()])))
                .collect(),
            input_sources: BTreeSet::new(),
            system: "wasm32-wasip1".into(),
            builder: "/builder".into(),
            arguments: Vec::new(),
            environment: BTreeMap::from([
                ("name".into(), "chain".into()),
                ("out".into(), "".into()),
            ]),
        };
        let placeholder = Output::InputAddressed {
            path: path("chain", 1),
        };
        derivation.outputs.insert("out".to_owned(), placeholder);
        let paths = derivation
            .calculate_output_paths("chain", |input| {
                store.derivation_hash(input).map_err(anyhow::Error::from)
            })
            .unwrap();
        let out = paths["out"].clone();
        derivation
            .environment
            .insert("out".into(), out.to_absolute_path().into());
        derivation
            .outputs
            .insert("out".to_owned(), Output::InputAddressed { path: out });
        let text = derivation.to_aterm_bytes();
        store
            .add_text("chain.drv", &text, &derivation.references())
            .unwrap()
    };
    for _ in 0..LENGTH {
        last = Some(link(&f.store, &last));
    }
    // A new handle knows no hash yet and has to walk the whole chain, on a small stack.
    let root = f.root().to_owned();
    let worker = std::thread::Builder::new()
        .stack_size(256 * 1024)
        .spawn(move || {
            let store = Store::open(&root).unwrap();
            link(&store, &last)
        });
    let top = worker.unwrap().join().unwrap();
    let closure = f
        .store
        .query_closure(&BTreeSet::from([top.clone()]))
        .unwrap();
    assert_eq!(closure.len(), LENGTH + 1);
    // Real Nix reads the file and finds the output that we registered.
    let outputs = f.nix_store(&["-q", "--outputs", &top.to_absolute_path()]);
    assert_eq!(
        path_of(&outputs),
        f.store.query_derivation_outputs(&top).unwrap()["out"]
    );
}
