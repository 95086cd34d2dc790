//! The other sides: the same derivations, each as one process tree on the plain file system.
//!
//! Contract: for every derivation of a plan that was built there is the native twin's call, and a
//! script for `bash -e` that does the same job with coreutils, as nixpkgs does it: one `mkdir -p` for
//! the directories, one `ln -s` for each link, texts by the shell itself, `chmod` for executables,
//! replacement by the shell. Where the job needs more thought (formats, merged trees, units), the
//! script is *given the result* and only writes it: the comparison favours bash. `/nix/store` is
//! renamed to a folder, so that no namespace is needed; a further side starts each script in those of
//! Nix's sandbox.
//! [`Plain::check`] compares what was written with what wasibuild built.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use wasibuild::environment::{self, Environment, References};
use wasibuild::plan::Plan;
use wasibuild::realise::schedule::{self, Lane, Task, Verdict, Widths};
use wasibuild_nix_compat::derivation_options::DerivationOptions;
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_store::Store;

use crate::namespaces::bubblewrap;

const STORE: &[u8] = b"/nix/store";

/// Who does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The builder, compiled for this machine.
    Native,
    /// GNU bash and coreutils.
    Gnu,
    /// The same in the namespaces and with the mounts of Nix's sandbox, made by bubblewrap.
    Sandboxed,
}

/// All derivations of a plan, inputs first.
pub struct Plain {
    pub(crate) steps: Vec<Step>,
    tasks: Vec<Task>,
    pub(crate) sources: BTreeMap<StorePath, PathBuf>,
    /// The sources and what they refer to, as archives, each after those that it needs.
    pub(crate) archives: Vec<(PathInfo, Vec<u8>)>,
    programs: PathBuf,
}

/// One derivation.
pub(crate) struct Step {
    program: String,
    pub(crate) name: String,
    pub(crate) environment: Environment,
    /// Names, paths, and where they lie.
    pub(crate) outputs: Vec<(StorePath, PathBuf)>,
    pub(crate) output_names: Vec<String>,
    pub(crate) script: Vec<u8>,
    /// The numbers of the steps that it needs.
    pub(crate) needs: Vec<usize>,
}

/// A process that is ready to be started.
struct Call {
    store: PathBuf,
    directory: PathBuf,
    native: PathBuf,
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
}

impl Plain {
    /// The other sides of a plan whose outputs are in `store`; `programs` holds the native twins.
    ///
    /// # Errors
    /// When an output is missing or cannot be read.
    pub fn of(store: &Store, plan: &Plan, programs: &Path) -> Result<Plain> {
        let mut plain = Plain {
            steps: Vec::new(),
            tasks: Vec::new(),
            sources: BTreeMap::new(),
            archives: Vec::new(),
            programs: programs.to_owned(),
        };
        let numbers: BTreeMap<_, _> = plan.graph.ids().zip(0..).collect();
        for id in plan.graph.ids() {
            let node = plan.graph.node(id);
            let derivation = store.read_derivation(&node.derivation)?;
            let options = DerivationOptions::of(&derivation)?;
            let environment = environment::prepare(&derivation, &options, 1, &Answers(store))?;
            let builder = node.builder.to_string();
            let program = builder
                .rsplit_once("-wasibuild-")
                .and_then(|(_, name)| name.strip_suffix(".wasm"))
                .with_context(|| format!("'{builder}' is no builder of ours"))?;
            let outputs: Vec<(StorePath, PathBuf)> = (node.outputs.values())
                .map(|path| (path.clone(), store.real_path(path)))
                .collect();
            for source in &node.sources {
                if !source.basename().ends_with(".wasm") {
                    plain
                        .sources
                        .insert(source.clone(), store.real_path(source));
                }
            }
            let needs: Vec<usize> = (node.inputs.iter())
                .filter_map(|(id, _)| numbers.get(id).copied())
                .collect();
            plain.steps.push(Step {
                program: program.to_owned(),
                name: node.name().to_owned(),
                output_names: node.outputs.keys().cloned().collect(),
                needs: needs.clone(),
                script: script(&environment, &outputs)?,
                environment,
                outputs,
            });
            plain.tasks.push(Task {
                lane: Lane::Build,
                needs,
            });
        }
        plain.archives = archives(store, &plain.sources)?;
        Ok(plain)
    }

    /// Does everything once in a new folder; the time does not count the preparations.
    ///
    /// # Errors
    /// When a process fails.
    pub fn run(&self, kind: Kind, folder: &Path, jobs: usize) -> Result<Duration> {
        let calls = self.prepare(folder)?;
        let failure = Mutex::new(None);
        let widths = Widths {
            builds: jobs,
            fetches: 1,
        };
        let start = Instant::now();
        schedule::run(&self.tasks, widths, &|| false, &|number| {
            let result = calls
                .get(number)
                .context("a call")
                .and_then(|call| call.start(kind));
            match result {
                Ok(()) => Verdict::Done,
                Err(error) => {
                    if let Ok(mut failure) = failure.lock() {
                        *failure = Some(error);
                    }
                    Verdict::FailedStopAll
                }
            }
        });
        let time = start.elapsed();
        match failure.into_inner() {
            Ok(None) => Ok(time),
            Ok(Some(error)) => Err(error),
            Err(_) => bail!("a thread panicked"),
        }
    }

    fn prepare(&self, folder: &Path) -> Result<Vec<Call>> {
        let store = folder.join("nix/store");
        fs::create_dir_all(&store)?;
        for (path, real) in &self.sources {
            fs::copy(real, store.join(path.basename()))
                .with_context(|| format!("copying {}", real.display()))?;
        }
        let place = store.as_os_str().as_bytes();
        let mut calls = Vec::new();
        for (number, step) in self.steps.iter().enumerate() {
            let directory = folder.join(format!("build/{number}"));
            fs::create_dir_all(&directory)?;
            let moved = |text: &[u8]| {
                let text = replaced(text, STORE, place);
                OsString::from_vec(replaced(&text, b"/build", directory.as_os_str().as_bytes()))
            };
            for (name, contents) in &step.environment.files {
                let file = directory.join(OsStr::from_bytes(name));
                fs::write(file, replaced(contents, STORE, place))?;
            }
            fs::write(
                directory.join("script"),
                replaced(&step.script, STORE, place),
            )?;
            let mut variables: BTreeMap<OsString, OsString> = (step.environment.variables.iter())
                .map(|(name, value)| (OsString::from_vec(name.to_vec()), moved(value)))
                .collect();
            variables.insert("PATH".into(), "/usr/bin:/bin".into());
            calls.push(Call {
                store: store.clone(),
                native: self.programs.join(&step.program),
                arguments: (step.environment.arguments.iter().skip(1))
                    .map(|argument| moved(argument))
                    .collect(),
                variables: variables.into_iter().collect(),
                directory,
            });
        }
        Ok(calls)
    }

    /// Compares the outputs in a folder with wasibuild's.
    ///
    /// # Errors
    /// Names the first output that differs.
    pub fn check(&self, kind: Kind, folder: &Path) -> Result<()> {
        let store = folder.join("nix/store");
        let place = store.as_os_str().as_bytes();
        for step in &self.steps {
            for (path, real) in &step.outputs {
                let (mut ours, mut theirs) = (BTreeMap::new(), BTreeMap::new());
                read(real, Path::new(""), b"", &mut ours)?;
                read(
                    &store.join(path.basename()),
                    Path::new(""),
                    place,
                    &mut theirs,
                )?;
                ensure!(
                    ours == theirs,
                    "{kind:?} made another {path}:\n{ours:?}\n{theirs:?}"
                );
            }
        }
        Ok(())
    }
}

impl Call {
    fn start(&self, kind: Kind) -> Result<()> {
        let mut command = match kind {
            Kind::Native => {
                let mut command = Command::new(&self.native);
                command.args(&self.arguments);
                command
            }
            Kind::Gnu => {
                let mut command = Command::new("/bin/bash");
                command.arg0("bash").args(["-e", "script"]);
                command
            }
            Kind::Sandboxed => {
                let mut command = bubblewrap();
                command.args(["--symlink", "usr/bin", "/bin", "--tmpfs", "/dev/shm"]);
                for directory in [&self.store, &self.directory] {
                    command.arg("--bind").args([directory, directory]);
                }
                command.arg("--chdir").arg(&self.directory);
                command.args(["/bin/bash", "-e", "script"]);
                command
            }
        };
        command
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.current_dir(&self.directory).stdin(Stdio::null());
        let output = command
            .output()
            .with_context(|| format!("{}", self.native.display()))?;
        ensure!(
            output.status.success(),
            "{kind:?} {} in {}: {}",
            self.native.display(),
            self.directory.display(),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }
}

/// The closure of sources as archives, what others need first.
fn archives(
    store: &Store,
    sources: &BTreeMap<StorePath, PathBuf>,
) -> Result<Vec<(PathInfo, Vec<u8>)>> {
    let mut left = store.query_closure(&sources.keys().cloned().collect())?;
    let mut archives = Vec::new();
    while !left.is_empty() {
        let before = left.len();
        for path in left.clone() {
            let info = store.query_path_info(&path)?.context("a valid source")?;
            let mut others = info.references.iter().filter(|other| **other != path);
            if others.all(|other| !left.contains(other)) {
                let mut nar = Vec::new();
                store.write_nar(&path, &mut nar)?;
                archives.push((info, nar));
                left.remove(&path);
            }
        }
        ensure!(left.len() < before, "sources need each other");
    }
    Ok(archives)
}

/// What bash has to do for the outputs.
fn script(environment: &Environment, outputs: &[(StorePath, PathBuf)]) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let attributes = environment.files.iter();
    let attributes = attributes
        .filter(|(name, _)| name.as_slice() == b".attrs.json")
        .find_map(|(_, contents)| serde_json::from_slice::<Value>(contents).ok());
    for (path, real) in outputs {
        let absolute = path.to_absolute_path();
        let mut entries = BTreeMap::new();
        read(real, Path::new(""), b"", &mut entries)?;
        let directories: Vec<&PathBuf> = (entries.iter())
            .filter(|(_, entry)| matches!(entry, Entry::Directory))
            .map(|(name, _)| name)
            .collect();
        if !directories.is_empty() {
            text.extend(b"mkdir -p");
            for name in directories {
                text.push(b' ');
                quote(&mut text, &place(&absolute, name));
            }
            text.push(b'\n');
        }
        for (name, entry) in &entries {
            let at = place(&absolute, name);
            match entry {
                Entry::Directory => {}
                Entry::Link(target) => {
                    text.extend(b"ln -s ");
                    quote(&mut text, target);
                    text.push(b' ');
                    quote(&mut text, &at);
                    text.push(b'\n');
                }
                Entry::File(executable, contents) => {
                    if !substitution(&mut text, attributes.as_ref(), &absolute) {
                        text.extend(b"content=");
                        quote(&mut text, contents);
                        text.push(b'\n');
                    }
                    text.extend(b"printf %s \"$content\" > ");
                    quote(&mut text, &at);
                    text.push(b'\n');
                    if *executable {
                        text.extend(b"chmod +x ");
                        quote(&mut text, &at);
                        text.push(b'\n');
                    }
                }
            }
        }
    }
    Ok(text)
}

/// `substituteAll` as nixpkgs does it in bash; whether this derivation is one.
fn substitution(text: &mut Vec<u8>, attributes: Option<&Value>, out: &str) -> bool {
    let Some(Value::Object(attributes)) = attributes else {
        return false;
    };
    let (Some(Value::Bool(true)), Some(Value::String(source))) =
        (attributes.get("all"), attributes.get("src"))
    else {
        return false;
    };
    text.extend(b"IFS= read -r -d '' content < ");
    quote(text, source.as_bytes());
    text.extend(b" || true\n");
    let out = ("out".to_owned(), Value::from(out));
    for (name, value) in attributes.iter().chain([(&out.0, &out.1)]) {
        if let Value::String(value) = value {
            text.extend(format!("content=${{content//@{name}@/").bytes());
            quote(text, value.as_bytes());
            text.extend(b"}\n");
        }
    }
    true
}

fn place(path: &str, name: &Path) -> Vec<u8> {
    let mut place = path.as_bytes().to_vec();
    if !name.as_os_str().is_empty() {
        place.push(b'/');
        place.extend(name.as_os_str().as_bytes());
    }
    place
}

fn quote(text: &mut Vec<u8>, word: &[u8]) {
    text.extend(quoted(word));
}

fn quoted(word: &[u8]) -> Vec<u8> {
    let mut text = vec![b'\''];
    text.extend(replaced(word, b"'", b"'\\''"));
    text.push(b'\'');
    text
}

#[derive(Debug, PartialEq, Eq)]
enum Entry {
    Directory,
    Link(Vec<u8>),
    File(bool, Vec<u8>),
}

/// Reads a tree; `prefix` is renamed to `/nix/store` in it.
fn read(
    place: &Path,
    name: &Path,
    prefix: &[u8],
    entries: &mut BTreeMap<PathBuf, Entry>,
) -> Result<()> {
    let metadata =
        fs::symlink_metadata(place).with_context(|| format!("reading {}", place.display()))?;
    let renamed = |bytes: &[u8]| match prefix {
        b"" => bytes.to_vec(),
        _ => replaced(bytes, prefix, STORE),
    };
    let entry = if metadata.is_symlink() {
        Entry::Link(renamed(fs::read_link(place)?.as_os_str().as_bytes()))
    } else if metadata.is_dir() {
        for child in fs::read_dir(place)? {
            let child = child?.file_name();
            read(&place.join(&child), &name.join(&child), prefix, entries)?;
        }
        Entry::Directory
    } else {
        let executable = metadata.permissions().mode() & 0o100 != 0;
        Entry::File(executable, renamed(&fs::read(place)?))
    };
    entries.insert(name.to_owned(), entry);
    Ok(())
}

pub(crate) fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut result = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(from) {
            result.extend_from_slice(to);
            rest = after;
        } else {
            result.push(*first);
            rest = tail;
        }
    }
    result
}

/// The store, for `exportReferencesGraph`.
pub(crate) struct Answers<'s>(pub(crate) &'s Store);

impl References for Answers<'_> {
    type Error = wasibuild_store::Error;

    fn is_input(&self, _: &StorePath) -> bool {
        true
    }

    fn info(&self, path: &StorePath) -> Result<PathInfo, Self::Error> {
        let missing = || wasibuild_store::Error::NotValid {
            path: path.clone(),
            store: self.0.root().to_owned(),
        };
        self.0.query_path_info(path)?.ok_or_else(missing)
    }

    fn closure(&self, paths: &BTreeSet<StorePath>) -> Result<BTreeSet<StorePath>, Self::Error> {
        self.0.query_closure(paths)
    }

    fn outputs(&self, derivation: &StorePath) -> Result<BTreeSet<StorePath>, Self::Error> {
        let outputs = self.0.query_derivation_outputs(derivation)?;
        Ok(outputs.into_values().collect())
    }
}
