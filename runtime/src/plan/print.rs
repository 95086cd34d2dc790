//! A plan as `--dry-run` shows it.
//!
//! Contract: a fixed order, inputs first, so that two runs print the same. The wording is that of
//! `nix-build --dry-run` (`printMissing` in `libmain/shared.cc`).

use std::fmt;

use super::Plan;
use crate::progress::human_size;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let builds = self.builds().count();
        if builds == 0 && self.fetches.is_empty() {
            return writeln!(f, "nothing to do: all outputs are valid");
        }
        if builds > 0 {
            let (these, s) = if builds == 1 {
                ("this", "")
            } else {
                ("these", "s")
            };
            let count = if builds == 1 {
                String::new()
            } else {
                format!("{builds} ")
            };
            writeln!(f, "{these} {count}derivation{s} will be built:")?;
            for id in self.builds() {
                writeln!(f, "  {}", self.graph.node(id).derivation.to_absolute_path())?;
            }
        }
        if !self.fetches.is_empty() {
            let fetches = self.fetches.len();
            let (these, s) = if fetches == 1 {
                ("this", "")
            } else {
                ("these", "s")
            };
            let count = if fetches == 1 {
                String::new()
            } else {
                format!("{fetches} ")
            };
            let unpacked: u64 = self
                .fetches
                .values()
                .map(|o| o.nar_size)
                .fold(0, u64::saturating_add);
            let download = self
                .fetches
                .values()
                .filter_map(|o| o.download_size)
                .fold(0, u64::saturating_add);
            let sizes = format!(
                "{} download, {} unpacked",
                human_size(download),
                human_size(unpacked)
            );
            writeln!(f, "{these} {count}path{s} will be fetched ({sizes}):")?;
            for path in self.fetches.keys() {
                writeln!(f, "  {}", path.to_absolute_path())?;
            }
        }
        Ok(())
    }
}
