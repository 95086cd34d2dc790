//! Garbage collection, ours and Nix's, alone and while the other works.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use common::*;
use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_store::{Error, GcAction, GcOptions, OpenOptions, Store};

/// A store that no process holds anything in: top refers to lib, and other is alone.
struct Graph {
    dir: tempfile::TempDir,
    root: PathBuf,
    top: StorePath,
    lib: StorePath,
    other: StorePath,
}

fn graph() -> Graph {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    let store = Store::open(&root).unwrap();
    let (top, lib, other) = (path("top", 1), path("lib", 2), path("other", 3));
    build(&store, &lib, tree(&lib), &[]).unwrap();
    build(&store, &top, tree(&lib), std::slice::from_ref(&lib)).unwrap();
    build(&store, &other, tree(&other), &[]).unwrap();
    Graph {
        root: store.root().to_owned(),
        dir,
        top,
        lib,
        other,
    }
}

fn set(paths: &[&StorePath]) -> BTreeSet<String> {
    paths.iter().map(|p| p.to_absolute_path()).collect()
}

fn listed(graph: &Graph, what: &str) -> BTreeSet<String> {
    let root = graph.root.to_str().unwrap();
    let args = ["--store", root, "--gc", what];
    let output = succeed(&mut nix(graph.dir.path(), "nix-store", &args));
    text(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn roots_keep_closures_as_in_nix() {
    let g = graph();
    let link = g.dir.path().join("results/result");
    {
        let store = Store::open(&g.root).unwrap();
        let made = store.add_root(&link, &g.top).unwrap();
        assert_eq!(
            fs::read_link(&made).unwrap().to_str().unwrap(),
            g.top.to_absolute_path()
        );
        // Again, and to another path: fine. Over a file, or for what is not valid: not.
        store.add_root(&link, &g.other).unwrap();
        store.add_root(&link, &g.top).unwrap();
        let file = g.dir.path().join("file");
        fs::write(&file, "precious").unwrap();
        let error = store.add_root(&file, &g.top).unwrap_err().to_string();
        assert!(
            error.contains("'") && error.contains("there already"),
            "{error}"
        );
        assert_eq!(fs::read(&file).unwrap(), b"precious");
        let error = store.add_root(&link, &path("no", 77)).unwrap_err();
        assert!(matches!(error, Error::NotValid { .. }), "{error}");
        let inside = store.store_dir().join("link");
        assert!(store.add_root(&inside, &g.top).is_err());
        let auto = list(&g.root.join("nix/var/nix/gcroots/auto"));
        assert_eq!(auto.len(), 1, "{auto:?}");
    }
    // Nix makes the same name for the same link.
    let other = tempfile::tempdir().unwrap();
    let theirs = other.path().join("root");
    let theirs_root = theirs.to_str().unwrap();
    let link_text = link.to_str().unwrap();
    let source = g.dir.path().join("file");
    let added = succeed(&mut nix(
        other.path(),
        "nix-store",
        &["--store", theirs_root, "--add", source.to_str().unwrap()],
    ));
    let added = text(&added.stdout);
    succeed(&mut nix(
        other.path(),
        "nix-store",
        &[
            "--store",
            theirs_root,
            "--add-root",
            link_text,
            "--indirect",
            "-r",
            added.trim(),
        ],
    ));
    let auto = "nix/var/nix/gcroots/auto";
    assert_eq!(list(&theirs.join(auto)), list(&g.root.join(auto)));
    {
        let store = Store::open(&g.root).unwrap();
        store.add_root(&link, &g.top).unwrap();
    }

    let (dead, live) = (listed(&g, "--print-dead"), listed(&g, "--print-live"));
    assert_eq!(live, set(&[&g.top, &g.lib]));
    assert_eq!(dead, set(&[&g.other]));
    let store = Store::open(&g.root).unwrap();
    let run = |action| {
        store
            .gc(&GcOptions {
                action,
                ..GcOptions::default()
            })
            .unwrap()
    };
    assert_eq!(run(GcAction::ListDead).paths, dead);
    assert_eq!(run(GcAction::ListLive).paths, live);
    let report = run(GcAction::DeleteDead);
    assert_eq!(report.paths, dead);
    assert!(report.bytes_freed > 300_000, "{report:?}");
    assert_eq!(entries(&g.root), [g.top.to_string(), g.lib.to_string()]);
    assert_verifies(g.dir.path(), &g.root);

    // The link is gone: so is the root, and the link in auto.
    fs::remove_file(&link).unwrap();
    assert_eq!(run(GcAction::DeleteDead).paths, set(&[&g.top, &g.lib]));
    assert_eq!(list(&g.root.join(auto)), Vec::<String>::new());
    assert!(store.all_valid_paths().unwrap().is_empty());
}

#[test]
fn chosen_paths_are_deleted_only_if_nothing_needs_them() {
    let g = graph();
    let store = Store::open(&g.root).unwrap();
    let delete = |paths: &[&StorePath]| {
        let action = GcAction::DeletePaths(paths.iter().map(|p| (*p).clone()).collect());
        store.gc(&GcOptions {
            action,
            ..GcOptions::default()
        })
    };
    let error = delete(&[&g.lib]).unwrap_err().to_string();
    assert!(error.contains("top' refers to it"), "{error}");
    store.add_temp_root(&g.other).unwrap();
    let error = delete(&[&g.other]).unwrap_err().to_string();
    assert!(error.contains("still alive"), "{error}");
    assert_eq!(
        delete(&[&g.lib, &g.top]).unwrap().paths,
        set(&[&g.lib, &g.top])
    );
    assert_eq!(entries(&g.root), [g.other.to_string()]);
    assert_verifies(g.dir.path(), &g.root);
}

#[test]
fn collection_stops_when_enough_is_freed() {
    let g = graph();
    let store = Store::open(&g.root).unwrap();
    let options = GcOptions {
        max_freed: Some(1),
        ..GcOptions::default()
    };
    assert_eq!(store.gc(&options).unwrap().paths.len(), 1);
    assert_eq!(entries(&g.root).len(), 2);
    assert_verifies(g.dir.path(), &g.root);
}

#[test]
fn derivers_of_live_paths_stay() {
    let g = graph();
    let (drv, out);
    {
        let store = Store::open(&g.root).unwrap();
        let root = g.root.to_str().unwrap();
        let expression = "derivation { name = \"d\"; system = \"x\"; builder = \"b\"; }";
        let args = ["--store", root, "--expr", expression];
        drv = path_of(&text(
            &succeed(&mut nix(g.dir.path(), "nix-instantiate", &args)).stdout,
        ));
        out = store.query_derivation_outputs(&drv).unwrap()["out"].clone();
        let locks = store
            .lock_outputs(std::slice::from_ref(&out), |_| {})
            .unwrap();
        let mut new = output(out.clone(), FileSystemObject::file("x"), &[]);
        new.deriver = Some(drv.clone());
        store.register_outputs(&locks, vec![new]).unwrap();
        store.add_root(&g.dir.path().join("result"), &out).unwrap();
        assert_eq!(
            store.query_valid_derivers(&out).unwrap(),
            BTreeSet::from([drv.clone()])
        );
    }
    let store = Store::open(&g.root).unwrap();
    let mut options = GcOptions {
        action: GcAction::ListLive,
        ..GcOptions::default()
    };
    let live = store.gc(&options).unwrap().paths;
    assert_eq!(live, set(&[&drv, &out]));
    assert_eq!(live, listed(&g, "--print-live"));
    options.keep_derivations = false;
    assert_eq!(store.gc(&options).unwrap().paths, set(&[&out]));
    // The other direction.
    fs::remove_file(g.dir.path().join("result")).unwrap();
    store.add_root(&g.dir.path().join("result"), &drv).unwrap();
    drop(store);
    let store = Store::open(&g.root).unwrap();
    let mut options = GcOptions {
        action: GcAction::ListLive,
        ..GcOptions::default()
    };
    assert_eq!(store.gc(&options).unwrap().paths, set(&[&drv]));
    options.keep_outputs = true;
    assert_eq!(store.gc(&options).unwrap().paths, set(&[&drv, &out]));
}

#[test]
fn nix_adds_while_we_collect() {
    let g = graph();
    let (new, again) = (g.dir.path().join("new"), g.dir.path().join("again"));
    fs::write(&new, "new").unwrap();
    fs::write(&again, "again").unwrap();
    let doomed = Store::open(&g.root).unwrap().add_path(&again).unwrap();
    let added = Arc::new(Mutex::new(None));
    let hook = {
        let (root, dir, added) = (g.root.clone(), g.dir.path().to_owned(), Arc::clone(&added));
        let (new, again) = (new.clone(), again.clone());
        Arc::new(move |name: &'static str| {
            let mut added = added.lock().unwrap();
            if name == "delete a path" && added.is_none() {
                let root = root.to_str().unwrap();
                let add = |file: &PathBuf| {
                    nix(
                        &dir,
                        "nix-store",
                        &["--store", root, "--add", file.to_str().unwrap()],
                    )
                };
                // The collector holds its lock now: this goes through its socket.
                let output = succeed(&mut add(&new));
                // This one may have to wait until its path is deleted.
                let child = add(&again)
                    .stdout(std::process::Stdio::piped())
                    .spawn()
                    .unwrap();
                *added = Some((path_of(&text(&output.stdout)), child));
            }
            Ok(())
        })
    };
    let store = OpenOptions::new().fault_hook(hook).open(&g.root).unwrap();
    store.gc(&GcOptions::default()).unwrap();
    let (new, child) = added.lock().unwrap().take().unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(path_of(&text(&output.stdout)), doomed);
    for path in [&new, &doomed] {
        assert!(
            store.is_valid(path).unwrap() && store.real_path(path).exists(),
            "{path}"
        );
    }
    assert!(!store.is_valid(&g.top).unwrap());
    assert_verifies(g.dir.path(), &g.root);
}

/// Nix's collector holds its lock and waits (Nix's own test hook) while we add.
fn add_while_nix_collects(root_name: &str) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join(root_name);
    let store = Store::open(&root).unwrap();
    let fifo = dir.path().join("fifo");
    make_pipe(&fifo);
    let mut collector = nix(
        dir.path(),
        "nix-store",
        &["--store", store.root().to_str().unwrap(), "--gc"],
    )
    .env("_NIX_TEST_GC_SYNC", &fifo)
    .stdout(std::process::Stdio::null())
    .stderr(std::process::Stdio::null())
    .spawn()
    .unwrap();
    // Opening the pipe for writing succeeds when the collector reads it.
    let mut release = fs::OpenOptions::new().write(true).open(&fifo).unwrap();
    let locks = {
        let out = path("out", 1);
        let locks = store
            .lock_outputs(std::slice::from_ref(&out), |_| {})
            .unwrap();
        // A tree that is half written when the collection goes on.
        let temporary = store.store_dir().join(format!("{}-tmp", out.hash_part()));
        fs::create_dir(&temporary).unwrap();
        fs::write(temporary.join("half"), "half").unwrap();
        store
            .add_text("added", b"while Nix collects", &BTreeSet::new())
            .unwrap();
        release.write_all(b"go").unwrap();
        drop(release);
        assert!(collector.wait().unwrap().success());
        assert!(
            temporary.join("half").exists(),
            "the collector took what is being written"
        );
        assert!(store.store_dir().join(format!("{out}.lock")).exists());
        fs::remove_dir_all(&temporary).unwrap();
        store
            .register_outputs(&locks, vec![output(out, FileSystemObject::file("x"), &[])])
            .unwrap();
        locks
    };
    drop(locks);
    assert_eq!(
        entries(store.root()).len(),
        2,
        "{:?}",
        entries(store.root())
    );
    assert_eq!(store.all_valid_paths().unwrap().len(), 2);
    assert_verifies(dir.path(), store.root());
}

#[test]
fn we_add_while_nix_collects() {
    add_while_nix_collects("root");
}

#[test]
fn sockets_work_below_long_paths() {
    add_while_nix_collects(&format!("{}/{}", "long".repeat(30), "longer".repeat(20)));
    // And our server, with our client.
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("long".repeat(40));
    build(
        &Store::open(&root).unwrap(),
        &path("dead", 1),
        tree(&path("x", 2)),
        &[],
    )
    .unwrap();
    let hook = {
        let root = root.clone();
        Arc::new(move |name: &'static str| {
            if name == "delete a path" {
                let store = Store::open(&root).unwrap();
                store
                    .add_text("live", b"added while we collect", &BTreeSet::new())
                    .unwrap();
            }
            Ok(())
        })
    };
    let store = OpenOptions::new().fault_hook(hook).open(&root).unwrap();
    let report = store.gc(&GcOptions::default()).unwrap();
    assert_eq!(report.paths, set(&[&path("dead", 1)]));
    assert_eq!(entries(&root).len(), 1);
    assert_verifies(dir.path(), &fs::canonicalize(&root).unwrap());
}

#[test]
fn nix_leaves_our_temporary_roots_alone() {
    let f = Fixture::new();
    let held = f
        .store
        .add_text("held", b"by this process", &BTreeSet::new())
        .unwrap();
    f.nix_store(&["--gc"]);
    assert!(f.store.is_valid(&held).unwrap());
    let holder = format!("{{temp:{}}}", std::process::id());
    assert!(
        f.store
            .roots()
            .unwrap()
            .iter()
            .any(|r| r.path == held && r.holder == holder)
    );
    let Fixture { dir, store } = f;
    // Two handles share one file; the last one removes it.
    let second = Store::open(store.root()).unwrap();
    let root = store.root().to_owned();
    let file = root
        .join("nix/var/nix/temproots")
        .join(std::process::id().to_string());
    drop(store);
    assert!(file.exists());
    drop(second);
    assert!(!file.exists());
    let args = ["--store", root.to_str().unwrap(), "--gc"];
    succeed(&mut nix(dir.path(), "nix-store", &args));
    assert_eq!(entries(&root), Vec::<String>::new());
}

#[test]
fn what_processes_have_open_stays() {
    if !cfg!(target_os = "linux") {
        eprintln!(
            "SKIPPED: what_processes_have_open_stays: lsof may be missing or slow; Nix skips this too"
        );
        return;
    }
    let g = graph();
    let store = Store::open(&g.root).unwrap();
    let open = fs::File::open(store.real_path(&g.lib).join("data")).unwrap();
    let report = store.gc(&GcOptions::default()).unwrap();
    assert_eq!(report.paths, set(&[&g.top, &g.other]));
    drop(open);
    assert_eq!(
        store.gc(&GcOptions::default()).unwrap().paths,
        set(&[&g.lib])
    );
}

#[test]
fn rubbish_of_all_kinds_goes_and_locked_directories_stay() {
    let f = Fixture::new();
    let dir = f.store.store_dir().to_owned();
    for name in ["rubbish", "tmp-1-2", "add-3"] {
        fs::create_dir_all(dir.join(name).join("deep/dir")).unwrap();
        fs::write(dir.join(name).join("deep/dir/file"), "x").unwrap();
    }
    fs::write(dir.join(format!("{}.lock", path("x", 1))), "").unwrap();
    fs::set_permissions(
        dir.join("rubbish/deep"),
        std::os::unix::fs::PermissionsExt::from_mode(0o0),
    )
    .unwrap();
    let held = fs::File::open(dir.join("tmp-1-2")).unwrap();
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
    f.store.gc(&GcOptions::default()).unwrap();
    assert_eq!(entries(f.root()), ["tmp-1-2"]);
    drop(held);
    f.store.gc(&GcOptions::default()).unwrap();
    assert_eq!(entries(f.root()), Vec::<String>::new());
}

#[test]
fn files_that_nix_linked_together_are_freed_with_their_last_path() {
    let g = graph();
    let root = g.root.to_str().unwrap();
    succeed(&mut nix(
        g.dir.path(),
        "nix-store",
        &["--store", root, "--optimise"],
    ));
    let links = g.root.join("nix/store/.links");
    assert!(!list(&links).is_empty());
    let store = Store::open(&g.root).unwrap();
    store.add_temp_root(&g.other).unwrap();
    let report = store.gc(&GcOptions::default()).unwrap();
    assert!(
        report.bytes_freed < 300_000,
        "the big file is still in use: {report:?}"
    );
    assert_verifies(g.dir.path(), &g.root);
    drop(store);
    let store = Store::open(&g.root).unwrap();
    let report = store.gc(&GcOptions::default()).unwrap();
    assert!(report.bytes_freed > 300_000, "{report:?}");
    assert_eq!(list(&links), Vec::<String>::new());
}

#[test]
fn locks_of_paths_with_long_names_stay() {
    let f = Fixture::new();
    let long = path(&"n".repeat(211), 1);
    let locks = f
        .store
        .lock_outputs(std::slice::from_ref(&long), |_| {})
        .unwrap();
    f.store.gc(&GcOptions::default()).unwrap();
    assert_eq!(entries(f.root()), [format!("{long}.lock")]);
    f.store
        .register_outputs(
            &locks,
            vec![output(long.clone(), FileSystemObject::file("x"), &[])],
        )
        .unwrap();
    drop(locks);
    f.assert_verifies();
}

#[test]
fn closures_are_those_of_nix() {
    let g = graph();
    let store = Store::open(&g.root).unwrap();
    let closure = store
        .query_closure(&BTreeSet::from([g.top.clone()]))
        .unwrap();
    assert_eq!(closure, BTreeSet::from([g.top.clone(), g.lib.clone()]));
    let root = g.root.to_str().unwrap();
    let args = [
        "--store",
        root,
        "-q",
        "--requisites",
        &g.top.to_absolute_path(),
    ];
    let theirs = succeed(&mut nix(g.dir.path(), "nix-store", &args));
    assert_eq!(
        text(&theirs.stdout)
            .lines()
            .map(path_of)
            .collect::<BTreeSet<_>>(),
        closure
    );
    assert_eq!(
        store.query_closure(&BTreeSet::new()).unwrap(),
        BTreeSet::new()
    );
    let all = BTreeSet::from([g.top.clone(), g.other.clone()]);
    assert_eq!(store.query_closure(&all).unwrap().len(), 3);
    let error = store.query_closure(&BTreeSet::from([g.top.clone(), path("no", 9)]));
    assert!(matches!(error, Err(Error::NotValid { path: p, .. }) if p == path("no", 9)));
}
