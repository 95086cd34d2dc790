//! Full, read-only and vanishing disks: a typed error that names the path, nothing half
//! written, and a store that verifies and goes on.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::*;
use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_store::{Error, GcOptions, OpenOptions, Store};

const POINTS: [&str; 4] = [
    "make a file",
    "make a directory",
    "rename a tree into place",
    "register the outputs",
];

#[test]
fn every_step_may_find_the_disk_full() {
    for point in POINTS {
        let (mut number, mut failures) = (0, 0);
        loop {
            let count = Arc::new(AtomicUsize::new(0));
            let hook = {
                let count = Arc::clone(&count);
                Arc::new(move |name: &'static str| {
                    if name == point && count.fetch_add(1, Ordering::SeqCst) == number {
                        return Err(io::ErrorKind::StorageFull.into());
                    }
                    Ok(())
                })
            };
            let f = Fixture::with(OpenOptions::new().fault_hook(hook));
            let (out, dev) = (path("out", 1), path("dev", 2));
            let locks = f
                .store
                .lock_outputs(&[out.clone(), dev.clone()], |_| {})
                .unwrap();
            let new = || {
                let all = [out.clone(), dev.clone()];
                vec![
                    output(out.clone(), tree(&dev), &[]),
                    output(dev.clone(), tree(&out), &all),
                ]
            };
            match f.store.register_outputs(&locks, new()) {
                Ok(_) => break,
                Err(error) => {
                    failures += 1;
                    assert!(error.is_disk_full(), "{error}");
                    let message = error.to_string();
                    let root = f.root().to_str().unwrap();
                    assert!(
                        message.contains(root) && message.contains("free some space"),
                        "{message}"
                    );
                }
            }
            assert!(f.store.all_valid_paths().unwrap().is_empty());
            let locks_only = [format!("{out}.lock"), format!("{dev}.lock")];
            let mut left = entries(f.root());
            left.retain(|name| !locks_only.contains(name));
            assert_eq!(
                left,
                Vec::<String>::new(),
                "left after '{point}' number {number}"
            );
            f.store.register_outputs(&locks, new()).unwrap();
            drop(locks);
            f.assert_verifies();
            number += 1;
        }
        assert!(failures > 0, "'{point}' was never passed");
    }
}

/// A small file system of its own, or none if this system or user cannot mount.
struct Mount(PathBuf);

impl Mount {
    fn new(test: &str, dir: &Path, size: &str) -> Option<Self> {
        let place = dir.join("disk");
        fs::create_dir(&place).unwrap();
        let mut command = Command::new("mount");
        command
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={size}"),
                "wasibuild-test",
            ])
            .arg(&place);
        match command.output() {
            Ok(output) if output.status.success() => Some(Mount(place)),
            other => {
                eprintln!("SKIPPED: {test}: cannot mount a tmpfs here: {other:?}");
                None
            }
        }
    }

    fn remount(&self, mode: &str) -> bool {
        let mut command = Command::new("mount");
        command
            .args(["-o", &format!("remount,{mode}")])
            .arg(&self.0);
        command.output().is_ok_and(|o| o.status.success())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[test]
fn a_disk_that_is_really_full() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mount) = Mount::new("a_disk_that_is_really_full", dir.path(), "24m") else {
        return;
    };
    let root = mount.0.join("root");
    let store = Store::open(&root).unwrap();
    let big = || FileSystemObject::file(vec![1; 3 << 20]);
    let mut registered = 0;
    let error = loop {
        match build(&store, &path("big", registered), big(), &[]) {
            Ok(()) => registered += 1,
            Err(error) => break error,
        }
        assert!(registered < 20, "the disk never became full");
    };
    assert!(
        registered > 0 && error.is_disk_full(),
        "{registered}: {error}"
    );
    assert!(error.to_string().contains("big"), "{error}");
    assert_eq!(entries(&root).len(), registered as usize);
    // To the last byte, so that the database cannot grow either.
    let mut filler = fs::File::create(mount.0.join("filler")).unwrap();
    let _ = io::copy(&mut io::repeat(1), &mut filler);
    drop(filler);
    for i in 0..200 {
        if let Err(error) = build(
            &store,
            &path("small", i),
            FileSystemObject::symlink("x"),
            &[],
        ) {
            assert!(error.is_disk_full(), "{error}");
            break;
        }
    }
    drop(store);
    // Another process can still open the store and make room.
    let store = Store::open(&root).unwrap();
    let report = store.gc(&GcOptions::default()).unwrap();
    assert!(report.bytes_freed >= 3 << 20, "{report:?}");
    assert_eq!(entries(&root), Vec::<String>::new());
    build(&store, &path("big", 1), big(), &[]).unwrap();
    fs::remove_file(mount.0.join("filler")).unwrap();
    assert_verifies(dir.path(), store.root());
}

#[test]
fn a_disk_that_becomes_read_only() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mount) = Mount::new("a_disk_that_becomes_read_only", dir.path(), "32m") else {
        return;
    };
    let root = mount.0.join("root");
    build(
        &Store::open(&root).unwrap(),
        &path("a", 1),
        tree(&path("x", 9)),
        &[],
    )
    .unwrap();
    if !mount.remount("ro") {
        eprintln!("SKIPPED: a_disk_that_becomes_read_only: cannot remount a tmpfs read-only here");
        return;
    }
    let error = Store::open(&root)
        .and_then(|store| build(&store, &path("b", 2), tree(&path("x", 9)), &[]))
        .unwrap_err();
    assert!(matches!(error, Error::ReadOnly { .. }), "{error:?}");
    let message = error.to_string();
    assert!(
        message.contains("root/nix") && message.contains("read-only"),
        "{message}"
    );
    assert!(mount.remount("rw"));
    let store = Store::open(&root).unwrap();
    build(&store, &path("b", 2), tree(&path("x", 9)), &[]).unwrap();
    assert_verifies(dir.path(), store.root());
}

#[test]
fn a_store_that_vanishes() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    let hook = {
        let root = root.clone();
        Arc::new(move |name: &'static str| {
            if name == "rename a tree into place" {
                make_writable(&root);
                fs::remove_dir_all(&root)?;
            }
            Ok(())
        })
    };
    let store = OpenOptions::new().fault_hook(hook).open(&root).unwrap();
    let error = build(&store, &path("a", 1), tree(&path("x", 9)), &[]).unwrap_err();
    assert!(matches!(error, Error::Vanished { .. }), "{error:?}");
    assert!(error.to_string().contains("root/nix/store"), "{error}");
    for error in [
        store.verify(true).unwrap_err(),
        store.add_text("t", b"x", &BTreeSet::new()).unwrap_err(),
        store.gc(&GcOptions::default()).unwrap_err(),
    ] {
        assert!(error.to_string().contains("root/nix"), "{error}");
    }
    drop(store);
    assert!(Store::open(&root).unwrap().verify(true).unwrap().is_ok());
}

#[test]
fn damage_is_found_and_told_like_nix_does() {
    let f = Fixture::new();
    let (lib, top) = (path("lib", 1), path("top", 2));
    build(&f.store, &lib, tree(&lib), &[]).unwrap();
    build(&f.store, &top, tree(&lib), std::slice::from_ref(&lib)).unwrap();
    build(
        &f.store,
        &path("alone", 3),
        FileSystemObject::file("x"),
        &[],
    )
    .unwrap();
    let data = f.store.real_path(&lib).join("data");
    make_writable(&data);
    fs::write(&data, "changed").unwrap();
    let report = f.store.verify(true).unwrap();
    assert!(!report.is_ok());
    let shown = report.to_string();
    assert!(
        shown.contains("lib' was modified: expected sha256:"),
        "{shown}"
    );
    assert!(f.store.verify(false).unwrap().is_ok());
    let mut sink = Vec::new();
    let error = f
        .store
        .export(&BTreeSet::from([lib.clone()]), &mut sink)
        .unwrap_err();
    assert!(matches!(error, Error::Modified { .. }), "{error}");

    fs::remove_file(f.store.real_path(&path("alone", 3))).unwrap();
    make_writable(&f.store.real_path(&lib));
    fs::remove_dir_all(f.store.real_path(&lib)).unwrap();
    fs::write(f.store.store_dir().join("rubbish"), "x").unwrap();
    let report = f.store.verify(true).unwrap();
    let shown = report.to_string();
    assert!(
        shown.contains("lib' has disappeared, but valid paths refer to it"),
        "{shown}"
    );
    assert_eq!(report.forgotten, [path("alone", 3)], "{shown}");
    assert_eq!(report.rubbish, ["rubbish"], "{shown}");
    assert!(!f.store.is_valid(&path("alone", 3)).unwrap());

    // A damaged database is an error, not a panic.
    let db = f.root().join("nix/var/nix/db/db.sqlite");
    let connection = rusqlite::Connection::open(&db).unwrap();
    for (column, value) in [
        ("hash", "nonsense"),
        ("deriver", "no path"),
        ("ca", "odd:ca"),
    ] {
        connection
            .execute(
                &format!("update ValidPaths set {column} = ? where path like '%-top'"),
                [value],
            )
            .unwrap();
        let error = f.store.query_path_info(&top).unwrap_err().to_string();
        assert!(error.contains("top' is corrupt"), "{error}");
        connection
            .execute(
                "update ValidPaths set hash = 'sha256:' || ?, deriver = null, ca = null",
                ["0".repeat(64)],
            )
            .unwrap();
    }
}

fn make_writable(path: &Path) {
    let _ = Command::new("chmod").args(["-R", "u+w"]).arg(path).status();
}

#[test]
fn other_schemas_are_refused() {
    for (version, hint) in [
        ("11", "newer Nix"),
        ("9", "open the store once"),
        ("x", "damaged"),
    ] {
        let f = Fixture::new();
        let Fixture { dir, store } = f;
        let root = store.root().to_owned();
        drop(store);
        fs::write(root.join("nix/var/nix/db/schema"), version).unwrap();
        let error = Store::open(&root).unwrap_err();
        assert!(matches!(error, Error::Schema { .. }), "{error:?}");
        assert!(error.to_string().contains(hint), "{error}");
        drop(dir);
    }
}
