//! The deterministic sandbox: WebAssembly builders over a file system and processes of our own.
//!
//! Contract: [`Engine::run`] takes a [`BuildRequest`] and gives the same [`Outcome`] on every host.
//! A guest sees its declared inputs, its outputs, `/build`, `/tmp` and the fixed files of Nix's Linux
//! sandbox, and nothing of the host. `docs/abi.md` is the contract with guests. Counterpart in Nix:
//! `LocalDerivationGoal::startBuilder` and `runChild`.
//!
//! - [`engine`]: wasmtime, its settings, compiled modules.
//! - [`kernel`]: processes, descriptors, pipes, clocks, the log; [`vfs`]: the files.
//! - [`wasi`] and [`wasibuild_v1`]: the functions that guests import.
//! - [`scheduler`] runs the processes; [`run`] puts it together.
//! - [`run_memory`]: what builds of one run remember for each other; no outcome follows from it.
#![deny(unsafe_code)]

mod errno;
mod error;
mod inputs;
mod limits;
mod program;
mod request;
mod run;
mod run_memory;
mod scheduler;
mod watch;

pub mod engine;
mod kernel;
mod vfs;
mod wasi;
mod wasibuild_v1;

pub use engine::{Engine, EngineOptions, Module};
pub use error::{BuildError, EngineError, ForeignProgram, ScriptLine};
pub use inputs::InputSet;
pub use kernel::log::LogSink;
pub use limits::{LimitKind, Limits};
pub use program::{LoadAnswer, NoApplets, ProgramLoader, ProgramQuery, ReadFile, is_machine_code};
pub use request::{
    BuildRequest, CancelToken, Console, Keep, Outcome, ProgramSource, ProgramTime, Stats,
};
pub use run_memory::RunMemory;
pub use vfs::WALL_CLOCK_NS;
