//! The substitute builder: copies files and replaces strings in them.
//!
//! Contract (docs/builders.md): `src` is a file; or, with `files`, a directory of which these
//! files, and all files below these directories, are taken. What to replace: `substitutions` (the
//! options of nixpkgs' `substitute`), `replacements` (as `replaceVars` has them), or `all` (every
//! attribute, as `substituteAll`). Replacements happen one after the other, each on the result of
//! the one before. Files are bytes; unlike bash, this builder takes NUL too.
//!
//! Counterpart: `substitute`, `substituteAll`, `substituteAllFiles` and `replaceVars` in nixpkgs.

pub mod attributes;
pub mod left_over;
pub mod operation;
pub mod plan;
pub mod replace;

use std::process::ExitCode;
use wasibuild_guest::{Attributes, MarkExecutable, Result, mode};

/// Runs the builder: read, plan, write.
pub fn main(module: &str, mark: MarkExecutable) -> ExitCode {
    wasibuild_guest::run(module, |attributes| build(attributes, mark))
}

fn build(attributes: Attributes, mark: MarkExecutable) -> Result<()> {
    let request = attributes::read(attributes)?;
    mode::check(request.executable, mark)?;
    let plan = plan::plan(request)?;
    plan.write(mark)
}
