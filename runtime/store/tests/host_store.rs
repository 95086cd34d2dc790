//! Another store below this one: taken over, used where it lies, gone, and collected.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tempfile::TempDir;
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_store::{GcOptions, OpenOptions, Store};

/// A host's store with a text and one that refers to it, and an empty store above it.
struct Two {
    _directory: TempDir,
    host: Store,
    store: Store,
    below: StorePath,
    above: StorePath,
}

fn two() -> Two {
    let directory = tempfile::tempdir().unwrap();
    let host = Store::open(&directory.path().join("host")).unwrap();
    let below = host
        .add_text("below", b"below\n", &BTreeSet::new())
        .unwrap();
    let references = BTreeSet::from([below.clone()]);
    let text = format!("above {}\n", below.to_absolute_path());
    let above = host
        .add_text("above", text.as_bytes(), &references)
        .unwrap();
    let options = OpenOptions::new().host_store(Some(host.root().to_owned()));
    let store = options.open(&directory.path().join("store")).unwrap();
    Two {
        _directory: directory,
        host,
        store,
        below,
        above,
    }
}

fn lies(store: &Store, path: &StorePath) -> bool {
    store.store_dir().join(path.basename()).exists()
}

#[test]
fn a_closure_is_taken_over_and_read_where_it_lies() {
    let two = two();
    let Two { store, above, .. } = &two;
    assert!(!store.is_valid(above).unwrap());
    store.take_over([above]).unwrap();
    for path in [above, &two.below] {
        assert!(
            store.is_valid(path).unwrap() && !lies(store, path),
            "{path}"
        );
        let (here, there) = (store.query_path_info(path), two.host.query_path_info(path));
        let (here, there) = (here.unwrap().unwrap(), there.unwrap().unwrap());
        assert_eq!(here.nar_hash, there.nar_hash);
        assert_eq!(here.references, there.references);
        let mut archive = Vec::new();
        store.write_nar(path, &mut archive).unwrap();
        assert_eq!(archive.len() as u64, there.nar_size);
    }
    assert_eq!(store.real_path(above), two.host.real_path(above));
    let report = store.verify(true).unwrap();
    assert!(report.is_ok() && report.hashed == 2, "{report}");
    // Whoever opens the store knows of the other.
    let again = Store::open(store.root()).unwrap();
    assert!(again.is_valid(above).unwrap());
    // What is made here may refer to it.
    let references = BTreeSet::from([above.clone()]);
    let own = store.add_text("own", b"own\n", &references).unwrap();
    assert!(lies(store, &own));
    // Collecting here leaves the host's alone.
    drop(again);
    store.release_temp_roots();
    store.gc(&GcOptions::default()).unwrap();
    assert!(store.all_valid_paths().unwrap().is_empty());
    assert!(lies(&two.host, above) && two.host.verify(true).unwrap().is_ok());
}

#[test]
fn what_the_host_loses_is_not_valid_and_can_be_added() {
    let two = two();
    let Two { store, below, .. } = &two;
    store.take_over([below]).unwrap();
    fs::remove_file(two.host.real_path(below)).unwrap();
    assert!(!store.is_valid(below).unwrap());
    assert_eq!(store.query_path_info(below).unwrap(), None);
    store.take_over([below]).unwrap();
    assert!(!store.is_valid(below).unwrap());
    store
        .add_text("below", b"below\n", &BTreeSet::new())
        .unwrap();
    assert!(store.is_valid(below).unwrap() && lies(store, below));
    assert!(store.verify(true).unwrap().is_ok());
}

#[test]
fn derivations_and_what_is_missing_are_not_taken_over() {
    let two = two();
    let unknown = StorePath::from_digest(&[7; 20], "unknown").unwrap();
    two.store.take_over([&unknown]).unwrap();
    assert!(!two.store.is_valid(&unknown).unwrap());
    let text = b"Derive([],[],[],\"x\",\"/b\",[],[])";
    // The host's own check is its own business; only the name counts here.
    if let Ok(drv) = two.host.add_text("x.drv", text, &BTreeSet::new()) {
        two.store.take_over([&drv]).unwrap();
        assert!(!two.store.is_valid(&drv).unwrap());
    }
}

#[test]
fn a_host_store_that_cannot_be_read_is_no_obstacle() {
    let directory = tempfile::tempdir().unwrap();
    for other in ["nowhere", "file"] {
        let other = directory.path().join(other);
        if other.ends_with("file") {
            fs::write(&other, "no store").unwrap();
        }
        let options = OpenOptions::new().host_store(Some(other));
        let store = options.open(&directory.path().join("store")).unwrap();
        let path = store.add_text("x", b"x", &BTreeSet::new()).unwrap();
        store.take_over([&path]).unwrap();
        assert!(store.is_valid(&path).unwrap());
    }
    let noted = fs::read_link(directory.path().join("store/nix/var/wasibuild/host-store"));
    assert_eq!(noted.unwrap().file_name(), Path::new("file").file_name());
}
