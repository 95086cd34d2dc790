//! The etc-tree builder: `$out/etc`, a tree of symlinks, with files beside them that tell the
//! activation which of them to copy, with which mode, user and group.
//!
//! Contract (docs/builders.md): `entries`, a list of sets with `source`, `target` (relative to
//! `/etc`) and optionally `mode`, `user`, `group`. A source with `*` in it is a pattern, and its
//! target a directory. A target that comes twice must have the same source, or it is refused.
//!
//! Counterpart: `nixos/modules/system/etc/etc.nix` and its predecessor `make-etc.sh` in nixpkgs.

pub mod attributes;
pub mod glob;
pub mod plan;

use std::process::ExitCode;
use wasibuild_guest::{Attributes, Result, mode};

/// Runs the builder: read, plan, write.
pub fn main(module: &str) -> ExitCode {
    wasibuild_guest::run(module, build)
}

fn build(attributes: Attributes) -> Result<()> {
    let request = attributes::read(attributes)?;
    let tree = plan::plan(&request.entries)?;
    tree.write(&request.out, mode::plain())
}
