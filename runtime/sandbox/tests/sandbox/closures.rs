//! Inputs that are looked up when they are met, and the modules that a store vouches for.

use crate::support::{INPUT, PROBE, names, probe, write};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_sandbox::{Engine, EngineError, EngineOptions, InputSet};

/// A closure that notes what it is asked for.
#[derive(Debug, Default)]
struct Noting {
    places: BTreeMap<String, PathBuf>,
    asked: Mutex<Vec<String>>,
}

impl InputSet for Noting {
    fn place(&self, name: &str) -> Option<PathBuf> {
        self.asked.lock().unwrap().push(name.to_owned());
        self.places.get(name).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.asked.lock().unwrap().push("all".to_owned());
        self.places.keys().cloned().collect()
    }
}

#[test]
fn only_what_is_met_is_looked_up() {
    let mut build = probe(&[]);
    let own = build.input(PROBE);
    build.request.inputs.remove(PROBE);
    let other = "2a9p07z77phvv2hf6gm9f28syp39f1ag-other";
    let place = |name: &str| own.with_file_name(name);
    let closure = Arc::new(Noting {
        places: [INPUT, PROBE, other]
            .map(|name| (name.to_owned(), place(name)))
            .into(),
        asked: Mutex::default(),
    });
    write(&place(INPUT).join("file"), "bytes");
    write(&place(other), "other");
    write(&place(PROBE), "");
    build.request.closure = Some(closure.clone());
    let read = [
        format!("open 3 {INPUT}/file r"),
        "read 6 9".to_owned(),
        "open 3 none r".to_owned(),
    ];
    let read: Vec<&str> = read.iter().map(String::as_str).collect();
    let mut build = build.args(&read);
    let log = build.run().log();
    assert!(log.contains("\"bytes\"") && log.contains("ENOENT"), "{log}");
    let asked = std::mem::take(&mut *closure.asked.lock().unwrap());
    assert!(asked.contains(&INPUT.to_owned()), "{asked:?}");
    for unasked in [other, "all"] {
        assert!(!asked.contains(&unasked.to_owned()), "{asked:?}");
    }
    // A list has all, in order, whether they were met or not.
    build = build.args(&["ls 3"]);
    let log = build.run().log();
    let mut all = [INPUT, PROBE, other];
    all.sort_unstable();
    let places: Vec<usize> = all
        .iter()
        .map(|name| log.find(name).unwrap_or_else(|| panic!("{name}: {log}")))
        .collect();
    assert!(places.is_sorted(), "{log}");
    // An output cannot be an input.
    build
        .request
        .outputs
        .insert("out".to_owned(), other.to_owned());
    let error = build.run().error().to_string();
    assert!(error.contains("at once"), "{error}");
}

const SMALL: &str = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;
const LARGER: &str = r#"(module (memory (export "memory") 2) (func (export "_start")))"#;

struct Modules {
    dir: tempfile::TempDir,
}

impl Modules {
    fn new() -> Modules {
        let dir = tempfile::tempdir().unwrap();
        Modules { dir }
    }

    /// Writes `bytes` into a store path of a store that says `nar_hash` of it, and loads it in a new
    /// process, as it were.
    fn load(&self, bytes: &[u8], nar_hash: [u8; 32]) -> Result<(), EngineError> {
        let file = self.dir.path().join("store-path");
        std::fs::write(&file, bytes).unwrap();
        let options = EngineOptions {
            cache_dir: Some(self.dir.path().join("modules")),
            precompiled_dir: None,
        };
        let engine = Engine::new(options).unwrap();
        let open = || Ok(File::open(&file).unwrap());
        engine.module_from_store(nar_hash, open).map(|_| ())
    }

    /// How many files of the cache end so.
    fn count(&self, end: &str) -> usize {
        let all = names(&self.dir.path().join("modules"));
        all.iter().filter(|name| name.ends_with(end)).count()
    }
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    let object = FileSystemObject::file(bytes.to_vec());
    object.nar_hash().unwrap().0
}

#[test]
fn a_module_is_found_by_what_the_store_says_of_it() {
    let modules = Modules::new();
    let small = wat::parse_str(SMALL).unwrap();
    modules.load(&small, hash(&small)).unwrap();
    assert_eq!((modules.count(".cwasm"), modules.count(".nar")), (1, 1));
    // Proof that the file is not read: what it holds is no module.
    modules.load(b"rubbish", hash(&small)).unwrap();
    // Without compiled code it is.
    let cache = modules.dir.path().join("modules");
    let code = names(&cache)
        .into_iter()
        .find(|name| name.ends_with(".cwasm"));
    std::fs::remove_file(cache.join(code.unwrap())).unwrap();
    assert!(modules.load(b"rubbish", hash(&small)).is_err());
    modules.load(&small, hash(&small)).unwrap();
    assert_eq!((modules.count(".cwasm"), modules.count(".nar")), (1, 1));
    // A damaged note is as good as none.
    let note = names(&cache)
        .into_iter()
        .find(|name| name.ends_with(".nar"));
    let note = cache.join(note.unwrap());
    std::fs::write(&note, "short").unwrap();
    assert!(modules.load(b"rubbish", hash(&small)).is_err());
    modules.load(&small, hash(&small)).unwrap();
    assert_eq!(std::fs::read(&note).unwrap().len(), 32);
}

#[test]
fn a_store_that_lies_teaches_other_stores_nothing() {
    let modules = Modules::new();
    let [small, larger] = [SMALL, LARGER].map(|text| wat::parse_str(text).unwrap());
    // This store claims that its file is the small one.
    modules.load(&larger, hash(&small)).unwrap();
    assert_eq!((modules.count(".cwasm"), modules.count(".nar")), (1, 0));
    // So in a good store the small one's own bytes are read and compiled.
    modules.load(&small, hash(&small)).unwrap();
    assert_eq!((modules.count(".cwasm"), modules.count(".nar")), (2, 1));
    // Nor in the same process.
    let engine = Engine::new(EngineOptions::default()).unwrap();
    let mut opened = 0;
    for bytes in [&larger, &small, &small] {
        let open = || {
            opened += 1;
            let file = modules.dir.path().join("store-path");
            std::fs::write(&file, bytes).unwrap();
            Ok(File::open(&file).unwrap())
        };
        engine.module_from_store(hash(&small), open).unwrap();
    }
    assert_eq!(opened, 2, "the liar's is not kept, the good one is");
}
