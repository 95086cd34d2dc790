//! systemd units: one from its sections, or the directory of all units as NixOS makes it.
//!
//! | attribute | function |
//! |---|---|
//! | `unitName` | one unit: a directory with the file, or with a link to `/dev/null` when masked |
//! | `units` | the directory of units, with drop-ins, aliases, `.wants`, … |
//!
//! Contract: the bytes, links and refusals of NixOS. What its shell script would do by accident
//! (names with blanks or wildcards) is refused.
//!
//! Counterpart: nixpkgs' nixos/lib/systemd-lib.nix: `makeUnit`, `serviceToUnit` and its like,
//! `generateUnits`.

pub mod attributes;
pub mod definition;
pub mod directory;
pub mod names;
pub mod sections;
pub mod shell_order;
pub mod value;

use attributes::Request;
use builder_symlink_tree::source::{Disk, Modes};
use wasibuild_guest::{Attributes, Error, Result};

/// The whole builder: reads the attributes, plans, writes the output.
pub fn build(mut attributes: Attributes) -> Result<()> {
    let out = attributes.only_output()?;
    let request = Request::take(&mut attributes)?;
    attributes.finish()?;
    let tree = match request {
        Request::Unit(unit) => unit.plan()?,
        Request::Directory(request) => {
            let disk = Disk::new(Modes::Unknown);
            let mut log = Vec::new();
            let result = directory::plan(&request, &out, &disk, &mut log);
            builder_symlink_tree::print(&log);
            result.map_err(|problem| Error::Refused(problem.to_string()))?
        }
    };
    tree.write(&out, wasibuild_guest::mode::plain())
}
