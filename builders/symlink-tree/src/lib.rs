//! Trees of symlinks, planned as nixpkgs plans them: `buildEnv`, `symlinkJoin`, `lndir`, `linkFarm`.
//!
//! A plan reads packages through [`source::Source`] and gives a [`wasibuild_guest::Node`] and the
//! lines that the original prints; it writes nothing. So whoever has another view of the packages
//! (the unit-file builder, a shell that meets `perl builder.pl`) uses the same plans.
//!
//! Contract: the same links with the same targets, the same directories, the same warnings in the
//! order of sorted names, and failure where the original fails. docs/builders.md lists what is
//! refused on top.
//!
//! Counterpart: nixpkgs' pkgs/build-support/buildenv/builder.pl, `symlinkJoin` and `linkFarm` of its
//! trivial builders, and X.Org's `lndir`.

pub mod attributes;
pub mod build_env;
pub mod environment;
pub mod error;
pub mod link_farm;
pub mod lndir;
pub mod overlay;
pub mod real_path;
pub mod rules;
pub mod selection;
pub mod source;
pub mod symlink_join;

pub use error::{Problem, Result};

use attributes::Request;
use source::Disk;
use std::io::Write;
use wasibuild_guest::{Attributes, Error, Node};

/// What a plan gives.
#[derive(Debug)]
pub struct Plan {
    /// What the output shall be.
    pub tree: Node,
    /// Lines for the log, without line ends.
    pub messages: Vec<bstr::BString>,
}

/// The whole builder: reads the attributes, plans, writes the output.
pub fn build(mut attributes: Attributes, modes: source::Modes) -> wasibuild_guest::Result<()> {
    let out = attributes.only_output()?;
    let disk = Disk::new(modes);
    let request = Request::take(&mut attributes, &out, &disk)?;
    attributes.finish()?;
    let plan = match request {
        Request::BuildEnv(request) => {
            let mut log = Vec::new();
            let result = build_env::plan(&request, rules::Rules::CURRENT, &disk, &mut log);
            finished(result, log)?
        }
        Request::SymlinkJoin(request) => {
            let mut log = Vec::new();
            let result = symlink_join::plan(&request, &out, &disk, &mut log);
            finished(result, log)?
        }
        Request::LinkFarm(entries) => Plan {
            tree: link_farm::plan(&entries)?,
            messages: Vec::new(),
        },
    };
    print(&plan.messages);
    plan.tree.write(&out, wasibuild_guest::mode::plain())
}

/// Warnings are shown also when the plan failed after them.
fn finished(result: Result<Node>, messages: Vec<bstr::BString>) -> wasibuild_guest::Result<Plan> {
    match result {
        Ok(tree) => Ok(Plan { tree, messages }),
        Err(problem) => {
            print(&messages);
            Err(Error::Refused(problem.to_string()))
        }
    }
}

/// Writes the lines to standard error in one go.
///
/// A log that nobody reads is no reason to fail.
pub fn print(messages: &[bstr::BString]) {
    let mut text = Vec::new();
    for message in messages {
        text.extend_from_slice(message);
        text.push(b'\n');
    }
    let _ = std::io::stderr().write_all(&text);
}
