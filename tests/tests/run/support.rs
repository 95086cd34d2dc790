//! A store of its own for each test, the guest, and readable failures.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

/// The program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_wasibuild-under-test");

/// What all tests share: the compiled guest, and the cache of compiled modules.
struct Shared {
    _directory: TempDir,
    guest: PathBuf,
    cache: PathBuf,
}

fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        let directory = tempfile::tempdir().expect("a directory");
        let guest = directory.path().join("guest.wasm");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/run/guest.rs");
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let mut command = Command::new(rustc);
        command.args([
            "--target",
            "wasm32-wasip1",
            "--edition",
            "2021",
            "-O",
            "-C",
            "strip=symbols",
            "-o",
        ]);
        let output = command
            .arg(&guest)
            .arg(&source)
            .output()
            .expect("rustc starts");
        assert!(
            output.status.success(),
            "cannot compile the guest: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Shared {
            cache: directory.path().join("cache"),
            guest,
            _directory: directory,
        }
    })
}

/// The cache of compiled modules.
pub fn cache() -> &'static Path {
    &shared().cache
}

/// A store and a directory for files.
pub struct World {
    pub directory: TempDir,
}

/// What a command printed, with what differs between runs replaced.
#[derive(Debug, PartialEq, Eq)]
pub struct Printed {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl World {
    pub fn new() -> World {
        World {
            directory: tempfile::tempdir().expect("a directory"),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn root(&self) -> PathBuf {
        self.path("root")
    }

    /// Where a store path lies on the disk.
    pub fn real(&self, path: &str) -> PathBuf {
        self.root().join(path.trim_start_matches('/'))
    }

    /// Writes a file of the test.
    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, contents)
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        path
    }

    /// Makes derivations: `body` is a Nix expression in which `mk NAME { … }` is a derivation for the
    /// sandbox with the guest as its builder. Returns the paths of the `.drv`s of the list it gives.
    pub fn derivations(&self, body: &str) -> Vec<String> {
        self.derivations_in(&self.root(), body)
    }

    /// The file with that expression.
    pub fn expression(&self, body: &str) -> PathBuf {
        // Once: a Nix that was started with another expression may be reading it.
        let guest = self.path("guest.wasm");
        if !guest.exists() {
            fs::copy(&shared().guest, &guest).expect("the guest is copied");
        }
        let text = format!(
            "let guest = {}/guest.wasm;\n mk = name: attributes: derivation ({{ inherit name; system = \"wasm32-wasip1\"; builder = \"${{guest}}\"; }} // attributes);\nin {body}",
            self.directory.path().display()
        );
        self.write("test.nix", text)
    }

    pub fn derivations_in(&self, root: &Path, body: &str) -> Vec<String> {
        let file = self.expression(body);
        let output = nix("nix-instantiate", root)
            .arg(&file)
            .output()
            .expect("nix-instantiate starts");
        assert!(
            output.status.success(),
            "nix-instantiate failed for {body}:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout)
            .expect("text")
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// The only derivation of an expression.
    pub fn derivation(&self, body: &str) -> String {
        let mut all = self.derivations(body);
        assert_eq!(all.len(), 1, "{body} gives {all:?}");
        all.remove(0)
    }

    /// The program with arguments, on this world's store, without the network.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(arguments)
            .env_clear()
            .current_dir(self.directory.path());
        command
            .env("WASIBUILD_STORE", self.root())
            .env("XDG_CACHE_HOME", cache());
        command
            .env("WASIBUILD_SUBSTITUTERS", "")
            .env("WASIBUILD_CONFIG", "")
            .env("TMPDIR", self.directory.path());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Printed {
        self.printed(
            self.command(arguments)
                .output()
                .expect("the program starts"),
        )
    }

    /// `wasibuild run`, which must succeed; returns the output paths.
    pub fn build(&self, arguments: &[&str]) -> Vec<String> {
        let mut all = vec!["run", "-j1"];
        all.extend(arguments);
        let printed = self.run_raw(&all);
        assert!(
            printed.status.success(),
            "{all:?} failed:\n{}",
            String::from_utf8_lossy(&printed.stderr)
        );
        String::from_utf8(printed.stdout)
            .expect("text")
            .lines()
            .map(str::to_owned)
            .collect()
    }

    pub fn run_raw(&self, arguments: &[&str]) -> Output {
        self.command(arguments)
            .output()
            .expect("the program starts")
    }

    pub fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().expect("the program starts")
    }

    /// Replaces what differs between runs.
    pub fn printed(&self, output: Output) -> Printed {
        Printed {
            code: output.status.code().unwrap_or(-1),
            out: self.normalise(&output.stdout),
            err: self.normalise(&output.stderr),
        }
    }

    pub fn normalise(&self, bytes: &[u8]) -> String {
        let text =
            String::from_utf8(bytes.to_vec()).unwrap_or_else(|_| panic!("not text: {bytes:?}"));
        let real = fs::canonicalize(self.directory.path()).expect("the directory");
        let text = text.replace(&real.display().to_string(), "DIR");
        hashes(&times(
            &text.replace(&self.directory.path().display().to_string(), "DIR"),
        ))
    }

    /// Real Nix finds nothing wrong with the store.
    pub fn verify(&self) {
        let output = nix("nix-store", &self.root())
            .args(["--verify", "--check-contents"])
            .output()
            .expect("nix-store");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && !text.contains("error") && !text.contains("missing"),
            "the store is damaged:\n{text}"
        );
    }

    /// Whether real Nix holds a path for valid.
    pub fn is_valid(&self, path: &str) -> bool {
        let mut command = nix("nix-store", &self.root());
        command
            .args(["--check-validity", path])
            .stderr(Stdio::null())
            .status()
            .expect("nix-store")
            .success()
    }
}

/// A command of real Nix on a store, with an environment that cannot disturb it.
pub fn nix(program: &str, root: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("--store").arg(root).env(
        "NIX_CONFIG",
        "experimental-features = nix-command\nsubstituters =\n",
    );
    command
        .env("HOME", root.parent().unwrap_or(root))
        .env_remove("NIX_PATH");
    command
}

/// Runs a command of real Nix and returns what it printed.
pub fn nix_output<S: AsRef<OsStr>>(program: &str, root: &Path, arguments: &[S]) -> String {
    let output = nix(program, root)
        .args(arguments)
        .output()
        .expect("Nix starts");
    assert!(
        output.status.success(),
        "{program} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .expect("text")
        .trim()
        .to_owned()
}

/// Replaces the digests of store paths.
fn hashes(text: &str) -> String {
    let bytes = text.as_bytes();
    let is_digit = |b: &u8| b.is_ascii_digit() || b.is_ascii_lowercase();
    let mut out = String::new();
    let mut at = 0;
    while at < bytes.len() {
        let starts = at == 0 || !is_digit(&bytes[at - 1]);
        if starts
            && bytes.len() > at + 32
            && bytes[at..at + 32].iter().all(is_digit)
            && bytes[at + 32] == b'-'
        {
            out.push_str("HASH");
            at += 32;
        } else {
            let length = text[at..].chars().next().map_or(1, char::len_utf8);
            out.push_str(&text[at..at + length]);
            at += length;
        }
    }
    out
}

/// Replaces the times at the ends of lines.
fn times(text: &str) -> String {
    let lines = text.lines().map(|line| match line.rsplit_once(" in ") {
        Some((start, time))
            if time == "under 1 ms" || time.ends_with(" ms") || time.ends_with(" s") =>
        {
            format!("{start} in TIME")
        }
        _ => line.to_owned(),
    });
    let mut out: String = lines.map(|line| line + "\n").collect();
    if !text.ends_with('\n') {
        out.pop();
    }
    out
}
