//! `kill -9` at chosen and at random moments: what stays is valid paths and removable
//! rubbish, and the same work done again succeeds.
//!
//! The test program starts itself again as the victim (the test named `victim`).
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::*;
use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_store::{GcOptions, OpenOptions, Store};

const ROOT: &str = "STORE_TEST_ROOT";
const POINT: &str = "STORE_TEST_POINT";
const NUMBER: &str = "STORE_TEST_NUMBER";

/// What the victim does: an addition, a build of two outputs, an archive, a batch of builds.
fn work(store: &Store) -> wasibuild_store::Result<()> {
    let source = store.add_text("source", b"some text", &BTreeSet::new())?;
    let (out, dev, nar) = (path("out", 1), path("dev", 2), path("archive", 3));
    let locks = store.lock_outputs(&[out.clone(), dev.clone()], |_| {})?;
    let all = [source.clone(), out.clone(), dev.clone()];
    store.register_outputs(
        &locks,
        vec![
            output(out.clone(), tree(&source), &all),
            output(dev, tree(&out), &all),
        ],
    )?;
    drop(locks);
    let object = tree(&out);
    let (hash, size) = object.nar_hash().unwrap();
    let mut bytes = Vec::new();
    object.write_nar(&mut bytes).unwrap();
    let mut info = PathInfo::new(nar, hash, size);
    info.references.insert(out.clone());
    store.add_nar(info, &mut bytes.as_slice())?;
    batch(store, &out)
}

/// Three builds, each needing the one before, which become valid together.
fn batch(store: &Store, input: &StorePath) -> wasibuild_store::Result<()> {
    let mut placed = Vec::new();
    let mut before = input.clone();
    for number in 0..3 {
        let next = path("batch", 10 + number);
        let locks = store.lock_outputs(std::slice::from_ref(&next), |_| {})?;
        let new = output(next.clone(), tree(&before), std::slice::from_ref(&before));
        assert!(new.references.contains(&before));
        placed.push(store.place_outputs(locks, vec![new])?);
        before = next;
    }
    store.register_placed(placed).into_iter().collect()
}

/// Makes garbage that no living process holds.
fn litter(root: &Path) {
    let store = Store::open(root).unwrap();
    let a = path("garbage-a", 50);
    build(&store, &a, tree(&a), &[]).unwrap();
    build(&store, &path("garbage-b", 51), tree(&a), &[a]).unwrap();
}

#[test]
fn victim() {
    let Some(root) = std::env::var_os(ROOT) else {
        return;
    };
    let point = std::env::var(POINT).unwrap();
    let number: usize = std::env::var(NUMBER).unwrap().parse().unwrap();
    let root = Path::new(&root);
    if point == "random" {
        // Runs until it is killed.
        for round in 0.. {
            let store = Store::open(root).unwrap();
            for i in 0..20 {
                let p = path("loop", 1000 + (round * 7 + i + number as u32) % 60);
                build(&store, &p, tree(&p), &[]).unwrap();
            }
            work(&store).unwrap();
            drop(store);
            Store::open(root)
                .unwrap()
                .gc(&GcOptions::default())
                .unwrap();
        }
    }
    let count = AtomicUsize::new(0);
    let hook = Arc::new(move |name: &'static str| {
        if name == point && count.fetch_add(1, Ordering::SeqCst) == number {
            let pid = rustix::process::getpid();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        }
        Ok(())
    });
    let store = OpenOptions::new().fault_hook(hook).open(root).unwrap();
    work(&store).unwrap();
    store.gc(&GcOptions::default()).unwrap();
}

fn start(root: &Path, point: &str, number: usize) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "victim", "--nocapture"])
        .env(ROOT, root)
        .env(POINT, point)
        .env(NUMBER, number.to_string())
        .stdout(Stdio::null());
    command
}

fn was_killed(status: ExitStatus) -> bool {
    assert!(
        status.success() || status.signal() == Some(9),
        "the victim failed: {status}"
    );
    !status.success()
}

/// The store is valid, the work succeeds, and a collection removes all rubbish.
fn assert_recovers(dir: &Path, root: &Path, context: &str) {
    assert_verifies(dir, root);
    let store = Store::open(root).unwrap();
    let report = store.verify(true).unwrap();
    assert!(
        report.is_ok() && report.forgotten.is_empty(),
        "{context}: {report}"
    );
    work(&store).unwrap_or_else(|e| panic!("{context}: the work fails when done again: {e}"));
    drop(store);
    assert_verifies(dir, root);
    let store = Store::open(root).unwrap();
    store.gc(&GcOptions::default()).unwrap();
    assert_eq!(
        entries(root),
        Vec::<String>::new(),
        "{context}: rubbish stays"
    );
}

fn kill_at(point: &str) {
    let mut kills = 0;
    for number in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        litter(&root);
        if !was_killed(start(&root, point, number).status().unwrap()) {
            break;
        }
        kills += 1;
        assert_recovers(
            dir.path(),
            &root,
            &format!("killed at '{point}' number {number}"),
        );
    }
    assert!(kills > 0, "'{point}' was never passed");
}

#[test]
fn killed_while_writing_files() {
    kill_at("make a file");
}

#[test]
fn killed_while_making_directories() {
    kill_at("make a directory");
}

#[test]
fn killed_before_a_tree_is_in_place() {
    kill_at("rename a tree into place");
}

#[test]
fn killed_before_registration() {
    kill_at("register the outputs");
    kill_at("register a path");
}

#[test]
fn killed_after_registration() {
    kill_at("after registration");
}

#[test]
fn killed_while_collecting() {
    kill_at("delete a path");
}

#[test]
fn two_processes_killed_at_any_moment() {
    for round in 0..6_u64 {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        let mut children: Vec<_> = (0..2)
            .map(|i| {
                start(&root, "random", i * 13)
                    .stderr(Stdio::null())
                    .spawn()
                    .unwrap()
            })
            .collect();
        for (i, child) in children.iter_mut().enumerate() {
            // Not a measure of anything: any moment will do.
            let wait = 20 + (round * 37 + i as u64 * 53) % 170;
            std::thread::sleep(std::time::Duration::from_millis(wait));
            child.kill().unwrap();
            assert!(was_killed(child.wait().unwrap()));
        }
        assert_recovers(dir.path(), &root, &format!("round {round}"));
    }
}

#[test]
fn leftovers_at_the_target_are_replaced() {
    let f = Fixture::new();
    let out = path("out", 1);
    for name in [out.to_string(), format!("{}-tmp", out.hash_part())] {
        let place = f.root().join("nix/store").join(name);
        std::fs::create_dir_all(place.join("deep/er")).unwrap();
        std::fs::write(place.join("deep/er/file"), "half").unwrap();
    }
    build(&f.store, &out, FileSystemObject::file("whole"), &[]).unwrap();
    assert_eq!(std::fs::read(f.store.real_path(&out)).unwrap(), b"whole");
    assert_eq!(entries(f.root()), [out.to_string()]);
    f.assert_verifies();
}
