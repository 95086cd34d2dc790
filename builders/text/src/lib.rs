//! The text builder: one file, from a string, from other files, or from a value in
//! a configuration format.
//!
//! Contract (docs/builders.md): attributes `text`, or `files`, or `format` with `value` and its
//! options; `destination`, `executable`, `check`. The output is byte for byte that of nixpkgs.
//!
//! Counterpart: `writeTextFile` and `concatTextFile` in nixpkgs' trivial builders, `pkgs.formats`
//! and `lib.generators`.

pub mod attributes;
pub mod check;
pub mod formats;
pub mod plan;

use check::RunProgram;
use std::process::ExitCode;
use wasibuild_guest::{Attributes, MarkExecutable, Result, mode};

/// Runs the builder: read, plan, write.
pub fn main(module: &str, mark: MarkExecutable, run: RunProgram) -> ExitCode {
    wasibuild_guest::run(module, |attributes| build(attributes, mark, run))
}

fn build(attributes: Attributes, mark: MarkExecutable, run: RunProgram) -> Result<()> {
    let mut request = attributes::read(attributes)?;
    mode::check(request.executable, mark)?;
    let check = check::read(std::mem::take(&mut request.check), run)?;
    let plan = plan::plan(request)?;
    plan.write(mark)?;
    check::run(&check, plan.file(), mark, run)
}
