//! What the tests share: an engine, requests with inputs made in a temporary directory, guests
//! written in the text format, and a report that shows everything when a build fails.

use bstr::BString;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_sandbox::{
    BuildError, BuildRequest, CancelToken, Engine, EngineOptions, Limits, Module, Outcome,
    ProgramLoader, ProgramSource,
};

/// One engine for all tests of the program.
pub static ENGINE: LazyLock<Engine> =
    LazyLock::new(|| Engine::new(EngineOptions::default()).expect("the engine starts"));

/// Base name of the output `out`.
pub const OUT: &str = "1b9p07z77phvv2hf6gm9f28syp39f1ag-out";
/// Base name of the input.
pub const INPUT: &str = "0a3p07z77phvv2hf6gm9f28syp39f1ag-input";

/// The text of a module, compiled.
pub fn module(text: &str) -> Module {
    let bytes = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    ENGINE
        .module(&bytes)
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A build under test.
pub struct Build {
    pub request: BuildRequest,
    pub inputs: tempfile::TempDir,
}

/// How it went.
pub struct Ran {
    pub result: Result<Outcome, BuildError>,
    pub log: Vec<u8>,
}

impl Build {
    /// A build whose program is this module, with one output and no inputs.
    pub fn new(module: Module) -> Build {
        let mut request = BuildRequest::new("test", ProgramSource::Module(module));
        request.outputs.insert("out".to_owned(), OUT.to_owned());
        request.argv = vec!["builder".into()];
        request.seed = [1; 32];
        Build {
            request,
            inputs: tempfile::tempdir().expect("a temporary directory"),
        }
    }

    /// A build of a module in the text format.
    pub fn wat(text: &str) -> Build {
        Build::new(module(text))
    }

    /// Declares an input and gives its place on disk, which the caller fills.
    pub fn input(&mut self, name: &str) -> std::path::PathBuf {
        let path = self.inputs.path().join(name);
        self.request.inputs.insert(name.to_owned(), path.clone());
        path
    }

    /// Sets the argument vector after the program's name.
    pub fn args(mut self, args: &[&str]) -> Build {
        self.request.argv = vec!["builder".into()];
        self.request
            .argv
            .extend(args.iter().map(|word| BString::from(*word)));
        self
    }

    /// Adds a variable.
    pub fn env(mut self, name: &str, value: &str) -> Build {
        self.request.env.insert(name.into(), value.into());
        self
    }

    /// Changes the limits.
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Build {
        change(&mut self.request.limits);
        self
    }

    /// Sets the loader of programs.
    pub fn programs(mut self, programs: Arc<dyn ProgramLoader>) -> Build {
        self.request.programs = programs;
        self
    }

    /// Runs it.
    pub fn run(&self) -> Ran {
        let mut log = Vec::new();
        let result = ENGINE.run(self.request.clone(), &mut log, &CancelToken::new());
        Ran { result, log }
    }
}

impl Ran {
    /// The log as text.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&self.log).into_owned()
    }

    /// The outputs of a build that must have succeeded.
    #[track_caller]
    pub fn outputs(&self) -> &BTreeMap<String, FileSystemObject> {
        match &self.result {
            Ok(outcome) => &outcome.outputs,
            Err(error) => panic!("the build failed: {error}\nlog:\n{}", self.log()),
        }
    }

    /// The output `out`.
    #[track_caller]
    pub fn out(&self) -> &FileSystemObject {
        &self.outputs()["out"]
    }

    /// The error of a build that must have failed.
    #[track_caller]
    pub fn error(&self) -> &BuildError {
        match &self.result {
            Ok(outcome) => panic!("the build succeeded: {outcome:?}\nlog:\n{}", self.log()),
            Err(error) => error,
        }
    }
}

/// A tree in lines: `path: kind, content`.
pub fn show(object: &FileSystemObject) -> Vec<String> {
    let mut lines = Vec::new();
    walk(object, String::new(), &mut lines);
    lines
}

fn walk(object: &FileSystemObject, path: String, lines: &mut Vec<String>) {
    match object {
        FileSystemObject::File {
            executable,
            contents,
        } => {
            let bytes = contents.to_bytes(1 << 20).expect("contents");
            let kind = if *executable { "executable" } else { "file" };
            lines.push(format!(
                "{path}: {kind} {:?}",
                String::from_utf8_lossy(&bytes)
            ));
        }
        FileSystemObject::Symlink { target } => lines.push(format!("{path}: link {target}")),
        FileSystemObject::Directory { entries } => {
            lines.push(format!("{path}: directory"));
            for (name, object) in entries {
                walk(object, format!("{path}/{name}"), lines);
            }
        }
    }
}

/// Writes a file and makes what is above it.
pub fn write(path: &Path, text: &str) {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).expect("a directory");
    }
    std::fs::write(path, text).expect("a file");
}

/// Base name of the store path that holds the probe.
pub const PROBE: &str = "9z9p07z77phvv2hf6gm9f28syp39f1ag-probe";

/// The guest `tests/guests/probe.rs`, compiled.
pub static PROBE_WASM: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let out = dir.path().join("probe.wasm");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guests/probe.rs");
    let made = std::process::Command::new("rustc")
        .args(["--edition", "2024", "--target", "wasm32-wasip1", "-O"])
        .args(["-C", "panic=abort", "-C", "strip=symbols", "-A", "warnings"])
        .args([source, "-o"])
        .arg(&out)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("rustc starts");
    assert!(
        made.status.success(),
        "the probe does not compile; is the target wasm32-wasip1 installed?\n{}",
        String::from_utf8_lossy(&made.stderr)
    );
    std::fs::read(out).expect("the probe")
});

/// A build of the probe with these commands and no outputs.
pub fn probe(commands: &[&str]) -> Build {
    let mut build = Build::new(ENGINE.module(&PROBE_WASM).expect("the probe is a module"));
    build.request.outputs.clear();
    let path = build.input(PROBE);
    std::fs::write(&path, &*PROBE_WASM).expect("the probe's file");
    executable(&path);
    build.args(commands)
}

/// Lets a file be executed.
pub fn executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("the mode");
}

/// Runs the probe and compares each answer: `("open 5 etc/passwd r", "= 6")`.
#[track_caller]
pub fn expect(build: Build, table: &[(&str, &str)]) {
    let commands: Vec<&str> = table.iter().map(|(command, _)| *command).collect();
    let build = build.args(&commands);
    let ran = build.run();
    ran.outputs();
    let log = ran.log();
    let mut wanted = Vec::new();
    for (command, answer) in table {
        let shown = match command.split_once('=') {
            Some((name, rest)) if !name.contains(' ') => rest,
            _ => command,
        };
        wanted.push(format!("{shown} {answer}"));
    }
    let found: Vec<&str> = log.lines().collect();
    assert_eq!(found, wanted, "whole log:\n{log}");
}

/// The probe with one declared output `out`.
pub fn probe_with_output() -> Build {
    let mut build = probe(&[]);
    build
        .request
        .outputs
        .insert("out".to_owned(), OUT.to_owned());
    build
}

/// The names in a directory of the host, sorted.
#[expect(clippy::disallowed_methods, reason = "sorted here")]
pub fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .expect("a directory")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}
