//! The builders' WebAssembly modules, built from the sources as they are now.
//!
//! `cargo xtask builders` builds them, but asking it in every test process takes seconds. So what it
//! built is kept in a folder that is named after the digest of everything the modules follow from:
//! when a source changes, the folder of its digest is not there, and the modules are built anew. A
//! stale module is therefore never run, and a build by someone else at the same time disturbs nobody.
//! Whether the modules are those of `builders/builders.lock` is checked by `cargo xtask builders`.

use bstr::ByteSlice;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use wasibuild_nix_compat::hash::Sha256Writer;

/// Bytes of modules by name, without `.wasm`.
pub type Modules = BTreeMap<String, Vec<u8>>;

/// Besides the folder `builders`, what decides about the bytes of a module.
const OTHER_SOURCES: [&str; 4] = [
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "xtask/src/builders.rs",
];

/// All modules. Built or read once in a process.
pub fn modules() -> &'static Modules {
    static MODULES: OnceLock<Modules> = OnceLock::new();
    MODULES.get_or_init(|| {
        up_to_date().unwrap_or_else(|error| panic!("the builders' modules: {error}"))
    })
}

/// One module by its name.
pub fn module(name: &str) -> &'static [u8] {
    modules().get(name).unwrap_or_else(|| {
        let known: Vec<_> = modules().keys().collect();
        panic!("there is no builder {name}.wasm; there are {known:?}")
    })
}

fn up_to_date() -> io::Result<Modules> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root.join(folder),
        None => root.join("target"),
    };
    let kept = target.join("builder-modules");
    fs::create_dir_all(&kept)?;
    // Held until this function ends: other test processes wait for the modules instead of building.
    let lock = File::create(kept.join("lock"))?;
    lock.lock()?;
    let digest = digest(&root)?;
    let folder = kept.join(&digest);
    if !folder.exists() {
        build(&root)?;
        if digest != self::digest(&root)? {
            return Err(io::Error::other(
                "a source of the builders changed while they were built; run the tests again",
            ));
        }
        keep(&target.join("builders"), &kept, &folder)?;
    }
    read(&folder)
}

fn build(root: &Path) -> io::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["xtask", "builders", "--unlocked"])
        .current_dir(root);
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let log = output.stderr.as_bstr();
    Err(io::Error::other(format!("{command:?} failed:\n{log}")))
}

/// Copies the modules to the folder of their digest, in place of older ones.
fn keep(built: &Path, kept: &Path, folder: &Path) -> io::Result<()> {
    for old in sorted_entries(kept)?.iter().filter(|path| path.is_dir()) {
        fs::remove_dir_all(old)?;
    }
    // The name with the digest appears only once everything is in it.
    let unfinished = kept.join("unfinished");
    fs::create_dir(&unfinished)?;
    for module in sorted_entries(built)? {
        let name = module.file_name().unwrap_or_default();
        fs::copy(&module, unfinished.join(name))?;
    }
    fs::rename(unfinished, folder)
}

fn read(folder: &Path) -> io::Result<Modules> {
    let mut modules = Modules::new();
    for path in sorted_entries(folder)? {
        if let Some(name) = path.file_stem().and_then(|name| name.to_str()) {
            modules.insert(name.to_owned(), fs::read(&path)?);
        }
    }
    Ok(modules)
}

/// A digest of names and contents of all sources.
fn digest(root: &Path) -> io::Result<String> {
    let mut files: Vec<PathBuf> = OTHER_SOURCES.iter().map(|name| root.join(name)).collect();
    let mut folders = vec![root.join("builders")];
    while let Some(folder) = folders.pop() {
        for path in sorted_entries(&folder)? {
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|kind| kind == "rs" || kind == "toml")
            {
                files.push(path);
            }
        }
    }
    files.sort();
    let mut state = Sha256Writer::new();
    for path in files {
        let contents = fs::read(&path)?;
        let name = path.strip_prefix(root).unwrap_or(&path);
        write!(state, "{} {}\n", name.display(), contents.len())?;
        state.write_all(&contents)?;
    }
    let (digest, _) = state.finish();
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn sorted_entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    Ok(entries)
}
