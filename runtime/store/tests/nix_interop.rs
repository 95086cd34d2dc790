//! The store as real Nix 2.8 sees it: it opens, verifies, copies, adds and collects.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Stdio;

use common::*;
use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_store::Store;

#[test]
fn an_empty_store_has_the_schema_that_nix_makes() {
    let ours = Fixture::new();
    ours.assert_verifies();
    let dir = tempfile::tempdir().unwrap();
    let theirs = dir.path().join("theirs");
    succeed(&mut nix(
        dir.path(),
        "nix-store",
        &["--store", theirs.to_str().unwrap(), "--init"],
    ));
    let columns = |root: &Path| {
        let db = rusqlite::Connection::open(root.join("nix/var/nix/db/db.sqlite")).unwrap();
        let mut all = Vec::new();
        for table in ["ValidPaths", "Refs", "DerivationOutputs"] {
            for pragma in ["table_info", "foreign_key_list", "index_list"] {
                let mut s = db.prepare(&format!("pragma {pragma}({table})")).unwrap();
                let width = s.column_count();
                let rows = s
                    .query_map([], |row| {
                        (0..width)
                            .map(|i| row.get::<_, rusqlite::types::Value>(i))
                            .collect()
                    })
                    .unwrap();
                all.extend(rows.map(|r: Result<Vec<_>, _>| format!("{table} {pragma} {r:?}")));
            }
        }
        let mut s = db
            .prepare("select type, name, tbl_name from sqlite_master order by name")
            .unwrap();
        let objects = s.query_map([], |r| {
            Ok((
                r.get::<_, String>(0)?,
                r.get::<_, String>(1)?,
                r.get::<_, String>(2)?,
            ))
        });
        all.extend(objects.unwrap().map(|r| format!("{r:?}")));
        let mode: String = db
            .query_row("pragma journal_mode", [], |r| r.get(0))
            .unwrap();
        all.push(mode);
        all
    };
    assert_eq!(columns(ours.root()), columns(&theirs));
    assert_eq!(
        fs::read(ours.root().join("nix/var/nix/db/schema")).unwrap(),
        b"10"
    );
    for file in ["reserved", "big-lock"] {
        let stat = |root: &Path| {
            let meta = fs::metadata(root.join("nix/var/nix/db").join(file)).unwrap();
            (meta.len(), meta.permissions().mode())
        };
        assert_eq!(stat(ours.root()), stat(&theirs), "{file}");
    }
}

#[test]
fn nix_reads_what_we_register() {
    let f = Fixture::new();
    let source = f
        .store
        .add_text("source", b"some text", &BTreeSet::new())
        .unwrap();
    let out = path("out", 1);
    let dev = path("out-dev", 2);
    let drv = path("out.drv", 3);
    let locks = f
        .store
        .lock_outputs(&[out.clone(), dev.clone()], |_| {})
        .unwrap();
    let all = [source.clone(), out.clone(), dev.clone()];
    let mut first = output(out.clone(), tree(&source), &all);
    first.deriver = Some(drv.clone());
    let second = output(dev.clone(), tree(&out), &all);
    let infos = f
        .store
        .register_outputs(&locks, vec![first, second])
        .unwrap();
    assert_eq!(infos.len(), 2);
    drop(locks);
    f.assert_verifies();

    let query = |args: &[&str]| f.nix_store(args);
    let abs = out.to_absolute_path();
    assert_eq!(
        query(&["-q", "--references", &abs]).trim(),
        source.to_absolute_path()
    );
    assert_eq!(
        query(&["-q", "--referrers", &abs]).trim(),
        dev.to_absolute_path()
    );
    assert_eq!(
        query(&["-q", "--deriver", &abs]).trim(),
        drv.to_absolute_path()
    );
    let info = f.store.query_path_info(&out).unwrap().unwrap();
    assert_eq!(
        query(&["-q", "--size", &abs]).trim(),
        info.nar_size.to_string()
    );
    let hash = wasibuild_nix_compat::hash::NixHash::sha256(info.nar_hash);
    assert_eq!(query(&["-q", "--hash", &abs]).trim(), hash.to_nix32());
    // Nix's dump of the path is the NAR that we hashed.
    let root = f.root().to_str().unwrap();
    let dumped = succeed(&mut nix(
        f.dir.path(),
        "nix-store",
        &[
            "--store",
            root,
            "--dump",
            real(f.root(), &out).to_str().unwrap(),
        ],
    ));
    let mut ours = Vec::new();
    f.store.write_nar(&out, &mut ours).unwrap();
    assert_eq!(dumped.stdout, ours);
    let json = succeed(&mut nix(
        f.dir.path(),
        "nix",
        &["path-info", "--store", root, "--json", &abs],
    ));
    let json = text(&json.stdout);
    assert!(
        json.contains("\"ultimate\":true") && json.contains("wasibuild-"),
        "{json}"
    );
}

#[test]
fn what_is_written_is_canonical() {
    let f = Fixture::new();
    let to = path("to", 9);
    let out = path("out", 1);
    build(&f.store, &out, tree(&to), &[]).unwrap();
    let mut todo = vec![f.store.real_path(&out)];
    let mut seen = 0;
    while let Some(path) = todo.pop() {
        let meta = fs::symlink_metadata(&path).unwrap();
        seen += 1;
        assert_eq!(meta.mtime(), 1, "{path:?}");
        assert_eq!(meta.mtime_nsec(), 0, "{path:?}");
        if meta.is_dir() {
            assert_eq!(meta.mode() & 0o7777, 0o555, "{path:?}");
            todo.extend(fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
        } else if meta.is_file() {
            assert_eq!(meta.nlink(), 1);
            let expected = if path.ends_with("run") { 0o555 } else { 0o444 };
            assert_eq!(meta.mode() & 0o7777, expected, "{path:?}");
        }
    }
    assert_eq!(seen, 8);
    assert_eq!(
        entries(f.root()),
        [out.to_string()],
        "no locks or temporary names stay"
    );
}

#[test]
fn additions_have_the_paths_that_nix_gives() {
    let ours = Fixture::new();
    let theirs = Fixture::new();
    let source = ours.dir.path().join("a source");
    fs::create_dir_all(source.join("sub")).unwrap();
    fs::write(source.join("sub/file"), "hello").unwrap();
    fs::write(source.join("run"), "#!").unwrap();
    fs::set_permissions(source.join("run"), fs::Permissions::from_mode(0o700)).unwrap();
    symlink("nowhere", source.join("link")).unwrap();
    let named = ours.dir.path().join("named");
    fs::rename(&source, &named).unwrap();

    let path = ours.store.add_path(&named).unwrap();
    assert_eq!(
        theirs.nix_store(&["--add", named.to_str().unwrap()]).trim(),
        path.to_absolute_path()
    );
    let file = ours.store.add_path(&named.join("run")).unwrap();
    assert_eq!(
        theirs
            .nix_store(&["--add", named.join("run").to_str().unwrap()])
            .trim(),
        file.to_absolute_path()
    );
    let link = ours.store.add_path(&named.join("link")).unwrap();
    assert!(
        fs::symlink_metadata(ours.store.real_path(&link))
            .unwrap()
            .is_symlink()
    );
    // Again: nothing changes.
    assert_eq!(ours.store.add_path(&named).unwrap(), path);
    ours.assert_verifies();
    for p in [&path, &file] {
        let [a, b] =
            [&ours, &theirs].map(|f| f.nix_store(&["-q", "--hash", &p.to_absolute_path()]));
        assert_eq!(a, b);
    }

    let expression = "builtins.toFile \"text\" \"some text\"";
    let root = theirs.root().to_str().unwrap();
    let theirs = succeed(&mut nix(
        theirs.dir.path(),
        "nix-instantiate",
        &["--store", root, "--eval", "--expr", expression],
    ));
    let ours = ours
        .store
        .add_text("text", b"some text", &BTreeSet::new())
        .unwrap();
    assert_eq!(
        text(&theirs.stdout).trim().trim_matches('"'),
        ours.to_absolute_path()
    );
}

#[test]
fn bad_sources_are_refused_by_name() {
    let f = Fixture::new();
    let fifo = f.dir.path().join("dir/fifo");
    fs::create_dir(f.dir.path().join("dir")).unwrap();
    make_pipe(&fifo);
    let error = f
        .store
        .add_path(&f.dir.path().join("dir"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("fifo") && error.contains("neither a file"),
        "{error}"
    );
    let error = f
        .store
        .add_path(&f.dir.path().join("missing"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("missing") && error.contains("No such file"),
        "{error}"
    );
    fs::write(f.dir.path().join("bad name"), "").unwrap();
    let error = f
        .store
        .add_path(&f.dir.path().join("bad name"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("bad name"), "{error}");
    assert_eq!(entries(f.root()), Vec::<String>::new());
}

#[test]
fn nix_copies_what_is_built_with_only_our_key_trusted() {
    let f = Fixture::new();
    let source = f
        .store
        .add_text("source", b"some text", &BTreeSet::new())
        .unwrap();
    let out = path("out", 1);
    build(&f.store, &out, tree(&source), std::slice::from_ref(&source)).unwrap();
    let root = f.root().to_str().unwrap();
    let cache = format!("file://{}", f.dir.path().join("cache-dir").display());
    let abs = out.to_absolute_path();
    succeed(&mut nix(
        f.dir.path(),
        "nix",
        &["copy", "--from", root, "--to", &cache, &abs],
    ));
    let other = f.dir.path().join("other");
    let other = other.to_str().unwrap();
    let copy = |key: &str| {
        let args = [
            "copy",
            "--option",
            "trusted-public-keys",
            key,
            "--from",
            root,
            "--to",
            other,
            &abs,
        ];
        let mut command = nix(f.dir.path(), "nix", &args);
        let output = run(&mut command);
        (output.status.success(), describe(&command, &output))
    };
    let wrong = "other-1:cN1/HEcg0VjYkkPyUaoMFJTRXkdGVWMOKpVQkxHlV+0=";
    let (copied, shown) = copy(wrong);
    assert!(
        !copied && shown.contains("lacks a valid signature"),
        "{shown}"
    );
    let key = f.store.public_key().unwrap().to_string();
    assert_eq!(fs::read_to_string(f.store.public_key_path()).unwrap(), key);
    let (copied, shown) = copy(&key);
    assert!(copied, "{shown}");
    let mode = fs::metadata(f.store.secret_key_path()).unwrap().mode();
    assert_eq!(mode & 0o7777, 0o600);
    assert_verifies(f.dir.path(), Path::new(other));
}

#[test]
fn the_key_is_made_once_by_many() {
    let dir = tempfile::tempdir().unwrap();
    let keys: BTreeSet<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let store = Store::open(dir.path()).unwrap();
                    store.public_key().unwrap().to_string()
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(keys.len(), 1, "{keys:?}");
    let store = Store::open(dir.path()).unwrap();
    fs::write(store.secret_key_path(), "nonsense").unwrap();
    let error = store.public_key().unwrap_err().to_string();
    assert!(
        error.contains("signing-key") && error.contains("move the file away"),
        "{error}"
    );
    // What a loss of power leaves of a key before anything that it signed was registered.
    fs::write(store.secret_key_path(), "").unwrap();
    let key = store.public_key().unwrap().to_string();
    assert!(!keys.contains(&key));
    let again = Store::open(dir.path()).unwrap();
    assert_eq!(again.public_key().unwrap().to_string(), key);
}

#[test]
fn export_and_import_with_real_nix() {
    let ours = Fixture::new();
    let source = ours
        .store
        .add_text("source", b"some text", &BTreeSet::new())
        .unwrap();
    let out = path("out", 1);
    build(
        &ours.store,
        &out,
        tree(&source),
        std::slice::from_ref(&source),
    )
    .unwrap();
    let both = BTreeSet::from([source.clone(), out.clone()]);
    let mut stream = Vec::new();
    ours.store.export(&both, &mut stream).unwrap();

    // Nix writes the same stream (paths sorted as Nix does for this closure).
    let root = ours.root().to_str().unwrap();
    let (a, b) = (source.to_absolute_path(), out.to_absolute_path());
    let theirs = succeed(&mut nix(
        ours.dir.path(),
        "nix-store",
        &["--store", root, "--export", &a, &b],
    ));
    assert_eq!(theirs.stdout, stream);

    // Nix imports ours.
    let other = Fixture::new();
    let args = ["--store", other.root().to_str().unwrap(), "--import"];
    let mut child = nix(other.dir.path(), "nix-store", &args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&stream).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let imported: BTreeSet<StorePath> = text(&output.stdout).lines().map(path_of).collect();
    assert_eq!(imported, both);
    assert!(other.store.is_valid(&out).unwrap());
    other.assert_verifies();

    // We import it.
    let third = Fixture::new();
    let imported = third.store.import(&mut stream.as_slice()).unwrap();
    assert_eq!(imported, [source.clone(), out.clone()]);
    assert_eq!(
        third.store.query_references(&out).unwrap(),
        BTreeSet::from([source])
    );
    third.assert_verifies();

    // Whatever is cut off is refused, and what stands before it is kept.
    for len in [
        0,
        4,
        8,
        20,
        100,
        stream.len() / 2,
        stream.len() - 8,
        stream.len() - 1,
    ] {
        let fourth = Fixture::new();
        let error = fourth
            .store
            .import(&mut &stream[..len])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("export stream") || error.contains("archive"),
            "{len}: {error}"
        );
        assert!(!fourth.store.is_valid(&out).unwrap() || len >= stream.len() - 8);
        fourth.assert_verifies();
    }
}

#[test]
fn nix_finds_our_build_logs() {
    let f = Fixture::new();
    let drv = path("thing.drv", 5);
    let out = path("thing", 6);
    let mut log = f.store.create_build_log(&drv).unwrap();
    log.write_all(b"building\ndone\n").unwrap();
    let locks = f
        .store
        .lock_outputs(std::slice::from_ref(&out), |_| {})
        .unwrap();
    let mut new = output(out.clone(), FileSystemObject::file("x"), &[]);
    new.deriver = Some(drv.clone());
    f.store.register_outputs(&locks, vec![new]).unwrap();
    assert_eq!(
        f.nix_store(&["--read-log", &out.to_absolute_path()]),
        "building\ndone\n"
    );
    assert!(f.store.open_build_log(&out).unwrap().is_some());
    assert!(
        f.store
            .open_build_log(&path("none.drv", 8))
            .unwrap()
            .is_none()
    );
    let place = f.store.build_log_path(&drv);
    fs::rename(&place, place.with_extension("drv.bz2")).unwrap();
    let error = f.store.open_build_log(&drv).unwrap_err().to_string();
    assert!(error.contains("bzcat"), "{error}");
}

#[test]
fn derivations_are_checked_and_have_outputs() {
    let f = Fixture::new();
    let theirs = Fixture::new();
    let expression = r#"let
        a = derivation { name = "a"; system = "x"; builder = "b"; outputs = [ "out" "dev" ]; };
        fod = derivation { name = "f"; system = "x"; builder = "${a}"; outputHash =
          "0000000000000000000000000000000000000000000000000000"; outputHashAlgo = "sha256"; };
      in derivation { name = "b"; system = "x"; builder = "${a.dev}"; inherit fod;
        src = builtins.toFile "src" "hello"; }"#;
    let root = theirs.root().to_str().unwrap();
    let drv = succeed(&mut nix(
        theirs.dir.path(),
        "nix-instantiate",
        &["--store", root, "--expr", expression],
    ));
    let drv = path_of(&text(&drv.stdout));
    let closure = theirs
        .store
        .query_closure(&BTreeSet::from([drv.clone()]))
        .unwrap();
    assert_eq!(closure.len(), 4);
    // Nix's own files, added by us, at Nix's paths.
    let mut stream = Vec::new();
    theirs.store.export(&closure, &mut stream).unwrap();
    f.store.import(&mut stream.as_slice()).unwrap();
    let outputs = f.store.query_derivation_outputs(&drv).unwrap();
    assert_eq!(
        outputs,
        theirs.store.query_derivation_outputs(&drv).unwrap()
    );
    assert!(outputs.contains_key("out"));
    let parsed = f.store.read_derivation(&drv).unwrap();
    let abs = drv.to_absolute_path();
    assert_eq!(
        f.nix_store(&["-q", "--outputs", &abs]).trim(),
        outputs["out"].to_absolute_path()
    );
    // As text it gets the same path.
    let again = f
        .store
        .add_text("b.drv", &parsed.to_aterm_bytes(), &parsed.references())
        .unwrap();
    assert_eq!(again, drv);

    // One that lies about its output is refused, and leaves nothing.
    let mut lie = parsed.clone();
    lie.system = "y".into();
    let error = f
        .store
        .add_text("lie.drv", &lie.to_aterm_bytes(), &lie.references())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("lie.drv") && error.contains("altered"),
        "{error}"
    );
    assert!(!entries(f.root()).iter().any(|name| name.contains("lie")));
    f.assert_verifies();
}
