//! How a build fails, in words for the person who started it.
//!
//! Contract: every variant names the derivation, says what was expected and found, and what to do.
//! The text never contains a path of the host except where a file of the host is the cause.

use crate::limits::LimitKind;
use bstr::BString;
use std::path::PathBuf;

/// Why the whole build ends before its first process has ended by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fatal {
    /// A bound of [`crate::Limits`] was passed.
    Limit(LimitKind),
    /// A process tried to start a program that only a Linux machine can run.
    Foreign(Box<ForeignProgram>),
    /// The build was cancelled by the caller.
    Cancelled,
    /// The host could not do what the sandbox needs (temporary disk full, an input vanished).
    Host(String),
}

/// A program that the sandbox cannot run, and who asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignProgram {
    /// The program's path in the view, links resolved.
    pub program: BString,
    /// The path that was asked for, before links were followed.
    pub requested: BString,
    /// The argument vector it was to be started with.
    pub argv: Vec<BString>,
    /// The directory it was to be started in.
    pub cwd: BString,
    /// Process number of the process that asked.
    pub parent: u32,
    /// The argument vector of the process that asked.
    pub parent_argv: Vec<BString>,
    /// The script and the line that asked, if the process said so.
    pub place: Option<ScriptLine>,
    /// Why it is not run here.
    pub reason: String,
}

/// A script's name as its shell has it, and a line of it, from 1.
pub type ScriptLine = (BString, u32);

/// Why a build has no result.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The builder itself failed.
    #[error(
        "builder of '{name}' failed with exit code {code}{}",
        tail_text(log_tail)
    )]
    Exit {
        /// The derivation's name.
        name: String,
        /// The exit code, 1 to 255.
        code: u8,
        /// The end of the log.
        log_tail: BString,
    },
    /// A signal ended the builder.
    #[error(
        "builder of '{name}' was ended by signal {signal} ({}){}",
        crate::kernel::signal::name(*signal),
        tail_text(log_tail)
    )]
    Signal {
        /// The derivation's name.
        name: String,
        /// Linux number of the signal.
        signal: u8,
        /// The end of the log.
        log_tail: BString,
    },
    /// The builder's code did something that WebAssembly forbids.
    #[error(
        "builder of '{name}' trapped: {trap}; this is a fault of the builder's program{}",
        tail_text(log_tail)
    )]
    Trap {
        /// The derivation's name.
        name: String,
        /// What happened, with the stack of wasm functions.
        trap: String,
        /// The end of the log.
        log_tail: BString,
    },
    /// A bound was passed.
    #[error(
        "build of '{name}' passed its limit of {bound}; if it really needs more, raise it with --{}{}",
        kind.option(),
        tail_text(log_tail)
    )]
    Limit {
        /// The derivation's name.
        name: String,
        /// Which bound.
        kind: LimitKind,
        /// The bound in words.
        bound: String,
        /// The end of the log.
        log_tail: BString,
    },
    /// A program was started that is not WebAssembly and that no applet replaces.
    #[error(
        "build of '{name}' needs the foreign program '{}': {}\n  started as [{}] in '{}'{}\n\
         hint: the sandbox runs WebAssembly and the applets that stand for GNU programs, nothing else; \
         fetch the outputs from a binary cache, or build the derivation with Nix on Linux and import them",
        program.program, program.reason, words(&program.argv), program.cwd, started_by(program)
    )]
    Foreign {
        /// The derivation's name.
        name: String,
        /// The program and who asked for it.
        program: Box<ForeignProgram>,
    },
    /// Every process waits for another one.
    #[error(
        "build of '{name}' cannot go on: all its processes wait for each other ({waiting}); \
         this is a deadlock in the builder{}",
        tail_text(log_tail)
    )]
    Deadlock {
        /// The derivation's name.
        name: String,
        /// Each process and what it waits for.
        waiting: String,
        /// The end of the log.
        log_tail: BString,
    },
    /// The builder ended well but left no output.
    #[error(
        "builder of '{name}' succeeded but did not create output '{output}' at '{path}'; \
         a builder must create every path of its outputs"
    )]
    MissingOutput {
        /// The derivation's name.
        name: String,
        /// The output's name, such as `out`.
        output: String,
        /// Its path in the view.
        path: String,
        /// The end of the log.
        log_tail: BString,
    },
    /// An output holds what a store cannot.
    #[error("builder of '{name}' made an output that cannot be kept: '{path}': {reason}")]
    Output {
        /// The derivation's name.
        name: String,
        /// Where it is in the view.
        path: BString,
        /// What is wrong.
        reason: &'static str,
    },
    /// The builder's program cannot be started.
    #[error("builder of '{name}' cannot be started: '{program}': {reason}")]
    Program {
        /// The derivation's name.
        name: String,
        /// The program's path in the view.
        program: BString,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The request contradicts itself.
    #[error("build of '{name}' cannot be prepared: {reason}")]
    Request {
        /// The derivation's name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The caller cancelled the build.
    #[error("build of '{name}' was cancelled")]
    Cancelled {
        /// The derivation's name.
        name: String,
    },
    /// The host failed.
    #[error("build of '{name}' stopped because the host failed: {reason}")]
    Host {
        /// The derivation's name.
        name: String,
        /// What failed, with the path and the operating system's words.
        reason: String,
    },
}

/// Why an engine or a module is not usable.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// wasmtime refused its configuration on this machine.
    #[error("the WebAssembly engine cannot be set up on this machine: {0}")]
    Setup(String),
    /// A file could not be read.
    #[error("cannot read the program '{path}': {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's words.
        source: std::io::Error,
    },
    /// The bytes are no module that the sandbox accepts.
    #[error("not a usable WebAssembly module: {0}")]
    Invalid(String),
    /// The module imports what the sandbox does not have.
    #[error(
        "the module imports '{module}' '{name}', which the sandbox does not offer; \
         build it for wasm32-wasip1 (docs/abi.md lists what there is)"
    )]
    MissingImport {
        /// Name of the imported module.
        module: String,
        /// Name of the item.
        name: String,
    },
    /// The module is a library, not a program.
    #[error("the module is not a WASI command: {0}")]
    NotACommand(String),
}

/// The log's last lines, as they follow an error.
fn tail_text(tail: &BString) -> String {
    if tail.is_empty() {
        return "; it wrote no log".to_owned();
    }
    let mut text = String::from("; the log ends with:");
    for line in bstr::ByteSlice::lines(tail.as_slice()) {
        text.push_str("\n  > ");
        text.push_str(&String::from_utf8_lossy(line));
    }
    text
}

/// Who started a program: the line of a script, or a process.
fn started_by(program: &ForeignProgram) -> String {
    match &program.place {
        Some((script, line)) => format!(" by line {line} of '{script}'"),
        None if program.parent == 0 => " as the builder".to_owned(),
        None => format!(
            " by process {} [{}]",
            program.parent,
            words(&program.parent_argv)
        ),
    }
}

/// An argument vector in one line.
fn words(argv: &[BString]) -> String {
    let mut text = String::new();
    for (index, word) in argv.iter().take(8).enumerate() {
        if index > 0 {
            text.push(' ');
        }
        text.extend(word.to_string().chars().take(200));
    }
    if argv.len() > 8 {
        text.push_str(" …");
    }
    text
}
