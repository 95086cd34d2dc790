//! What a build is asked with, and what it gives.

use crate::engine::Module;
use crate::inputs::InputSet;
use crate::limits::Limits;
use crate::program::ProgramLoader;
use crate::run_memory::RunMemory;
use bstr::BString;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wasibuild_nix_compat::file_system_object::{Contents, FileSystemObject};

/// The builder's program.
#[derive(Clone, Debug)]
pub enum ProgramSource {
    /// A file in the view, normally in an input. It needs no executable bit.
    Path(BString),
    /// A program for Linux in the view, started as a guest starts one: links, `#!` lines, and the
    /// loader decide what runs.
    Linux(BString),
    /// A module that is at hand.
    Module(Module),
}

/// Everything that decides a build's result.
#[derive(Clone)]
pub struct BuildRequest {
    /// The derivation's name, for messages.
    pub name: String,
    /// The builder.
    pub program: ProgramSource,
    /// Its argument vector: the builder's base name, then the derivation's arguments.
    pub argv: Vec<BString>,
    /// Its environment.
    pub env: BTreeMap<BString, BString>,
    /// Its working directory in the view; Nix's is `/build`.
    pub cwd: BString,
    /// Inputs: base name of each store path, and its real place on disk.
    pub inputs: BTreeMap<String, PathBuf>,
    /// Further inputs, which are looked up when they are met.
    pub closure: Option<Arc<dyn InputSet>>,
    /// Base name of the store path of each output.
    pub outputs: BTreeMap<String, String>,
    /// Files in `/build`, such as `.attrs.json`.
    pub build_files: BTreeMap<BString, Contents>,
    /// What all randomness follows from; normally a digest of the derivation.
    pub seed: [u8; 32],
    /// The build's bounds.
    pub limits: Limits,
    /// What builds of the same run remember for each other, if this one takes part.
    pub memory: Option<Arc<RunMemory>>,
    /// Decides about programs that are not WebAssembly.
    pub programs: Arc<dyn ProgramLoader>,
    /// What `/bin` holds, such as `sh`: names whose programs the loader supplies.
    pub bin: Vec<String>,
    /// Trees to put into `/build` and `/tmp`, by their paths, in this order.
    pub trees: Vec<(BString, FileSystemObject)>,
    /// The user's terminal, or what stands for it; a build has none.
    pub console: Option<Console>,
    /// When [`crate::Engine::run_keeping`] gives the files back.
    pub keep: Keep,
    /// The disk that holds the inputs may fold case (the default on macOS).
    pub folded_case: bool,
    /// Where large files of the build spill to; `None` = the system's temporary directory.
    pub spill_dir: Option<PathBuf>,
}

impl BuildRequest {
    /// A request with the defaults of a Nix build: in `/build`, without inputs and outputs.
    pub fn new(name: impl Into<String>, program: ProgramSource) -> BuildRequest {
        BuildRequest {
            name: name.into(),
            program,
            argv: Vec::new(),
            env: BTreeMap::new(),
            cwd: "/build".into(),
            inputs: BTreeMap::new(),
            closure: None,
            outputs: BTreeMap::new(),
            build_files: BTreeMap::new(),
            seed: [0; 32],
            limits: Limits::default(),
            memory: None,
            programs: Arc::new(crate::program::NoApplets),
            bin: Vec::new(),
            trees: Vec::new(),
            console: None,
            keep: Keep::OnFailure,
            folded_case: cfg!(target_os = "macos"),
            spill_dir: None,
        }
    }
}

/// When the files of a build are given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// When it fails.
    OnFailure,
    /// Always.
    Always,
}

/// What the first process of a program that is run by hand has as standard input, and whether each of
/// its three standard files is a terminal. Its output goes to the [`crate::LogSink`], standard
/// error apart.
#[derive(Clone)]
pub struct Console {
    /// Standard input; reading it may wait.
    pub input: Arc<Mutex<dyn Read + Send>>,
    /// Input, output, error.
    pub terminals: [bool; 3],
}

/// What a build that succeeded left.
#[derive(Debug)]
pub struct Outcome {
    /// Each output by its name.
    pub outputs: BTreeMap<String, FileSystemObject>,
    /// What it took.
    pub stats: Stats,
}

/// What a build took; all but the times of the host is the same in every run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Processes that were started.
    pub processes: u32,
    /// Bytes of log.
    pub log_bytes: u64,
    /// Virtual time that passed, in nanoseconds.
    pub virtual_ns: u64,
    /// Programs by the base name that they were called by, sorted.
    pub programs: BTreeMap<BString, ProgramTime>,
}

/// What the processes of one program took, on the host's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProgramTime {
    /// Processes.
    pub count: u32,
    /// The time for which they ran, with making their instances, without waiting.
    pub time: Duration,
}

/// Ends a build from another thread, or from a handler of Ctrl-C.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A token that cancels nothing yet.
    pub fn new() -> CancelToken {
        CancelToken::default()
    }

    /// Ends every build that was started with this token, within some 20 ms.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Was it cancelled?
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
