//! Deep trees: one descriptor is open at a time, however deep the tree is.
//!
//! Alone in its program, since the limit on descriptors is the process'.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::*;
use wasibuild_nix_compat::file_system_object::FileSystemObject;
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
