//! Compares a builder with a script that states the same semantics for GNU bash and coreutils.
//!
//! A [`Case`] is one derivation: input trees, attributes, and the command that does the same job.
//! [`check`] runs the command, then the builder on every [`Host`], and compares whether they
//! succeeded and the trees that they left: names, kinds, executable bits, targets and bytes, which
//! is what a NAR holds. [`refuse`] is for bad input: the builder must fail with a message, and
//! leave nothing.

use crate::builder_sandbox::Sandbox;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::{fs, io};

/// A file system object, as a NAR knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tree {
    /// A regular file.
    File {
        /// Whether it is executable.
        executable: bool,
        /// Its bytes.
        contents: Vec<u8>,
    },
    /// A symlink and its target.
    Symlink(Vec<u8>),
    /// A directory.
    Directory(BTreeMap<Vec<u8>, Tree>),
}

impl Tree {
    /// A file that is not executable.
    pub fn file(contents: impl AsRef<[u8]>) -> Self {
        Self::File {
            executable: false,
            contents: contents.as_ref().to_vec(),
        }
    }

    /// A directory of these entries.
    pub fn directory<const N: usize>(entries: [(&str, Tree); N]) -> Self {
        let entries = entries.into_iter();
        Self::Directory(
            entries
                .map(|(name, tree)| (name.as_bytes().to_vec(), tree))
                .collect(),
        )
    }

    /// Writes the tree.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        match self {
            Self::File {
                executable,
                contents,
            } => {
                fs::write(path, contents)?;
                let mode = if *executable { 0o755 } else { 0o644 };
                fs::set_permissions(path, fs::Permissions::from_mode(mode))
            }
            Self::Symlink(target) => symlink(std::ffi::OsStr::from_bytes(target), path),
            Self::Directory(entries) => {
                fs::create_dir(path)?;
                entries.iter().try_for_each(|(name, tree)| {
                    tree.write(&path.join(std::ffi::OsStr::from_bytes(name)))
                })
            }
        }
    }

    /// Reads what is at a path; `None` when nothing is. `prefix`, the place of the store in this
    /// run, is renamed to `/nix/store` in targets and contents.
    pub fn read(path: &Path, prefix: &[u8]) -> io::Result<Option<Self>> {
        let Ok(metadata) = fs::symlink_metadata(path) else {
            return Ok(None);
        };
        Ok(Some(if metadata.is_symlink() {
            let target = fs::read_link(path)?.into_os_string().into_vec();
            Self::Symlink(renamed(&target, prefix))
        } else if metadata.is_dir() {
            let mut entries = BTreeMap::new();
            for entry in fs::read_dir(path)? {
                let name = entry?.file_name();
                if let Some(tree) = Self::read(&path.join(&name), prefix)? {
                    entries.insert(name.into_vec(), tree);
                }
            }
            Self::Directory(entries)
        } else {
            Self::File {
                executable: metadata.permissions().mode() & 0o100 != 0,
                contents: renamed(&fs::read(path)?, prefix),
            }
        }))
    }

    /// The tree for a run whose store is at `store`: what says `/nix/store` in targets and contents
    /// then says that, so that inputs can name each other ([`Places::in_inputs`]).
    fn placed(&self, store: &[u8]) -> Self {
        match self {
            Self::File {
                executable,
                contents,
            } => Self::File {
                executable: *executable,
                contents: replaced(contents, STORE, store),
            },
            Self::Symlink(target) => Self::Symlink(replaced(target, STORE, store)),
            Self::Directory(entries) => Self::Directory(
                (entries.iter())
                    .map(|(name, tree)| (name.clone(), tree.placed(store)))
                    .collect(),
            ),
        }
    }

    fn describe(&self, path: &str, text: &mut String) {
        match self {
            Self::File {
                executable,
                contents,
            } => {
                let mark = if *executable { " (executable)" } else { "" };
                let shown = contents.get(..2000).unwrap_or(contents);
                let shown = String::from_utf8_lossy(shown);
                let _ = writeln!(text, "  {path}{mark}, {} bytes: {shown:?}", contents.len());
            }
            Self::Symlink(target) => {
                let _ = writeln!(text, "  {path} -> {:?}", String::from_utf8_lossy(target));
            }
            Self::Directory(entries) => {
                let _ = writeln!(text, "  {path}/");
                for (name, tree) in entries {
                    tree.describe(&format!("{path}/{}", String::from_utf8_lossy(name)), text);
                }
            }
        }
    }
}

/// Renames the store's place of this run to the one that all runs share.
fn renamed(bytes: &[u8], prefix: &[u8]) -> Vec<u8> {
    replaced(bytes, prefix, STORE)
}

/// The store as inputs, which are the same for all runs, and outcomes name it.
const STORE: &[u8] = b"/nix/store";

fn replaced(bytes: &[u8], prefix: &[u8], place: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(prefix.len()).position(|part| part == prefix) {
        let (before, after) = rest.split_at(at);
        text.extend_from_slice(before);
        text.extend_from_slice(place);
        rest = after.split_at(prefix.len()).1;
    }
    text.extend_from_slice(rest);
    text
}

/// Where the store is as the builder, or the reference, sees it.
pub struct Places {
    store: String,
}

impl Places {
    /// Places below this folder.
    pub fn new(store: &str) -> Self {
        Self {
            store: store.to_owned(),
        }
    }

    /// The path of an input by the name that the case gives it.
    pub fn input(&self, name: &str) -> String {
        format!("{}/{}", self.store, base_name(name))
    }

    /// The path of an input as another input has to spell it.
    pub fn in_inputs(name: &str) -> String {
        format!("/nix/store/{}", base_name(name))
    }

    /// The path of the output `out`.
    pub fn out(&self) -> String {
        self.input("out")
    }
}

/// The base name of the store path that an input or output has.
pub fn base_name(name: &str) -> String {
    format!("11111111111111111111111111111111-{name}")
}

/// The attributes of a derivation, beside its outputs.
pub enum Attributes {
    /// With `__structuredAttrs`.
    Structured(serde_json::Map<String, serde_json::Value>),
    /// As environment variables, which are bytes.
    Plain(Vec<(String, Vec<u8>)>),
}

impl Attributes {
    /// Structured attributes from `json!({ … })`.
    pub fn structured(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Object(map) => Self::Structured(map),
            other => panic!("attributes are an object, not {other}"),
        }
    }
}

/// One derivation and the command that does the same.
pub struct Case<'a> {
    /// The builder's module: `text`, `text-executable`, ….
    pub module: &'a str,
    /// Input trees by the names that [`Places::input`] takes.
    pub inputs: Vec<(String, Tree)>,
    /// What the builder reads.
    pub attributes: &'a dyn Fn(&Places) -> Attributes,
    /// The reference. Its status and what it leaves at [`Places::out`] count.
    pub reference: &'a dyn Fn(&Places) -> Command,
}

/// What a run left.
pub struct Outcome {
    /// Whether it succeeded.
    pub success: bool,
    /// The output, which is there or not.
    pub output: Option<Tree>,
    /// Standard output and error.
    pub log: String,
}

impl Outcome {
    fn describe(&self, who: &str) -> String {
        let mut text = format!(
            "{who}: {}\n",
            if self.success { "success" } else { "failure" }
        );
        match &self.output {
            Some(tree) => tree.describe("$out", &mut text),
            None => text.push_str("  no output\n"),
        }
        let _ = write!(text, "  log: {}", self.log);
        text
    }
}

/// Something that runs builders.
pub trait Host {
    /// For messages.
    fn name(&self) -> &'static str;
    /// Runs a builder on inputs, with attributes for the places that this host has.
    fn run(
        &self,
        module: &str,
        inputs: &[(String, Tree)],
        attributes: &dyn Fn(&Places) -> Attributes,
    ) -> Outcome;
}

/// All hosts that every case runs on.
pub fn hosts() -> Vec<Box<dyn Host>> {
    vec![Box::new(NativeTwin), Box::new(Sandbox)]
}

/// The builder compiled natively and started as a process, with a temporary store.
pub struct NativeTwin;

impl Host for NativeTwin {
    fn name(&self) -> &'static str {
        "native twin"
    }

    fn run(
        &self,
        module: &str,
        inputs: &[(String, Tree)],
        attributes: &dyn Fn(&Places) -> Attributes,
    ) -> Outcome {
        let store = TemporaryStore::new(inputs);
        let mut command = Command::new(native_twin(module));
        command.env_clear().current_dir(store.folder.path());
        match attributes(&store.places) {
            Attributes::Structured(mut map) => {
                map.insert(
                    "outputs".to_owned(),
                    serde_json::json!({ "out": store.places.out() }),
                );
                let file = store.folder.path().join(".attrs.json");
                let text = serde_json::to_vec(&map).expect("attributes are JSON");
                fs::write(&file, text).expect("the temporary folder is writable");
                command.env("NIX_ATTRS_JSON_FILE", file);
            }
            Attributes::Plain(variables) => {
                for (name, value) in variables {
                    command.env(name, std::ffi::OsString::from_vec(value));
                }
                command
                    .env("out", store.places.out())
                    .env("PATH", "/path-not-set")
                    .env("HOME", "/homeless-shelter")
                    .env("NIX_BUILD_CORES", "1");
            }
        }
        let (status, outcome) = store.run(command);
        // It refuses with status 1; a panic would be 101.
        assert!(
            matches!(status.code(), Some(0 | 1)),
            "the native {module} must not end with {status}: {}",
            outcome.log
        );
        outcome
    }
}

/// A folder that stands for /nix/store.
pub struct TemporaryStore {
    folder: tempfile::TempDir,
    places: Places,
}

impl TemporaryStore {
    /// Writes the inputs for programs that see this folder where it is.
    pub fn new(inputs: &[(String, Tree)]) -> Self {
        Self::with(inputs, |tree, store| {
            tree.placed(store.as_os_str().as_bytes())
        })
    }

    /// Writes the inputs for programs that see this folder as `/nix/store`.
    pub fn mounted(inputs: &[(String, Tree)]) -> Self {
        Self::with(inputs, |tree, _| tree.clone())
    }

    fn with(inputs: &[(String, Tree)], place: impl Fn(&Tree, &Path) -> Tree) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let store = folder.path().join("store");
        fs::create_dir(&store).expect("the temporary folder is writable");
        for (name, tree) in inputs {
            place(tree, &store)
                .write(&store.join(base_name(name)))
                .expect("an input can be written");
        }
        let store = store.to_str().expect("temporary folders have plain names");
        Self {
            places: Places::new(store),
            folder,
        }
    }

    /// The folder that has the inputs in it.
    pub fn folder(&self) -> PathBuf {
        PathBuf::from(&self.places.store)
    }

    fn run(&self, mut command: Command) -> (ExitStatus, Outcome) {
        let output = command
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let prefix = self.places.store.as_bytes();
        let tree =
            Tree::read(Path::new(&self.places.out()), prefix).expect("the output can be read");
        let mut log = output.stdout;
        log.extend_from_slice(&output.stderr);
        let outcome = Outcome {
            // A build that leaves no output has failed.
            success: output.status.success() && tree.is_some(),
            output: tree,
            log: String::from_utf8_lossy(&renamed(&log, prefix)).into_owned(),
        };
        (output.status, outcome)
    }
}

/// Runs the reference and the builder on every host, and compares.
///
/// A failed run may leave anything: Nix throws it away.
pub fn check(case: &Case<'_>) {
    let store = TemporaryStore::new(&case.inputs);
    let command = (case.reference)(&store.places);
    let shown = format!("{command:?}");
    let (_, expected) = store.run(command);
    for host in hosts() {
        let found = host.run(case.module, &case.inputs, case.attributes);
        let agree = found.success == expected.success
            && (!found.success || found.output == expected.output);
        assert!(
            agree,
            "{} on the {} differs from the reference\n{}\nreference {shown}\n{}\n{}",
            case.module,
            host.name(),
            inputs_and_attributes(case.inputs.as_slice(), &(case.attributes)(&store.places)),
            expected.describe("expected"),
            found.describe("found"),
        );
    }
}

/// Runs the builder on bad input: it must fail, say each of `messages`, and leave no output.
pub fn refuse(
    module: &str,
    inputs: &[(String, Tree)],
    attributes: &dyn Fn(&Places) -> Attributes,
    messages: &[&str],
) {
    for host in hosts() {
        let found = host.run(module, inputs, attributes);
        let says = messages.iter().all(|message| found.log.contains(message));
        assert!(
            !found.success && found.output.is_none() && says,
            "{module} on the {} should refuse this and say {messages:?}\n{}\n{}",
            host.name(),
            inputs_and_attributes(inputs, &attributes(&Places::new("/nix/store"))),
            found.describe("found"),
        );
    }
}

fn inputs_and_attributes(inputs: &[(String, Tree)], attributes: &Attributes) -> String {
    let mut text = String::from("inputs:\n");
    for (name, tree) in inputs {
        tree.describe(name, &mut text);
    }
    match attributes {
        Attributes::Structured(map) => {
            let _ = write!(
                text,
                "attributes: {}",
                serde_json::Value::Object(map.clone())
            );
        }
        Attributes::Plain(variables) => {
            text.push_str("environment:\n");
            for (name, value) in variables {
                let _ = writeln!(text, "  {name}={:?}", String::from_utf8_lossy(value));
            }
        }
    }
    text
}

/// A reference script in `tests/references`, with the environment that it may rely on.
pub fn script(interpreter: &str, name: &str) -> Command {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("references")
        .join(name);
    let mut command = Command::new(interpreter);
    command
        .arg(file)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LC_ALL", "C");
    command
}

/// The native program of a module. Built once for each package, by the cargo that runs the tests.
pub fn native_twin(module: &str) -> PathBuf {
    static BUILT: Mutex<BTreeMap<String, BTreeMap<String, PathBuf>>> = Mutex::new(BTreeMap::new());
    let package = format!("builder-{}", module.trim_end_matches("-executable"));
    let mut built = BUILT.lock().expect("no other test panicked here");
    let programs = built
        .entry(package.clone())
        .or_insert_with(|| build_programs(&package));
    programs
        .get(module)
        .unwrap_or_else(|| panic!("{package} has no program {module}; it has {programs:?}"))
        .clone()
}

fn build_programs(package: &str) -> BTreeMap<String, PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args([
            "build",
            "--quiet",
            "--locked",
            "--bins",
            "--package",
            package,
        ])
        .args(["--message-format", "json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = command.output().expect("cargo starts");
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut programs = BTreeMap::new();
    for line in output.stdout.split(|byte| *byte == b'\n') {
        let Ok(message) = serde_json::from_slice::<serde_json::Value>(line) else {
            continue;
        };
        if let Some(path) = message["executable"].as_str().map(PathBuf::from)
            && let Some(name) = path.file_name()
        {
            programs.insert(name.to_string_lossy().into_owned(), path.clone());
        }
    }
    programs
}
