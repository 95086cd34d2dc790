//! GNU diffutils: `cmp`, `diff` and `sdiff`.
//!
//! Contract: as diffutils 3.8 in the C locale. `diff` finds the same script as GNU's.
//! `diff3` is refused, and so is merging with `sdiff`.

mod cmp;
mod columns;
mod diff;
mod lines;
mod output;
mod script;
mod sdiff;
mod trivial;

use crate::shared::program;
use bstr::ByteSlice;

pub(crate) use cmp::SPEC as CMP;
pub(crate) use diff::SPEC as DIFF;
pub(crate) use sdiff::SPEC as SDIFF;

/// Runs the process as the program that it is called.
pub fn main() -> ! {
    let words = program::start();
    let status = match program::base_name() {
        b"cmp" => cmp::run(words),
        b"diff" => diff::run(words),
        b"sdiff" => sdiff::run(words),
        name => program::refuse(&format!("there is no program '{}' here", name.as_bstr())),
    };
    program::exit(status)
}
