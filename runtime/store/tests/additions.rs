//! Archives, names that fall together, many at once: what goes in comes out.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use bstr::BString;
use common::*;
use proptest::prelude::*;
use wasibuild_nix_compat::content_address::{CaMethod, ContentAddress};
use wasibuild_nix_compat::file_system_object::{Contents, FileSystemObject};
use wasibuild_nix_compat::hash::{NixHash, sha256};
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_store::{Error, OpenOptions, Store};

struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

fn archive(object: &FileSystemObject, path: StorePath) -> (PathInfo, Vec<u8>) {
    let mut bytes = Vec::new();
    object.write_nar(&mut bytes).unwrap();
    (
        PathInfo::new(path, sha256(&bytes), bytes.len() as u64),
        bytes,
    )
}

#[test]
fn archives_are_checked_before_they_count() {
    let f = Fixture::new();
    let to = f.store.add_text("to", b"x", &BTreeSet::new()).unwrap();
    let (good, bytes) = archive(&tree(&to), path("nar", 1));
    let refused = |info: &PathInfo, bytes: &[u8], word: &str| {
        let error = f.store.add_nar(info.clone(), &mut &*bytes).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains(word) && message.contains(info.path.basename()),
            "{message}"
        );
        assert!(!f.store.is_valid(&info.path).unwrap());
        assert_eq!(entries(f.root()), [to.to_string()], "left after: {message}");
        error
    };
    let mut info = good.clone();
    info.nar_hash[0] ^= 1;
    let error = refused(&info, &bytes, "hash mismatch");
    assert!(
        matches!(error, Error::Mismatch { what: "hash", .. }),
        "{error}"
    );
    info = good.clone();
    info.nar_size += 8;
    refused(&info, &bytes, "size mismatch");
    info.nar_size -= 16;
    refused(&info, &bytes, "mismatch");
    for len in [0, 1, 100, bytes.len() / 2, bytes.len() - 1] {
        refused(&good, &bytes[..len], "size mismatch");
    }
    // Well hashed, but no archive; or one with something behind it.
    for wrong in [&b"no archive"[..], &[&bytes[..], b"12345678"].concat()] {
        let info = PathInfo::new(path("nar", 1), sha256(wrong), wrong.len() as u64);
        refused(&info, wrong, "archive");
    }
    info = good.clone();
    info.references.insert(path("missing", 5));
    refused(&info, &bytes, "not valid in this store");
    info = good.clone();
    for (method, word) in [
        (CaMethod::Recursive, "content address"),
        (CaMethod::Flat, "content address"),
        (CaMethod::Text, "content address"),
    ] {
        info.ca = Some(ContentAddress {
            method,
            hash: NixHash::sha256([3; 32]),
        });
        refused(&info, &bytes, word);
    }

    // The source itself fails.
    let broken = io::Error::new(io::ErrorKind::ConnectionReset, "the line went dead");
    let mut source = bytes[..5000].chain(Failing(Some(broken)));
    let error = f
        .store
        .add_nar(good.clone(), &mut source)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("the line went dead") && error.contains("-nar"),
        "{error}"
    );
    assert_eq!(entries(f.root()), [to.to_string()]);

    // More in the stream than the archive: it stays there.
    let mut stream = [&bytes[..], b"rest"].concat();
    let mut reader = stream.as_slice();
    info = good.clone();
    info.references.insert(to.clone());
    f.store.add_nar(info, &mut reader).unwrap();
    assert_eq!(reader, b"rest");
    stream.clear();
    let mut back = Vec::new();
    f.store.write_nar(&good.path, &mut back).unwrap();
    assert_eq!(back, bytes);
    assert!(
        !f.store
            .query_path_info(&good.path)
            .unwrap()
            .unwrap()
            .ultimate
    );
    f.assert_verifies();
}

#[test]
fn content_addresses_are_followed_to_the_bytes() {
    let f = Fixture::new();
    let object = FileSystemObject::file("hello");
    let (info, bytes) = archive(&object, path("x", 1));
    for (method, hash) in [
        (CaMethod::Flat, NixHash::sha256(sha256(b"hello"))),
        (CaMethod::Text, NixHash::sha256(sha256(b"hello"))),
        (CaMethod::Recursive, NixHash::sha256(info.nar_hash)),
    ] {
        let build = |hash: &NixHash| {
            wasibuild_nix_compat::store_path::build_ca_path(
                "x",
                method,
                hash,
                &BTreeSet::new(),
                false,
            )
            .unwrap()
        };
        let mut good = info.clone();
        good.path = build(&hash);
        good.ca = Some(ContentAddress { method, hash });
        f.store
            .add_nar(good.clone(), &mut bytes.as_slice())
            .unwrap();
        assert_eq!(
            f.store.query_path_info(&good.path).unwrap().unwrap().ca,
            good.ca
        );
        // The path follows from the address, but the content does not.
        let lie = NixHash::sha256([9; 32]);
        let mut bad = info.clone();
        bad.path = build(&lie);
        bad.ca = Some(ContentAddress { method, hash: lie });
        let error = f.store.add_nar(bad, &mut bytes.as_slice()).unwrap_err();
        assert!(
            matches!(
                error,
                Error::Mismatch {
                    what: "content address",
                    ..
                }
            ),
            "{error}"
        );
    }
    f.assert_verifies();
}

#[test]
fn a_path_named_like_our_temporary_ones() {
    let f = Fixture::new();
    for (seed, name) in ["tmp", "temporary", "x.lock"].into_iter().enumerate() {
        let p = path(name, seed as u32);
        let (info, bytes) = archive(&tree(&p), p.clone());
        let locks = f
            .store
            .lock_outputs(std::slice::from_ref(&p), |_| {})
            .unwrap();
        let other = path("other", 99);
        let mut stranger = info.clone();
        stranger.path = other;
        let error = f
            .store
            .add_nar_locked(&locks, stranger, &mut bytes.as_slice());
        assert!(matches!(error, Err(Error::NotLocked { .. })));
        f.store
            .add_nar_locked(&locks, info, &mut bytes.as_slice())
            .unwrap();
        drop(locks);
        assert!(f.store.real_path(&p).join("bin/run").exists());
    }
    assert_eq!(entries(f.root()).len(), 3);
    f.assert_verifies();
}

#[test]
fn registration_has_rules() {
    let f = Fixture::new();
    let (a, b) = (path("a", 1), path("b", 2));
    let locks = f
        .store
        .lock_outputs(std::slice::from_ref(&a), |_| {})
        .unwrap();
    let both = [a.clone(), b.clone()];
    let file = |to: &StorePath| FileSystemObject::file(to.to_absolute_path().into_bytes());
    let error = f
        .store
        .register_outputs(&locks, vec![output(b.clone(), file(&a), &[])]);
    assert!(matches!(error, Err(Error::NotLocked { .. })));
    let error = f
        .store
        .register_outputs(&locks, vec![output(a.clone(), file(&b), &both)]);
    assert!(matches!(error, Err(Error::InvalidReference { .. })));
    drop(locks);
    let locks = f.store.lock_outputs(&both, |_| {}).unwrap();
    let cycle = vec![
        output(a.clone(), file(&b), &both),
        output(b.clone(), file(&a), &both),
    ];
    let error = f.store.register_outputs(&locks, cycle).unwrap_err();
    assert!(matches!(error, Error::ReferenceCycle { .. }), "{error}");
    let bad = FileSystemObject::directory([(BString::from("a/b"), file(&b))]);
    let mut new = output(a.clone(), file(&a), &[]);
    new.object = bad;
    let error = f.store.register_outputs(&locks, vec![new]).unwrap_err();
    assert!(matches!(error, Error::BadName { .. }), "{error}");
    drop(locks);
    assert_eq!(entries(f.root()), Vec::<String>::new());
    // A path that is valid is left as it is, even by another content.
    build(&f.store, &a, file(&a), &[]).unwrap();
    let before = f.store.query_path_info(&a).unwrap();
    build(&f.store, &a, FileSystemObject::file("other"), &[]).unwrap();
    assert_eq!(f.store.query_path_info(&a).unwrap(), before);
    f.assert_verifies();
}

#[test]
fn one_builds_and_the_others_wait() {
    let f = Fixture::new();
    let out = path("out", 1);
    let builds = Mutex::new(0);
    let waits = Mutex::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                // Some with a handle of their own, as another process would.
                let store = Store::open(f.root()).unwrap();
                let locks = store
                    .lock_outputs(std::slice::from_ref(&out), |path| {
                        assert_eq!(*path, out);
                        *waits.lock().unwrap() += 1;
                    })
                    .unwrap();
                if !store.is_valid(&out).unwrap() {
                    *builds.lock().unwrap() += 1;
                    let new = output(out.clone(), tree(&out), &[]);
                    store.register_outputs(&locks, vec![new]).unwrap();
                }
            });
        }
    });
    assert_eq!(*builds.lock().unwrap(), 1);
    assert!(*waits.lock().unwrap() < 8);
    let held = f
        .store
        .try_lock_outputs(&[out.clone(), path("b", 2)])
        .unwrap()
        .unwrap();
    assert!(
        f.store
            .try_lock_outputs(std::slice::from_ref(&out))
            .unwrap()
            .is_none()
    );
    drop(held);
    assert!(
        f.store
            .try_lock_outputs(std::slice::from_ref(&out))
            .unwrap()
            .is_some()
    );
    assert_eq!(entries(f.root()), [out.to_string()]);
}

#[test]
fn nix_and_we_respect_each_others_locks() {
    let f = Fixture::new();
    let file = f.dir.path().join("file");
    std::fs::write(&file, "contents").unwrap();
    let theirs = Fixture::new();
    let target = theirs.store.add_path(&file).unwrap();
    let locks = f
        .store
        .lock_outputs(std::slice::from_ref(&target), |_| {})
        .unwrap();
    let args = [
        "--store",
        f.root().to_str().unwrap(),
        "--add",
        file.to_str().unwrap(),
    ];
    let mut child = nix(f.dir.path(), "nix-store", &args)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // It cannot end while we hold the lock, however long this takes.
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(
        child.try_wait().unwrap().is_none(),
        "nix-store --add did not wait for our lock"
    );
    assert!(!f.store.is_valid(&target).unwrap());
    drop(locks);
    assert!(child.wait().unwrap().success());
    assert!(f.store.is_valid(&target).unwrap());
    f.assert_verifies();
}

#[test]
fn many_processes_share_a_store() {
    const ROOT: &str = "STORE_TEST_SHARED_ROOT";
    let work = |root: &std::path::Path, seed: u32| {
        let store = Store::open(root).unwrap();
        let mut before = Vec::new();
        for i in 0..40 {
            let p = path("shared", (i * 7 + seed) % 40);
            build(&store, &p, tree(&path("shared", 0)), &before).unwrap();
            before = vec![path("shared", 0)]
                .into_iter()
                .filter(|p| store.is_valid(p).unwrap())
                .collect();
        }
    };
    if let Some(root) = std::env::var_os(ROOT) {
        return work(std::path::Path::new(&root), std::process::id());
    }
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    let children: Vec<_> = (0..4)
        .map(|_| {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command
                .args(["--exact", "many_processes_share_a_store"])
                .env(ROOT, &root);
            command
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
    }
    assert_eq!(
        Store::open(&root).unwrap().all_valid_paths().unwrap().len(),
        40
    );
    assert_eq!(entries(&root).len(), 40);
    assert_verifies(dir.path(), &std::fs::canonicalize(&root).unwrap());
}

#[test]
fn names_that_fall_together_are_told_apart_on_the_disk() {
    let f = Fixture::with(OpenOptions::new().case_insensitive(true));
    let out = path("cases", 1);
    let file = |text: &'static str| FileSystemObject::file(text);
    let object = FileSystemObject::directory([
        ("README".into(), file("1")),
        (
            "ReadMe".into(),
            FileSystemObject::directory([("x".into(), file("2"))]),
        ),
        ("readme".into(), file("3")),
        ("other".into(), file("4")),
    ]);
    build(&f.store, &out, object.clone(), &[]).unwrap();
    assert_eq!(
        list(&f.store.real_path(&out)),
        [
            "README",
            "ReadMe~nix~case~hack~1",
            "other",
            "readme~nix~case~hack~2"
        ]
    );
    let (info, bytes) = archive(&object, out.clone());
    let mut dumped = Vec::new();
    f.store.write_nar(&out, &mut dumped).unwrap();
    assert_eq!(dumped, bytes);
    assert_eq!(
        f.store.query_path_info(&out).unwrap().unwrap().nar_hash,
        info.nar_hash
    );
    assert!(f.store.verify(true).unwrap().is_ok());
    let reserved = FileSystemObject::directory([("a~nix~case~hack~1".into(), file("x"))]);
    let error = build(&f.store, &path("reserved", 2), reserved.clone(), &[]).unwrap_err();
    assert!(error.to_string().contains("case"), "{error}");
    // On this machine's disk no suffix is needed or taken away.
    if !cfg!(target_os = "macos") {
        let plain = Fixture::new();
        build(&plain.store, &out, object, &[]).unwrap();
        assert_eq!(
            list(&plain.store.real_path(&out)),
            ["README", "ReadMe", "other", "readme"]
        );
        build(&plain.store, &path("reserved", 2), reserved, &[]).unwrap();
        plain.assert_verifies();
    }
}

#[test]
fn spilled_contents_are_copied() {
    use std::io::Write;
    let f = Fixture::new();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&vec![5; 1 << 20]).unwrap();
    let contents = Contents::Spilled {
        file: std::sync::Arc::new(file),
        len: 1 << 20,
    };
    let object = FileSystemObject::File {
        executable: true,
        contents,
    };
    build(&f.store, &path("spilled", 1), object, &[]).unwrap();
    assert_eq!(
        std::fs::read(f.store.real_path(&path("spilled", 1))).unwrap(),
        vec![5; 1 << 20]
    );
    f.assert_verifies();
}

fn object() -> impl Strategy<Value = FileSystemObject> {
    let contents = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        (0..70_000_usize).prop_map(|n| vec![b'x'; n]),
    ];
    let leaf = prop_oneof![
        (any::<bool>(), contents).prop_map(|(executable, bytes)| FileSystemObject::File {
            executable,
            contents: Contents::from(bytes),
        }),
        proptest::collection::vec(1..=255_u8, 1..60).prop_map(FileSystemObject::symlink),
    ];
    let name = proptest::collection::vec(
        prop_oneof![Just(b'a'), Just(b'A'), Just(b'b'), 1..=255_u8],
        1..6,
    )
    .prop_filter("not a name", |name| {
        !name.contains(&b'/') && name.as_slice() != b"." && name.as_slice() != b".."
    });
    leaf.prop_recursive(5, 40, 8, move |inner| {
        proptest::collection::btree_map(name.clone().prop_map(BString::from), inner, 0..8)
            .prop_map(|entries| FileSystemObject::Directory { entries })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any tree, by each way in, comes out as the same archive.
    #[test]
    fn trees_come_out_as_they_went_in(object in object(), case_hack: bool) {
        let f = Fixture::with(OpenOptions::new().case_insensitive(case_hack));
        let (info, bytes) = archive(&object, path("nar", 2));
        build(&f.store, &path("object", 1), object, &[]).unwrap();
        f.store.add_nar(info, &mut bytes.as_slice()).unwrap();
        for p in [path("object", 1), path("nar", 2)] {
            let mut dumped = Vec::new();
            f.store.write_nar(&p, &mut dumped).unwrap();
            prop_assert!(dumped == bytes, "{p} differs");
        }
        if !case_hack {
            let copy = f.store.add_path(&f.store.real_path(&path("object", 1))).unwrap();
            let mut dumped = Vec::new();
            f.store.write_nar(&copy, &mut dumped).unwrap();
            prop_assert!(dumped == bytes, "the copy differs");
        }
        let mut stream = Vec::new();
        let all = f.store.all_valid_paths().unwrap();
        f.store.export(&all, &mut stream).unwrap();
        let other = Fixture::new();
        other.store.import(&mut stream.as_slice()).unwrap();
        prop_assert_eq!(other.store.all_valid_paths().unwrap(), all);
        prop_assert!(other.store.verify(true).unwrap().is_ok());
    }

    /// Whatever stands in a stream, importing it neither panics nor leaves anything.
    #[test]
    fn hostile_streams_leave_nothing(at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let f = Fixture::new();
        let source = Fixture::new();
        let p = path("x", 1);
        build(&source.store, &p, FileSystemObject::directory([
            ("a".into(), FileSystemObject::file("a")),
            ("b".into(), FileSystemObject::symlink("b")),
        ]), &[]).unwrap();
        let mut stream = Vec::new();
        source.store.export(&BTreeSet::from([p]), &mut stream).unwrap();
        let at = at.index(stream.len());
        stream[at] ^= flip;
        let result = f.store.import(&mut stream.as_slice());
        let valid = f.store.all_valid_paths().unwrap();
        prop_assert!(result.is_ok() || valid.len() <= 1);
        prop_assert_eq!(entries(f.root()).len(), valid.len());
        prop_assert!(f.store.verify(true).unwrap().is_ok());
    }
}

#[test]
fn builds_in_one_batch_may_need_each_other_and_a_bad_one_harms_no_other() {
    let f = Fixture::new();
    let (a, b, c, never) = (path("a", 1), path("b", 2), path("c", 3), path("never", 9));
    let place = |to: &StorePath, refers: &StorePath| {
        let locks = f
            .store
            .lock_outputs(std::slice::from_ref(to), |_| {})
            .unwrap();
        let new = output(to.clone(), tree(refers), std::slice::from_ref(refers));
        f.store.place_outputs(locks, vec![new]).unwrap()
    };
    let batch = vec![place(&a, &a), place(&b, &never), place(&c, &a)];
    // In place, but not valid, and nobody else may build them.
    assert!(f.store.real_path(&c).exists() && !f.store.is_valid(&c).unwrap());
    assert!(
        f.store
            .try_lock_outputs(std::slice::from_ref(&c))
            .unwrap()
            .is_none()
    );
    let results = f.store.register_placed(batch);
    assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
    let error = results[1].as_ref().unwrap_err().to_string();
    assert!(error.contains("never"), "{error}");
    assert!(f.store.is_valid(&a).unwrap() && f.store.is_valid(&c).unwrap());
    assert_eq!(entries(f.root()), [a.to_string(), c.to_string()]);
    // What is dropped leaves nothing.
    drop(place(&b, &a));
    assert_eq!(entries(f.root()), [a.to_string(), c.to_string()]);
    f.assert_verifies();
}
