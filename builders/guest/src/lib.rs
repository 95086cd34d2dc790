//! What every builder shares: reading attributes, the wording of errors, writing outputs, and the
//! one host extension (the executable bit).
//!
//! A builder is a WASI preview 1 command module. Its `main` is one line, [`run`], around three
//! steps: read the attributes, make a plan (pure), write the plan. The same source compiles to a
//! native program, the *native twin*, which tests and benchmarks start as a process.
//!
//! Contract: a builder reads nothing but its derivation (`.attrs.json` or the environment) and the
//! store paths that it names, and writes nothing but its outputs. It never looks at the clock, and
//! never calls `exit(0)`, which Determinate Nix takes for a failure.
//!
//! Counterpart: the Nix manual, "Builder execution" and "Structured attributes".

pub mod attributes;
pub mod bytes;
pub mod error;
pub mod host;
pub mod input;
pub mod mode;
pub mod output;
mod reserved;

pub use attributes::Attributes;
pub use error::{Error, Result};
pub use mode::MarkExecutable;
pub use output::Node;

use std::process::ExitCode;

/// Runs a builder: reads the attributes, calls `build`, and turns an error into one line on
/// standard error and exit status 1.
///
/// `builder` is the builder's name as its messages show it. `build` must call
/// [`Attributes::finish`] before it writes, so that an unknown attribute leaves no output behind.
pub fn run(builder: &str, build: impl FnOnce(Attributes) -> Result<()>) -> ExitCode {
    if std::env::args_os().len() > 1 {
        return failure(builder, "", &Error::Arguments);
    }
    let attributes = match Attributes::from_process() {
        Ok(attributes) => attributes,
        Err(error) => return failure(builder, "", &error),
    };
    let name = attributes.derivation_name().to_owned();
    match build(attributes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure(builder, &name, &error),
    }
}

/// Prints `BUILDER: DERIVATION: error: MESSAGE` and gives exit status 1.
fn failure(builder: &str, derivation: &str, error: &Error) -> ExitCode {
    if derivation.is_empty() {
        eprintln!("{builder}: error: {error}");
    } else {
        eprintln!("{builder}: {derivation}: error: {error}");
    }
    ExitCode::FAILURE
}
