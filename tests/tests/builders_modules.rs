//! The builders' modules as files: what they import decides where they run.
//!
//! A module that imports only WASI preview 1 also starts on Determinate Nix. Which ones do is said in
//! docs/builders.md, "Which modules run on other hosts".

use std::collections::{BTreeMap, BTreeSet};
use wasibuild_tests::builder_modules::{module, modules};
use wasmparser::{ExternalKind, Parser, Payload, TypeRef};

/// Every module, and the functions of `wasibuild_v1` that it imports.
const MODULES: [(&str, &[&str]); 8] = [
    ("etc-tree", &[]),
    ("substitute", &[]),
    ("substitute-executable", &["fd_set_mode"]),
    ("symlink-tree", &[]),
    ("symlink-tree-executable", &["fd_mode"]),
    ("text", &[]),
    ("text-executable", &["fd_set_mode", "spawn", "wait"]),
    ("unit-file", &[]),
];

const WASI: &str = "wasi_snapshot_preview1";
const EXTENSION: &str = "wasibuild_v1";

/// The imported functions by module.
fn imports(bytes: &[u8]) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let Payload::ImportSection(section) = payload.expect("a module") else {
            continue;
        };
        for import in section.into_imports() {
            let import = import.expect("an import");
            let is_function = matches!(import.ty, TypeRef::Func(_));
            assert!(is_function, "a builder imports functions, not {import:?}");
            let functions = found.entry(import.module.to_owned()).or_default();
            functions.insert(import.name.to_owned());
        }
    }
    found
}

/// The exported names with their kinds.
fn exports(bytes: &[u8]) -> BTreeMap<String, ExternalKind> {
    let mut found = BTreeMap::new();
    for payload in Parser::new(0).parse_all(bytes) {
        if let Payload::ExportSection(section) = payload.expect("a module") {
            for export in section {
                let export = export.expect("an export");
                found.insert(export.name.to_owned(), export.kind);
            }
        }
    }
    found
}

/// Folders in `builders` that hold no builder of derivations: what builders share, and the programs
/// that build scripts call.
const NO_BUILDERS: [&str; 4] = ["applets", "guest", "posix-regex", "shell"];

/// MODULES and docs/builders.md list all modules of each builder.
#[test]
fn every_module_is_known_here() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../builders");
    let builders: BTreeSet<String> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.path().join("Cargo.toml").exists())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !NO_BUILDERS.contains(&name.as_str()))
        .collect();
    let builder = |module: &str| module.trim_end_matches("-executable").to_owned();
    let found: BTreeSet<&str> = (modules().keys().map(String::as_str))
        .filter(|module| builders.contains(&builder(module)))
        .collect();
    let known: BTreeSet<&str> = MODULES.iter().map(|(name, _)| *name).collect();
    assert_eq!(found, known, "the modules of {builders:?}");
    let with_module: BTreeSet<_> = known.into_iter().map(builder).collect();
    assert_eq!(with_module, builders, "each builder has a module");
}

#[test]
fn modules_import_what_is_documented_and_nothing_else() {
    for (name, extension) in MODULES {
        let mut imports = imports(module(name));
        let wasi = imports.remove(WASI).unwrap_or_default();
        assert!(
            wasi.contains("fd_write") && wasi.contains("path_open"),
            "{name}.wasm writes files by WASI preview 1; found {wasi:?}"
        );
        let own = imports.remove(EXTENSION).unwrap_or_default();
        assert!(
            own.iter().map(String::as_str).eq(extension.iter().copied()),
            "{name}.wasm imports {own:?} of {EXTENSION}; documented are {extension:?}"
        );
        assert!(imports.is_empty(), "{name}.wasm also imports {imports:?}");
    }
}

/// The table in docs/builders.md has a row for each module that says what it imports besides WASI.
#[test]
fn the_documented_table_is_the_one_tested() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/builders.md");
    let page = std::fs::read_to_string(file).expect("the page is there");
    let (_, section) = (page.split_once("### Which modules run on other hosts"))
        .expect("the page has the section");
    let mut documented = BTreeMap::new();
    let rows = (section.lines().skip_while(|line| !line.starts_with("| `")))
        .take_while(|line| line.starts_with('|'));
    for row in rows {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let [_, names, imports, ..] = cells.as_slice() else {
            panic!("not a row of the table: {row}");
        };
        let extension: Vec<_> = quoted(imports)
            .filter_map(|name| name.strip_prefix("wasibuild_v1."))
            .collect();
        for name in quoted(names) {
            documented.insert(name, extension.clone());
        }
    }
    let expected: BTreeMap<_, _> = (MODULES.iter())
        .map(|(name, extension)| (*name, extension.to_vec()))
        .collect();
    assert_eq!(documented, expected, "{file}");
}

/// What stands between backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// docs/abi.md: a builder is a command, with its memory exported.
#[test]
fn modules_are_wasi_commands() {
    for (name, _) in MODULES {
        let exports = exports(module(name));
        let kind = |export: &str| exports.get(export).copied();
        assert_eq!(kind("_start"), Some(ExternalKind::Func), "{name}.wasm");
        assert_eq!(kind("memory"), Some(ExternalKind::Memory), "{name}.wasm");
        assert_eq!(kind("_initialize"), None, "{name}.wasm is no reactor");
    }
}
