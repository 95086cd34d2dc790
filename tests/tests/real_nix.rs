//! The example machine's whole closure, built by wasibuild, in the hands of real Nix.
//!
//! Contract: Nix finds the store whole, computes the hashes that are registered, sees the references
//! that the contents have, and copies everything to another store if, and only if, it trusts the
//! key of this one.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_wasibuild-under-test");

/// The example, built.
struct Built {
    directory: TempDir,
    top: String,
}

impl Built {
    fn new() -> Built {
        let directory = tempfile::tempdir().expect("a directory");
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/nixos");
        let top = fs::read_to_string(fixture.join("top")).expect("the name of the top level");
        let derivation = fixture.join(top.trim());
        let mut built = Built {
            directory,
            top: String::new(),
        };
        let output = built.program(&[
            OsStr::new("run"),
            OsStr::new("--no-substitute"),
            derivation.as_os_str(),
        ]);
        built.top = text(output).trim().to_owned();
        built
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    fn program(&self, arguments: &[&OsStr]) -> Output {
        let mut command = Command::new(PROGRAM);
        command
            .args(arguments)
            .env_clear()
            .env("WASIBUILD_STORE", self.root());
        command.env("XDG_CACHE_HOME", self.directory.path().join("cache"));
        command
            .env("HOME", self.directory.path())
            .stdin(Stdio::null());
        command.output().expect("the program starts")
    }

    /// A command of real Nix on a store; nothing of this machine's Nix takes part.
    fn nix(&self, program: &str, root: &Path, arguments: &[&str]) -> Output {
        let mut command = Command::new(program);
        let settings = "experimental-features = nix-command\nsubstituters =\n";
        command
            .args(arguments)
            .arg("--store")
            .arg(root)
            .env("NIX_CONFIG", settings);
        command
            .env("HOME", self.directory.path())
            .env_remove("NIX_PATH");
        command.output().expect("Nix starts")
    }

    fn query(&self, root: &Path, arguments: &[&str]) -> Vec<String> {
        text(self.nix("nix-store", root, arguments))
            .lines()
            .map(str::to_owned)
            .collect()
    }

    fn verify(&self, root: &Path) {
        let output = self.nix("nix-store", root, &["--verify", "--check-contents"]);
        let errors = String::from_utf8_lossy(&output.stderr);
        let found = ["error", "modified", "disappeared", "missing"];
        let whole = output.status.success() && !found.iter().any(|word| errors.contains(word));
        assert!(whole, "Nix finds the store damaged:\n{errors}");
    }
}

/// Standard output of a command that must have succeeded.
fn text(output: Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}:\n{errors}", output.status);
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn nix_agrees_on_contents_hashes_and_references() {
    let built = Built::new();
    let root = built.root();
    built.verify(&root);
    let closure = built.query(&root, &["--query", "--requisites", &built.top]);
    assert!(closure.len() > 40, "{closure:?}");
    let valid = built.query(
        &root,
        &[
            "--query",
            "--requisites",
            "--include-outputs",
            &deriver(&built),
        ],
    );
    let outputs: Vec<&String> = valid
        .iter()
        .filter(|path| !path.ends_with(".drv"))
        .collect();
    assert!(outputs.len() > 100, "{}", outputs.len());
    let dump = built.directory.path().join("dump");
    for path in outputs {
        let real = root.join(path.trim_start_matches('/'));
        let nar = Command::new("nix-store")
            .arg("--dump")
            .arg(&real)
            .output()
            .expect("nix-store");
        assert!(
            nar.status.success(),
            "{path}: {}",
            String::from_utf8_lossy(&nar.stderr)
        );
        fs::write(&dump, &nar.stdout).expect("the dump");
        let mut hash = Command::new("nix-hash");
        hash.args(["--flat", "--base32", "--type", "sha256"])
            .arg(&dump);
        let computed = text(hash.output().expect("nix-hash"));
        let registered = built.query(&root, &["--query", "--hash", path]);
        assert_eq!(
            registered,
            [format!("sha256:{}", computed.trim())],
            "{path}"
        );
        let size = built.query(&root, &["--query", "--size", path]);
        assert_eq!(size, [nar.stdout.len().to_string()], "{path}");
        let found = mentioned(&nar.stdout, &valid);
        let references = built.query(&root, &["--query", "--references", path]);
        assert_eq!(
            references.into_iter().collect::<BTreeSet<_>>(),
            found,
            "{path}"
        );
    }
}

fn deriver(built: &Built) -> String {
    built
        .query(&built.root(), &["--query", "--deriver", &built.top])
        .remove(0)
}

/// The store paths whose digests are in some bytes.
fn mentioned(bytes: &[u8], paths: &[String]) -> BTreeSet<String> {
    let digest = |path: &String| path.as_bytes().get(11..43).map(<[u8]>::to_vec);
    let digests: HashMap<Vec<u8>, &String> = paths
        .iter()
        .map(|path| (digest(path).expect("a store path"), path))
        .collect();
    // Only runs of letters and digits can hold one.
    let runs = bytes.split(|byte| !byte.is_ascii_alphanumeric());
    let windows = runs.flat_map(|run| run.windows(32));
    windows
        .filter_map(|window| digests.get(window))
        .map(|path| (*path).clone())
        .collect()
}

#[test]
fn nix_copies_what_it_trusts_and_nothing_else() {
    let built = Built::new();
    let from = built.root();
    let from = from.to_str().expect("text");
    let key = text(built.program(&[OsStr::new("store"), OsStr::new("public-key")]));
    let closure = built.query(&built.root(), &["--query", "--requisites", &built.top]);

    let strange = "other-1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for trusted in ["", strange] {
        let refused = built.directory.path().join("refused");
        let arguments = [
            "copy",
            "--from",
            from,
            &built.top,
            "--option",
            "trusted-public-keys",
            trusted,
        ];
        let output = built.nix("nix", &refused, &arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && errors.contains("signature"),
            "{trusted}: {errors}"
        );
        for path in &closure {
            let output = built.nix("nix-store", &refused, &["--check-validity", path]);
            assert!(
                !output.status.success(),
                "'{path}' was copied without trust in its key"
            );
        }
    }

    let copied = built.directory.path().join("copied");
    let arguments = [
        "copy",
        "--from",
        from,
        &built.top,
        "--option",
        "trusted-public-keys",
        key.trim(),
    ];
    text(built.nix("nix", &copied, &arguments));
    built.verify(&copied);
    for question in ["--hash", "--size", "--references"] {
        let mut arguments = vec!["--query", question];
        arguments.extend(closure.iter().map(String::as_str));
        assert_eq!(
            built.query(&copied, &arguments),
            built.query(&built.root(), &arguments),
            "{question}"
        );
    }
}
