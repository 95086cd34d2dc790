//! GNU diffutils: `cmp` and `diff`.
//!
//! Contract: as diffutils 3.8 in the C locale. `diff` finds the same script as GNU's, for the
//! formats normal and unified. `diff3` and `sdiff` are refused, and so are other formats.

mod cmp;
mod diff;
mod lines;
mod output;
mod script;

use crate::shared::program;
use bstr::ByteSlice;

pub(crate) use cmp::SPEC as CMP;
pub(crate) use diff::SPEC as DIFF;

/// Runs the process as `cmp` or `diff`.
pub fn main() -> ! {
    let words = program::start();
    let status = match program::base_name() {
        b"cmp" => cmp::run(words),
        b"diff" => diff::run(words),
        name => program::refuse(&format!("there is no program '{}' here", name.as_bstr())),
    };
    program::exit(status)
}
