//! What the store's tests share: temporary stores, real Nix beside us, and small trees.
//!
//! Contract: nothing outside the temporary directory is touched; a failing command shows
//! itself, its output and what was expected.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_nix_compat::refscan::CandidateSet;
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_store::{NewPath, OpenOptions, Store};

/// A temporary directory with a store in it.
pub struct Fixture {
    pub dir: tempfile::TempDir,
    pub store: Store,
}

impl Fixture {
    pub fn new() -> Self {
        Self::with(OpenOptions::new())
    }

    pub fn with(options: OpenOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = options.open(&dir.path().join("root")).unwrap();
        Fixture { dir, store }
    }

    pub fn root(&self) -> &Path {
        self.store.root()
    }

    /// Runs a program of Nix on this store; it must succeed. Gives its standard output.
    pub fn nix_store(&self, args: &[&str]) -> String {
        let root = self.root().to_str().unwrap();
        let all: Vec<&str> = ["--store", root].iter().chain(args).copied().collect();
        text(&succeed(&mut nix(self.dir.path(), "nix-store", &all)).stdout)
    }

    /// Real Nix's verdict on all of the store.
    pub fn assert_verifies(&self) {
        assert_verifies(self.dir.path(), self.root());
        let report = self.store.verify(true).unwrap();
        assert!(report.is_ok(), "{report}");
    }
}

/// `nix-store --verify --check-contents` on the store at `root` must find nothing.
pub fn assert_verifies(dir: &Path, root: &Path) {
    let root = root.to_str().unwrap();
    let args = ["--store", root, "--verify", "--check-contents"];
    let output = succeed(&mut nix(dir, "nix-store", &args));
    let stderr = text(&output.stderr);
    for bad in ["disappeared", "modified", "error"] {
        assert!(!stderr.contains(bad), "nix-store --verify says:\n{stderr}");
    }
}

/// A program of Nix with a configuration of its own, away from the machine's store.
pub fn nix(dir: &Path, program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(args)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", dir.join("home"))
        .env("XDG_CACHE_HOME", dir.join("cache"))
        .env("NIX_CONF_DIR", dir.join("no-conf"))
        .env(
            "NIX_CONFIG",
            "build-users-group =\nsandbox = false\nsubstitute = false\n\
             extra-experimental-features = nix-command\n",
        )
        .current_dir(dir);
    command
}

/// Runs a command that must succeed.
pub fn succeed(command: &mut Command) -> Output {
    let output = run(command);
    assert!(output.status.success(), "{}", describe(command, &output));
    output
}

/// Runs a command.
pub fn run(command: &mut Command) -> Output {
    command
        .output()
        .unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"))
}

pub fn describe(command: &Command, output: &Output) -> String {
    format!(
        "{command:?}\n{}\n--- stdout\n{}\n--- stderr\n{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    )
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Some store path; its digest is `seed`'s.
pub fn path(name: &str, seed: u32) -> StorePath {
    let mut digest = [0; 20];
    digest[..4].copy_from_slice(&seed.to_be_bytes());
    digest[4] = 7;
    StorePath::from_digest(&digest, name).unwrap()
}

/// An output to register, which refers to what its tree mentions of `candidates`.
pub fn output(path: StorePath, object: FileSystemObject, candidates: &[StorePath]) -> NewPath {
    let mut all: BTreeSet<StorePath> = candidates.iter().cloned().collect();
    all.insert(path.clone());
    NewPath::scan(path, object, &CandidateSet::new(&all)).unwrap()
}

/// Builds and registers one output.
pub fn build(
    store: &Store,
    path: &StorePath,
    object: FileSystemObject,
    candidates: &[StorePath],
) -> wasibuild_store::Result<()> {
    let locks = store.lock_outputs(std::slice::from_ref(path), |_| {})?;
    store.register_outputs(&locks, vec![output(path.clone(), object, candidates)])?;
    Ok(())
}

/// A tree with each kind of node, a reference to `to` and names of all bytes.
pub fn tree(to: &StorePath) -> FileSystemObject {
    FileSystemObject::directory([
        (
            "bin".into(),
            FileSystemObject::directory([(
                "run".into(),
                FileSystemObject::executable("#! /bin/sh\n"),
            )]),
        ),
        ("data".into(), FileSystemObject::file(vec![7; 300_000])),
        ("empty".into(), FileSystemObject::directory([])),
        ("empty-file".into(), FileSystemObject::file("")),
        (
            "link".into(),
            FileSystemObject::symlink(to.to_absolute_path()),
        ),
        ("odd\n\u{fc} name".into(), FileSystemObject::file("odd")),
    ])
}

/// The names in a directory, sorted.
pub fn list(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The store's entries besides `.links`.
pub fn entries(root: &Path) -> Vec<String> {
    let mut names = list(&root.join("nix/store"));
    names.retain(|name| name != ".links");
    names
}

pub fn path_of(line: &str) -> StorePath {
    StorePath::from_absolute_path(line.trim().as_bytes()).unwrap()
}

pub fn real(root: &Path, path: &StorePath) -> PathBuf {
    root.join("nix/store").join(path.basename())
}

/// Makes a named pipe.
pub fn make_pipe(path: &Path) {
    succeed(Command::new("mkfifo").arg(path));
}
