//! One hostile guest: its module, what it is told to do, and how its build must end.
//!
//! The words that a probe is told are those of `runtime/sandbox/tests/guests/probe.rs`. In them,
//! `OUT`, `INPUT` and `UNDECLARED` are store paths relative to `/`, `PROBE` is the probe's path,
//! `HOST` the host directory that holds the canary, relative to `/`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

/// What the builder is.
pub enum Builder {
    /// The probe, with one command an argument.
    Probe(Vec<String>),
    /// A module in the text format.
    Text(String),
    /// A file with these bytes.
    Bytes(Vec<u8>),
}

/// How the build must end.
pub enum Expected {
    /// It succeeds.
    Built,
    /// The program ends with this code, and the message has all of these texts.
    Fails(i32, &'static [&'static str]),
}

/// One guest.
pub struct Guest {
    /// Name of the derivation.
    pub name: &'static str,
    /// The builder.
    pub builder: Builder,
    /// Further attributes of the derivation, in Nix.
    pub attributes: String,
    /// Options of `wasibuild run`.
    pub options: &'static [&'static str],
    /// The ends of the lines that it logs, in order; no more than these may come.
    pub answers: Option<Vec<&'static str>>,
    /// How it ends.
    pub expected: Expected,
    /// What else to check, given the place of the output on the disk.
    pub check: fn(&Path),
}

/// A probe, with each command's expected answer.
pub fn probe(name: &'static str, table: &[(&str, &'static str)]) -> Guest {
    Guest {
        name,
        builder: Builder::Probe(
            table
                .iter()
                .map(|(command, _)| (*command).to_owned())
                .collect(),
        ),
        attributes: String::new(),
        options: &[],
        answers: Some(table.iter().map(|(_, answer)| *answer).collect()),
        expected: Expected::Built,
        check: |_| {},
    }
}

/// A module in the text format; the build must fail.
pub fn text(name: &'static str, text: impl Into<String>) -> Guest {
    Guest {
        builder: Builder::Text(text.into()),
        answers: None,
        ..probe(name, &[])
    }
}

/// A file with these bytes as the builder; the build must fail.
pub fn bytes(name: &'static str, bytes: impl Into<Vec<u8>>) -> Guest {
    Guest {
        builder: Builder::Bytes(bytes.into()),
        answers: None,
        ..probe(name, &[])
    }
}

impl Guest {
    /// The build must fail with code 100 and these texts in its message.
    pub fn fails(self, texts: &'static [&'static str]) -> Guest {
        self.fails_with(100, texts)
    }

    /// The build must fail with this code and these texts in its message.
    pub fn fails_with(mut self, code: i32, texts: &'static [&'static str]) -> Guest {
        self.expected = Expected::Fails(code, texts);
        self
    }

    /// Expects a line of the host in the log before the answer of this number.
    pub fn also_logs(mut self, end: &'static str, before: usize) -> Guest {
        if let Some(answers) = &mut self.answers {
            answers.insert(before, end);
        }
        self
    }

    /// Does not compare the log.
    pub fn quiet(mut self) -> Guest {
        self.answers = None;
        self
    }

    /// Options of `wasibuild run`.
    pub fn options(mut self, options: &'static [&'static str]) -> Guest {
        self.options = options;
        self
    }

    /// Further attributes.
    pub fn attributes(mut self, attributes: &str) -> Guest {
        self.attributes = attributes.to_owned();
        self
    }

    /// What else to check on the output.
    pub fn check(mut self, check: fn(&Path)) -> Guest {
        self.check = check;
        self
    }

    /// The derivation as a Nix expression; `file` is where the builder lies.
    pub fn expression(&self, file: &Path, host: &Path) -> String {
        let arguments = match &self.builder {
            Builder::Probe(commands) => {
                let words: String = commands.iter().map(|command| word(command, host)).collect();
                format!("args = [ {words} ];")
            }
            _ => String::new(),
        };
        format!(
            "(derivation {{ name = \"{}\"; system = \"wasm32-wasip1\"; builder = \"${{{}}}\"; inherit input; {arguments} {} }})\n",
            self.name,
            file.display(),
            self.attributes,
        )
    }
}

/// A command as a Nix string.
fn word(command: &str, host: &Path) -> String {
    let host = host.display().to_string();
    let text = command.replace('\\', "\\\\").replace('"', "\\\"");
    let text = text
        .replace("OUT", ".${placeholder \"out\"}")
        .replace("INPUT", ".${input}")
        .replace("UNDECLARED", ".${undeclared}")
        .replace("PROBE", "${probe}")
        .replace("HOST", host.trim_start_matches('/'));
    format!("\"{text}\" ")
}

/// The probe, compiled once, and the cache of compiled modules that all tests share.
pub fn shared() -> &'static (PathBuf, PathBuf) {
    static SHARED: OnceLock<(TempDir, (PathBuf, PathBuf))> = OnceLock::new();
    &SHARED
        .get_or_init(|| {
            let directory = tempfile::tempdir().expect("a directory");
            let probe = directory.path().join("probe.wasm");
            let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
            let source = tests.join("../runtime/sandbox/tests/guests/probe.rs");
            let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
            let output = Command::new(rustc)
                .args(["--target", "wasm32-wasip1", "--edition", "2024", "-O"])
                .args(["-C", "strip=symbols", "-o"])
                .arg(&probe)
                .arg(&source)
                .output()
                .expect("rustc starts");
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success(),
                "cannot compile the probe: {errors}"
            );
            let cache = directory.path().join("cache");
            (directory, (probe, cache))
        })
        .1
}
